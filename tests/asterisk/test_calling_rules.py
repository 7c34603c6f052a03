"""Who may not be called is not called: no INVITE reaches the customers' network, whatever the rule."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.dialer.errors import ContactWithdrawn, OfferClosed
from telephony.model.ids import new_id
from telephony.model.reasons import Withdrawal
from telephony.store import campaigns, contact_list, schema, why
from telephony.store.campaigns import CampaignChange
from telephony.store.engine import Store
from telephony.store.work import Work, change
from tests.support.line_shift import LineShift, line_shift

pytestmark = pytest.mark.asterisk

PHONE = "load1"
EARLY, LATE = "Etc/GMT+12", "Pacific/Kiritimati"
"""Two zones that never have the same date: what is a holiday in one is none in the other."""


async def contacts(one: LineShift) -> dict[str, Any]:
    table = schema.contacts
    rows = await one.store.run(lambda conn: list(conn.execute(select(table))))
    return {row.external_id: row for row in rows}


def forbid(work: Work, one: LineShift, family: str, contact: Any, number: str) -> None:
    """Let a rule of this family speak against the contact."""
    mine = {"tenant_id": one.here.tenant_id, "e164": number}
    this = update(schema.contacts).where(schema.contacts.c.id == contact.id)
    match family:
        case "unknown zone":
            work.conn.execute(this.values(zone="Nowhere/Zone"))
        case "holiday":
            work.conn.execute(this.values(zone=LATE))
        case "do not call":
            work.conn.execute(insert(schema.do_not_call).values(why="", created_at=work.now, **mine))
        case "gap" | "cap":
            for n in range(1 if family == "gap" else 3):
                placed = {"id": new_id(), "attempt_id": f"{n}", "placed_at": work.now - timedelta(seconds=1)}
                work.conn.execute(insert(schema.dialed).values(**placed, **mine))
            if family == "cap":  # a chosen time is exempt from the gap
                work.conn.execute(this.values(callback_at=work.now))
        case "pause":
            until = work.now + timedelta(hours=72)
            work.conn.execute(insert(schema.number_pauses).values(until=until, why="abandoned", **mine))
        case "retry later":
            work.conn.execute(this.values(due_at=work.now + timedelta(hours=1)))
        case "removed":
            contact_list.remove_contact(work, one.here.tenant_id, contact.id, by=one.agents[PHONE], why="")


async def let(one: LineShift, family: str, name: str, number: str) -> None:
    contact = (await contacts(one))[name]
    await change(one.store, lambda work: forbid(work, one, family, contact, number))


async def attempts(one: LineShift, count: int = 1) -> list[Any]:
    """So many attempts, once they have ended."""
    for _ in range(200):
        ended = [row for row in await one.rows(schema.attempts) if row.state == "ended"]
        if len(ended) == count:
            return ended
        await asyncio.sleep(0.05)
    raise AssertionError(f"{len(ended)} attempts; the agent is {one.state(PHONE)}")


async def stop(one: LineShift) -> None:
    campaign, tenant = one.here.campaign_id, one.here.tenant_id
    await change(one.store, lambda work: campaigns.run_campaign(work, tenant, campaign, running=False))


async def dialed(one: LineShift, customers: Customers) -> list[str]:
    """The INVITEs that reached the customers for this shift's contacts."""
    rows = await one.rows(schema.numbers)
    since = min(row.created_at for row in (await contacts(one)).values()).timestamp()
    e164s = {row.e164 for row in rows}
    return [call.number for call in await customers.calls() if call.number in e164s and call.invited_at >= since]


async def test_at_the_claim_nobody_is_shown_or_called_who_may_not_be(
    store: Store, pbx: Pbx, customers: Customers
) -> None:
    families = ["unknown zone", "holiday", "do not call", "gap", "cap", "pause", "retry later", "removed"]
    numbers = [fictional_number("01", 210 + n) for n in range(len(families) + 1)]
    holiday = str(datetime.now(ZoneInfo(LATE)).date())
    async with line_shift(store, pbx, numbers=numbers, holidays=[holiday], offer_timeout=0,
                          offer_timeout_action="accept") as one:  # fmt: skip
        await store.run(lambda conn: conn.execute(update(schema.contacts).values(zone=EARLY)) and None)
        for n, family in enumerate(families):
            await let(one, family, f"c{n}", numbers[n])
        await one.available(PHONE)
        (row,) = await attempts(one)
        assert row.e164 == numbers[-1]
        await one.state_is(PHONE, "available")
        assert await dialed(one, customers) == [numbers[-1]]
        found = await contacts(one)
        assert found["c2"].why == "dnc"
        waits = {found[f"c{n}"].waits_for for n in (0, 1, 3, 4, 5)}
        assert waits <= {"no_zone", "hours", "min_gap", "daily_cap", "pause"}


