"""The store: one database, reached by synchronous transactions that run in a thread.

A transaction is a plain function `fn(conn)`; `Store.run(fn)` commits what it did or nothing. It may run again
after a deadlock (PostgreSQL), so it must not touch anything but the connection. SQLite has one writer: there
every transaction runs in one thread and begins IMMEDIATE, so nobody ever meets a locked database.

`Store.read(fn)` is for what people look at. On SQLite it has a connection and a thread of its own, which sees what was
committed: a supervisor's count over 100,000 contacts keeps no call waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic_core import from_json, to_json
from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from telephony.store.checkpoint import Checkpoints
from telephony.store.sqlite import Kept, make_private, open_engine
from telephony.store.threads import TransactionThreads

T = TypeVar("T")
Begin = Callable[[], AbstractContextManager[Connection]]

POSTGRES_CONNECTIONS = 8
"""Transactions at once on PostgreSQL: a few more than cores; each holds its rows for about a millisecond."""

TRIES = 5
"""How often a transaction is run in all when PostgreSQL ends it for a deadlock or a serialization conflict."""

_RETRY_STATES = {"40001", "40P01"}

_SERVER_GONE = ("08", "57P", "53300")
"""PostgreSQL's codes of a broken connection, of a server that stops or starts, and of one with no connection left."""


class StoreUnavailable(Exception):
    """The database cannot be reached or opened; the text says which one (without its password)."""


class _Lane:
    """The threads that run transactions of one kind, and how each begins one."""

    def __init__(self, name: str, threads: int, begin: Begin) -> None:
        self.threads = TransactionThreads(name, threads)
        self.begin = begin


class Store:
    """A database by its SQLAlchemy URL, `sqlite:///path` or `postgresql://user:secret@host/name`.

    Its errors do not quote the values of a statement: they may be a customer's, and errors are logged. A new SQLite
    file can be read by its owner only.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self._checkpoints: Checkpoints | None = None
        self._kept: tuple[Kept, ...] = ()
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"hide_parameters": True, "json_serializer": _json, "json_deserializer": from_json}
        if self.is_sqlite:
            self.engine = self._open_file(parsed, options)
        else:
            parsed = parsed.set(drivername="postgresql+psycopg")
            self.engine = create_engine(
                parsed, pool_size=POSTGRES_CONNECTIONS, max_overflow=0, pool_pre_ping=True, pool_timeout=10, **options
            )
            self._writing = self._reading = _Lane("store", POSTGRES_CONNECTIONS, self.engine.begin)
        self.url = parsed.render_as_string(hide_password=True)

    def _open_file(self, url: URL, options: dict[str, Any]) -> Engine:
        if not url.database or url.database == ":memory:":
            raise StoreUnavailable(f"{url}: a database in memory is gone with the process; name a file")
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        make_private(Path(url.database))
        engine = open_engine(url, begin="BEGIN IMMEDIATE", **options)
        self._kept = (Kept(engine), Kept(open_engine(url, begin="BEGIN", only_read=True, **options)))
        self._writing, self._reading = (
            _Lane(name, 1, kept.begin) for name, kept in zip(("store", "store reads"), self._kept, strict=True)
        )
        self._checkpoints = Checkpoints(url.database)
        return engine

    async def run(self, fn: Callable[[Connection], T], *, urgent: bool = False) -> T:
        """The result of `fn(conn)`, committed; raises what `fn` raises after rolling back, or `StoreUnavailable`.

        `urgent`: it does not wait behind those that are not.
        """
        return await self._in(self._writing, fn, urgent=urgent)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """`run` for what changes nothing and may take a while: on SQLite no call waits for it."""
        return await self._in(self._reading, fn)

    async def _in(self, lane: _Lane, fn: Callable[[Connection], T], *, urgent: bool = False) -> T:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            # what run_in_executor does, without two more futures and their callbacks for every transaction
            try:
                settle = partial(answer.set_result, self._transact(lane.begin, fn))
            except BaseException as error:
                settle = partial(answer.set_exception, error)
            loop.call_soon_threadsafe(lambda: None if answer.done() else settle())

        lane.threads.submit(work, urgent=urgent)
        return await answer

    def transact(self, fn: Callable[[Connection], T]) -> T:
        """`run` for callers without an event loop."""
        return self._transact(self.engine.begin, fn)

    def _transact(self, begin: Begin, fn: Callable[[Connection], T]) -> T:
        for left in range(TRIES - 1, -1, -1):
            try:
                with begin() as conn:
                    result = fn(conn)
                    raw: Any = conn.connection.driver_connection
                if self._checkpoints is not None and conn.engine is self.engine:
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
        for lane in (self._reading, self._writing):
            lane.threads.shutdown()
        if self._checkpoints is not None:
            self._checkpoints.close()
        for kept in self._kept:
            kept.close()
        self.engine.dispose()


def _json(value: Any) -> str:
    # three times as fast as Python's own, and a call reads and writes some fifty values
    return to_json(value).decode()
