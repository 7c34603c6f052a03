"""A bell that rings when something was committed: readers of the outbox and the dispatcher wait on it."""

from __future__ import annotations

import asyncio
import contextlib


class Changes:
    """Wakes everybody who waits; a ring between two waits of one waiter is not lost (`seen` tells it apart)."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self.count = 0

    def notify(self) -> None:
        self.count += 1
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, *, seen: int, timeout: float) -> int:  # noqa: ASYNC109 - the limit is the caller's poll interval
        """The count after the next ring beyond `seen`, or after `timeout` seconds without one."""
        if self.count == seen:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), timeout)
        return self.count