@pytest.mark.reason(
    "OUTSIDE_CALLING_HOURS", "ON_DO_NOT_CALL_LIST", "MIN_GAP", "DAILY_CAP", "CONTACT_REMOVED", "CAMPAIGN_STOPPED"
)
async def test_in_the_transaction_that_places_the_call_all_is_asked_again(
    store: Store, pbx: Pbx, customers: Customers
) -> None:
    families = {
        "unknown zone": "OUTSIDE_CALLING_HOURS",
        "do not call": "ON_DO_NOT_CALL_LIST",
        "gap": "MIN_GAP",
        "cap": "DAILY_CAP",
        "pause": "MIN_GAP",
        "removed": "CONTACT_REMOVED",
        "stopped": "CAMPAIGN_STOPPED",
    }
    numbers = [fictional_number("00", 220 + n) for n in range(len(families) + 1)]
    async with line_shift(store, pbx, numbers=numbers) as one:
        await one.previewing(PHONE)
        for n, (family, code) in enumerate(families.items()):
            assert one.desks[PHONE].preview.offer.e164 == numbers[n]
            await let(one, family, f"c{n}", numbers[n])
            if family == "stopped":
                await stop(one)
            with pytest.raises(ContactWithdrawn) as refused:
                await one.accept(PHONE)
            assert refused.value.code == code
            await one.until(lambda: one.desks[PHONE].agent.state != "reserved")
        assert await one.rows(schema.attempts) == []
        assert sum(leg.kind == "agent" for leg in await one.rows(schema.legs)) == 1, "all on the same line"
        assert await dialed(one, customers) == []


async def test_a_removal_takes_effect_while_the_contact_is_on_a_screen(
    store: Store, pbx: Pbx, customers: Customers
) -> None:
    numbers = [fictional_number("00", 235), fictional_number("00", 236)]
    async with line_shift(store, pbx, numbers=numbers) as one:
        offer = await one.previewing(PHONE)
        contact = (await contacts(one))["c0"].id
        await let(one, "removed", "c0", numbers[0])
        await one.floor.withdraw_contact(contact, Withdrawal.CONTACT_REMOVED)
        await one.until(lambda: one.state(PHONE) == "previewing" and one.desks[PHONE].preview.offer.id != offer)
        with pytest.raises(OfferClosed, match="withdrawn"):
            await one.floor.decide(one.agents[PHONE], offer, "accept")
        undone = await change(
            store, lambda work: contact_list.restore_contact(work, one.here.tenant_id, contact, by=one.agents[PHONE])
        )
        assert undone["state"] == "waiting"
        assert await dialed(one, customers) == []


async def test_dialed_at_once_only_with_a_place_and_otherwise_tried_once_a_second(
    store: Store, pbx: Pbx, customers: Customers
) -> None:
    numbers = [fictional_number("01", 240 + n) for n in range(4)]
    async with line_shift(store, pbx, numbers=numbers, offer_timeout=0, offer_timeout_action="accept") as one:
        limit = update(schema.tenants)
        took = one.floor.ground.board.ring_agent

        async def ring(call: Any) -> None:  # the last place goes while the phone rings
            await store.run(lambda conn: conn.execute(limit.values(max_calls=0)) and None)
            await took(call)

        one.floor.ground.board.ring_agent = ring  # type: ignore[method-assign]
        await one.available(PHONE)
        await one.state_is(PHONE, "reserved")
        await asyncio.sleep(1.5)
        refusals = await one.rows(schema.refusals)
        assert [row.code for row in refusals] == ["TENANT_CALL_LIMIT"] * 2
        assert (refusals[1].refused_at - refusals[0].refused_at).total_seconds() >= 1
        assert one.state(PHONE) == "reserved"
        assert await one.rows(schema.offers) == []
        assert await dialed(one, customers) == []
        await store.run(lambda conn: conn.execute(limit.values(max_calls=10)) and None)
        assert [row.e164 for row in await attempts(one, 2)] == numbers[2:]
        offers = await one.rows(schema.offers)
        assert [(offer.state, offer.action) for offer in offers] == [("timed_out", "accept")] * 2
        assert await dialed(one, customers) == numbers[2:]


