"""Lanes: tenants of one agent each, so that many races run beside each other and never meet."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from sqlalchemy import select, update

from telephony.demo.customers import Customers, fictional_number
from telephony.store import accounts, campaigns, lists, schema, teams, tenants
from telephony.store.accounts import NewUser, Role
from telephony.store.engine import Store
from telephony.store.migrate import upgrade
from telephony.store.sessions import open_session
from telephony.store.work import Work, change
from tests.bench.bare_client import BareClient
from tests.bench.stage import Stage
from tests.support.company import Company, company, take_in
from tests.support.platform import TRUNK
from tests.support.service_process import ServiceProcess, ServiceSettings
from tests.support.shift import settings

ROOM = 10
"""Calls a lane's tenant may have up; it needs one."""

ROOMY = 1000
"""A limit that is not what a race is about."""

SETTLES_WITHIN = 15.0
"""Seconds in which a race must be over; a customer's answer takes half a second."""

AREA_CODES = 290
"""Numbers of one behaviour that the simulated customers have, shared out among the lanes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One lane: its company and the tokens of its two people."""

    number: int
    here: Company
    agent_id: str
    phone: str
    agent_token: str
    supervisor_token: str


class Feed:
    """Everything one desktop was told, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[float, str, dict[str, Any]]] = []
        self._news = asyncio.Event()

    async def listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            event = json.loads(message.data)
            self.events.append((time.time(), event["kind"], event["data"]))
            self._news.set()

    def told(self, kind: str, **wanted: Any) -> list[dict[str, Any]]:
        """All events of a kind with these values."""
        return [
            data
            for _, one, data in self.events
            if one == kind and all(data.get(name) == value for name, value in wanted.items())
        ]

    async def until(self, true: Callable[[], bool], what: str, within: float = SETTLES_WITHIN) -> None:
        try:
            async with asyncio.timeout(within):
                while not true():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            last = [(kind, data.get("state")) for _, kind, data in self.events[-6:]]
            raise AssertionError(f"{what}: not within {within:g} s; last told: {last}") from None


@dataclass(slots=True, kw_only=True)
class Answer:
    """What a request was answered, and when it was sent."""

    sent_at: float
    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Of an open offer: its contact, and the agent's leg; none in the mode preview."""

    contact: str
    line: str


