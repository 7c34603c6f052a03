"""The service's side of a manager link in a test: what came in, in the order in which it came."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from telephony.pbx.ami import AmiLink, Message
from tests.support.scripted_peer import PATIENCE


class Service:
    """An AmiLink that runs in a task and notes what it is told."""

    def __init__(self, port: int, **settings: Any) -> None:
        self.events: list[Message] = []
        self.story: list[str] = []
        self.losses: list[str] = []
        limits = {"backoff_first": 0.02, "backoff_max": 0.1, **settings}
        self.link = AmiLink(
            host="127.0.0.1",
            port=port,
            username="dialer",
            secret="hunter2",
            on_up=self.on_up,
            on_event=self.on_event,
            on_lost=self.on_lost,
            **limits,
        )
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.link.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.link.close()
        assert self.task is not None
        await asyncio.gather(self.task, return_exceptions=True)

    def on_up(self) -> None:
        self.story.append("up")

    def on_event(self, event: Message) -> None:
        self.story.append(event.event)
        self.events.append(event)

    def on_lost(self, reason: str) -> None:
        self.story.append("lost")
        self.losses.append(reason)

    async def until(self, condition: Any) -> None:
        """Wait until the condition, a function of nothing, holds."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110  # what is waited for belongs to the code under test
                await asyncio.sleep(0.002)

    async def until_up(self) -> None:
        await self.until(lambda: self.link.up)

    async def until_lost(self, times: int = 1) -> None:
        await self.until(lambda: len(self.losses) >= times)
