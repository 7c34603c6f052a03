"""How late the event loop is: a call's next step waits that long behind others."""

from __future__ import annotations

import asyncio
import time

EVERY = 0.5
"""Seconds between measurements."""


class LoopLag:
    """Measures while started."""

    def __init__(self) -> None:
        self._worst = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._measure(), name="loop lag")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def take(self) -> float:
        """The worst lag in seconds since the last look."""
        worst, self._worst = self._worst, 0.0
        return worst

    async def _measure(self) -> None:
        while True:
            due = time.monotonic() + EVERY
            await asyncio.sleep(EVERY)
            self._worst = max(self._worst, time.monotonic() - due)
