"""Fixtures of the tests on real programs: one Asterisk, simulated customers and phones for the whole run.

`tests/asterisk/conftest.py` brings them into that ring; another ring imports what it needs by name. The launcher's
objects are not bound to an event loop (only `Softphone` is), so each test may use them in its own.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from telephony.demo.customers import Customers, CustomersSettings
from telephony.demo.load_phones import LoadPhones, LoadPhonesSettings
from telephony.demo.pbx import Pbx, PbxSettings
from telephony.demo.ports import PortBlock, claim_ports
from telephony.demo.softphone import AnswerMode, Softphone, SoftphoneSettings

TRUNK = "customers"
AGENTS = ("alice", "bob", "carol")
WEB_AGENTS = tuple(f"web{n}" for n in range(1, 13))
"""User names of agents whose phone is in the browser; no two tests use one."""

LOAD_PHONES = 120
"""Phones load1 ... load120 that answer at once."""

ODD = {
    "odd01": "busy: 486",
    "odd02": "rings for ever",
    "odd03": "not found: 404",
    "odd04": "congested: 503",
    "odd09": "answers and hangs up at once",
    "odd010": "declines: 603",
}
"""Agents' phones that do what the customers of these last two digits do: they are behind the same sipp."""

SLOW_PHONES = 5
"""Phones slow1 ... slow5 that are picked up after two rings, as a human customer's."""

PORTS = 3000
"""For all tests of one process: none is given twice, so that nothing meets what the test before has not let go yet."""

RING_SECONDS = 0.3
"""A ring of the test's customers; a human answers after two."""


@contextmanager
def work_folder(name: str) -> Iterator[Path]:
    """A folder directly below /tmp: Asterisk's control socket must have a short path (107 characters)."""
    folder = Path(tempfile.mkdtemp(prefix=f"telephony-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ports() -> Iterator[PortBlock]:
    """Ports that nobody else on this machine uses."""
    with claim_ports(PORTS) as block:
        yield block


@pytest.fixture(scope="session")
def customers(ports: PortBlock) -> Iterator[Customers]:
    """Simulated customers behind the trunk TRUNK; `await customers.calls()` is their own log of INVITEs."""
    with work_folder("customers") as folder:
        media = ports.take(100, even=True)
        settings = CustomersSettings(
            directory=folder, port=ports.take(), media_port=media, ring_seconds=RING_SECONDS, talk_seconds=None
        )
        running = Customers(settings)
        asyncio.run(running.start())
        yield running
        asyncio.run(running.stop())


@pytest.fixture(scope="session")
def load_phones(ports: PortBlock) -> Iterator[LoadPhones]:
    """LOAD_PHONES phones named load1, load2 ... that answer at once and keep the line."""
    with work_folder("phones") as folder:
        running = LoadPhones(
            LoadPhonesSettings(directory=folder, port=ports.take(), media_port=ports.take(4, even=True))
        )
        asyncio.run(running.start())
        yield running
        asyncio.run(running.stop())


def new_pbx(
    folder: Path, ports: PortBlock, *, customers: Customers, load_phones: LoadPhones, rtp_ports: int = 200
) -> Pbx:
    """A PBX of one's own, for tests that kill it; it carries RTP_PORTS / 2 legs."""
    first = ports.take(rtp_ports, even=True)
    return Pbx(
        PbxSettings(
            directory=folder,
            ami_port=ports.take(),
            sip_port=ports.take(),
            rtp_ports=(first, first + rtp_ports - 1),
            trunks={TRUNK: customers.address},
            agents=AGENTS,
            web_agents=(*AGENTS, *WEB_AGENTS),
            http_port=ports.take(),
            static_agents=(
                f"load:{LOAD_PHONES}:{load_phones.settings.bind}:{load_phones.settings.port}",
                f"odd0:10:{customers.address}",
                f"slow:{SLOW_PHONES}:{customers.address}",
            ),
        )
    )


@pytest.fixture(scope="session")
def pbx(ports: PortBlock, customers: Customers, load_phones: LoadPhones) -> Iterator[Pbx]:
    """The run's Asterisk, with the trunk TRUNK, the registering AGENTS and the load phones. Leave it running."""
    with work_folder("pbx") as folder:
        running = new_pbx(folder, ports, customers=customers, load_phones=load_phones, rtp_ports=600)
        asyncio.run(running.start())
        yield running
        asyncio.run(running.stop())


NewPhone = Callable[..., Awaitable[Softphone]]


@pytest.fixture
async def new_phone(pbx: Pbx, ports: PortBlock, tmp_path: Path) -> AsyncIterator[NewPhone]:
    """Starts a registered softphone: `phone = await new_phone("alice", AnswerMode.MANUAL)`; ends with the test."""
    phones: list[Softphone] = []

    async def start(name: str, mode: AnswerMode = AnswerMode.AUTO, voice: Path | None = None) -> Softphone:
        sip, rtp = ports.take(2), ports.take(4, even=True)
        phone = Softphone(
            SoftphoneSettings(
                name=name,
                secret=pbx.agent_secret,
                pbx=pbx.sip_address,
                directory=tmp_path / name,
                sip_port=sip,
                control_port=ports.take(),
                rtp_ports=(rtp, rtp + 3),
                answer_mode=mode,
                voice=voice,
                silence=300,
            )
        )
        phones.append(phone)
        await phone.start()
        return phone

    yield start
    for phone in phones:
        await phone.stop()
