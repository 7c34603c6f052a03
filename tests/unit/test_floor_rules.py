"""Settings and rules at a desk, with the switchboard played by hand: what is refused, withdrawn, dialed at once."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from telephony.dialer.errors import Refused
from telephony.model.reasons import Withdrawal
from telephony.store import campaigns, schema
from telephony.store.campaigns import CampaignChange
from telephony.store.do_not_call import NewEntry, add_entry
from telephony.store.engine import Store
from telephony.store.work import change
from tests.support.shift import Shift, shift

pytestmark = pytest.mark.unit

AT_ONCE = {"offer_timeout": 0, "offer_timeout_action": "accept"}


async def told(one: Shift) -> list[str]:
    return [row.kind for row in await one.rows(schema.events)]


async def rung(one: Shift) -> str:
    """Available, with an open desktop, and rung; the agent's leg."""
    one.floor.live_opened(one.agent)
    await one.floor.set_state(one.agent, "available")
    await one.until(lambda: bool(one.board.agent_calls))
    return one.board.agent_calls[-1].leg


async def test_with_a_timeout_of_0_the_call_goes_out_at_once(store: Store) -> None:
    async with shift(store, **AT_ONCE) as one:
        one.board.answers(await rung(one))
        await one.state_is("dialing")
        await one.until(lambda: bool(one.board.customer_calls))
        (offer,) = await one.rows(schema.offers)
        assert (offer.state, offer.action) == ("timed_out", "accept")
        kinds = await told(one)
        assert kinds.index("offer.opened") < kinds.index("offer.closed") < kinds.index("call.state")


async def test_with_a_timeout_of_0_and_no_room_no_offer_opens_and_the_agent_stays(store: Store) -> None:
    async with shift(store, **AT_ONCE) as one:
        leg = await rung(one)
        await store.run(lambda conn: conn.execute(update(schema.tenants).values(max_calls=0)) and None)
        one.board.answers(leg)
        await one.state_is("reserved")
        for _ in range(100):
            if len(await one.rows(schema.refusals)) == 2:
                break
            await asyncio.sleep(0.05)
        first, second = await one.rows(schema.refusals)
        paused = await one.contact("c0")
        assert (paused.state, paused.waits_for) == ("waiting", "room")
        assert paused.due_at - first.refused_at == timedelta(seconds=30)
        assert (first.code, first.offer_id) == ("TENANT_CALL_LIMIT", None)
        assert (second.refused_at - first.refused_at).total_seconds() >= 1
        assert await one.rows(schema.offers) == []
        assert "offer.opened" not in await told(one)
        assert ("hang_up", leg) not in one.board.orders
        await store.run(lambda conn: conn.execute(update(schema.tenants).values(max_calls=5)) and None)
        await one.until(lambda: bool(one.board.customer_calls))


async def test_a_timers_accept_without_anybody_there_is_a_skip(store: Store) -> None:
    async with shift(store, offer_timeout=60, offer_timeout_action="accept", max_skips=1) as one:
        await one.reserved()
        desk = one.floor.desks[one.agent]
        desk._present = lambda agent: False
        await desk.ask(desk.preview._time_is_up)
        offer = (await one.rows(schema.offers))[0]
        assert (offer.state, offer.action) == ("timed_out", "skip")
        done = await one.contact("c0")
        assert (done.state, done.why, done.skips) == ("done", "skipped", 1)
        assert one.board.customer_calls == []


@pytest.mark.parametrize("action", ["skip", "remove"])
async def test_a_disabled_action_still_is_the_timers(store: Store, action: str) -> None:
    wanted: dict[str, Any] = {"offer_timeout": 10, "offer_timeout_action": action, "disabled_actions": [action]}
    async with shift(store, **wanted) as one:
        await one.reserved()
        first, desk = one.offer, one.floor.desks[one.agent]
        with pytest.raises(Refused, match="does not allow"):
            await one.floor.decide(one.agent, first, action)
        await desk.ask(desk.preview._time_is_up)
        row = next(row for row in await one.rows(schema.offers) if row.id == first)
        assert (row.state, row.action) == ("timed_out", action)


