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
            # not wait_for: before Python 3.12 it loses a cancellation that comes together with the ring
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._rung.wait()
        return self.count
