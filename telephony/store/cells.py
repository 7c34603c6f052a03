"""The cell a process drives: known by name, taken over with a new epoch, held by one process only.

On PostgreSQL the hold is a session lock that ends with its connection, so a process that died holds nothing; on
SQLite it is a lock on a file beside the database. Neither needs a write while nothing happens.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from pathlib import Path

from sqlalchemy import Connection, bindparam, insert, select, text, update

from telephony.model.ids import new_id
from telephony.store.engine import Store
from telephony.store.grants import Place
from telephony.store.schema import cells, data_centers


class CellTaken(Exception):
    """Another service process already drives this cell, or (SQLite) this database."""


class Hold:
    """Keeps other processes from driving the same cell until `release()` or the end of this process."""

    def __init__(self, store: Store, name: str) -> None:
        self._file: int | None = None
        self._connection: Connection | None = None
        if store.is_sqlite:
            self._lock_file(store)
        else:
            self._lock_session(store, name)

    def _lock_file(self, store: Store) -> None:
        database = store.engine.url.database
        assert database is not None  # a store is a file
        self._file = os.open(f"{Path(database)}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise CellTaken(
                f"another service process uses {database}; with SQLite only one may run. "
                "For several cells set database_url to a PostgreSQL server"
            ) from error

    def _lock_session(self, store: Store, name: str) -> None:
        connection = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        key = zlib.crc32(name.encode())
        if not connection.execute(text("SELECT pg_try_advisory_lock(7202, :key)"), {"key": key - 2**31}).scalar_one():
            connection.close()
            raise CellTaken(f"another service process drives the cell '{name}'; give this one another cell.name")
        self._connection = connection

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
        if self._connection is not None:
            self._connection.invalidate()  # the lock is the session's and ends with it
            self._connection.close()


def take_over(conn: Connection, *, name: str, data_center: str, url: str, max_channels: int, max_calls: int) -> Place:
    """The cell of that name with a new epoch; cell and data center are made where they are not known yet.

    `max_channels` and `max_calls` are for new ones only: known ones keep what administrators set.
    """
    center_id = conn.execute(select(data_centers.c.id).where(data_centers.c.name == data_center)).scalar_one_or_none()
    if center_id is None:
        center_id = new_id()
        conn.execute(insert(data_centers).values(id=center_id, name=data_center, max_calls=max_calls))
    row = conn.execute(select(cells).where(cells.c.name == name).with_for_update()).one_or_none()
    if row is None:
        cell_id = new_id()
        conn.execute(
            insert(cells).values(
                id=cell_id, name=name, data_center_id=center_id, max_channels=max_channels, url=url, epoch=1
            )
        )
        return Place(cell_id, center_id, 1)
    conn.execute(_NEXT_EPOCH, {"cell": row.id, "url": url or row.url})
    return Place(row.id, row.data_center_id, row.epoch + 1)


_NEXT_EPOCH = update(cells).where(cells.c.id == bindparam("cell")).values(epoch=cells.c.epoch + 1, url=bindparam("url"))


def url_of(conn: Connection, cell_id: str) -> str:
    """Where a cell's API is reached by the other cells; empty where it has not said so."""
    return str(conn.execute(select(cells.c.url).where(cells.c.id == cell_id)).scalar_one())