async def test_changed_settings_count_from_the_next_offer_on(store: Store) -> None:
    async with shift(store) as one:
        one.board.answers(await rung(one))
        await one.state_is("previewing")

        def set_(**settings: Any) -> Any:
            wanted = CampaignChange(settings=settings)
            return lambda conn: campaigns.change_campaign(conn, one.here.tenant_id, one.here.campaign_id, wanted)

        await store.run(set_(disabled_actions=["skip"], offer_timeout=77))
        first = one.offer
        assert (await one.floor.decide(one.agent, first, "skip"))["state"] == "skipped", "as it was shown"
        await one.state_is("previewing")
        second = next(row for row in await one.rows(schema.offers) if row.id == one.offer)
        assert round((second.expires_at - second.opened_at).total_seconds()) == 77
        with pytest.raises(Refused):
            await one.floor.decide(one.agent, one.offer, "skip")


async def test_settings_changed_while_the_phone_rings_are_those_of_the_offer(store: Store) -> None:
    async with shift(store) as one:
        leg = await rung(one)
        wanted = CampaignChange(settings={"offer_timeout": 77})
        await store.run(
            lambda conn: campaigns.change_campaign(conn, one.here.tenant_id, one.here.campaign_id, wanted) and None
        )
        one.board.answers(leg)
        await one.state_is("previewing")
        (offer,) = await one.rows(schema.offers)
        assert offer.settings["offer_timeout"] == 77


async def test_a_number_listed_while_it_is_on_the_screen_is_taken_off_it_as_that(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        first = one.offer
        entry = NewEntry(number="+442079460000")
        _, offered = await change(store, lambda work: add_entry(work, one.here.tenant_id, entry, added_by=None))
        assert len(offered) == 1
        await one.floor.withdraw_contact(offered[0], Withdrawal.ON_DO_NOT_CALL_LIST)
        row = next(row for row in await one.rows(schema.offers) if row.id == first)
        assert (row.state, row.code) == ("withdrawn", "ON_DO_NOT_CALL_LIST")
        assert (await one.contact("c0")).state == "blocked"
        await one.state_is("previewing")
        assert one.offer != first


@pytest.mark.parametrize(
    ("family", "code"),
    [
        ("stopped", "CAMPAIGN_STOPPED"),
        ("listed", "ON_DO_NOT_CALL_LIST"),
        ("closed", "OUTSIDE_CALLING_HOURS"),
        ("nothing", None),
    ],
)
async def test_the_next_trunk_is_tried_only_where_calling_is_still_allowed(
    store: Store, family: str, code: str | None
) -> None:
    async with shift(store) as one:
        await one.second_trunk()
        await one.reserved()
        attempt, leg = await one.accepted()
        entry = NewEntry(number="+442079460000")
        match family:
            case "stopped":
                await change(
                    store,
                    lambda work: campaigns.run_campaign(work, one.here.tenant_id, one.here.campaign_id, running=False),
                )
            case "listed":
                await change(store, lambda work: add_entry(work, one.here.tenant_id, entry, added_by=None))
            case "closed":
                await store.run(lambda conn: conn.execute(update(schema.contacts).values(zone="Nowhere/Zone")) and None)
        one.board.appears(leg)
        one.board.ends(leg, cause=34, sip=503)
        if code is None:
            await one.until(lambda: len(one.board.customer_calls) == 2)
            return
        await one.until(lambda: one.floor.desks[one.agent].call is None)
        await one.settle()
        assert len(one.board.customer_calls) == 1
        row = next(row for row in await one.rows(schema.attempts) if row.id == attempt)
        assert (row.outcome, row.code, row.leg_count) == ("NOT_PLACED", code, 1)
        back = await one.contact("c0")
        assert back.attempts == 0
        assert back.state in ("waiting", "offered", "blocked")
        used = await store.run(lambda conn: conn.execute(select(schema.dialed)).all())
        assert used == [], "nobody's phone rang"


async def test_what_is_dialed_at_once_takes_the_limits_before_the_counts_as_the_end_of_a_call_does(
    postgres_url: str,
) -> None:
    store, waited = Store(postgres_url), []

    def end_of_a_call(conn: Connection) -> None:
        usage, counts = schema.usage, schema.contact_counts
        conn.execute(select(usage).where(usage.c.scope == "tenant").with_for_update())
        time.sleep(1.5)  # the desk's next try, one second after its last, is made meanwhile
        began = time.monotonic()
        conn.execute(update(counts).values(contacts=counts.c.contacts))
        waited.append(time.monotonic() - began)

    async with shift(store, **AT_ONCE) as one:
        leg = await rung(one)
        await store.run(lambda conn: conn.execute(update(schema.tenants).values(max_calls=0)))
        one.board.answers(leg)
        await one.state_is("reserved")
        await store.run(end_of_a_call)
    await store.close()
    assert max(waited) < 0.3
