"""Listening beside real calls: when the beep is told, and what a call feels of ears that die."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import psutil
import pytest

from telephony.demo.customers import fictional_number
from telephony.demo.pbx import Pbx
from telephony.ears.audiosocket import Kind, Messages
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
from tests.support.platform import TRUNK

pytestmark = pytest.mark.asterisk

TOLD_WITHIN = 0.15 + 0.25
"""Seconds from the moment the tone's last sound came to us: the ears' own time, and what a full machine takes."""

LOUD = 1000
"""Amplitude that only greeting and beep have."""


class Tap:
    """Between Asterisk and the ears: passes every byte on, and knows when each loud frame came."""

    def __init__(self) -> None:
        self.ears = 0  # their port
        self.loud_at: list[float] = []  # on the loop's clock

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far, to_ears = await asyncio.open_connection("127.0.0.1", self.ears)
        ended = asyncio.create_task(self._end_with(far, writer))
        messages = Messages()
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                for kind, body in messages.take(data):
                    if kind is Kind.SOUND and np.abs(np.frombuffer(body, "<i2").astype(int)).max(initial=0) > LOUD:
                        self.loud_at.append(asyncio.get_running_loop().time())
                to_ears.write(data)
        to_ears.close()
        await ended

    async def _end_with(self, far: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await far.read()  # the ears say nothing but their end
        writer.close()


@dataclass
class Call:
    board: AsteriskSwitchboard
    tap: Tap
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
    ami = pbx.ami
    async with Tap() as tap:
        board = AsteriskSwitchboard(
            host=ami.host, port=ami.port, username=ami.user, secret=ami.secret, ears_address=tap.address
        )
        async with joined(pbx, Call(board=board, tap=tap)) as call:
            yield call


@asynccontextmanager
async def joined(pbx: Pbx, made: Call) -> AsyncIterator[Call]:
    made.board.subscribe(made.events.append, join)
    await made.board.start()
    made.tap.ears = made.board._listening.ears.port
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


async def test_a_beep_is_told_when_it_has_just_ended(pbx: Pbx) -> None:
    async with listened_to(pbx) as call:
        told = await call.until(BeepHeard, call.leg, 20.0)
        # its own and the ears'; those of AMD() went with its verdict
        assert await until_channels(pbx, call.leg, 2) == 2
        late = told - max(at for at in call.tap.loud_at if at < told)
    print(f"beep told {late:.3f} s after its end")
    assert 0 < late < TOLD_WITHIN


async def test_a_call_feels_nothing_of_ears_that_die_and_is_heard_again(pbx: Pbx) -> None:
    async with listened_to(pbx) as call:
        await call.until(LegAnswered, call.leg)
        await asyncio.sleep(1.0)
        (worker,) = (one for one in psutil.Process().children() if "telephony.ears.worker" in one.cmdline())
        os.kill(worker.pid, signal.SIGKILL)
        await call.until(BeepHeard, call.leg)
        assert call.board.ears.restarts == 1
        assert not [event for event in call.events if isinstance(event, LegsParted | LegEnded)]
