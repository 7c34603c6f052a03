"""Work begun at a steady pace, whatever becomes of what was begun before; and limits that say what they are about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def paced(one: Callable[[T], Awaitable[R]], among: Iterable[T], rate: float, *, delay: float = 0.0) -> list[R]:
    """Begin `one` for each of these, `rate` a second; all results once the last is there."""
    loop = asyncio.get_running_loop()
    begin, tasks = loop.time() + delay, []
    for number, each in enumerate(among):
        await asyncio.sleep(begin + number / rate - loop.time())
        tasks.append(asyncio.ensure_future(one(each)))
    return list(await asyncio.gather(*tasks))


@asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """Raises AssertionError with these words where it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise AssertionError(f"{what}: not within {seconds:g} s") from error
