"""The guard: whatever stays open for a user ends with the session, or when what the user may see changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from telephony.store.engine import StoreUnavailable
from telephony.store.sessions import Caller
from telephony.web.auth import Door

SESSION_ENDED = 4401
ROLE_CHANGED = 4403

REASONS = {
    SESSION_ENDED: b"the session ended; sign in again",
    ROLE_CHANGED: b"role or teams changed; open it again",
}

RECHECK = 15.0
"""Seconds between looks at each open connection's session: how late another process's change ends it at most."""


class Watched:
    """An open connection of a caller; it ends itself once `ended` has the WebSocket code to close with."""

    def __init__(self, *, token: str, caller: Caller) -> None:
        self.token = token
        self.caller = caller
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def outdated(self) -> bool:
        """Whether somebody else's change made it show too much or too little."""
        return False

    def end(self, code: int) -> None:
        """Close it with this WebSocket code; the first one counts."""
        if not self.ended.done():
            self.ended.set_result(code)


class Guard:
    """Ends connections whose session ended or whose user may see something else now.

    At once for what this process changes, else within `RECHECK`. `open_now`: tells all that are open.
    """

    def __init__(self, door: Door, open_now: Callable[[], Iterable[Watched]]) -> None:
        self._door = door
        self._open_now = open_now
        self._tasks: set[asyncio.Task[None]] = set()
        door.on_forget(self._forgotten)

    def start(self) -> None:
        self._begin(self._watch())

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _forgotten(self, user_id: str) -> None:
        self._begin(self._check([one for one in self._open_now() if one.caller.user_id == user_id]))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(RECHECK)
            await self._check(list(self._open_now()))

    async def _check(self, watched: list[Watched]) -> None:
        for one in watched:
            try:
                caller = await self._door.caller(one.token)
                outdated = caller is not None and await one.outdated()
            except (SQLAlchemyError, StoreUnavailable):
                return  # the next round tells; a database away ends nobody's session
            if caller is None:
                one.end(SESSION_ENDED)
            elif outdated or (caller.role, caller.team_ids) != (one.caller.role, one.caller.team_ids):
                one.end(ROLE_CHANGED)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
