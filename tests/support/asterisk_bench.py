"""A switchboard on a real Asterisk with its people: baresip phones and sipp customers, for the port's stories."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from telephony.demo.customers import Customers, CustomersSettings, fictional_number
from telephony.demo.load_phones import LoadPhones
from telephony.demo.pbx import Pbx, PbxSettings
from telephony.demo.ports import PortBlock
from telephony.demo.softphone import AnswerMode, PhoneError, Softphone, SoftphoneSettings
from telephony.pbx.asterisk import AsteriskSwitchboard
from telephony.pbx.port import Event
from tests.support.platform import LOAD_PHONES, RING_SECONDS, TRUNK, work_folder
from tests.support.port_stories import SOON, PhoneKind, ScriptedGate
from tests.support.tcp_line import TcpLine

BRIEF = "brief"
"""Trunk to customers who hang up after two seconds of talk."""

# A phone at the customers' address is called by its endpoint's name, whose last two digits choose what it does.
BUSY_PHONE, RINGING_PHONE = "desk101", "desk102"
ANSWERING_PHONE, DECLINING_PHONE = "alice", "bob"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePorts:
    """The ports of one softphone, the same in every story."""

    sip: int
    control: int
    rtp: int


def phone_ports(ports: PortBlock) -> dict[str, PhonePorts]:
    return {
        name: PhonePorts(sip=ports.take(2), control=ports.take(), rtp=ports.take(4, even=True))
        for name in (ANSWERING_PHONE, DECLINING_PHONE)
    }


@contextmanager
def stories_pbx(ports: PortBlock, customers: Customers, load_phones: LoadPhones) -> Iterator[Pbx]:
    """A PBX with everyone the stories need; it may be killed and started again."""
    with work_folder("stories") as folder:
        media = ports.take(20, even=True)
        brief = Customers(
            CustomersSettings(
                directory=folder / "brief",
                port=ports.take(),
                media_port=media,
                ring_seconds=RING_SECONDS,
                talk_seconds=2,
            )
        )
        asyncio.run(brief.start())
        rtp = ports.take(60, even=True)
        pbx = Pbx(
            PbxSettings(
                directory=folder / "pbx",
                ami_port=ports.take(),
                sip_port=ports.take(),
                rtp_ports=(rtp, rtp + 59),
                trunks={TRUNK: customers.address, BRIEF: brief.address},
                agents=(ANSWERING_PHONE, DECLINING_PHONE, "carol"),
                static_agents=(
                    f"load:{LOAD_PHONES}:{load_phones.settings.bind}:{load_phones.settings.port}",
                    f"desk10:2:{customers.address}",
                ),
            )
        )
        asyncio.run(pbx.start())
        try:
            yield pbx
        finally:
            asyncio.run(pbx.stop())
            asyncio.run(brief.stop())


class AsteriskBench:
    """The port's bench on a real Asterisk; `line` carries AMI and can be cut."""

    def __init__(self, *, pbx: Pbx, line: TcpLine, phones: dict[str, Softphone]) -> None:
        login = pbx.ami
        self.board = AsteriskSwitchboard(host="127.0.0.1", port=line.port, username=login.user, secret=login.secret)
        self.gate = ScriptedGate()
        self.events: list[Event] = []
        self.board.subscribe(self.events.append, self.gate)
        self._line = line
        self._phones = phones
        self._started: set[str] = set()
        self._declining: asyncio.Task[None] | None = None

    async def phone(self, kind: PhoneKind) -> str:
        name = {
            PhoneKind.ANSWERS: ANSWERING_PHONE,
            PhoneKind.DECLINES: DECLINING_PHONE,
            PhoneKind.BUSY: BUSY_PHONE,
            PhoneKind.LETS_IT_RING: RINGING_PHONE,
            PhoneKind.MISSING: "nobody",
        }[kind]
        phone = self._phones.get(name)
        if phone is not None and name not in self._started:
            self._started.add(name)
            await phone.start()
            if kind is PhoneKind.DECLINES:
                self._declining = asyncio.create_task(_decline(phone))
        return name

    async def close(self) -> None:
        await self.board.stop()
        if self._declining is not None:
            self._declining.cancel()
        await asyncio.gather(*(phone.stop() for phone in self._phones.values()))

    def dial(self, suffix: str) -> str:
        return f"PJSIP/{fictional_number(suffix, 3)}@{TRUNK}"

    def brief_talker(self) -> str:
        return f"PJSIP/{fictional_number('00', 4)}@{BRIEF}"

    async def until(self, predicate: Callable[[], bool], seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not predicate():  # noqa: ASYNC110  # what is waited for belongs to the code under test
                    await asyncio.sleep(0.005)
        return predicate()

    async def agent_hangs_up(self, leg: str) -> None:
        await self._phones[ANSWERING_PHONE].hang_up()

    async def lose_link(self) -> None:
        self._line.cut()

    async def restore_link(self) -> None:
        self._line.mend()


@asynccontextmanager
async def asterisk_bench(pbx: Pbx, phone_ports: dict[str, PhonePorts], folder: Path) -> AsyncIterator[AsteriskBench]:
    """A bench that leaves the PBX as it found it: no leg up, no leg recorded."""
    phones = {
        ANSWERING_PHONE: _softphone(pbx, phone_ports, folder, ANSWERING_PHONE, AnswerMode.AUTO),
        DECLINING_PHONE: _softphone(pbx, phone_ports, folder, DECLINING_PHONE, AnswerMode.MANUAL),
    }
    async with TcpLine(pbx.ami.host, pbx.ami.port) as line:
        bench = AsteriskBench(pbx=pbx, line=line, phones=phones)
        await bench.board.start()
        try:
            assert await bench.until(lambda: bench.board.connected, SOON), bench.board.trouble
            yield bench
            await _clean(bench)
        finally:
            await bench.close()


async def _clean(bench: AsteriskBench) -> None:
    for leg in (await bench.board.survey()).live:
        with contextlib.suppress(Exception):
            await bench.board.hang_up(leg)
    async with asyncio.timeout(SOON):
        while (await bench.board.survey()).live:  # noqa: ASYNC110  # what is waited for belongs to the code under test
            await asyncio.sleep(0.02)
    await bench.board.forget(list((await bench.board.survey()).ended))


async def _decline(phone: Softphone) -> None:
    """The owner rejects each call as soon as the phone rings."""
    seen = 0
    while True:
        with contextlib.suppress(PhoneError):
            await phone.wait_for("CALL_INCOMING", within=60, after=seen)
            await asyncio.sleep(0.05)
            await phone.hang_up()
            seen = len(phone.events)


def _softphone(pbx: Pbx, ports: dict[str, PhonePorts], folder: Path, name: str, mode: AnswerMode) -> Softphone:
    mine = ports[name]
    return Softphone(
        SoftphoneSettings(
            name=name,
            secret=pbx.agent_secret,
            pbx=pbx.sip_address,
            directory=folder / name,
            sip_port=mine.sip,
            control_port=mine.control,
            rtp_ports=(mine.rtp, mine.rtp + 3),
            answer_mode=mode,
            silence=300,
        )
    )
