"""Two service processes, two Asterisks, one PostgreSQL: a limit of the tenant holds over both of them."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import func, select, update

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.load_phones import LoadPhones
from telephony.demo.pbx import AmiLogin, Pbx
from telephony.demo.ports import PortBlock, claim_ports
from telephony.store import accounts, schema
from telephony.store.accounts import NewUser, Role
from telephony.store.engine import Store
from telephony.store.sessions import open_session
from telephony.store.work import Work, change
from tests.faults.founding import DATA_CENTER, FIRST_CELL, Seat, found
from tests.support.platform import new_pbx, work_folder
from tests.support.service_process import ServiceProcess, ServiceSettings

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

AGENTS_EACH = 100
LIMIT = 50
CELLS = (FIRST_CELL, "Second cell")
NOBODY = AmiLogin(host="127.0.0.1", port=9, user="nobody", secret="none")
"""Where no Asterisk listens: who may run is decided without one."""


@pytest.fixture
def own_ports() -> Iterator[PortBlock]:
    with claim_ports(1000) as block:
        yield block


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """Two running services with all their agents."""

    store: Store
    services: dict[str, ServiceProcess]
    exchanges: dict[str, Pbx]
    seats: list[Seat]
    http: aiohttp.ClientSession

    async def ask(
        self, seat: Seat, method: str, path: str, body: Any = None, *, at: str = "", token: str = ""
    ) -> tuple[int, Any]:
        url = f"{self.services[at or seat.cell].url}/api/v1{path}"
        headers = {"Authorization": f"Bearer {token or seat.token}"}
        async with self.http.request(method, url, headers=headers, json=body) as answer:
            return answer.status, await answer.json(content_type=None)

    async def count(self, table: Any, *where: Any) -> int:
        statement = select(func.count()).select_from(table).where(*where)
        return await self.store.run(lambda conn: int(conn.execute(statement).scalar_one()))

    async def until(self, wanted: int, table: Any, *where: Any, within: float = 40.0) -> None:
        deadline = time.monotonic() + within
        while (now := await self.count(table, *where)) != wanted:
            assert time.monotonic() < deadline, f"{now} instead of {wanted} in {table.name} after {within} s"
            await asyncio.sleep(0.1)

    async def supervisor(self) -> str:
        """The token of one who may act on all of the tenant."""

        def hire(work: Work) -> str:
            tenant = work.conn.execute(select(schema.tenants.c.id)).scalar_one()
            person = {"username": "boss", "name": "Boss", "role": Role.TENANT_ADMIN, "password": "correct horse"}
            new = NewUser.model_validate(person)
            made = accounts.create_user(work.conn, tenant, new, password_hash="-", now=work.now)
            return open_session(work.conn, made["id"], now=work.now, lifetime=timedelta(hours=1))

        return await change(self.store, hire)

    async def used(self) -> dict[str, int]:
        usage = schema.usage
        rows = select(usage.c.scope, func.sum(usage.c.used)).group_by(usage.c.scope)
        return await self.store.run(lambda conn: {row[0]: int(row[1]) for row in conn.execute(rows)})


@pytest.fixture
async def both(
    postgres_url: str, own_ports: PortBlock, customers: Customers, load_phones: LoadPhones, tmp_path: Path
) -> AsyncIterator[Both]:
    async with AsyncExitStack() as stack:
        store = Store(postgres_url)
        stack.push_async_callback(store.close)
        numbers = [fictional_number("02", n) for n in range(2 * AGENTS_EACH)]  # they ring for ever
        phones = [f"load{n + 1}" for n in range(AGENTS_EACH)]
        _, seats = await change(
            store, lambda work: found(work, phones=phones, numbers=numbers, cells=CELLS, max_calls=LIMIT, ring_limit=80)
        )
        services, exchanges = {}, {}
        for cell in CELLS:
            folder = stack.enter_context(work_folder("cell"))
            pbx = new_pbx(folder, own_ports, customers=customers, load_phones=load_phones, rtp_ports=400)
            stack.push_async_callback(pbx.kill)
            await pbx.start()
            exchanges[cell] = pbx
            service = ServiceProcess(
                ServiceSettings.at(
                    own_ports,
                    directory=tmp_path,
                    database_url=postgres_url,
                    ami=pbx.ami,
                    cell=cell,
                    data_center=DATA_CENTER,
                    phones=(pbx.settings.http_port, pbx.web_secret),
                )
            )
            stack.push_async_callback(service.stop)
            await service.start()
            services[cell] = service
        for service in services.values():
            await service.ready()
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        yield Both(store=store, services=services, exchanges=exchanges, seats=seats, http=http)


async def test_two_hundred_accepts_in_one_instant_ring_fifty_customers(both: Both, customers: Customers) -> None:
    agents, attempts, grants = schema.agents, schema.attempts, schema.grants
    began = time.time()
    for cell in CELLS:
        mine = [seat for seat in both.seats if seat.cell == cell]
        await asyncio.gather(*(both.ask(seat, "PUT", "/me/state", {"state": "available"}) for seat in mine))
    await both.until(len(both.seats), agents, agents.c.state == "previewing")

    shown = select(agents.c.id, agents.c.offer_id)
    offers = await both.store.run(lambda conn: {row.id: row.offer_id for row in conn.execute(shown)})
    answers = await asyncio.gather(
        *(both.ask(seat, "POST", f"/offers/{offers[seat.agent_id]}/accept") for seat in both.seats)
    )
    told = Counter(body.get("code", "accepted") for _, body in answers)
    assert told == {"accepted": LIMIT, "TENANT_CALL_LIMIT": len(both.seats) - LIMIT}
    assert {(body["used"], body["limit"]) for status, body in answers if status == 409} == {(LIMIT, LIMIT)}
    by_cell = await both.store.run(
        lambda conn: list(conn.execute(select(attempts.c.cell_id, func.count()).group_by(attempts.c.cell_id)))
    )
    assert len(by_cell) == 2, "both services must have granted, or nothing was tried"

    await both.until(LIMIT, attempts, attempts.c.state == "ringing")
    await asyncio.sleep(1.0)  # an INVITE too many would be here by now
    invited = [call for call in await customers.calls() if call.invited_at >= began]
    rows = await both.store.run(lambda conn: list(conn.execute(select(attempts.c.e164))))
    assert sorted(call.number for call in invited) == sorted(row.e164 for row in rows)
    assert len(invited) == LIMIT
    assert await both.used() == {
        "tenant": LIMIT,
        "data_center": LIMIT,
        "trunk": LIMIT,
        "cell": len(both.seats) + LIMIT,
    }
    assert await both.count(schema.refusals, schema.refusals.c.code == "TENANT_CALL_LIMIT") == 150

    calls = {offers[seat.agent_id]: seat for seat in both.seats}
    for row in await both.store.run(lambda conn: list(conn.execute(select(attempts.c.id, attempts.c.offer_id)))):
        status, _ = await both.ask(calls[row.offer_id], "POST", f"/calls/{row.id}/cancel")
        assert status == 204
    await both.until(LIMIT, attempts, attempts.c.outcome == "AGENT_CANCELLED")
    await asyncio.gather(*(both.ask(seat, "PUT", "/me/state", {"state": "idle"}) for seat in both.seats))
    await both.until(0, grants, grants.c.released_at.is_(None))
    assert await both.used() == {"tenant": 0, "data_center": 0, "trunk": 0, "cell": 0}
    invited = [call for call in await customers.calls() if call.invited_at >= began]
    assert len(invited) == LIMIT


async def test_an_agent_who_comes_to_the_wrong_cell_works_as_at_the_own_one(both: Both, customers: Customers) -> None:
    seat, wrong = both.seats[0], CELLS[1]
    assert seat.cell != wrong
    agents, attempts, offers = schema.agents, schema.attempts, schema.offers

    async def there(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return await both.ask(seat, method, path, body, at=wrong)

    async def rows(table: Any, *where: Any) -> list[Any]:
        return await both.store.run(lambda conn: list(conn.execute(select(table).where(*where).order_by(table.c.id))))

    live = f"{both.services[wrong].url}/api/v1/live"
    async with both.http.ws_connect(live, headers={"Authorization": f"Bearer {seat.token}"}) as feed:
        assert (await there("PUT", "/me/state", {"state": "available"}))[0] == 204
        async with asyncio.timeout(20):
            while (told := await feed.receive_json())["kind"] != "offer.opened":
                pass
        offer = told["data"]["offer"]
        status, answer = await there("POST", f"/offers/{offer}/accept")
        assert (status, answer["state"]) == (200, "accepted")
        call = answer["attempt"]
        await both.until(1, attempts, attempts.c.id == call, attempts.c.state == "ringing")
        assert (await there("POST", f"/calls/{call}/cancel"))[0] == 204
        await both.until(1, attempts, attempts.c.id == call, attempts.c.outcome == "AGENT_CANCELLED")

        # on the screen of a cell, removed at the other one
        await both.until(1, offers, offers.c.agent_id == seat.agent_id, offers.c.state == "open")
        (shown,) = await rows(offers, offers.c.agent_id == seat.agent_id, offers.c.state == "open")
        boss = await both.supervisor()
        began = time.monotonic()
        removed = f"/contacts/{shown.contact_id}/remove"
        status, _ = await both.ask(seat, "POST", removed, {"why": "by letter"}, at=wrong, token=boss)
        assert status == 200
        async with asyncio.timeout(20):
            while (told := await feed.receive_json())["kind"] != "offer.closed" or told["data"]["offer"] != shown.id:
                pass
        assert told["data"]["code"] == "CONTACT_REMOVED"
        assert time.monotonic() - began < 5.0  # one look a second; the rest is for a busy machine
    await both.until(1, agents, agents.c.id == seat.agent_id, agents.c.state == "previewing")  # on the same line
    assert (await there("PUT", "/me/state", {"state": "idle"}))[0] == 204
    await both.until(0, schema.grants, schema.grants.c.released_at.is_(None))


async def test_a_phone_in_the_browser_registers_through_the_wrong_cell_at_the_own_ones_asterisk(both: Both) -> None:
    seat, wrong = both.seats[0], CELLS[1]
    rename = update(schema.users).where(schema.users.c.id == seat.agent_id).values(username="alice")
    await both.store.run(lambda conn: conn.execute(rename) and None)
    assert (await both.ask(seat, "PUT", "/me/phone", {"kind": "browser"}, at=wrong))[0] == 204
    _, phone = await both.ask(seat, "GET", "/me/phone", at=wrong)
    assert phone["registered"] is False
    own = phone["browser"]
    assert own["endpoint"] == "pd-web-alice"
    address, headers = f"{both.services[wrong].url}{own['path']}", {"Authorization": f"Bearer {seat.token}"}
    async with both.http.ws_connect(address, protocols=("sip",), headers=headers) as line, asyncio.timeout(20):
        await line.send_str(register(own, 1))
        challenge = await answer(line)
        assert challenge.startswith("SIP/2.0 401 ")
        # only the own cell's Asterisk has this password: each installation makes its own
        await line.send_str(register(own, 2, challenge))
        assert (await answer(line)).startswith("SIP/2.0 200 ")


async def answer(line: aiohttp.ClientWebSocketResponse) -> str:
    """The next answer to what the page asked; Asterisk asks by itself whether a phone is still there."""
    while not (told := str((await line.receive()).data)).startswith("SIP/2.0 "):
        pass
    return told


async def test_why_asks_the_cell_whose_agents_wait(both: Both) -> None:
    own, other = CELLS
    seat, boss = next(one for one in both.seats if one.cell == other), await both.supervisor()
    campaign = await both.store.run(lambda conn: conn.execute(select(schema.campaigns.c.id)).scalar_one())
    # one who waits: nobody is rung for a campaign that is stopped
    assert (await both.ask(seat, "POST", f"/campaigns/{campaign}/stop", token=boss))[0] == 200
    assert (await both.ask(seat, "PUT", "/me/state", {"state": "available"}))[0] == 204

    async def in_the_way() -> set[tuple[str, str | None]]:
        status, told = await both.ask(seat, "GET", f"/campaigns/{campaign}/why", at=own, token=boss)
        assert status == 200
        codes = {"PBX_UNREACHABLE", "SERVICE_DOWN"}
        return {(one["code"], one["name"]) for one in told["in_the_way"] if one["code"] in codes}

    async def becomes(wanted: set[tuple[str, str | None]]) -> None:
        async with asyncio.timeout(30):
            while await in_the_way() != wanted:  # noqa: ASYNC110  # there is no event for it
                await asyncio.sleep(0.2)

    assert await in_the_way() == set()
    await both.exchanges[own].kill()  # nobody waits there
    assert await both.services[own].answers(503)
    assert await in_the_way() == set()
    await both.exchanges[other].kill()
    await becomes({("PBX_UNREACHABLE", other)})
    await both.services[other].kill()
    await becomes({("SERVICE_DOWN", other)})


def register(phone: dict[str, str], number: int, challenge: str = "") -> str:
    """A REGISTER over a WebSocket (RFC 7118), with the answer to a challenge (RFC 2617, MD5) where there was one."""
    user, domain = phone["endpoint"], phone["domain"]
    lines = [
        f"REGISTER sip:{domain} SIP/2.0",
        f"Via: SIP/2.0/WS page.invalid;branch=z9hG4bK-{number}",
        "Max-Forwards: 70",
        f"From: <sip:{user}@{domain}>;tag=page",
        f"To: <sip:{user}@{domain}>",
        "Call-ID: the-pages-own",
        f"CSeq: {number} REGISTER",
        f"Contact: <sip:{user}@page.invalid;transport=ws>",
        "Expires: 60",
    ]
    if challenge:
        asked = dict(
            re.findall(r'(\w+)="?([^",\r\n]+)"?', challenge[challenge.index("WWW-Authenticate:") :].splitlines()[0])
        )
        tokens = {"nc": "00000001", "cnonce": "page", "qop": "auth"}
        whole = (md5(f"{user}:{asked['realm']}:{phone['password']}"), asked["nonce"], *tokens.values())
        answer = md5(":".join((*whole, md5(f"REGISTER:sip:{domain}"))))
        given = {"username": user, "realm": asked["realm"], "nonce": asked["nonce"], "uri": f"sip:{domain}"}
        given |= {"response": answer, "cnonce": "page"} | ({"opaque": asked["opaque"]} if "opaque" in asked else {})
        quoted = ", ".join(f'{name}="{value}"' for name, value in given.items())
        lines.append(f"Authorization: Digest {quoted}, algorithm=MD5, qop=auth, nc=00000001")
    return "\r\n".join([*lines, "Content-Length: 0", "", ""])


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def refused(first: ServiceSettings, second: ServiceSettings) -> str:
    """What a second service says that may not run beside the first, which must not be disturbed."""
    one, two = ServiceProcess(first), ServiceProcess(second)
    try:
        await one.start()
        await one.answers(503)
        await two.start()
        assert await two.ended() == 2
        assert one.running
        return two.log
    finally:
        await two.kill()
        await one.stop()


async def test_a_second_service_on_one_sqlite_file_ends_and_names_postgresql(
    own_ports: PortBlock, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'telephony.db'}"
    first = ServiceSettings.at(own_ports, directory=tmp_path / "one", database_url=url, ami=NOBODY)
    second = ServiceSettings.at(own_ports, directory=tmp_path / "two", database_url=url, ami=NOBODY, cell="another")
    said = await refused(first, second)
    assert "PostgreSQL" in said
    assert "Traceback" not in said


async def test_a_second_service_with_the_same_cell_on_postgresql_ends_and_names_the_cell(
    own_ports: PortBlock, postgres_url: str, tmp_path: Path
) -> None:
    first = ServiceSettings.at(own_ports, directory=tmp_path / "one", database_url=postgres_url, ami=NOBODY)
    second = ServiceSettings.at(own_ports, directory=tmp_path / "two", database_url=postgres_url, ami=NOBODY)
    said = await refused(first, second)
    assert "'Acme cell'" in said
    assert "Traceback" not in said
