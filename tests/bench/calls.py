"""From the accept to the customer's INVITE and from answer to joined, against a bare client in the same run.

Both sides place the same call, with parallel machine detection, to the same customers. The INVITE's time is the
customers' own note of it, answer and join are Asterisk's; all are clocks of this machine. The bare client leaves out
what a product must do: HTTP, the sign-in, limits, the store, the ringing tone, and the question before the join.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from telephony.demo.call_log import Call
from telephony.model.campaign import AmdParameters
from tests.bench.bare_client import BareClient
from tests.bench.desktop import Accepted, Desktop
from tests.bench.figures import Figure, middle, quantile
from tests.bench.pace import paced
from tests.bench.stage import Stage, Workplace, workplace
from tests.support.platform import LOAD_PHONES, TRUNK

AGENTS = 80
BARE_AGENTS = 40
SLOW, FAST = 1.0, 20.0
"""Accepts a second."""

SLOW_CALLS, FAST_CALLS = 20, 80
"""Calls of one run on each side; at 20 a second no agent is needed twice in a run."""

TALK = 0.5
BACK_ON_HOLD = 0.5
"""Seconds the bare client gives an agent's leg before its next call; the service is told when it is back."""


@dataclass(frozen=True, slots=True)
class Run:
    """Milliseconds of each call of one run."""

    to_invite: list[float]
    to_joined: list[float]


async def measure(stage: Stage, runs: int) -> list[Figure]:
    contacts = AGENTS + runs * (SLOW_CALLS + FAST_CALLS) + 10
    async with (
        workplace(stage, "calls", agents=AGENTS, contacts=contacts, amd="parallel") as place,
        BareClient(stage.pbx.doctor) as watch,
        BareClient(stage.pbx.ami) as bare,
    ):
        await place.all_offered()
        yardstick = Yardstick(stage, bare, watch)
        await yardstick.start()
        await place.desktops[0].call(talk=TALK)
        figures: list[Figure] = []
        for rate, calls in ((SLOW, SLOW_CALLS), (FAST, FAST_CALLS)):
            ours, theirs = [], []
            for _ in range(runs):
                one, other = await _run(stage, place, yardstick, watch, rate, calls)
                ours.append(one)
                theirs.append(other)
            figures += _figures(f"at {rate:g}/s", ours, theirs)
        await yardstick.stop()
        return figures


async def _run(
    stage: Stage, place: Workplace, yardstick: Yardstick, watch: BareClient, rate: float, calls: int
) -> tuple[Run, Run]:
    await place.all_offered()
    desktops = place.desktops[:calls]
    known = set(watch.joined_after)
    if rate == SLOW:
        # both at once, half a step apart: what disturbs one disturbs the other
        accepted, dialed = await asyncio.gather(
            paced(accepted_by, desktops, rate), paced(yardstick.call, range(calls), rate, delay=0.5 / rate)
        )
    else:
        accepted = await paced(accepted_by, desktops, rate)
        await place.all_offered()
        dialed = await paced(yardstick.call, range(calls), rate)
    await asyncio.sleep(0.2)
    invited = await stage.customers.calls()
    legs = watch.joined_after.keys() - known
    return (
        Run(waits(accepted, invited), _joins(watch, legs - yardstick.legs)),
        Run(waits(dialed, invited), _joins(watch, legs & yardstick.legs)),
    )


async def accepted_by(desktop: Desktop) -> Accepted:
    """One call of an agent of the service from the accept to its end."""
    return await desktop.call(talk=TALK)


def waits(accepted: Sequence[Accepted], calls: Sequence[Call]) -> list[float]:
    """Milliseconds from each accept to the first INVITE of its number after it."""
    return [
        min(call.invited_at - one.at for call in calls if call.number == one.number and call.invited_at >= one.at)
        * 1000
        for one in accepted
    ]


def _joins(watch: BareClient, legs: set[str]) -> list[float]:
    return [watch.joined_after[leg] * 1000 for leg in legs]


class Yardstick:
    """Calls of the bare client, with agents of its own on hold."""

    def __init__(self, stage: Stage, bare: BareClient, watch: BareClient) -> None:
        self._stage = stage
        self._bare = bare
        self._watch = watch
        self._free: asyncio.Queue[str] = asyncio.Queue()
        self._agents: list[str] = []
        self.legs: set[str] = set()

    async def start(self) -> None:
        for number in range(BARE_AGENTS):
            leg = str(uuid4())
            self._bare.originate(leg, f"PJSIP/load{LOAD_PHONES - number}", "pd-agent", "hold")
            self._agents.append(leg)
            self._free.put_nowait(leg)
        await asyncio.sleep(1.0)

    async def stop(self) -> None:
        for leg in self._agents:
            self._bare.hang_up(leg)
        await asyncio.sleep(0.2)

    async def call(self, _number: int) -> Accepted:
        """One call from the Originate to its end."""
        agent, leg = await self._free.get(), str(uuid4())
        self.legs.add(leg)
        number = f"+1555{len(self.legs):05}00"  # no such area code: cannot be taken for one of the service's
        accepted = Accepted(number=number, at=time.time())
        self._bare.originate(
            leg,
            f"PJSIP/{number}@{TRUNK}",
            "pd-customer",
            "answered",
            {"PD_AGENT": agent, "PD_AMD": "parallel", "PD_AMD_ARGS": AmdParameters().arguments(), "PD_ABANDON": ""},
        )
        async with asyncio.timeout(20):
            while not self._watch.joined(leg):  # noqa: ASYNC110 - a look now and then disturbs what is measured least
                await asyncio.sleep(0.05)
        await asyncio.sleep(TALK)
        self._bare.hang_up(leg)
        await asyncio.sleep(BACK_ON_HOLD)
        self._free.put_nowait(agent)
        return accepted


def _figures(rate: str, ours: Sequence[Run], theirs: Sequence[Run]) -> list[Figure]:
    """Of each run its median and 99th percentile, of these and of their differences the median over the runs."""
    made = []
    for part, word, aim in ((0.5, "median", 10.0), (0.99, "p99", 30.0)):
        mine = [quantile(run.to_invite, part) for run in ours]
        bare = [quantile(run.to_invite, part) for run in theirs]
        more = [one - other for one, other in zip(mine, bare, strict=True)]
        made.append(
            Figure(
                name=f"accept to INVITE {rate}, {word}: more than a bare client",
                value=middle(more),
                unit="ms",
                aim=aim,
                note=f"{middle(mine):.1f} against {middle(bare):.1f} ms",
            )
        )
    for part, word, aim_ in ((0.5, "median", 20.0), (0.99, "p99", None)):
        made.append(
            Figure(
                name=f"answer to joined {rate}, parallel, {word}",
                value=middle([quantile(run.to_joined, part) for run in ours]),
                unit="ms",
                aim=aim_,
                note=f"bare client {middle([quantile(run.to_joined, part) for run in theirs]):.1f} ms",
            )
        )
    return made
