"""From the saved wrap-up to the INVITE of the agent's next reservation call, by the phones' own note of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from tests.bench.desktop import Desktop
from tests.bench.figures import Figure, middle, quantile
from tests.bench.pace import paced
from tests.bench.stage import Stage, workplace

AGENTS = 40
RATE = 20.0
"""Wrap-ups a second; the calls before them are accepted as fast."""

TALK = 0.3


@dataclass(frozen=True, slots=True)
class Saved:
    """A wrap-up: when its request was sent (epoch seconds), whose phone rings next."""

    phone: str
    at: float


async def measure(stage: Stage, runs: int) -> list[Figure]:
    found: list[list[float]] = []
    async with workplace(stage, "wrapping", agents=AGENTS, contacts=(runs + 2) * AGENTS) as place:
        for _ in range(runs):
            await place.all_offered()
            talked = await paced(_talked, place.desktops, RATE)
            saved = await paced(_wrap_up, talked, RATE)
            await place.all_offered()
            await asyncio.sleep(0.2)
            rung = await stage.phones.calls()
            found.append(
                [
                    min(
                        call.invited_at - one.at
                        for call in rung
                        if call.number == one.phone and call.invited_at >= one.at
                    )
                    * 1000
                    for one in saved
                ]
            )
    return [
        Figure(
            name=f"wrap-up saved to the next reservation's INVITE at {RATE:g}/s, {word}",
            value=middle([quantile(run, part) for run in found]),
            unit="ms",
            aim=aim,
            note="the request's way to the service included",
        )
        for part, word, aim in ((0.5, "median", 100.0), (0.99, "p99", 300.0))
    ]


async def _talked(desktop: Desktop) -> tuple[Desktop, str]:
    _, call = await desktop.talked(talk=TALK)
    return desktop, call


async def _wrap_up(talked: tuple[Desktop, str]) -> Saved:
    desktop, call = talked
    saved = Saved(phone=desktop.phone, at=time.time())
    await desktop.wrap_up(call)
    return saved
