"""A campaign with two agents in the database alone: claims, offers and attempts at chosen moments."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from telephony.model.agent import AgentEvent
from telephony.model.campaign import CampaignSettings
from telephony.model.offer import OfferEvent
from telephony.model.reasons import Outcome
from telephony.store import accounts, agents, attempts, campaigns, cells, claims, due, offers, teams
from telephony.store.claims import Claim
from telephony.store.engine import Store
from telephony.store.grants import Place
from telephony.store.records import Agent
from telephony.store.schema import (
    agents as agents_table,
)
from telephony.store.schema import (
    contacts,
)
from telephony.store.work import Work
from tests.support.company import NOON, Company, at, company, take_in


@dataclass(slots=True)
class Desk:
    """A campaign with agents Ann and Bob, at any moment of the test's choice."""

    store: Store
    here: Company
    place: Place
    ann: str
    bob: str

    async def run(self, moment: datetime, fn: Callable[[Work], Any]) -> Any:
        return await at(self.store, moment, fn)

    def agent(self, work: Work, id_: str) -> Agent:
        found = agents.load(work, id_)
        assert found is not None
        return found

    async def take(self, *rows: dict[str, Any], moment: datetime = NOON) -> list[str]:
        return list(await self.run(moment, lambda work: take_in(work, self.here, *rows)))

    async def claims(self, moment: datetime, agent: str) -> Claim | None:
        """What an agent would be given then; nothing stays of it."""
        found: list[Claim | None] = []

        class Undo(Exception):
            pass

        def try_it(work: Work) -> None:
            found.append(claims.claim(work, self.place, self.agent(work, agent)))
            if found[-1] is not None:
                raise Undo

        with contextlib.suppress(Undo):
            await self.run(moment, try_it)
        return found[-1]

    async def upkeep(self, moment: datetime) -> None:
        await self.run(moment, lambda work: due.pass_over_closed(work.conn, now=work.now))

    async def claims_name(self, moment: datetime, agent: str) -> str | None:
        found = await self.claims(moment, agent)
        return found.contact.external_id if found else None

    async def skip(self, moment: datetime, agent: str) -> str:
        """Claim the next contact, show it, skip it."""

        def skipped(work: Work) -> str:
            who = self.agent(work, agent)
            claim = claims.claim(work, self.place, who)
            assert claim is not None
            offer = offers.open_offer(work, who, None, claim, AgentEvent.SHOWN)
            offers.close(work, offer, OfferEvent.SKIP, by=agent)
            agents.step_agent(work, who, AgentEvent.CLOSED_OFF_LINE, offer_id=None)
            return claim.contact.external_id

        return str(await self.run(moment, skipped))

    async def tries(self, moment: datetime, outcome: Outcome) -> str:
        """Claim, place and end an attempt; the number that was dialed."""

        def tried(work: Work) -> str:
            who = self.agent(work, self.ann)
            claim = claims.claim(work, self.place, who)
            assert claim is not None
            offer = offers.open_offer(work, who, None, claim, AgentEvent.SHOWN)
            placed = attempts.place(work, self.place, who, offer, OfferEvent.ACCEPT)
            assert isinstance(placed, attempts.Placed), placed
            attempts.end(work, who, placed.attempt, placed.leg.id, None, outcome)
            agents.step_agent(work, who, AgentEvent.ATTEMPT_FAILED_OFF_LINE)
            return claim.number.e164

        await self.upkeep(moment)
        return str(await self.run(moment, tried))

    async def contact(self, id_: str) -> Any:
        return await self.store.run(lambda conn: conn.execute(select(contacts).where(contacts.c.id == id_)).one())

    async def write(self, table: Any, where: Any, **values: Any) -> None:
        await self.store.run(lambda conn: conn.execute(update(table).where(where).values(**values)) and None)


async def open_desk(store: Store) -> Desk:
    """A running campaign at noon with the agents Ann and Bob, both available, and no contacts yet."""

    def found(work: Work) -> Desk:
        here = company(work.conn, settings=CampaignSettings(max_attempts=10))
        bob = accounts.create_user(
            work.conn,
            here.tenant_id,
            accounts.NewUser(
                username="bob",
                name="Bob",
                role=accounts.Role.AGENT,
                password="correct horse",
                cell_id=here.cell_id,
                phone="1002",
            ),
            password_hash="-",
            now=work.now,
        )["id"]
        teams.change_team(work.conn, here.tenant_id, here.team_id, teams.TeamChange(user_ids=(here.agent_id, bob)))
        work.conn.execute(update(agents_table).values(state="available"))
        campaigns.run_campaign(work, here.tenant_id, here.campaign_id, running=True)
        place = cells.take_over(
            work.conn, name="Acme cell", data_center="Acme hall", url="", max_channels=50, max_calls=50
        )
        return Desk(store, here, place, here.agent_id, bob)

    made: Desk = await at(store, NOON, found)
    return made