async def test_the_next_call_comes_when_why_says_it_does(store: Store, pbx: Pbx, customers: Customers) -> None:
    number = fictional_number("01", 250)
    async with line_shift(store, pbx, numbers=[number], offer_timeout=0, offer_timeout_action="accept") as one:
        due = datetime.now(UTC) + timedelta(seconds=3)
        later = update(schema.contacts).values(due_at=due, waits_for="retry")
        await store.run(lambda conn: conn.execute(later) and None)
        await one.available(PHONE)
        campaign = one.here.campaign_id
        told = await store.run(lambda conn: why.why(conn, campaign, now=datetime.now(UTC)))
        assert told.in_the_way == []
        assert [(found.code.value, found.count, found.until) for found in told.contacts] == [("RETRY_LATER", 1, due)]
        (row,) = await attempts(one)
        assert told.dials_at is not None
        late = (row.placed_at - told.dials_at).total_seconds()
        print(f"dialed {late:.2f} s after the moment that was told")
        assert 0 <= late < 5
        assert await dialed(one, customers) == [number]


async def test_a_changed_setting_counts_for_the_next_offer(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("00", "00")) as one:
        await one.previewing(PHONE)
        changed = CampaignChange(settings={"offer_timeout": 10, "disabled_actions": ["remove"], "max_skips": 1})
        await store.run(
            lambda conn: campaigns.change_campaign(conn, one.here.tenant_id, one.here.campaign_id, changed) and None
        )
        await one.decide(PHONE, "remove")
        await one.state_is(PHONE, "previewing")
        offer = next(row for row in await one.rows(schema.offers) if row.state == "open")
        assert offer.expires_at - offer.opened_at == timedelta(seconds=10)
        with pytest.raises(Exception, match="does not allow"):
            await one.decide(PHONE, "remove")
        await one.decide(PHONE, "skip")
        assert (await contacts(one))["c1"].state == "done"


async def test_what_becomes_of_a_contact_goes_by_the_settings(store: Store, pbx: Pbx) -> None:
    later = {"code": "later", "label": "Later", "rule": "retry", "retry_after": 240}
    async with line_shift(
        store, pbx, customers=("01", "00", "00"), retry_after={"CUSTOMER_BUSY": 90}, skip_retry_after=120,
        wrap_up_limit=1, dispositions=[later], default_disposition="later",
    ) as one:  # fmt: skip
        await one.previewing(PHONE)
        busy = await one.ended(await one.accept(PHONE))
        await one.state_is(PHONE, "previewing")
        talk = await one.accept(PHONE)
        await one.state_is(PHONE, "talking")
        await one.floor.hang_up(one.agents[PHONE], talk)
        await one.state_is(PHONE, "previewing")  # a second later, nobody having said anything
        wrapped = await one.attempt(talk)
        assert wrapped.disposition == "later"
        assert 1 <= (wrapped.wrapped_up_at - wrapped.ended_at).total_seconds() < 3
        offer = one.desks[PHONE].preview.offer.id
        await one.decide(PHONE, "skip")
        skipped = next(row for row in await one.rows(schema.offers) if row.id == offer)
        found = await contacts(one)
        since = (busy.ended_at, wrapped.wrapped_up_at, skipped.closed_at)
        waits = [round((found[f"c{n}"].due_at - since[n]).total_seconds() / 60) for n in range(3)]
        assert waits == [90, 240, 120]
        assert [found[f"c{n}"].attempts for n in range(3)] == [1, 1, 0]


async def test_the_last_attempt_is_the_last(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("01",), max_attempts=1) as one:
        await one.previewing(PHONE)
        await one.ended(await one.accept(PHONE))
        done = (await contacts(one))["c0"]
        assert (done.state, done.why, done.due_at) == ("done", "CUSTOMER_BUSY", None)
