"""What the store needs done from time to time, by every service process: nothing here is urgent, all may be repeated.

New calling hours are worked through contact by contact, in small batches so that calls never wait for long, and so
are the contacts whose calling hours ended before anybody had time for them;
sessions that expired and imports whose process died are swept away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

from telephony.store.due import catch_up, pass_over_closed
from telephony.store.engine import Store
from telephony.store.imports import fail_silent
from telephony.store.sessions import prune_sessions

log = logging.getLogger(__name__)

EVERY = 15.0
"""Seconds between two rounds; `wake` begins one at once. It costs a few look-ups in indexes where nothing is due."""


class Upkeep:
    """One task a process. `due_changed()` is called after contacts' due times were worked out anew."""

    def __init__(self, store: Store, *, due_changed: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._due_changed = due_changed
        self._wanted = asyncio.Event()

    def wake(self) -> None:
        """Something that upkeep cares for changed, such as a campaign's calling hours."""
        self._wanted.set()

    async def run(self) -> None:
        """Go on until cancelled; a database that is away is tried again in the next round."""
        while True:
            self._wanted.clear()
            try:
                await self.round()
            except Exception as error:
                log.error("upkeep failed, next try in %.0f s: %s", EVERY, type(error).__name__)
            try:
                async with asyncio.timeout(EVERY):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def round(self) -> None:
        """Do once all that is to be done now."""
        await self._store.run(lambda conn: _sweep(conn, datetime.now(UTC)))
        moved = False
        while await self._store.run(lambda conn: catch_up(conn, now=datetime.now(UTC))):
            moved = True
        while await self._store.run(lambda conn: pass_over_closed(conn, now=datetime.now(UTC))):
            moved = True
        if moved:
            self._due_changed()


def _sweep(conn: Connection, now: datetime) -> None:
    prune_sessions(conn, now)
    fail_silent(conn, now=now)
