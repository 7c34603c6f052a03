"""What supervisors look at: agents as they are, how far a campaign is, what refused calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from telephony.model.ids import new_id
from telephony.store import floor, schema
from telephony.store.engine import Store
from telephony.store.paging import PageRequest, Row
from telephony.store.schema import agents, contacts, refusals, users
from tests.support.company import LONDON, NOON, Company, company
from tests.unit.test_store_views import called, desk, offered, take

pytestmark = pytest.mark.unit

HOUR = timedelta(hours=1)


@pytest.fixture
async def acme(store: Store) -> Company:
    return await store.run(company)


async def shown(store: Store, here: Company, **wanted: Any) -> list[Row]:
    found = await store.run(lambda conn: floor.agents_page(conn, here.tenant_id, PageRequest(), **wanted))
    return found.items


async def test_an_agent_is_shown_with_campaign_contact_and_call(store: Store, acme: Company) -> None:
    jo = await take(store, acme)

    def preview(conn: Connection) -> str:
        offer = offered(conn, acme, jo)
        desk(conn, acme, state="previewing", campaign_id=acme.campaign_id, offer_id=offer)
        return offer

    offer = await store.run(preview)
    (ann,) = await shown(store, acme)
    assert (ann["name"], ann["state"], ann["campaign"]["name"], ann["call"]) == ("Ann", "previewing", "Spring", None)
    assert (ann["contact"], ann["offer_until"]) == ({"id": jo, "name": "Jo"}, NOON + timedelta(seconds=60))
    assert ann["teams"] == [{"id": acme.team_id, "name": "Sales"}]

    def talk(conn: Connection) -> str:
        conn.execute(update(schema.offers).where(schema.offers.c.id == offer).values(state="accepted"))
        call = called(conn, acme, jo, offer, answered_at=NOON + HOUR, joined_at=NOON + 2 * HOUR)
        desk(conn, acme, state="talking", attempt_id=call)
        return call

    call = await store.run(talk)
    (ann,) = await shown(store, acme)
    assert ann["call"] == {"id": call, "state": "talking", "since": NOON + 2 * HOUR}
    assert (ann["contact"]["name"], ann["offer_until"]) == ("Jo", None)


async def test_a_contact_that_was_skipped_is_no_longer_the_agents(store: Store, acme: Company) -> None:
    jo = await take(store, acme)
    await store.run(lambda conn: desk(conn, acme, state="reserved", offer_id=offered(conn, acme, jo, state="skipped")))
    assert (await shown(store, acme))[0]["contact"] is None


async def test_agents_of_other_teams_and_tenants_are_not_shown(store: Store, acme: Company) -> None:
    globex = await store.run(lambda conn: company(conn, "Globex"))

    assert [one["id"] for one in await shown(store, acme)] == [acme.agent_id]
    assert [one["id"] for one in await shown(store, acme, team_ids=(acme.team_id,))] == [acme.agent_id]
    assert await shown(store, acme, team_ids=(globex.team_id,)) == []
    assert await shown(store, acme, ids=[globex.agent_id]) == []
    assert len(await shown(store, acme, ids=[acme.agent_id, globex.agent_id])) == 1


async def test_who_was_deactivated_is_shown_until_the_last_call_ended(store: Store, acme: Company) -> None:
    def leave(conn: Connection) -> None:
        conn.execute(update(users).where(users.c.id == acme.agent_id).values(active=False))
        desk(conn, acme, state="talking")

    await store.run(leave)
    assert len(await shown(store, acme)) == 1
    await store.run(lambda conn: desk(conn, acme, state="offline"))
    assert await shown(store, acme) == []


async def test_progress_counts_contacts_outcomes_and_the_hours_in_which_contacts_become_due(
    store: Store, acme: Company
) -> None:
    ids = [await take(store, acme, external_id=f"A{n}", number=f"+4420794600{n:02}") for n in range(8)]
    due = [NOON - HOUR, NOON, NOON + 0.5 * HOUR, NOON + 0.9 * HOUR, NOON + 23 * HOUR, NOON + 24 * HOUR, None]

    def wait(conn: Connection) -> None:
        for id_, moment in zip(ids, due, strict=False):
            conn.execute(update(contacts).where(contacts.c.id == id_).values(due_at=moment))
        conn.execute(update(contacts).where(contacts.c.id == ids[-1]).values(state="done"))
        for outcome, ago in (("TALKED", 0), ("TALKED", 13), ("CUSTOMER_BUSY", 0), (None, 0)):
            offer = offered(conn, acme, ids[0], state="accepted")
            called(conn, acme, ids[0], offer, outcome=outcome, granted_at=NOON - ago * HOUR)

    await store.run(wait)
    found = await store.run(lambda conn: floor.progress(conn, acme.campaign_id, now=NOON))

    assert found["contacts"]["waiting"] == 8  # as kept with the steps, which this test went around
    assert found["outcomes"] == [
        {"outcome": "TALKED", "n": 2, "today": 1},
        {"outcome": "CUSTOMER_BUSY", "n": 1, "today": 1},
    ]
    assert (found["due_now"], found["due_later"], found["never_due"]) == (2, 1, 1)
    assert found["next_due"] == [{"at": NOON, "n": 2}, {"at": NOON + 23 * HOUR, "n": 1}]


@pytest.mark.parametrize("facts", [{"active": False}, {"expires_at": NOON}])
async def test_contacts_of_lists_that_are_not_dialed_never_become_due(
    store: Store, acme: Company, facts: dict[str, Any]
) -> None:
    await take(store, acme)
    await store.run(lambda conn: conn.execute(update(schema.lists).values(**facts)) and None)
    found = await store.run(lambda conn: floor.progress(conn, acme.campaign_id, now=NOON))
    assert (found["due_now"], found["next_due"], found["contacts"]["waiting"]) == (0, [], 1)


async def test_refusals_are_counted_by_limit(store: Store, acme: Company) -> None:
    globex = await store.run(lambda conn: company(conn, "Globex"))

    def refuse(conn: Connection, here: Company, code: str, scope_id: str | None, minutes: int) -> None:
        common = {"id": new_id(), "tenant_id": here.tenant_id, "campaign_id": here.campaign_id}
        at_ = NOON - timedelta(minutes=minutes)
        conn.execute(
            insert(refusals).values(**common, agent_id=here.agent_id, code=code, scope_id=scope_id, refused_at=at_)
        )

    def fill(conn: Connection) -> None:
        for minutes in (1, 5, 70):
            refuse(conn, acme, "TRUNK_CHANNEL_LIMIT", acme.trunk_id, minutes)
        refuse(conn, acme, "CALL_RATE_LIMIT", acme.trunk_id, 2)
        refuse(conn, acme, "NO_TRUNK", None, 3)
        refuse(conn, globex, "TENANT_CALL_LIMIT", globex.tenant_id, 3)

    await store.run(fill)

    async def told(tenant_id: str | None, **wanted: Any) -> list[tuple[Any, ...]]:
        rows = await store.run(lambda conn: floor.refused(conn, tenant_id, since=NOON - HOUR, **wanted))
        return [(row["code"], row["scope"], row["name"], row["n"]) for row in rows]

    own = [
        ("TRUNK_CHANNEL_LIMIT", "trunk", "Acme carrier", 2),
        ("CALL_RATE_LIMIT", "trunk", "Acme carrier", 1),
        ("NO_TRUNK", None, None, 1),
    ]
    assert await told(acme.tenant_id) == own
    assert await told(acme.tenant_id, team_ids=(acme.team_id,)) == own
    assert await told(acme.tenant_id, team_ids=(globex.team_id,)) == []
    assert await told(None) == [*own, ("TENANT_CALL_LIMIT", "tenant", "Globex", 1)]
    rows = await store.run(lambda conn: floor.refused(conn, acme.tenant_id, since=NOON - HOUR))
    assert rows[0]["last_at"] == NOON - timedelta(minutes=1)
    assert LONDON not in str(rows)


async def test_agents_come_in_pages(store: Store, acme: Company) -> None:
    def hire(conn: Connection) -> None:
        for n in range(3):
            id_ = new_id()
            person = {"id": id_, "tenant_id": acme.tenant_id, "username": f"u{n}", "name": f"U{n}", "role": "agent"}
            conn.execute(insert(users).values(**person, password_hash="-", created_at=NOON))
            conn.execute(
                insert(agents).values(id=id_, tenant_id=acme.tenant_id, cell_id=acme.cell_id, state_since=NOON)
            )

    await store.run(hire)
    first = await store.run(lambda conn: floor.agents_page(conn, acme.tenant_id, PageRequest(limit=3)))
    rest = await store.run(lambda conn: floor.agents_page(conn, acme.tenant_id, PageRequest(limit=3, after=first.next)))
    assert (len(first.items), len(rest.items), rest.next) == (3, 1, None)
