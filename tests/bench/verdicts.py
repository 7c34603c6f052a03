"""Machine detection beside the call: how long after a human's answer the verdict is there.

The simulated human says "Hello?" 0.3 s after the answer and waits; both times are Asterisk's own.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.bench.bare_client import BareClient
from tests.bench.figures import Figure, quantile
from tests.bench.pace import paced
from tests.bench.stage import Stage, workplace

CALLS = 40
RATE = 4.0
TALK = 4.0
"""Seconds: the verdict comes meanwhile."""


async def measure(stage: Stage) -> list[Figure]:
    async with (
        workplace(stage, "verdicts", agents=CALLS, contacts=2 * CALLS + 10, amd="parallel") as place,
        BareClient(stage.pbx.doctor) as watch,
    ):
        await place.all_offered()
        await paced(lambda desktop: desktop.call(talk=TALK), place.desktops, RATE)
        await asyncio.sleep(0.2)
        told = Counter(verdict for desktop in place.desktops for verdict in desktop.verdicts.values())
        after = [seconds for _, seconds in watch.verdicts.values()]
    note = ", ".join(f"{count} {verdict}" for verdict, count in told.most_common()) + f" of {CALLS} on the cards"
    return [
        Figure(
            name="answer to verdict of a human's hello, parallel, median",
            value=quantile(after, 0.5),
            unit="s",
            aim=2.1,
            note=note,
        ),
        Figure(
            name="answer to verdict of a human's hello, parallel, p95", value=quantile(after, 0.95), unit="s", aim=2.5
        ),
    ]
