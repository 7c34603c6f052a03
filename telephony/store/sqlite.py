"""How an SQLite file is opened, and the connection that one thread keeps to it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from telephony.store.checkpoint import LONGEST_LOG
from telephony.store.prepared import execute


def open_engine(url: URL, *, begin: str, only_read: bool = False, **options: Any) -> Engine:
    """An engine whose transactions begin with `begin`; the connections of `only_read` refuse every change."""
    engine = create_engine(
        url,
        pool_size=2,  # the kept one, and one for who has no event loop or migrates
        max_overflow=0,
        # more statements than there are: one that Python forgot is compiled anew, at the price of running it ten times
        connect_args={"check_same_thread": False, "timeout": 5, "cached_statements": 1000},
        **options,
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # NORMAL: a commit survives the death of this process; power loss may take the last ones, never the file
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA wal_autocheckpoint={LONGEST_LOG}")
        cursor.execute("PRAGMA foreign_keys=ON")
        if only_read:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        execute(conn, begin).close()

    return engine


class Kept:
    """A connection that stays open between the transactions of the one thread that uses it.

    A pool lends a connection out, looks after it when it comes back, and makes a new object around it each time; with
    fifteen transactions a call that cost more than their commits.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._conn: Connection | None = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction, committed at the end or rolled back by what is raised."""
        if self._conn is None:
            self._conn = self._engine.connect()
        with self._conn.begin():
            yield self._conn

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()
        self._engine.dispose()


def make_private(file: Path) -> None:
    """Make the file before SQLite does, which would let everybody read it; SQLite's own files beside it follow it."""
    with contextlib.suppress(OSError):  # there already; or SQLite says what is wrong with its place
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
