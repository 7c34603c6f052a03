"""Asterisk goes away under the service: it says so, comes back by itself, and settles what was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.load_phones import LoadPhones
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock, claim_ports
from telephony.demo.softphone import AnswerMode, Softphone, SoftphoneSettings
from telephony.store import schema
from telephony.store.engine import Store
from telephony.store.migrate import upgrade
from telephony.store.work import change
from tests.faults.founding import FIRST_CELL, Seat, found
from tests.faults.run import faults, site
from tests.support.platform import new_pbx, work_folder
from tests.support.service_process import ServiceProcess, ServiceSettings

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(150)]


@pytest.fixture
def own_ports() -> Iterator[PortBlock]:
    with claim_ports() as block:
        yield block


@pytest.fixture
def own_pbx(own_ports: PortBlock, customers: Customers, load_phones: LoadPhones) -> Iterator[Pbx]:
    """An Asterisk that may be killed; not started yet."""
    with work_folder("killed") as folder:
        pbx = new_pbx(folder, own_ports, customers=customers, load_phones=load_phones)
        yield pbx
        asyncio.run(pbx.kill())


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    opened = Store(sqlite_url)
    await asyncio.to_thread(upgrade, opened)
    yield opened
    await opened.close()


@asynccontextmanager
async def service(
    own_ports: PortBlock, tmp_path: Path, sqlite_url: str, **changes: Any
) -> AsyncIterator[ServiceProcess]:
    """A started service, ready or not."""
    settings = ServiceSettings.at(own_ports, directory=tmp_path, database_url=sqlite_url, cell=FIRST_CELL, **changes)
    process = ServiceProcess(settings)
    try:
        await process.start()
        yield process
    finally:
        await process.stop()


class Desk:
    """One agent's page: asks, and follows the live feed."""

    def __init__(self, process: ServiceProcess, seat: Seat, http: aiohttp.ClientSession) -> None:
        self.events: list[dict[str, Any]] = []
        self._url = f"{process.url}/api/v1"
        self._headers = {"Authorization": f"Bearer {seat.token}"}
        self._http = http

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        async with self._http.request(method, self._url + path, headers=self._headers, json=body) as answer:
            told = await answer.json(content_type=None) if answer.status != 204 else {}
            assert answer.status < 300, f"{method} {path}: {answer.status} {told}"
            return told

    async def follow(self) -> None:
        async with self._http.ws_connect(f"{self._url}/live", headers=self._headers) as live:
            async for message in live:
                self.events.append(message.json())

    async def told(self, within: float = 10.0, **fields: Any) -> None:
        """Wait for a live event whose payload has these values."""
        deadline = time.monotonic() + within
        while not any(fields.items() <= _flat(event).items() for event in self.events):
            assert time.monotonic() < deadline, f"no {fields} in {self.events[-10:]}"
            await asyncio.sleep(0.05)

    async def state_is(self, state: str, within: float = 15.0) -> Any:
        """Wait for the agent's state; the whole page."""
        deadline = time.monotonic() + within
        while (me := await self.ask("GET", "/me"))["agent"]["state"] != state:
            assert time.monotonic() < deadline, f"{me['agent']['state']} instead of {state}"
            await asyncio.sleep(0.05)
        return me

    async def talking(self) -> str:
        """Available, reserved, accepted, joined; the call."""
        await self.ask("PUT", "/me/state", {"state": "available"})
        me = await self.state_is("previewing")
        await self.ask("POST", f"/offers/{me['offer']['id']}/accept")
        return str((await self.state_is("talking"))["call"]["id"])


def _flat(event: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for part in (event, *(v for v in event.values() if isinstance(v, dict)))
        for name, value in part.items()
        if not isinstance(value, (dict, list))
    }


@pytest.mark.parametrize("seed", [21])
async def test_asterisk_is_killed_while_ten_agents_call(seed: int) -> None:
    told: list[str] = []
    with work_folder("faults") as folder, claim_ports(1000) as ports:
        async with site(folder=folder, ports=ports, seed=seed, share=0.25) as where:
            assert await faults(where, service=0, asterisk=2, say=told.append), "\n".join(told)
            assert any(row.joined for row in where.rows), "nobody was talking when Asterisk was killed"


