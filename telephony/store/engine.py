"""The store: one database, reached by synchronous transactions that run in a thread.

A transaction is a plain function `fn(conn)`; `Store.run(fn)` commits what it did or nothing. It may run again
after a deadlock (PostgreSQL), so it must not touch anything but the connection. SQLite has one writer: there
every transaction runs in one thread and begins IMMEDIATE, so nobody ever meets a locked database.

`Store.read(fn)` is for what people look at. On SQLite it has a connection and a thread of its own, which sees what was
committed: a supervisor's count over 100,000 contacts keeps no call waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic_core import from_json, to_json
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from telephony.store.checkpoint import LONGEST_LOG, Checkpoints
from telephony.store.prepared import execute

T = TypeVar("T")

POSTGRES_CONNECTIONS = 8
"""Transactions at once on PostgreSQL: a few more than cores; each holds its rows for about a millisecond."""

TRIES = 5
"""How often a transaction is run in all when PostgreSQL ends it for a deadlock or a serialization conflict."""

_RETRY_STATES = {"40001", "40P01"}

_SERVER_GONE = ("08", "57P", "53300")
"""PostgreSQL's codes of a broken connection, of a server that stops or starts, and of one with no connection left."""


class StoreUnavailable(Exception):
    """The database cannot be reached or opened; the text says which one (without its password)."""


class Store:
    """A database by its SQLAlchemy URL, `sqlite:///path` or `postgresql://user:secret@host/name`.

    Its errors do not quote the values of a statement: they may be a customer's, and errors are logged. A new SQLite
    file can be read by its owner only.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self._checkpoints: Checkpoints | None = None
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if parsed.database and parsed.database != ":memory:":
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
                _make_private(Path(parsed.database))
            # one connection each, used only by the one thread for it below
            self.engine: Engine = _sqlite(parsed, begin="BEGIN IMMEDIATE")
            self._reading = self.engine
            if parsed.database and parsed.database != ":memory:":
                self._checkpoints = Checkpoints(parsed.database)
                self._reading = _sqlite(parsed, begin="BEGIN", only_read=True)
        else:
            parsed = parsed.set(drivername="postgresql+psycopg")
            self.engine = create_engine(
                parsed,
                pool_size=POSTGRES_CONNECTIONS,
                max_overflow=0,
                hide_parameters=True,
                json_serializer=_json,
                json_deserializer=from_json,
                pool_pre_ping=True,
                pool_timeout=10,
            )
            self._reading = self.engine
        self.url = parsed.render_as_string(hide_password=True)
        workers = 1 if self.is_sqlite else POSTGRES_CONNECTIONS
        self._threads = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="store")
        alone = self._reading is not self.engine
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="store reads") if alone else self._threads

    async def run(self, fn: Callable[[Connection], T]) -> T:
        """The result of `fn(conn)`, committed; raises what `fn` raises after rolling back, or `StoreUnavailable`."""
        return await self._in(self._threads, lambda: self.transact(fn))

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """`run` for what changes nothing and may take a while: on SQLite no call waits for it."""
        return await self._in(self._readers, lambda: self._transact(self._reading, fn))

    async def _in(self, threads: ThreadPoolExecutor, fn: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            # what run_in_executor does, without two more futures and their callbacks for every transaction
            try:
                settle = partial(answer.set_result, fn())
            except BaseException as error:
                settle = partial(answer.set_exception, error)
            loop.call_soon_threadsafe(lambda: None if answer.done() else settle())

        threads.submit(work)
        return await answer

    def transact(self, fn: Callable[[Connection], T]) -> T:
        """`run` for callers without an event loop."""
        return self._transact(self.engine, fn)

    def _transact(self, engine: Engine, fn: Callable[[Connection], T]) -> T:
        for left in range(TRIES - 1, -1, -1):
            try:
                with engine.begin() as conn:
                    result = fn(conn)
                    raw: Any = conn.connection.driver_connection
                if self._checkpoints is not None and engine is self.engine:
                    self._checkpoints.committed(raw.total_changes)
                return result
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) in _RETRY_STATES and left:
                    continue
                if self._gone(error):
                    raise StoreUnavailable(f"{self.url}: {error.orig}") from error
                raise
            except PoolTimeout as error:
                raise StoreUnavailable(f"{self.url}: no connection became free: {error}") from error
        raise AssertionError("unreachable")

    def _gone(self, error: DBAPIError) -> bool:
        """True where the server cannot be reached, went away or is going down; a fault in a statement is none of it."""
        if error.connection_invalidated:
            return True
        # a connection that could not be made has no code: there was no server to give one
        code = getattr(error.orig, "sqlstate", None)
        unreached = code is None or code.startswith(_SERVER_GONE)
        return isinstance(error, OperationalError) and not self.is_sqlite and unreached

    async def close(self) -> None:
        """Let running transactions end, then close."""
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        self._readers.shutdown(wait=True)
        self._threads.shutdown(wait=True)
        if self._checkpoints is not None:
            self._checkpoints.close()
        self._reading.dispose()
        self.engine.dispose()


def _json(value: Any) -> str:
    # three times as fast as Python's own, and a call reads and writes some fifty values
    return to_json(value).decode()


def _make_private(file: Path) -> None:
    """Make the file before SQLite does, which would let everybody read it; SQLite's own files beside it follow it."""
    with contextlib.suppress(OSError):  # there already; or SQLite says what is wrong with its place
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _sqlite(url: URL, *, begin: str, only_read: bool = False) -> Engine:
    engine = create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        json_serializer=_json,
        json_deserializer=from_json,
        connect_args={"check_same_thread": False, "timeout": 5},
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
