"""The port's stories on a real Asterisk: the same ones the simulated switchboard tells.

Phones that decline, are busy or are let ring are simulated people too, reached as agents: sipp goes by the last two
digits of a name as it does for customers. Only the phone that answers is a softphone, because it must hang up on
command.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from telephony.demo.customers import Customers, CustomersSettings, fictional_number
from telephony.demo.pbx import Pbx, PbxSettings
from telephony.demo.ports import PortBlock
from telephony.demo.softphone import Softphone
from telephony.pbx.asterisk import AsteriskSwitchboard
from telephony.pbx.port import Event, UnknownLeg
from tests.support.control_stories import ControlStories
from tests.support.direct_stories import DirectStories
from tests.support.message_stories import MessageStories
from tests.support.platform import RING_SECONDS, TRUNK, NewPhone, work_folder
from tests.support.port_stories import PhoneKind, PortStories, ScriptedGate
from tests.support.recording_stories import RecordingStories
from tests.support.tcp_line import TcpLine

pytestmark = pytest.mark.asterisk

BRIEF = "brief"
PEOPLE = {
    PhoneKind.BUSY: "person101",
    PhoneKind.LETS_IT_RING: "person102",
    PhoneKind.UNREGISTERED: "bob",
    PhoneKind.MISSING: "nobody",
    PhoneKind.SUPERVISES: "person100",
}
LOOK_EVERY = 0.02


@pytest.fixture(scope="module")
def brief_talkers(ports: PortBlock) -> Iterator[Customers]:
    """Customers who hang up after 2 s of talk."""
    with work_folder("brief") as folder:
        running = Customers(
            CustomersSettings(
                directory=folder,
                port=ports.take(),
                media_port=ports.take(40, even=True),
                ring_seconds=RING_SECONDS,
                talk_seconds=2.0,
            )
        )
        asyncio.run(running.start())
        yield running
        asyncio.run(running.stop())


@pytest.fixture(scope="module")
def pbx(ports: PortBlock, customers: Customers, brief_talkers: Customers) -> Iterator[Pbx]:
    """A PBX whose agents `person1` ... are simulated people."""
    with work_folder("stories") as folder:
        rtp = ports.take(100, even=True)
        running = Pbx(
            PbxSettings(
                directory=folder,
                ami_port=ports.take(),
                sip_port=ports.take(),
                rtp_ports=(rtp, rtp + 99),
                trunks={TRUNK: customers.address, BRIEF: brief_talkers.address},
                agents=("alice", "bob"),
                static_agents=(f"person:110:{customers.address}",),
            )
        )
        asyncio.run(running.start())
        yield running
        asyncio.run(running.stop())


@dataclass
class AsteriskBench:
    """A real Asterisk behind a line that can be cut."""

    board: AsteriskSwitchboard
    line: TcpLine
    new_phone: NewPhone
    recordings: Path
    gate: ScriptedGate = field(default_factory=ScriptedGate)
    events: list[Event] = field(default_factory=list)
    alice: Softphone | None = None

    async def phone(self, kind: PhoneKind) -> str:
        if kind is PhoneKind.DECLINES:
            return "person110"
        if kind is not PhoneKind.ANSWERS:
            return PEOPLE[kind]
        if self.alice is None:
            self.alice = await self.new_phone("alice")
        return "alice"

    def dial(self, suffix: str) -> str:
        return f"PJSIP/{fictional_number(suffix, 5)}@{TRUNK}"

    def brief_talker(self) -> str:
        return f"PJSIP/{fictional_number('00', 6)}@{BRIEF}"

    def sound(self) -> str:
        return "queue-thankyou"

    async def until(self, predicate: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not predicate():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(LOOK_EVERY)
        return True

    async def agent_hangs_up(self, leg: str) -> None:
        assert self.alice is not None
        await self.alice.hang_up()

    async def lose_link(self) -> None:
        self.line.cut()

    async def restore_link(self) -> None:
        self.line.mend()


@pytest.fixture
async def bench(pbx: Pbx, new_phone: NewPhone) -> AsyncIterator[AsteriskBench]:
    login = pbx.ami
    async with TcpLine(login.host, login.port) as line:
        board = AsteriskSwitchboard(host=login.host, port=line.port, username=login.user, secret=login.secret)
        made = AsteriskBench(board=board, line=line, new_phone=new_phone, recordings=pbx.audio)
        board.subscribe(made.events.append, made.gate)
        await board.start()
        try:
            assert await made.until(lambda: board.connected, 10.0)
            yield made
            survey = await board.survey()
            for leg in survey.live:
                with contextlib.suppress(UnknownLeg):  # the other leg of a call that has just been ended
                    await board.hang_up(leg)
            await asyncio.sleep(0.3)
            await board.forget(list((await board.survey()).ended))
        finally:
            await board.stop()


class TestPort(PortStories, DirectStories, MessageStories, RecordingStories, ControlStories):
    """Every story of the port."""
