"""Who may be claimed when, by whom and with which number: the rules in the database, at chosen moments."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from telephony.model.agent import AgentEvent
from telephony.model.campaign import CampaignSettings
from telephony.model.offer import OfferEvent
from telephony.model.reasons import Outcome, Withdrawal
from telephony.store import agents, attempts, campaigns, claims, due, offers, permission, teams
from telephony.store.claims import CALLBACK_GRACE, NOT_ALLOWED_PAUSE
from telephony.store.do_not_call import NewEntry, add_entry
from telephony.store.due import Calendar
from telephony.store.engine import Store
from telephony.store.records import Contact, columns, record
from telephony.store.schema import (
    agents as agents_table,
)
from telephony.store.schema import (
    contacts,
    dialed,
    lists,
    number_pauses,
    numbers,
    trunks,
)
from telephony.store.work import Work
from tests.support.claim_desk import Desk, open_desk
from tests.support.company import LONDON, NOON

pytestmark = pytest.mark.unit

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def desk(store: Store) -> Desk:
    return await open_desk(store)


async def test_the_due_time_is_the_latest_of_retry_gap_cap_pause_and_opening(desk: Desk) -> None:
    (id_,) = await desk.take({"external_id": "A1", "number": LONDON})
    mine = {"tenant_id": desk.here.tenant_id, "e164": LONDON}

    def due_after(work: Work, retry: timedelta) -> tuple[datetime | None, str | None]:
        row = work.conn.execute(select(*columns(Contact)).where(contacts.c.id == id_)).one()
        contact = record(Contact, row)
        number = due.numbers_of_contact(work.conn, id_)[0]
        found = permission.due_after(work, CampaignSettings(), contact, number, work.now + retry)
        # the same by the way of many contacts at once
        calendar = Calendar(work.conn, desk.here.campaign_id, [LONDON], now=work.now)
        assert calendar.due(LONDON, ["Europe/London"], not_before=work.now + retry) == found
        return found.at, found.waits and found.waits.value

    async def after(retry: timedelta) -> tuple[datetime | None, str | None]:
        answer: tuple[datetime | None, str | None] = await desk.run(NOON, lambda work: due_after(work, retry))
        return answer

    assert await after(timedelta(0)) == (NOON, None)
    assert await after(30 * MINUTE) == (NOON + 30 * MINUTE, "retry")
    await desk.store.run(
        lambda conn: (
            conn.execute(insert(dialed).values(id="1", attempt_id="1", placed_at=NOON - MINUTE, **mine)) and None
        )
    )
    assert await after(30 * MINUTE) == (NOON + 59 * MINUTE, "min_gap")
    pause = insert(number_pauses).values(until=NOON + 2 * HOUR, why="abandoned", **mine)
    await desk.store.run(lambda conn: conn.execute(pause) and None)
    assert await after(30 * MINUTE) == (NOON + 2 * HOUR, "pause")
    for id_again in ("2", "3"):
        again = insert(dialed).values(id=id_again, attempt_id=id_again, placed_at=NOON - MINUTE, **mine)
        await desk.store.run(lambda conn, again=again: conn.execute(again) and None)
    # the tenant's day ends at midnight UTC, 01:00 in London, where it is dialed from 08:00 on
    assert await after(30 * MINUTE) == (datetime(2026, 6, 18, 7, tzinfo=NOON.tzinfo), "hours")
    assert await after(DAY) == (NOON + DAY, "retry")


async def test_numbers_take_turns_by_position_also_when_one_turns_out_invalid(desk: Desk) -> None:
    one, two, three = (LONDON[:-1] + digit for digit in "123")
    await desk.take({"external_id": "A1", "number_1": one, "number_2": two, "number_3": three})
    moments = (NOON + n * DAY for n in range(5))
    outcomes = [Outcome.INVALID_NUMBER, Outcome.CUSTOMER_BUSY, Outcome.NO_ANSWER_CUSTOMER, Outcome.CUSTOMER_BUSY]
    assert [await desk.tries(next(moments), outcome) for outcome in outcomes] == [one, two, three, two]
    assert await desk.tries(next(moments), Outcome.CHANNEL_FAILURE) == three
    await desk.upkeep(NOON + 6 * DAY)
    claim = await desk.claims(NOON + 6 * DAY, desk.ann)
    assert claim is not None
    assert claim.number.e164 == three, "a fault of ours is no try"


async def test_the_last_number_lost_to_the_do_not_call_list_blocks_as_that(desk: Desk) -> None:
    first, second, third = await desk.take(*({"external_id": f"A{n}", "number": f"{LONDON[:-1]}{n}"} for n in range(3)))

    def listed_while_dialing(work: Work) -> None:
        who = desk.agent(work, desk.ann)
        claim = claims.claim(work, desk.place, who)
        assert claim is not None
        assert claim.contact.id == first
        offer = offers.open_offer(work, who, None, claim, AgentEvent.SHOWN)
        placed = attempts.place(work, desk.place, who, offer, OfferEvent.ACCEPT)
        assert isinstance(placed, attempts.Placed)
        entry = NewEntry(number=claim.number.e164)
        assert add_entry(work, desk.here.tenant_id, entry, added_by=None)[1] == ()
        attempts.end(work, who, placed.attempt, placed.leg.id, None, Outcome.CUSTOMER_BUSY)
        agents.step_agent(work, who, AgentEvent.ATTEMPT_FAILED_OFF_LINE)

    await desk.run(NOON, listed_while_dialing)
    await desk.write(numbers, numbers.c.contact_id == second, status="do_not_call")
    await desk.write(numbers, numbers.c.contact_id == third, status="invalid")
    assert await desk.claims(NOON, desk.ann) is None
    found = [await desk.contact(id_) for id_ in (first, second, third)]
    assert [(row.state, row.why) for row in found] == [("blocked", "dnc"), ("blocked", "dnc"), ("blocked", "invalid")]


async def test_a_callback_waits_for_its_agent_and_after_a_grace_time_goes_to_anybody(desk: Desk) -> None:
    (id_,) = await desk.take({"external_id": "A1", "number": LONDON})
    await desk.write(
        contacts, contacts.c.id == id_, state="callback", callback_at=NOON, due_at=NOON, callback_agent_id=desk.ann
    )
    agent, grace = agents_table.c.id == desk.ann, NOON + CALLBACK_GRACE
    assert await desk.claims_name(NOON - MINUTE, desk.ann) is None
    assert await desk.claims_name(NOON, desk.ann) == "A1"
    await desk.write(agents_table, agent, state="talking")
    assert await desk.claims_name(NOON + 2 * HOUR, desk.bob) is None, "Ann is at work and will come to it"
    for away in ("idle", "offline"):
        await desk.write(agents_table, agent, state=away)
        assert await desk.claims_name(grace - MINUTE, desk.bob) is None
        assert await desk.claims_name(grace, desk.bob) == "A1"
    await desk.write(agents_table, agent, state="available")
    await desk.run(
        NOON,
        lambda work: teams.change_team(
            work.conn, desk.here.tenant_id, desk.here.team_id, teams.TeamChange(user_ids=(desk.bob,))
        ),
    )
    assert await desk.claims_name(NOON, desk.bob) == "A1", "Ann does not work on the campaign any more"


async def test_an_own_callback_of_a_list_that_is_not_served_waits_too(desk: Desk) -> None:
    (id_,) = await desk.take({"external_id": "A1", "number": LONDON})
    await desk.write(
        contacts, contacts.c.id == id_, state="callback", callback_at=NOON, due_at=NOON, callback_agent_id=desk.ann
    )
    for off in ({"active": False}, {"active": True, "expires_at": NOON}):
        await desk.write(lists, lists.c.id == desk.here.list_id, **off)
        assert await desk.claims(NOON, desk.ann) is None


async def test_a_chosen_time_is_exempt_from_the_gap_but_not_from_cap_hours_and_pause(desk: Desk) -> None:
    (id_,) = await desk.take({"external_id": "A1", "number": LONDON})
    await desk.write(contacts, contacts.c.id == id_, state="callback", callback_at=NOON, due_at=NOON)
    mine = {"tenant_id": desk.here.tenant_id, "e164": LONDON, "placed_at": NOON - MINUTE}
    for call in ("1", "2", "3"):
        assert await desk.claims_name(NOON, desk.ann) == "A1"
        added = insert(dialed).values(id=call, attempt_id=call, **mine)
        await desk.store.run(lambda conn, added=added: conn.execute(added) and None)
    assert await desk.claims(NOON, desk.ann) is None
    put_off = await desk.contact(id_)
    assert (put_off.state, put_off.waits_for) == ("callback", "hours")


async def test_a_skipped_contact_keeps_away_from_each_agent_for_24_hours_unless_alone(desk: Desk) -> None:
    await desk.take({"external_id": "A1", "number": LONDON})
    assert await desk.skip(NOON, desk.ann) == "A1"
    assert await desk.claims_name(NOON + 59 * MINUTE, desk.bob) is None
    assert await desk.claims_name(NOON + HOUR, desk.ann) is None
    assert await desk.skip(NOON + HOUR, desk.bob) == "A1"
    assert await desk.claims_name(NOON + 2 * HOUR, desk.ann) is None, "also after another had it in between"
    await desk.write(agents_table, agents_table.c.id == desk.bob, state="offline")
    assert await desk.claims_name(NOON + 2 * HOUR, desk.ann) == "A1", "there is nobody else"
    await desk.write(agents_table, agents_table.c.id == desk.bob, state="talking")
    await desk.upkeep(NOON + DAY)
    assert await desk.claims_name(NOON + DAY - MINUTE, desk.ann) is None
    assert await desk.claims_name(NOON + DAY, desk.ann) == "A1"


async def test_contacts_whose_hours_ended_are_passed_over_and_get_a_new_time(desk: Desk) -> None:
    night = datetime(2026, 6, 17, 20, 30, tzinfo=NOON.tzinfo)  # 21:30 in London
    zones = ["Europe/London"] * 30 + ["America/New_York"]
    rows = ({"external_id": f"A{n}", "number": f"{LONDON[:-2]}{n:02}", "zone": z} for n, z in enumerate(zones))
    ids = await desk.take(*rows, moment=NOON + 2 * HOUR)
    assert await desk.claims_name(NOON + 2 * HOUR, desk.ann) is not None
    assert await desk.claims_name(night, desk.ann) == "A30", "not held up by the thirty before it"
    await desk.upkeep(night)
    first, last = await desk.contact(ids[0]), await desk.contact(ids[30])
    assert (first.due_at, first.waits_for) == (datetime(2026, 6, 18, 7, tzinfo=NOON.tzinfo), "hours")
    assert (last.due_at, last.waits_for) == (NOON + 2 * HOUR, None)


async def test_a_number_that_no_trunk_takes_is_not_shown_and_does_not_hold_up_others(desk: Desk) -> None:
    ids = await desk.take({"external_id": "A1", "number": LONDON}, {"external_id": "A2", "number": "+34600000001"})
    await desk.write(trunks, trunks.c.id == desk.here.trunk_id, number_ranges=["+34"])
    assert await desk.claims_name(NOON, desk.ann) == "A2"
    await desk.write(contacts, contacts.c.id == ids[1], state="done")
    assert await desk.claims(NOON, desk.ann) is None
    put_off = await desk.contact(ids[0])
    assert (put_off.due_at, put_off.waits_for) == (NOON + NOT_ALLOWED_PAUSE, "not_allowed")


@pytest.mark.parametrize("family", ["stopped", "removed", "listed", "paused", "closed"])
async def test_what_forbids_a_call_between_offer_and_accept(desk: Desk, family: str) -> None:
    (id_,) = await desk.take({"external_id": "A1", "number": LONDON})
    expected = {
        "stopped": Withdrawal.CAMPAIGN_STOPPED,
        "removed": Withdrawal.CONTACT_REMOVED,
        "listed": Withdrawal.ON_DO_NOT_CALL_LIST,
        "paused": Withdrawal.MIN_GAP,
        "closed": Withdrawal.OUTSIDE_CALLING_HOURS,
    }

    def offered(work: Work) -> str:
        who = desk.agent(work, desk.ann)
        claim = claims.claim(work, desk.place, who)
        assert claim is not None
        return offers.open_offer(work, who, None, claim, AgentEvent.SHOWN).id

    offer_id = await desk.run(NOON, offered)

    def forbid(work: Work) -> None:
        mine = {"tenant_id": desk.here.tenant_id, "e164": LONDON}
        match family:
            case "stopped":
                campaigns.run_campaign(work, desk.here.tenant_id, desk.here.campaign_id, running=False)
            case "removed":
                work.conn.execute(update(contacts).where(contacts.c.id == id_).values(state="removed"))
            case "listed":
                add_entry(work, desk.here.tenant_id, NewEntry(number=LONDON), added_by=None)
            case "paused":
                work.conn.execute(insert(number_pauses).values(until=NOON + DAY, why="abandoned", **mine))

    await desk.run(NOON, forbid)
    moment = NOON + 12 * HOUR if family == "closed" else NOON

    def accepted(work: Work) -> Any:
        offer = offers.load(work, offer_id)
        assert offer is not None
        return attempts.place(work, desk.place, desk.agent(work, desk.ann), offer, OfferEvent.ACCEPT)

    assert await desk.run(moment, accepted) is expected[family]
