"""Listening beside real calls: when the beep is told, and what a call feels of ears that die."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil
import pytest

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.model.campaign import Amd
from telephony.model.ids import new_id
from telephony.pbx.asterisk import AsteriskSwitchboard
from telephony.pbx.port import (
    JOIN,
    AgentCall,
    BeepHeard,
    CustomerCall,
    DialQuestion,
    Event,
    JoinQuestion,
    LegAnswered,
    LegEnded,
    LegsJoined,
    LegsParted,
)
from tests.support.bare_ami import BareAmi
from tests.support.line_shift import switchboard
from tests.support.platform import TRUNK

pytestmark = pytest.mark.asterisk

TOLD_WITHIN = 0.15 + 0.25
"""Seconds after the tone's end: the ears' own time, and that of the way through sipp and Asterisk."""


CALLS = 5
"""Tries: on a machine with ten programs at each core the sound itself, and whoever hears it, come late now and then."""


@dataclass
class Call:
    board: AsteriskSwitchboard
    leg: str = field(default_factory=new_id)
    events: list[Event] = field(default_factory=list)

    async def until(self, kind: type, leg: str, seconds: float = 8.0) -> float:
        """When this was told, on the loop's clock."""
        async with asyncio.timeout(seconds):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and event.leg == leg:
                        return event.at
                await asyncio.sleep(0.01)


def beep_ends(customers: Customers) -> float:
    """Seconds from the answer on until the beep of customer 05 is over."""
    said = (customers.sounds / "short-greeting.ulaw").read_bytes()
    loud = [at for at, code in enumerate(said) if ~code & 0x70 >= 0x30]  # three segments of G.711 above silence
    return loud[-1] / 8000


async def until_channels(pbx: Pbx, leg: str, most: int) -> int:
    """Channels of a leg, those that listen to it included, once they are so few or 3 s have passed."""
    async with BareAmi(pbx.ami) as ami:
        for _ in range(60):
            rows = [row for row in await ami.listed("CoreShowChannels") if leg in row["AccountCode"]]
            if len(rows) <= most:
                break
            await asyncio.sleep(0.05)
    return len(rows)


async def join(_: JoinQuestion | DialQuestion) -> str:
    return JOIN


@asynccontextmanager
async def listened_to(pbx: Pbx) -> AsyncIterator[Call]:
    """An agent joined with customer 05, whose line is listened to from the answer on."""
    made = Call(board=switchboard(pbx))
    made.board.subscribe(made.events.append, join)
    await made.board.start()
    try:
        async with asyncio.timeout(10):
            while not made.board.connected:  # noqa: ASYNC110  # what is waited for belongs to the code under test
                await asyncio.sleep(0.01)
        agent = new_id()
        await made.board.ring_agent(AgentCall(leg=agent, phone="load2", ring_limit=10))
        await made.until(LegAnswered, agent)
        number = fictional_number("05", 9)
        await made.board.call_customer(
            CustomerCall(leg=made.leg, agent_leg=agent, dial=f"PJSIP/{number}@{TRUNK}", ring_limit=10, amd=Amd.PARALLEL)
        )
        await made.until(LegsJoined, made.leg)
        yield made
        await made.board.hang_up(agent)
        await made.until(LegEnded, made.leg)
        assert await until_channels(pbx, made.leg, 0) == 0
    finally:
        await made.board.stop()


@pytest.mark.timeout(180)
async def test_a_beep_is_told_when_it_has_just_ended(pbx: Pbx, customers: Customers) -> None:
    late: list[float] = []
    while not late or (late[-1] >= TOLD_WITHIN and len(late) < CALLS):
        async with listened_to(pbx) as call:
            answered = await call.until(LegAnswered, call.leg)
            after = await call.until(BeepHeard, call.leg, 20.0) - answered
            # its own and the ears'; those of AMD() went with its verdict
            assert await until_channels(pbx, call.leg, 2) == 2
            late.append(after - beep_ends(customers))
    print(f"beep told {[round(one, 3) for one in late]} s after its end")
    assert 0 < late[-1] < TOLD_WITHIN


async def test_a_call_feels_nothing_of_ears_that_die_and_is_heard_again(pbx: Pbx) -> None:
    async with listened_to(pbx) as call:
        await call.until(LegAnswered, call.leg)
        await asyncio.sleep(1.0)
        (worker,) = (one for one in psutil.Process().children() if "telephony.ears.worker" in one.cmdline())
        os.kill(worker.pid, signal.SIGKILL)
        await call.until(BeepHeard, call.leg)
        assert call.board.ears.restarts == 1
        assert not [event for event in call.events if isinstance(event, LegsParted | LegEnded)]
