"""A floor on the run's real Asterisk: real phones, real customers, one SQLite or PostgreSQL store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Table, select, update

from telephony.demo.customers import fictional_number
from telephony.demo.pbx import Pbx
from telephony.dialer.floor import Floor
from telephony.pbx.asterisk import AsteriskSwitchboard
from telephony.store import accounts, campaigns, cells, schema, teams
from telephony.store.engine import Store
from telephony.store.work import Work, change
from tests.support.company import Company, company, take_in
from tests.support.platform import TRUNK
from tests.support.shift import audio_folder, settings


def switchboard(pbx: Pbx) -> AsteriskSwitchboard:
    """The adapter for this Asterisk; FastAGI on a free port."""
    ami = pbx.ami
    return AsteriskSwitchboard(host=ami.host, port=ami.port, username=ami.user, secret=ami.secret)


class LineShift:
    """Agents on a running floor; `agents` maps a phone's name to its agent's id."""

    def __init__(self, *, store: Store, floor: Floor, here: Company, agents: dict[str, str]) -> None:
        self.store = store
        self.floor = floor
        self.here = here
        self.agents = agents
        self._presence: asyncio.Task[None] | None = None

    async def until(self, true: Callable[[], bool], seconds: float = 10.0, what: str = "") -> None:
        end = asyncio.get_running_loop().time() + seconds
        while not true():
            states = {phone: desk.agent.state.value for phone, desk in self.desks.items()}
            assert asyncio.get_running_loop().time() < end, f"{what or 'it'} not within {seconds} s; agents: {states}"
            await asyncio.sleep(0.005)

    async def restart_floor(self, pbx: Pbx) -> None:
        """The service ends and another one takes the cell over; calls that are up stay up."""
        await self.floor.stop()
        ground = self.floor.ground
        self.floor = Floor(store=self.store, board=switchboard(pbx), place=ground.place, audio=ground.audio)
        await self.floor.start()
        for agent in self.agents.values():
            self.floor.live_opened(agent)
        await self.until(lambda: self.floor.ready, what="ready")

    @property
    def desks(self) -> dict[str, Any]:
        return {phone: self.floor.desks[agent] for phone, agent in self.agents.items() if agent in self.floor.desks}

    def state(self, phone: str) -> str:
        return str(self.desks[phone].agent.state.value)

    async def state_is(self, phone: str, state: str, seconds: float = 10.0) -> None:
        await self.until(lambda: self.state(phone) == state, seconds, f"{phone} {state}")

    async def available(self, phone: str) -> None:
        await self.floor.set_state(self.agents[phone], "available")

    async def previewing(self, phone: str) -> str:
        """Available and reserved; the open offer."""
        await self.available(phone)
        await self.state_is(phone, "previewing")
        return str(self.desks[phone].preview.offer.id)

    async def decide(self, phone: str, action: str) -> dict[str, Any]:
        return await self.floor.decide(self.agents[phone], self.desks[phone].preview.offer.id, action)

    async def accept(self, phone: str) -> str:
        return str((await self.decide(phone, "accept"))["attempt"])

    async def wrap_up(self, phone: str, attempt: str, disposition: str = "success") -> None:
        await self.floor.wrap_up(self.agents[phone], attempt, disposition=disposition)

    async def rows(self, table: Table) -> list[Any]:
        return await self.store.run(lambda conn: list(conn.execute(select(table).order_by(table.c.id))))

    async def attempt(self, attempt_id: str) -> Any:
        table = schema.attempts
        return await self.store.run(lambda conn: conn.execute(select(table).where(table.c.id == attempt_id)).one())

    async def ended(self, attempt_id: str, seconds: float = 10.0) -> Any:
        """The attempt's row once it has ended."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            row = await self.attempt(attempt_id)
            if row.state == "ended":
                return row
            assert asyncio.get_running_loop().time() < end, f"attempt still {row.state}"
            await asyncio.sleep(0.02)

    async def used(self) -> dict[str, int]:
        table = schema.usage
        return await self.store.run(lambda conn: {row.scope: row.used for row in conn.execute(select(table))})


def found(
    work: Work,
    *,
    phones: Sequence[str],
    numbers: Sequence[str],
    max_calls: int = 200,
    rate: float = 1000,
    wanted: dict[str, Any],
) -> tuple[Company, dict[str, str]]:
    """A company with an agent for each phone and a contact for each number, its campaign running."""
    here = company(work.conn, settings=settings(**wanted))
    ids: dict[str, str] = {}
    for phone in phones:
        user = accounts.create_user(
            work.conn,
            here.tenant_id,
            accounts.NewUser(
                username=f"user.{phone}",
                name=phone,
                role=accounts.Role.AGENT,
                password="correct horse",
                cell_id=here.cell_id,
                phone=phone,
            ),
            password_hash="-",
            now=work.now,
        )
        ids[phone] = user["id"]
    teams.change_team(work.conn, here.tenant_id, here.team_id, teams.TeamChange(user_ids=tuple(ids.values())))
    for table in (schema.tenants, schema.data_centers):
        work.conn.execute(update(table).values(max_calls=max_calls))
    work.conn.execute(update(schema.cells).values(max_channels=5000))
    work.conn.execute(
        update(schema.trunks).values(
            dial_template=f"PJSIP/{{number}}@{TRUNK}", max_channels=1000, max_calls_per_second=rate
        )
    )
    take_in(
        work,
        here,
        *({"external_id": f"c{n}", "name": f"Customer {n}", "number": number} for n, number in enumerate(numbers)),
    )
    campaigns.run_campaign(work, here.tenant_id, here.campaign_id, running=True)
    return here, ids


@asynccontextmanager
async def line_shift(
    store: Store,
    pbx: Pbx,
    *,
    phones: Sequence[str] = ("load1",),
    customers: Sequence[str] = ("00",),
    numbers: Sequence[str] | None = None,
    max_calls: int = 200,
    rate: float = 1000,
    **wanted: Any,
) -> AsyncIterator[LineShift]:
    """A started floor; `customers` are the behaviours of the contacts, in the order they are offered."""
    dialed = numbers or [fictional_number(behaviour, index) for index, behaviour in enumerate(customers)]
    here, ids = await change(
        store,
        lambda work: found(work, phones=phones, numbers=dialed, max_calls=max_calls, rate=rate, wanted=wanted),
    )
    place = await store.run(
        lambda conn: cells.take_over(
            conn, name="Acme cell", data_center="Acme hall", url="", max_channels=1, max_calls=1
        )
    )
    audio = audio_folder(pbx.audio)
    await asyncio.to_thread(audio.prepare)
    floor = Floor(store=store, board=switchboard(pbx), place=place, audio=audio)
    await floor.start()
    one = LineShift(store=store, floor=floor, here=here, agents=ids)
    for agent in ids.values():
        floor.live_opened(agent)
    try:
        await one.until(lambda: floor.ready, what="ready")
        yield one
        for phone in ids:
            if one.state(phone) in ("ringing", "reserved", "previewing"):
                await one.floor.set_state(ids[phone], "idle")
    finally:
        await hang_up_all(one.floor)
        await one.floor.stop()


async def hang_up_all(floor: Floor) -> None:
    """Nothing of this test may ring on into the next one."""
    if not floor.pbx_connected:
        return
    for _ in range(50):
        survey = await floor.ground.board.survey()
        if not survey.live:
            return
        for leg in survey.live:
            await floor._end_orphan(leg)
        await asyncio.sleep(0.1)
