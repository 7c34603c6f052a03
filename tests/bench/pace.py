"""Work begun at a steady pace, whatever becomes of what was begun before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
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
