"""What is measured on: a real Asterisk with customers and phones, and the service as a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import update

from telephony.demo.customers import Customers, CustomersSettings, fictional_number
from telephony.demo.load_phones import LoadPhones, LoadPhonesSettings
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock, claim_ports
from telephony.store import schema
from telephony.store.engine import Store
from telephony.store.migrate import upgrade
from telephony.store.work import Work, change
from tests.bench.desktop import Desktop
from tests.faults.founding import Seat, found
from tests.support.platform import RING_SECONDS, new_pbx, work_folder
from tests.support.service_process import ServiceProcess, ServiceSettings

PORTS = 2500
RTP_PORTS = 600
NUMBERS = 250
"""Numbers of the simulated customers; contacts share them in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    folder: Path
    ports: PortBlock
    customers: Customers
    phones: LoadPhones
    pbx: Pbx


@asynccontextmanager
async def stage(*, talk_seconds: float | None = None) -> AsyncIterator[Stage]:
    """Asterisk, 120 phones that answer at once, customers who answer after 0.6 s and hang up after `talk_seconds`."""
    async with AsyncExitStack() as stack:
        ports = stack.enter_context(claim_ports(PORTS))
        folder = stack.enter_context(work_folder("bench"))
        phones = LoadPhones(
            LoadPhonesSettings(directory=folder / "phones", port=ports.take(), media_port=ports.take(4, even=True))
        )
        stack.push_async_callback(phones.stop)
        await phones.start()
        customers_port = ports.take()
        pbx_folder = folder / "pbx"
        # sipp's media ports walk upwards call by call: the rest of the block is theirs
        customers = Customers(
            CustomersSettings(
                directory=folder / "customers",
                port=customers_port,
                media_port=ports.first + RTP_PORTS + 100,
                ring_seconds=RING_SECONDS,
                talk_seconds=talk_seconds,
            )
        )
        stack.push_async_callback(customers.stop)
        await customers.start()
        pbx = new_pbx(pbx_folder, ports, customers=customers, load_phones=phones, rtp_ports=RTP_PORTS)
        stack.push_async_callback(pbx.stop)
        await pbx.start()
        yield Stage(folder=folder, ports=ports, customers=customers, phones=phones, pbx=pbx)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """A running service with its agents' desktops open; nobody is available yet."""

    service: ServiceProcess
    database_url: str
    desktops: list[Desktop]

    async def all_offered(self) -> None:
        """Everybody available, rung, and with an offer on the screen."""
        for desktop in self.desktops:
            if desktop.state not in ("previewing", "available", "ringing", "reserved"):
                await desktop.available()
        await asyncio.gather(*(desktop.offered() for desktop in self.desktops))


def _found(work: Work, phones: Sequence[str], contacts: int, wanted: dict[str, Any]) -> list[Seat]:
    numbers = [fictional_number("00", n % NUMBERS) for n in range(contacts)]
    _, seats = found(work, phones=phones, numbers=numbers, **wanted)
    work.conn.execute(update(schema.tenants).values(min_gap=0, daily_cap=100))
    return seats


@asynccontextmanager
async def workplace(
    stage: Stage,
    name: str,
    *,
    agents: int = 0,
    phones: Sequence[str] = (),
    contacts: int,
    database_url: str = "",
    **wanted: Any,
) -> AsyncIterator[Workplace]:
    """The service on a fresh database; without `database_url` an SQLite file.

    `agents`: how many of those whose phones answer by themselves; `phones`: others, in browsers too.
    """
    everybody = [*(f"load{n + 1}" for n in range(agents)), *phones]
    folder = stage.folder / name
    folder.mkdir()
    url = database_url or f"sqlite:///{folder / 'telephony.db'}"
    store = Store(url)
    await asyncio.to_thread(upgrade, store)
    seats = await change(store, lambda work: _found(work, everybody, contacts, wanted))
    await store.close()
    browsers = (stage.pbx.settings.http_port, stage.pbx.web_secret)
    service = ServiceProcess(
        ServiceSettings.at(stage.ports, directory=folder, database_url=url, ami=stage.pbx.ami, phones=browsers)
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(service.stop)
        await service.start()
        await service.ready()
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        desktops = [Desktop(http, service.url, seat) for seat in seats]
        for desktop in desktops:
            stack.push_async_callback(desktop.close)
            await desktop.open()
        yield Workplace(service=service, database_url=url, desktops=desktops)
        await asyncio.gather(*(desktop.leave() for desktop in desktops))
        await asyncio.sleep(0.5)  # the lines' ends
