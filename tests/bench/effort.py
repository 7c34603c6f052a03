"""CPU of the service for a complete call: reserved, offered, accepted, talked, hung up, wrapped up.

Included are all HTTP requests, the live feed with one desktop for each agent and the reads of /me that the agent's
page makes; also what the service does without calls.
"""

from __future__ import annotations

import asyncio

import psutil

from tests.bench.desktop import Desktop
from tests.bench.figures import Figure
from tests.bench.machine import dearness
from tests.bench.stage import Stage, workplace

AGENTS = 40
WARM_UP, SECONDS = 5.0, 30.0
CONTACTS = 1200
"""More than can be called in that time."""

TALK = 1.0
AIM = 12.0
"""Milliseconds, on SQLite."""


async def measure(stage: Stage, name: str, database_url: str = "") -> list[Figure]:
    async with workplace(stage, f"effort-{name}", agents=AGENTS, contacts=CONTACTS, database_url=database_url) as place:
        process, asterisk = psutil.Process(place.service.pid), psutil.Process(stage.pbx.pid)
        await place.all_offered()
        finished = asyncio.Event()
        done: list[int] = [0]
        working = [asyncio.create_task(_work(desktop, done, finished)) for desktop in place.desktops]
        await asyncio.sleep(WARM_UP)
        calls, before, pbx_before = done[0], process.cpu_times(), asterisk.cpu_times()
        dear = await dearness(SECONDS)
        calls, after, pbx_after = done[0] - calls, process.cpu_times(), asterisk.cpu_times()
        finished.set()
        await asyncio.gather(*working)
    user, system = after.user - before.user, after.system - before.system
    pbx = pbx_after.user + pbx_after.system - pbx_before.user - pbx_before.system
    return [
        Figure(
            name=f"service CPU for a complete call, {name}",
            value=(user + system) / calls * 1000,
            unit="ms",
            aim=None if database_url else AIM,
            note=f"user {user / calls * 1000:.1f} + system {system / calls * 1000:.1f}; {calls} calls at "
            f"{calls / SECONDS:.1f}/s; Asterisk {pbx / calls * 1000:.1f} ms; "
            f"all {dear:.2f} times as dear as in the quietest moment",
        )
    ]


async def _work(desktop: Desktop, done: list[int], finished: asyncio.Event) -> None:
    while not finished.is_set():
        await desktop.offered()
        await desktop.call(talk=TALK)
        done[0] += 1
