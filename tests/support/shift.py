"""An agent's shift on a floor whose switchboard is played by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from telephony.dialer.floor import Floor
from telephony.model.campaign import CampaignSettings
from telephony.model.ids import new_id
from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.port import LiveLeg, RecordedEnd, Survey
from telephony.store import campaigns, cells, schema
from telephony.store.engine import Store
from telephony.store.grants import Place
from telephony.store.work import Work, change
from tests.support.company import Company, company, take_in
from tests.support.hand_board import HandBoard

AUDIO = AudioFolder(here=Path("/srv/audio"), there=PurePosixPath("/pbx/audio"))
"""Nothing is written there: the switchboard is played by hand."""

LONG_AGO = 1_000_000.0

ALWAYS = {day: [["00:00", "00:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def settings(**changes: Any) -> CampaignSettings:
    """Settings that may dial at every hour, so that the test's hour does not matter."""
    return CampaignSettings.model_validate({"calling_hours": ALWAYS, **changes})


def audio_folder(path: Path) -> AudioFolder:
    """A folder that the PBX knows by the same path."""
    return AudioFolder(here=path, there=PurePosixPath(path))


class Shift:
    """One agent, one campaign, one floor, a switchboard in the test's hand."""

    def __init__(self, *, store: Store, here: Company, place: Place, board: HandBoard, audio: AudioFolder) -> None:
        self.store = store
        self.here = here
        self.place = place
        self.board = board
        self.audio = audio
        self.patience = 5.0
        self.floor = Floor(store=store, board=board, place=place, audio=audio)

    @property
    def agent(self) -> str:
        return self.here.agent_id

    async def until(self, true: Callable[[], bool], *, seconds: float = 0.0) -> None:
        """Wait until something is true; fails after `patience` seconds, or after more."""
        within = max(seconds, self.patience)
        end = asyncio.get_running_loop().time() + within
        while not true():
            assert asyncio.get_running_loop().time() < end, f"not within {within} s; orders: {self.board.orders}"
            await asyncio.sleep(0.005)

    async def state_is(self, state: str) -> None:
        await self.until(lambda: self.floor.desks[self.agent].agent.state == state)

    async def settle(self) -> None:
        """Until the desk has worked off its inbox."""
        desk = await self.floor.desk(self.agent)

        async def nothing() -> None:
            return None

        for _ in range(3):
            await desk.ask(nothing)

    async def reserved(self) -> str:
        """Available, rung, answered; the agent's leg."""
        before = len(self.board.agent_calls)
        await self.floor.set_state(self.agent, "available")
        await self.until(lambda: len(self.board.agent_calls) > before)
        leg = self.board.agent_calls[-1].leg
        self.board.answers(leg)
        await self.state_is("previewing")
        return leg

    async def accepted(self) -> tuple[str, str]:
        """Accept the open offer; the attempt and the customer's leg, once its Originate was ordered."""
        before = len(self.board.customer_calls)
        done = await self.floor.decide(self.agent, self.offer, "accept")
        await self.until(lambda: len(self.board.customer_calls) > before)
        return done["attempt"], self.board.customer_calls[-1].leg

    async def talking(self) -> tuple[str, str, str]:
        """Reserved, accepted, answered, joined: (agent leg, attempt, customer leg)."""
        agent_leg = await self.reserved()
        attempt, leg = await self.accepted()
        self.board.appears(leg)
        self.board.rings(leg)
        assert await self.board.asks(leg) == "join"
        self.board.joins(leg, agent_leg)
        await self.state_is("talking")
        return agent_leg, attempt, leg

    async def second_trunk(self) -> None:
        """Another trunk behind the company's own."""
        second = {
            "id": new_id(),
            "tenant_id": self.here.tenant_id,
            "name": "second",
            "dial_template": "PJSIP/{number}@second",
            "max_channels": 5,
            "max_calls_per_second": 5,
            "number_ranges": [],
            "caller_ids": [],
            "position": 99,
        }

        def add(conn: Connection) -> None:
            conn.execute(insert(schema.trunks).values(second))
            conn.execute(insert(schema.trunk_cells).values(trunk_id=second["id"], cell_id=self.place.cell_id))

        await self.store.run(add)

    @property
    def offer(self) -> str:
        found = self.floor.desks[self.agent].preview.offer
        assert found is not None
        return found.id

    async def rows(self, table: Table) -> list[Any]:
        return await self.store.run(lambda conn: list(conn.execute(select(table).order_by(table.c.id))))

    async def contact(self, external_id: str) -> Any:
        table = schema.contacts
        return await self.store.run(
            lambda conn: conn.execute(select(table).where(table.c.external_id == external_id)).one()
        )

    async def used(self) -> dict[str, int]:
        """Units up by scope."""
        table = schema.usage
        return await self.store.run(lambda conn: {row.scope: row.used for row in conn.execute(select(table))})


@asynccontextmanager
async def shift(
    store: Store,
    *,
    contacts: int = 3,
    audio: AudioFolder = AUDIO,
    about: Mapping[str, str] | None = None,
    **wanted: Any,
) -> AsyncIterator[Shift]:
    """A started floor with `contacts` contacts waiting (external ids c0, c1 ...); `audio`: where recordings are.

    `about`: what else is known of each contact.
    """

    def found(work: Work) -> tuple[Company, Place]:
        here = company(work.conn, settings=settings(**wanted))
        take_in(
            work,
            here,
            *(
                {"external_id": f"c{n}", "name": f"Customer {n}", "number": f"+4420794600{n:02d}"} | dict(about or {})
                for n in range(contacts)
            ),
        )
        campaigns.run_campaign(work, here.tenant_id, here.campaign_id, running=True)
        place = cells.take_over(
            work.conn, name="Acme cell", data_center="Acme hall", url="", max_channels=50, max_calls=50
        )
        return here, place

    here, place = await change(store, found)
    made = Shift(store=store, here=here, place=place, board=HandBoard(), audio=audio)
    await made.floor.start()
    await made.until(lambda: made.floor.ready)
    try:
        yield made
    finally:
        await made.floor.stop()


def found(
    *, live: list[LiveLeg] | None = None, ended: list[RecordedEnd] | None = None, since: float = LONG_AGO
) -> Survey:
    """What a survey finds; `since`: when that Asterisk was started (epoch seconds)."""
    return Survey(
        live={leg.leg: leg for leg in live or []}, ended={leg.leg: leg for leg in ended or []}, running_since=since
    )


async def restart(one: Shift, survey: Survey) -> None:
    """The service dies without a word and another one starts on the same database."""
    for desk in one.floor.desks.values():
        await desk.close()
    for task in one.floor._tasks:
        task.cancel()
    one.board = HandBoard(survey_now=survey)
    one.board.channels.update(survey.live)
    one.floor = Floor(store=one.store, board=one.board, place=one.place, audio=one.audio)
    await one.floor.start()
    await one.until(lambda: one.floor.ready)
    await one.settle()


def now() -> datetime:
    return datetime.now(UTC)