@pytest.mark.reason("PBX_LOST")
async def test_a_crash_in_a_talk_is_told_the_call_is_lost_and_the_agent_works_on(
    own_ports: PortBlock, own_pbx: Pbx, sqlite_url: str, store: Store, tmp_path: Path
) -> None:
    numbers = [fictional_number("00", 280 + n) for n in range(4)]
    _, (seat,) = await change(store, lambda work: found(work, phones=("alice",), numbers=numbers))
    async with AsyncExitStack() as stack:
        await own_pbx.start()
        phone = softphone(own_pbx, own_ports, tmp_path)
        stack.push_async_callback(phone.stop)
        await phone.start()
        process = await stack.enter_async_context(service(own_ports, tmp_path, sqlite_url, ami=own_pbx.ami))
        await process.ready()
        http = await stack.enter_async_context(aiohttp.ClientSession())
        desk = Desk(process, seat, http)
        feed = asyncio.create_task(desk.follow())
        stack.callback(feed.cancel)
        call = await desk.talking()

        await own_pbx.kill()
        missing = await process.answers(503, within=5)
        assert missing["missing"] == ["pbx"]
        await desk.told(connected=False)
        await own_pbx.start()
        await process.ready()
        await desk.told(connected=True)

        me = await desk.state_is("wrap_up")
        assert me["call"]["outcome"] in ("TALKED", "PBX_LOST")
        used = await store.run(lambda conn: {row.scope: row.used for row in conn.execute(select(schema.usage))})
        assert used == {"tenant": 0, "data_center": 0, "trunk": 0, "cell": 0}
        await until_registered(phone)
        await desk.ask("POST", f"/calls/{call}/wrap-up", {"disposition": "success"})
        await desk.state_is("previewing", within=30)  # rung on the phone that registered again, and answered


def softphone(pbx: Pbx, ports: PortBlock, folder: Path) -> Softphone:
    sip, rtp = ports.take(2), ports.take(4, even=True)
    return Softphone(
        SoftphoneSettings(
            name="alice",
            secret=pbx.agent_secret,
            pbx=pbx.sip_address,
            directory=folder / "alice",
            sip_port=sip,
            control_port=ports.take(),
            rtp_ports=(rtp, rtp + 3),
            answer_mode=AnswerMode.AUTO,
            silence=300,
        )
    )


async def until_registered(phone: Softphone, within: float = 70.0) -> None:
    deadline = time.monotonic() + within
    while not await phone.registered():
        assert time.monotonic() < deadline, "the softphone did not register again"
        await asyncio.sleep(0.2)


async def test_without_asterisk_the_service_serves_and_waits_for_it(
    own_ports: PortBlock, own_pbx: Pbx, sqlite_url: str, store: Store, tmp_path: Path
) -> None:
    async with service(own_ports, tmp_path, sqlite_url, ami=own_pbx.ami) as process:
        said = await process.answers(503)
        assert said["missing"] == ["pbx"]
        assert said["code"] == "NOT_READY"
        await own_pbx.start()
        await process.ready(within=20)


async def test_a_wrong_manager_password_is_said_clearly_and_not_tried_for_ever(
    own_ports: PortBlock, own_pbx: Pbx, sqlite_url: str, store: Store, tmp_path: Path
) -> None:
    await own_pbx.start()
    wrong = replace(own_pbx.ami, secret="guessed-badly")
    async with service(own_ports, tmp_path, sqlite_url, ami=wrong) as process:
        await process.answers(503)
        deadline = time.monotonic() + 10
        while "correct user or secret" not in process.log:
            assert time.monotonic() < deadline, process.log
            await asyncio.sleep(0.1)
        await asyncio.sleep(2.0)
        assert process.log.count("correct user or secret") == 1
        assert "guessed-badly" not in process.log
        assert (await process.answers(503))["missing"] == ["pbx"]