@dataclass(slots=True, kw_only=True)
class Lane:
    """One agent and one supervisor with their feeds."""

    seat: Seat
    http: aiohttp.ClientSession
    url: str
    store: Store
    ami: BareClient
    boss_token: str
    customers: Customers
    pulls: bool = False
    mine: Feed = field(default_factory=Feed)
    supervisors: Feed = field(default_factory=Feed)
    known: dict[str, Known] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: Any = None, *, by: str = "agent") -> Answer:
        tokens = {"agent": self.seat.agent_token, "supervisor": self.seat.supervisor_token, "admin": self.boss_token}
        token = tokens[by]
        headers = {"Authorization": f"Bearer {token}"}
        sent = time.time()
        async with self.http.request(method, f"{self.url}/api/v1{path}", headers=headers, json=body) as answer:
            told = await answer.json(content_type=None) if answer.status != 204 else {}
            return Answer(sent_at=sent, status=answer.status, body=told)

    async def must(self, method: str, path: str, body: Any = None, *, by: str = "agent") -> dict[str, Any]:
        answer = await self.ask(method, path, body, by=by)
        assert answer.status < 300, (method, path, answer)
        return answer.body

    async def rows(self, table: Any, **where: Any) -> list[Any]:
        condition = [table.c[name] == value for name, value in where.items()]
        return await self.store.run(lambda conn: list(conn.execute(select(table).where(*condition))))

    async def agent(self) -> Any:
        (row,) = await self.rows(schema.agents, id=self.seat.agent_id)
        return row

    async def offered(self) -> dict[str, Any]:
        """Available if need be, and the offer that is open then."""
        if (await self.agent()).state in ("idle", "offline"):
            await self.must("PUT", "/me/state", {"state": "available"})
        if self.pulls:
            await self._pull()
        await self.mine.until(lambda: self.open_offer is not None, "an offer", within=30)
        offer = self.open_offer
        assert offer is not None
        return offer

    async def _pull(self) -> None:
        """Ask until a contact is shown: the line of the last call may still be ending."""
        end = time.monotonic() + SETTLES_WITHIN
        while (answer := await self.ask("POST", f"/campaigns/{self.seat.here.campaign_id}/next")).status >= 300:
            assert time.monotonic() < end, answer
            await asyncio.sleep(0.05)

    async def know(self, offer: dict[str, Any]) -> None:
        (row,) = await self.rows(schema.offers, id=offer["offer"])
        lines = await self.rows(schema.reservations, id=row.reservation_id) if row.reservation_id else []
        self.known = {row.id: Known(contact=row.contact_id, line=lines[0].leg_id if lines else "")}

    @staticmethod
    def expires(offer: dict[str, Any]) -> float:
        """Epoch seconds at which the server's timer ends it."""
        return datetime.fromisoformat(offer["expires_at"]).timestamp()

    async def ready_again(self) -> None:
        """Undo what a race changed for the next one: the campaign runs, there is room, no refused offer is open."""
        here = self.seat.here
        (tenant,) = await self.rows(schema.tenants, id=here.tenant_id)
        if tenant.max_calls == 0:
            await self.must("PATCH", f"/tenants/{here.tenant_id}", {"max_calls": ROOM}, by="admin")
        (campaign,) = await self.rows(schema.campaigns, id=here.campaign_id)
        if not campaign.running:
            await self.must("POST", f"/campaigns/{here.campaign_id}/start", by="supervisor")

    def first_told_at(self, kind: str, **wanted: Any) -> float:
        """Epoch seconds at which the agent's desktop was first told this."""
        return next(
            at
            for at, one, data in self.mine.events
            if one == kind and all(data.get(name) == value for name, value in wanted.items())
        )

    @property
    def open_offer(self) -> dict[str, Any] | None:
        opened = self.mine.told("offer.opened")
        if not opened or self.mine.told("offer.closed", offer=opened[-1]["offer"]):
            return None
        return opened[-1]


def _found(work: Work, count: int, wanted: dict[str, Any]) -> tuple[list[Seat], str]:
    """The lanes, and the token of the installation's administrator."""
    first = company(work.conn, settings=settings(**wanted))
    work.conn.execute(update(schema.cells).values(max_channels=ROOMY))
    work.conn.execute(update(schema.data_centers).values(max_calls=ROOMY))
    work.conn.execute(
        update(schema.trunks).values(
            tenant_id=None,
            max_channels=ROOMY,
            max_calls_per_second=ROOMY,
            dial_template=f"PJSIP/{{number}}@{TRUNK}",
        )
    )
    new = NewUser.model_validate({"username": "boss", "name": "Boss", "role": Role.ADMIN, "password": "correct horse"})
    boss = accounts.create_user(work.conn, None, new, password_hash="-", now=work.now)["id"]
    token = open_session(work.conn, boss, now=work.now, lifetime=timedelta(hours=6))
    return [_seat(work, first, number, wanted) for number in range(count)], token


