"""SQLite's log moved into the database file beside the calls, and never by one of them.

Left to itself SQLite does so inside every commit that finds the log long enough, and waits for the disk: on a busy
one an accept then stands for half a second, and all others behind it. Here a thread with a connection of its own
does it; writers go on meanwhile.
"""

from __future__ import annotations

import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

log = logging.getLogger(__name__)

EVERY = 500
"""Transactions that wrote, between two checkpoints: two or three seconds at twenty calls a second, 10 MB of log."""

LONGEST_LOG = 16_000
"""Pages of 4 KiB, 64 MB, after which a commit does it itself after all: nearly all is done by then, and the log
begins anew, for which it needs a moment without writers."""


class Checkpoints:
    """Told of every commit by the one thread that writes; `close` before that connection closes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._commits = 0
        self._changes = 0
        self._running = False

    def committed(self, changes: int) -> None:
        """`changes`: rows the connection has changed so far; a transaction that only read does not count."""
        if changes == self._changes:
            return
        self._changes = changes
        self._commits += 1
        if self._commits >= EVERY and not self._running:
            self._commits, self._running = 0, True
            self._thread.submit(self._work)

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    def _work(self) -> None:
        try:
            with closing(sqlite3.connect(self._path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            log.warning("the database's log was not worked off: %s", error)
        finally:
            self._running = False
