"""Contacts are taken in with due times and counts, blocked and freed, removed and restored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, update

from telephony.model.campaign import CampaignSettings
from telephony.model.contact import ContactState
from telephony.store import campaigns, do_not_call, due
from telephony.store.campaigns import CampaignChange
from telephony.store.contact_list import (
    ContactFilter,
    contact,
    contacts_page,
    remove_contact,
    restore_contact,
)
from telephony.store.do_not_call import NewEntry, add_entry, remove_entry
from telephony.store.engine import Store
from telephony.store.errors import InUse, NoSuch, Taken
from telephony.store.paging import PageRequest, Row
from telephony.store.schema import busy_numbers, contact_counts, contacts, dialed, number_pauses, numbers
from telephony.store.work import Work
from tests.support.company import LONDON, NOON, Company, at, company, take_in

pytestmark = pytest.mark.unit

OTHER = "+442079460099"
NIGHT = datetime(2026, 6, 17, 22, 0, tzinfo=UTC)  # 23:00 in London
NEXT_MORNING = datetime(2026, 6, 18, 7, 0, tzinfo=UTC)  # 08:00 in London


@pytest.fixture
async def acme(store: Store) -> Company:
    return await store.run(company)


async def take(store: Store, acme: Company, moment: datetime = NOON, **row: Any) -> Row:
    """Take one contact in, with a London number unless told otherwise."""
    values = {"external_id": "A1", "number": LONDON} | row
    (id_,) = await at(store, moment, lambda work: take_in(work, acme, values))
    return await read(store, acme, id_)


async def read(store: Store, acme: Company, id_: str) -> Row:
    return await store.run(lambda conn: contact(conn, acme.tenant_id, id_))


async def put(store: Store, id_: str, **values: Any) -> None:
    """Bring a contact into a state as the dialer would, with its count."""

    def write(work: Work) -> None:
        before = work.conn.execute(select(contacts.c.state).where(contacts.c.id == id_)).scalar_one()
        work.conn.execute(update(contacts).where(contacts.c.id == id_).values(**values))
        if "state" in values:
            counted = update(contact_counts).where(contact_counts.c.state == before)
            work.conn.execute(counted.values(contacts=contact_counts.c.contacts - 1))
            campaign_id = work.conn.execute(select(contacts.c.campaign_id).where(contacts.c.id == id_)).scalar_one()
            work.conn.execute(insert(contact_counts).values(campaign_id=campaign_id, state=values["state"], contacts=1))

    await at(store, NOON, write)


async def counted_right(store: Store) -> dict[str, int]:
    """The counts, after holding them against the contacts themselves."""

    def both(conn: Connection) -> tuple[dict[str, int], dict[str, int]]:
        kept = conn.execute(select(contact_counts.c.state, func.sum(contact_counts.c.contacts)).group_by("state"))
        there = conn.execute(select(contacts.c.state, func.count()).group_by(contacts.c.state))
        return {row[0]: int(row[1]) for row in kept if row[1]}, {row[0]: row[1] for row in there}

    kept, there = await store.run(both)
    assert kept == there
    return kept


async def test_in_calling_hours_a_new_contact_is_due_at_once(store: Store, acme: Company) -> None:
    assert (await take(store, acme))["due_at"] == NOON
    assert await counted_right(store) == {"waiting": 1}


async def test_by_night_it_is_due_when_the_hours_open_where_the_contact_lives(store: Store, acme: Company) -> None:
    assert (await take(store, acme, NIGHT))["due_at"] == NEXT_MORNING
    in_new_york = await take(store, acme, external_id="A2", zone="America/New_York")
    assert in_new_york["due_at"] == datetime(2026, 6, 17, 12, 0, tzinfo=UTC)


async def test_a_number_with_several_zones_waits_until_all_are_open(store: Store, acme: Company) -> None:
    spanish_mobile = await take(store, acme, datetime(2026, 6, 17, 6, 30, tzinfo=UTC), number="+34600000000")

    assert spanish_mobile["due_at"] == datetime(2026, 6, 17, 7, 0, tzinfo=UTC), "08:00 on the Canaries, 09:00 in Madrid"


async def test_a_contact_of_no_known_zone_is_never_due_and_says_why(store: Store, acme: Company) -> None:
    satellite = await take(store, acme, number="+883510000000")

    assert (satellite["state"], satellite["due_at"], satellite["why"]) == ("waiting", None, "no_zone")


async def test_a_number_called_by_another_campaign_waits_for_the_gap(store: Store, acme: Company) -> None:
    await store.run(lambda conn: call(conn, acme, NOON - timedelta(minutes=20)))

    assert (await take(store, acme))["due_at"] == NOON + timedelta(minutes=40)


async def test_a_number_called_three_times_today_waits_for_tomorrow(store: Store, acme: Company) -> None:
    for hour in (1, 2, 3):
        await store.run(lambda conn, hour=hour: call(conn, acme, NOON - timedelta(hours=hour)))

    assert (await take(store, acme))["due_at"] == NEXT_MORNING


async def test_a_number_that_was_abandoned_waits_for_the_end_of_its_pause(store: Store, acme: Company) -> None:
    until = NOON + timedelta(hours=2)
    pause = insert(number_pauses).values(tenant_id=acme.tenant_id, e164=LONDON, until=until, why="abandoned")
    await store.run(lambda conn: conn.execute(pause) and None)

    assert (await take(store, acme))["due_at"] == until


def call(conn: Connection, acme: Company, placed_at: datetime) -> None:
    conn.execute(
        insert(dialed).values(
            id=str(placed_at), tenant_id=acme.tenant_id, e164=LONDON, attempt_id="-", placed_at=placed_at
        )
    )


async def test_what_goes_on_with_a_contact_is_not_touched_by_an_import(store: Store, acme: Company) -> None:
    person = await take(store, acme)
    await put(store, person["id"], state="in_attempt", holder_id=acme.agent_id, due_at=NOON)
    held = insert(busy_numbers).values(tenant_id=acme.tenant_id, e164=LONDON, contact_id=person["id"])
    await store.run(lambda conn: conn.execute(held) and None)

    after = await take(store, acme, NIGHT, name="New name", number=OTHER)

    assert (after["name"], after["state"], after["due_at"]) == ("New name", "in_attempt", NOON)
    assert [(n["e164"], n["position"]) for n in after["numbers"]] == [(OTHER, 1), (LONDON, 2)]
    assert after["numbers"][1]["id"] == person["numbers"][0]["id"]


@pytest.mark.parametrize("state", ["done", "removed"])
async def test_a_contact_that_is_done_or_removed_stays_so(store: Store, acme: Company, state: str) -> None:
    person = await take(store, acme)
    await put(store, person["id"], state=state, due_at=None, why="success")

    after = await take(store, acme, number=OTHER)

    assert (after["state"], after["due_at"], after["why"]) == (state, None, "success")


async def test_a_retry_and_a_callback_keep_their_time_through_an_import(store: Store, acme: Company) -> None:
    person = await take(store, acme)
    later = NOON + timedelta(hours=3)
    await put(store, person["id"], retry_at=later, due_at=later)
    assert (await take(store, acme, name="again"))["due_at"] == later

    await put(store, person["id"], state="callback", callback_at=NOON + timedelta(hours=5), retry_at=None)
    after = await take(store, acme, name="and again")
    assert (after["state"], after["due_at"]) == ("callback", NOON + timedelta(hours=5))


async def test_a_number_known_to_be_wrong_stays_closed_and_a_new_one_opens_the_contact(
    store: Store, acme: Company
) -> None:
    person = await take(store, acme)
    wrong = update(numbers).where(numbers.c.contact_id == person["id"]).values(status="invalid")
    await store.run(lambda conn: conn.execute(wrong) and None)

    same = await take(store, acme)
    assert (same["state"], same["why"], same["numbers"][0]["status"]) == ("blocked", "invalid", "invalid")

    better = await take(store, acme, number_2=OTHER)
    assert (better["state"], better["due_at"]) == ("waiting", NOON)
    assert [n["status"] for n in better["numbers"]] == ["invalid", "open"]
    assert await counted_right(store) == {"waiting": 1}


async def test_a_listed_number_blocks_its_contact_and_coming_off_the_list_frees_it(store: Store, acme: Company) -> None:
    person = await take(store, acme)

    _, live = await at(
        store, NOON, lambda work: add_entry(work, acme.tenant_id, NewEntry(number=LONDON), added_by=None)
    )
    blocked = await read(store, acme, person["id"])
    assert (blocked["state"], blocked["why"], blocked["due_at"], live) == ("blocked", "dnc", None, ())
    assert (await take(store, acme, external_id="A2"))["state"] == "blocked"
    assert await counted_right(store) == {"blocked": 2}

    await at(store, NIGHT, lambda work: remove_entry(work, acme.tenant_id, LONDON))
    freed = await read(store, acme, person["id"])
    assert (freed["state"], freed["why"], freed["due_at"]) == ("waiting", None, NEXT_MORNING)
    assert await counted_right(store) == {"waiting": 2}


async def test_coming_off_the_list_frees_only_who_was_blocked_for_it(store: Store, acme: Company) -> None:
    await at(store, NOON, lambda work: add_entry(work, acme.tenant_id, NewEntry(number=OTHER), added_by=None))
    waiting = await take(store, acme, number_2=OTHER)
    removed = await take(store, acme, external_id="A2", number="+442079460002", number_2=OTHER)
    await at(store, NOON, lambda work: remove_contact(work, acme.tenant_id, removed["id"], by="boss", why="moved"))

    await at(store, NOON, lambda work: remove_entry(work, acme.tenant_id, OTHER))

    assert (await read(store, acme, waiting["id"]))["state"] == "waiting"
    assert (await read(store, acme, removed["id"]))["state"] == "removed"
    assert await counted_right(store) == {"waiting": 1, "removed": 1}


async def test_with_another_number_left_the_contact_is_called_there(store: Store, acme: Company) -> None:
    person = await take(store, acme, number_2="+12025550123")
    assert person["due_at"] == NOON

    await at(store, NOON, lambda work: add_entry(work, acme.tenant_id, NewEntry(number=LONDON), added_by=None))

    after = await read(store, acme, person["id"])
    assert (after["state"], after["due_at"]) == ("waiting", datetime(2026, 6, 17, 12, 0, tzinfo=UTC))
    assert [n["status"] for n in after["numbers"]] == ["do_not_call", "open"]


async def test_an_offer_of_a_listed_number_is_named_for_withdrawal(store: Store, acme: Company) -> None:
    person = await take(store, acme)
    await put(store, person["id"], state="offered", holder_id=acme.agent_id)
    held = insert(busy_numbers).values(tenant_id=acme.tenant_id, e164=LONDON, contact_id=person["id"])
    await store.run(lambda conn: conn.execute(held) and None)

    _, live = await at(
        store, NOON, lambda work: add_entry(work, acme.tenant_id, NewEntry(number="+44 20 7946 0000"), added_by=None)
    )

    assert live == (person["id"],)
    assert (await read(store, acme, person["id"]))["state"] == "blocked"
    assert await store.run(lambda conn: conn.execute(select(busy_numbers)).all()) == []


async def test_a_list_concerns_only_its_own_tenant_and_holds_a_number_once(store: Store, acme: Company) -> None:
    other = await store.run(lambda conn: company(conn, "Globex"))
    person = await take(store, acme)
    entry = NewEntry(number=LONDON, why="complaint")

    await at(store, NOON, lambda work: add_entry(work, other.tenant_id, entry, added_by=None))

    assert (await read(store, acme, person["id"]))["state"] == "waiting"
    assert await store.run(lambda conn: do_not_call.listed(conn, acme.tenant_id, [LONDON])) == set()
    with pytest.raises(Taken):
        await at(store, NOON, lambda work: add_entry(work, other.tenant_id, entry, added_by=None))
    with pytest.raises(NoSuch):
        await at(store, NOON, lambda work: remove_entry(work, acme.tenant_id, LONDON))
    shown = await store.run(lambda conn: do_not_call.entries_page(conn, other.tenant_id, PageRequest()))
    assert [(row["e164"], row["why"]) for row in shown.items] == [(LONDON, "complaint")]


async def test_removed_by_a_supervisor_and_restored(store: Store, acme: Company) -> None:
    person = await take(store, acme)

    offered = await at(
        store, NOON, lambda work: remove_contact(work, acme.tenant_id, person["id"], by="boss", why="moved away")
    )
    gone = await read(store, acme, person["id"])
    assert (gone["state"], gone["why"], gone["changed_by"], offered) == ("removed", "moved away", "boss", False)

    again = await at(store, NIGHT, lambda work: remove_contact(work, acme.tenant_id, person["id"], by="x", why="y"))
    assert (again, (await read(store, acme, person["id"]))["why"]) == (False, "moved away")

    back = await at(store, NIGHT, lambda work: restore_contact(work, acme.tenant_id, person["id"], by="boss"))
    assert (back["state"], back["due_at"], back["why"]) == ("waiting", NEXT_MORNING, None)
    assert await counted_right(store) == {"waiting": 1}
    with pytest.raises(InUse, match="it is waiting"):
        await at(store, NOON, lambda work: restore_contact(work, acme.tenant_id, person["id"], by="boss"))


async def test_a_contact_in_a_call_is_not_removed_and_an_offered_one_tells_of_its_offer(
    store: Store, acme: Company
) -> None:
    person = await take(store, acme)
    await put(store, person["id"], state="in_attempt")
    with pytest.raises(InUse, match="in a call"):
        await at(store, NOON, lambda work: remove_contact(work, acme.tenant_id, person["id"], by="b", why="w"))

    await put(store, person["id"], state="offered")
    assert await at(store, NOON, lambda work: remove_contact(work, acme.tenant_id, person["id"], by="b", why="w"))


async def test_contacts_of_another_tenant_do_not_exist(store: Store, acme: Company) -> None:
    other = await store.run(lambda conn: company(conn, "Globex"))
    person = await take(store, acme)

    with pytest.raises(NoSuch):
        await read(store, other, person["id"])
    with pytest.raises(NoSuch):
        await at(store, NOON, lambda work: remove_contact(work, other.tenant_id, person["id"], by="b", why="w"))
    with pytest.raises(NoSuch):
        await at(store, NOON, lambda work: restore_contact(work, other.tenant_id, person["id"], by="b"))
    shown = await store.run(
        lambda conn: contacts_page(conn, other.tenant_id, acme.campaign_id, ContactFilter(), PageRequest())
    )
    assert shown.items == []


async def test_contacts_are_found_by_state_and_text_page_by_page(store: Store, acme: Company) -> None:
    rows = [{"external_id": f"A{n}", "name": f"Jo 100%{n}", "number": f"+4420794600{n:02d}"} for n in range(5)]
    await at(store, NOON, lambda work: take_in(work, acme, *rows))

    async def found(request: PageRequest = PageRequest(), **wanted: Any) -> tuple[list[str], str | None]:  # noqa: B008
        wanted_ = ContactFilter(**wanted)
        shown = await store.run(lambda conn: contacts_page(conn, acme.tenant_id, acme.campaign_id, wanted_, request))
        return [row["external_id"] for row in shown.items], shown.next

    first, cursor = await found(PageRequest(limit=3))
    second, end = await found(PageRequest(limit=3, after=cursor))
    assert (first + second, end) == (["A0", "A1", "A2", "A3", "A4"], None)
    assert (await found(text="jo 100%3"))[0] == ["A3"]
    assert (await found(text="%"))[0] == ["A0", "A1", "A2", "A3", "A4"], "a percent sign is only a percent sign"
    assert (await found(text="_____"))[0] == []
    assert (await found(text="+442079460002"))[0] == ["A2"]
    assert (await found(state=ContactState.DONE))[0] == []
    assert (await found(due_before=NOON))[0] == []


async def test_new_calling_hours_move_the_due_times_of_all_who_wait(
    store: Store, acme: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "BATCH", 3)
    rows = [{"external_id": f"A{n}", "number": f"+4420794600{n:02d}"} for n in range(7)]
    ids = await at(store, NOON, lambda work: take_in(work, acme, *rows))
    await put(store, ids[0], state="done", due_at=None, why="success")
    skipped_until = NOON + timedelta(hours=1)
    await put(store, ids[1], due_at=skipped_until, retry_at=skipped_until, skips=1, why="skipped")
    evenings = {day: [["18:00", "20:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    change = CampaignChange(settings={"calling_hours": evenings, "holidays": ["2026-06-17"]})
    await store.run(lambda conn: campaigns.change_campaign(conn, acme.tenant_id, acme.campaign_id, change))

    batches = 0
    while await store.run(lambda conn: due.catch_up(conn, now=NOON)):
        batches += 1

    assert batches == 3
    tomorrow_evening = datetime(2026, 6, 18, 17, 0, tzinfo=UTC)
    due_at = [(await read(store, acme, id_))["due_at"] for id_ in ids]
    assert due_at == [None] + 6 * [tomorrow_evening]

    always = CampaignChange(settings={"calling_hours": {"wed": [["00:00", "00:00"]]}, "holidays": []})
    await store.run(lambda conn: campaigns.change_campaign(conn, acme.tenant_id, acme.campaign_id, always))
    while await store.run(lambda conn: due.catch_up(conn, now=NOON)):
        pass
    skipped = await read(store, acme, ids[1])
    assert (skipped["due_at"], skipped["why"]) == (skipped_until, "skipped"), "its retry time is not forgotten"
    assert (await read(store, acme, ids[2]))["due_at"] == NOON


async def test_never_open_together_is_said(store: Store, acme: Company) -> None:
    hours = CampaignSettings.model_validate({"calling_hours": {"mon": [["08:00", "09:00"]]}})
    change = CampaignChange(settings=hours.model_dump(mode="json", include={"calling_hours"}))
    await store.run(lambda conn: campaigns.change_campaign(conn, acme.tenant_id, acme.campaign_id, change))

    toll_free = await take(store, acme, number="+18005550100")

    assert (toll_free["due_at"], toll_free["why"]) == (None, "never_open")
