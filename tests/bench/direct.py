"""Direct preview: from the accept to the customer's INVITE, for which Asterisk asks the service twice over FastAGI.

The agent's leg is sent to the dialplan, asks whom to dial, and dials; a bare client's Originate of the same customer,
between two accepts, is the yardstick.
"""

from __future__ import annotations

import asyncio

from tests.bench.bare_client import BareClient
from tests.bench.calls import Yardstick, accepted_by, waits
from tests.bench.figures import Figure, middle, quantile
from tests.bench.pace import paced
from tests.bench.stage import Stage, workplace

CALLS = 20
"""Of one run on each side; each agent makes one."""

RATE = 2.0
"""Accepts a second; the bare client's calls as many."""

AIM = 20.0


async def measure(stage: Stage, runs: int) -> list[Figure]:
    contacts = (runs + 1) * CALLS + 10
    async with (
        workplace(stage, "direct", agents=CALLS, contacts=contacts, mode="preview_direct") as place,
        BareClient(stage.pbx.doctor) as watch,
        BareClient(stage.pbx.ami) as bare,
    ):
        await place.all_offered()
        yardstick = Yardstick(stage, bare, watch)
        await yardstick.start()
        await accepted_by(place.desktops[0])
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(runs):
            await place.all_offered()
            accepted, dialed = await asyncio.gather(
                paced(accepted_by, place.desktops, RATE), paced(yardstick.call, range(CALLS), RATE, delay=0.5 / RATE)
            )
            await asyncio.sleep(0.2)
            invited = await stage.customers.calls()
            ours.append(quantile(waits(accepted, invited), 0.5))
            theirs.append(quantile(waits(dialed, invited), 0.5))
        await yardstick.stop()
    return [
        Figure(
            name=f"direct preview, accept to INVITE at {RATE:g}/s, median: more than a bare client",
            value=middle([one - other for one, other in zip(ours, theirs, strict=True)]),
            unit="ms",
            aim=AIM,
            note=f"{middle(ours):.1f} against {middle(theirs):.1f} ms",
        )
    ]
