"""The time of the simulated switchboard: a virtual clock that its owner advances, or the loop's own."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

ANSWER_GRACE = 0.05
"""Real seconds the virtual clock stands still for a question that is being answered; longer is silence."""

LOOP_ROUNDS = 10
"""Turns of the event loop between two moments, so that what an event set going has been done."""


@dataclass(order=True, slots=True)
class Timer:
    """Something that is due at a moment, unless it is cancelled before."""

    at: float
    order: int
    action: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)
    handle: asyncio.TimerHandle | None = field(default=None, compare=False)

    def cancel(self) -> None:
        self.cancelled = True
        if self.handle is not None:
            self.handle.cancel()


class Clock(Protocol):
    """`now`: monotonic seconds; `wall`: epoch seconds."""

    def now(self) -> float: ...

    def wall(self) -> float: ...

    def call_later(self, delay: float, action: Callable[[], None], *, scaled: bool = True) -> Timer:
        """Run `action` in `delay` seconds; not `scaled`: in seconds of the service, however fast the people are."""

    def watch(self, task: asyncio.Task[Any]) -> None:
        """A question to the service is under way."""


class LoopClock:
    """The event loop's clock; the simulated people are `speed` times as fast as real ones."""

    def __init__(self, *, speed: float = 1.0) -> None:
        self._speed = speed

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return time.time()

    def call_later(self, delay: float, action: Callable[[], None], *, scaled: bool = True) -> Timer:
        loop = asyncio.get_running_loop()
        real = delay / self._speed if scaled else delay
        return Timer(loop.time() + real, 0, action, handle=loop.call_later(real, action))

    def watch(self, task: asyncio.Task[Any]) -> None:
        """Real time waits for nobody."""


class VirtualClock:
    """Time that passes only in `advance` and `until`, as fast as its actions run."""

    def __init__(self, *, wall: float = 1_800_000_000.0) -> None:
        self._now = 0.0
        self._wall = wall
        self._order = count()
        self._due: list[Timer] = []
        self._watched: set[asyncio.Task[Any]] = set()

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._wall + self._now

    def call_later(self, delay: float, action: Callable[[], None], *, scaled: bool = True) -> Timer:
        timer = Timer(self._now + delay, next(self._order), action)
        heapq.heappush(self._due, timer)
        return timer

    def watch(self, task: asyncio.Task[Any]) -> None:
        self._watched.add(task)
        task.add_done_callback(self._watched.discard)

    async def advance(self, seconds: float) -> None:
        """Let this much time pass; returns when everything due in it has been done."""
        await self.until(lambda: False, seconds)

    async def until(self, predicate: Callable[[], bool], seconds: float) -> bool:
        """Let time pass until `predicate` holds, `seconds` at most; returns whether it holds."""
        end = self._now + seconds
        await self._settle()
        while not predicate():
            if not self._due or self._due[0].at > end:
                self._now = end
                return False
            timer = heapq.heappop(self._due)
            if not timer.cancelled:
                self._now = timer.at
                timer.action()
                await self._settle()
        return True

    async def _settle(self) -> None:
        for _ in range(LOOP_ROUNDS):
            await asyncio.sleep(0)
        if self._watched:
            await asyncio.wait(self._watched, timeout=ANSWER_GRACE)
            for _ in range(LOOP_ROUNDS):
                await asyncio.sleep(0)
