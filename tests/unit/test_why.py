"""Why a campaign does not dial: every cause is named, every contact counted once, the next moment told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from telephony.model import why as model
from telephony.model.reasons import Capacity
from telephony.model.why import Hindrance, InTheWay, Standing, Why, spelled_out
from telephony.store import campaigns, schema, why
from telephony.store.claims import CALLBACK_GRACE
from telephony.store.do_not_call import NewEntry, add_entry
from telephony.store.engine import Store
from telephony.store.lists import NewList, create_list
from telephony.store.work import Work
from tests.support.claim_desk import Desk, open_desk
from tests.support.company import LONDON, NOON, take_in

pytestmark = pytest.mark.unit

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
async def desk(store: Store) -> Desk:
    return await open_desk(store)


async def asked(desk: Desk, moment: datetime = NOON, services: Sequence[InTheWay] = ()) -> Why:
    found: Why = await desk.run(
        moment, lambda work: why.why(work.conn, desk.here.campaign_id, now=work.now, services=services)
    )
    assert sum(one.count for one in found.contacts) == found.total
    return found


def causes(found: Why) -> set[str]:
    return {one.code.value for one in found.in_the_way}


def standing(found: Why) -> dict[str, int]:
    return {one.code.value: one.count for one in found.contacts}


def number(n: int) -> dict[str, Any]:
    return {"external_id": f"A{n}", "number": f"{LONDON[:-2]}{n:02}"}


async def test_nothing_is_in_the_way(desk: Desk) -> None:
    await desk.take(number(1), number(2))
    found = await asked(desk)
    assert (causes(found), standing(found), found.total) == (set(), {"READY": 2}, 2)
    assert (found.dials_at, found.next_contact_at) == (NOON, NOON)


async def test_three_causes_at_once_are_all_named(desk: Desk) -> None:
    await desk.take(number(1))
    await desk.write(schema.agents, schema.agents.c.id == desk.ann, state="idle", idle_reason="lunch")
    await desk.write(schema.agents, schema.agents.c.id == desk.bob, state="offline")
    await desk.write(schema.trunks, schema.trunks.c.id == desk.here.trunk_id, enabled=False)
    await desk.run(
        NOON, lambda work: campaigns.run_campaign(work, desk.here.tenant_id, desk.here.campaign_id, running=False)
    )
    found = await asked(desk, NOON + 12 * HOUR, [InTheWay(code=Capacity.PBX_UNREACHABLE)])
    assert causes(found) == {"CAMPAIGN_STOPPED", "NO_AGENT_AVAILABLE", "NO_TRUNK", "PBX_UNREACHABLE"}
    assert standing(found) == {"OUTSIDE_CALLING_HOURS": 1}
    assert [(one.state, one.reason, one.count) for one in found.agents] == [("idle", "lunch", 1), ("offline", None, 1)]
    assert found.dials_at is None


async def test_a_full_limit_is_told_with_its_figures(desk: Desk) -> None:
    await desk.take(number(1))
    tables = [
        (schema.tenants, "max_calls", "TENANT_CALL_LIMIT", "Acme"),
        (schema.data_centers, "max_calls", "DATA_CENTER_CALL_LIMIT", "Acme hall"),
        (schema.trunks, "max_channels", "TRUNK_CHANNEL_LIMIT", "Acme carrier"),
        (schema.cells, "max_channels", "CELL_CHANNEL_LIMIT", "Acme cell"),
    ]
    for table, column, _, _ in tables:
        await desk.store.run(lambda conn, t=table, c=column: conn.execute(update(t).values({c: 0})) and None)
    found = await asked(desk)
    assert {(one.code.value, one.name, one.used, one.limit) for one in found.in_the_way} == {
        (code, name, 0, 0) for _, _, code, name in tables
    }


async def test_every_contact_stands_in_one_place(desk: Desk) -> None:
    ids = await desk.take(*(number(n) for n in range(14)), {"external_id": "sat", "number": "+883510000000"})
    await desk.take({**number(20), "zone": "America/New_York"})
    later, contacts = NOON + 30 * MINUTE, schema.contacts
    changes: list[dict[str, Any]] = [
        {},
        {"due_at": later, "waits_for": "retry"},
        {"due_at": later, "waits_for": "min_gap"},
        {"due_at": later, "waits_for": "daily_cap"},
        {"due_at": later, "waits_for": "pause"},
        {"due_at": later, "waits_for": "room"},
        {"due_at": later, "waits_for": "not_allowed"},
        {"due_at": later, "waits_for": "callback", "state": "callback"},
        {"due_at": NOON, "state": "callback", "callback_agent_id": desk.bob},
    ]
    for id_, values in zip(ids, changes, strict=False):
        if values:
            await desk.write(contacts, contacts.c.id == id_, **values)
    await desk.write(schema.agents, schema.agents.c.id == desk.bob, state="offline")

    def more(work: Any) -> None:
        add_entry(work, desk.here.tenant_id, NewEntry(number=number(9)["number"]), added_by=None)
        busy = {"tenant_id": desk.here.tenant_id, "e164": number(10)["number"], "contact_id": ids[0]}
        work.conn.execute(insert(schema.busy_numbers).values(busy))
        for name, values in (("Off", {"active": False}), ("Old", {"expires_at": NOON})):
            new = NewList(campaign_id=desk.here.campaign_id, name=name)
            id_ = create_list(work.conn, desk.here.tenant_id, new, now=work.now)["id"]
            work.conn.execute(update(schema.lists).where(schema.lists.c.id == id_).values(values))
            take_in(work, desk.here.moved(list_id=id_), number(30 if name == "Off" else 31))

    await desk.run(NOON, more)
    found = await asked(desk)
    assert standing(found) == {
        "READY": 4, "RETRY_LATER": 1, "MIN_GAP": 1, "DAILY_CAP": 1, "NUMBER_PAUSED": 1, "NO_ROOM_LATELY": 1,
        "NUMBER_NOT_ALLOWED": 1, "CALLBACK_LATER": 1, "CALLBACK_OF_AGENT": 1, "ON_DO_NOT_CALL_LIST": 1,
        "NUMBER_IN_USE": 1, "ZONE_UNKNOWN": 1, "OUTSIDE_CALLING_HOURS": 1, "LIST_INACTIVE": 1, "LIST_EXPIRED": 1,
    }  # fmt: skip
    until = {one.code: one.until for one in found.contacts}
    assert until[Standing.RETRY_LATER] == later
    assert until[Standing.OUTSIDE_CALLING_HOURS] == NOON + HOUR, "08:00 in New York"
    assert until[Standing.CALLBACK_OF_AGENT] == NOON + CALLBACK_GRACE


async def test_skipped_by_everybody_who_is_there(desk: Desk) -> None:
    await desk.take(number(1))
    assert await desk.skip(NOON, desk.ann) == "A1"
    hour_later = NOON + HOUR
    assert standing(await asked(desk, hour_later)) == {"READY": 1}
    await desk.write(schema.agents, schema.agents.c.id == desk.bob, state="talking")
    found = await asked(desk, hour_later)
    assert standing(found) == {"SKIPPED_BY_ALL": 1}
    assert found.dials_at == NOON + timedelta(hours=24)
    assert await desk.claims(hour_later, desk.ann) is None


async def test_an_empty_campaign_and_one_that_is_through(desk: Desk) -> None:
    assert causes(await asked(desk)) == {"LIST_EMPTY"}
    await desk.take(number(1))
    entry = NewEntry(number=number(1)["number"])
    await desk.run(NOON, lambda work: add_entry(work, desk.here.tenant_id, entry, added_by=None))
    assert causes(await asked(desk)) == {"NOTHING_LEFT"}
    teams = delete(schema.campaign_teams)
    await desk.store.run(lambda conn: conn.execute(teams) and None)
    assert causes(await asked(desk)) == {"NOTHING_LEFT", "NO_TEAM"}


async def test_the_moment_is_that_of_the_first_contact(desk: Desk) -> None:
    ids = await desk.take(number(1), number(2))
    for id_, minutes in zip(ids, (20, 10), strict=True):
        values = {"due_at": NOON + minutes * MINUTE, "waits_for": "retry"}
        await desk.write(schema.contacts, schema.contacts.c.id == id_, **values)
    assert (await asked(desk)).dials_at == NOON + 10 * MINUTE
    assert await desk.claims(NOON + 10 * MINUTE - timedelta(seconds=1), desk.ann) is None
    assert await desk.claims_name(NOON + 10 * MINUTE, desk.ann) == "A2"


@pytest.mark.parametrize("code", [*Hindrance, *Standing, *Capacity])
def test_every_code_has_a_sentence_in_both_languages(code: Any) -> None:
    english, spanish = model.text(code), model.text(code, "es")
    assert english != spanish
    assert english[0].isupper()


def test_the_answer_is_spelled_out() -> None:
    tally = model.Tally()
    tally.add(Standing.READY, 3)
    answer = model.explain(tally, [InTheWay(code=Hindrance.NO_TEAM)], [], now=NOON)
    told = spelled_out(answer, "es")
    assert told["contacts"] == [{"code": "READY", "count": 3, "until": None, "text": "Se puede llamar ahora"}]
    assert told["in_the_way"][0]["text"] == "Ningún equipo trabaja en la campaña"
    assert (told["dials_at"], told["next_contact_at"]) == (None, NOON)


async def test_the_cells_of_available_agents_count_else_those_of_all(store: Store) -> None:
    desk = await open_desk(store)

    def cells(work: Work) -> list[str]:
        return [cell.name for cell in why.cells_of(work.conn, desk.here.campaign_id)]

    assert await desk.run(NOON, cells) == ["Acme cell"]
    unreachable = Capacity.PBX_UNREACHABLE
    assert model.of_services({}) == []
    assert model.of_services({"a": unreachable, "b": None}) == []  # one that can call is enough
    told = model.of_services({"a": unreachable, "b": Hindrance.SERVICE_DOWN})
    assert [(one.code, one.name) for one in told] == [(unreachable, "a"), (Hindrance.SERVICE_DOWN, "b")]
