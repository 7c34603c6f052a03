"""What a switchboard told, in order, for tests that wait for it in plain words."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from telephony.pbx.port import JOIN, Event, JoinQuestion, LegEvent

E = TypeVar("E", bound=Event)


class Diary:
    """Subscribe `note` and `gate`; `answer` is what the gate says."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.questions: list[JoinQuestion] = []
        self.answer = JOIN
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, event: Event) -> None:
        self.events.append(event)
        task = asyncio.get_running_loop().create_task(self._ring())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ring(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def gate(self, question: JoinQuestion) -> str:
        self.questions.append(question)
        return self.answer

    def of(self, leg: str) -> list[str]:
        """The kinds of events of a leg, in order."""
        return [type(event).__name__ for event in self.events if isinstance(event, LegEvent) and event.leg == leg]

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.events)

    async def wait(self, kind: type[E], leg: str = "", *, within: float = 10.0, times: int = 1) -> E:
        """The TIMES-th event of this kind (of this leg)."""

        def found() -> list[E]:
            return [e for e in self.events if isinstance(e, kind) and (not leg or getattr(e, "leg", "") == leg)]

        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(lambda: len(found()) >= times)
        except TimeoutError:
            raise AssertionError(f"no {kind.__name__} within {within} s; told: {self.events}") from None
        return found()[times - 1]