def _seat(work: Work, first: Company, number: int, wanted: dict[str, Any]) -> Seat:
    name, phone = f"Lane {number}", f"load{number + 1}"
    new_tenant = tenants.NewTenant(name=name, max_calls=ROOM, min_gap=0, daily_cap=100)
    tenant = tenants.create_tenant(work.conn, new_tenant, now=work.now)["id"]
    tokens, ids = {}, {}
    for role in (Role.AGENT, Role.TENANT_ADMIN):
        desk = {"cell_id": first.cell_id, "phone": phone} if role is Role.AGENT else {}
        new = NewUser.model_validate(
            {"username": f"{role}.{number}", "name": phone, "role": role, "password": "correct horse", **desk}
        )
        ids[role] = accounts.create_user(work.conn, tenant, new, password_hash="-", now=work.now)["id"]
        tokens[role] = open_session(work.conn, ids[role], now=work.now, lifetime=timedelta(hours=6))
    team = teams.create_team(work.conn, tenant, teams.NewTeam(name="All", user_ids=(ids[Role.AGENT],)))
    campaign = campaigns.create_campaign(
        work.conn,
        tenant,
        campaigns.NewCampaign(name="Race", settings=settings(**wanted), team_ids=(team["id"],)),
        now=work.now,
    )
    made = lists.create_list(work.conn, tenant, lists.NewList(campaign_id=campaign["id"], name="All"), now=work.now)
    here = first.moved(
        tenant_id=tenant,
        team_id=team["id"],
        agent_id=ids[Role.AGENT],
        campaign_id=campaign["id"],
        list_id=made["id"],
    )
    campaigns.run_campaign(work, tenant, here.campaign_id, running=True)
    return Seat(
        number=number,
        here=here,
        agent_id=ids[Role.AGENT],
        phone=phone,
        agent_token=tokens[Role.AGENT],
        supervisor_token=tokens[Role.TENANT_ADMIN],
    )


@dataclass(slots=True, kw_only=True)
class Track:
    """All lanes on one service."""

    stage: Stage
    store: Store
    lanes: list[Lane]
    _stocked: int = 0

    async def stock(self, races: int, behaviours: tuple[str, ...]) -> None:
        """Contacts for so many races in each lane; no two lanes share a number."""
        share = AREA_CODES // len(self.lanes)

        def transaction(work: Work) -> None:
            for lane in self.lanes:
                first = lane.seat.number * share
                rows = [
                    {
                        "external_id": f"c{self._stocked + n}",
                        "number": fictional_number(
                            behaviours[n % len(behaviours)], first + n // len(behaviours) % share
                        ),
                    }
                    for n in range(races)
                ]
                take_in(work, lane.seat.here, *rows)

        await change(self.store, transaction)
        self._stocked += races


@asynccontextmanager
async def track(stage: Stage, name: str, *, lanes: int, **wanted: Any) -> AsyncIterator[Track]:
    """The service as a process of its own, and the lanes with both feeds open."""
    folder = stage.folder / name
    folder.mkdir()
    url = f"sqlite:///{folder / 'telephony.db'}"
    store = Store(url)
    await asyncio.to_thread(upgrade, store)
    seats, boss = await change(store, lambda work: _found(work, lanes, wanted))
    service = ServiceProcess(ServiceSettings.at(stage.ports, directory=folder, database_url=url, ami=stage.pbx.ami))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        stack.push_async_callback(service.stop)
        await service.start()
        await service.ready()
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        ami = await stack.enter_async_context(BareClient(stage.pbx.ami))
        made = [
            Lane(
                seat=seat,
                http=http,
                url=service.url,
                store=store,
                ami=ami,
                boss_token=boss,
                customers=stage.customers,
                pulls=wanted.get("mode") == "preview",
            )
            for seat in seats
        ]
        for lane in made:
            for token, feed in ((lane.seat.agent_token, lane.mine), (lane.seat.supervisor_token, lane.supervisors)):
                headers = {"Authorization": f"Bearer {token}"}
                socket = await http.ws_connect(f"{service.url}/api/v1/live", headers=headers)
                listening = asyncio.create_task(feed.listen(socket))
                stack.callback(listening.cancel)
        yield Track(stage=stage, store=store, lanes=made)
        await asyncio.gather(*(lane.must("PUT", "/me/state", {"state": "idle"}) for lane in made))
        await asyncio.sleep(1.0)  # the lines' ends
