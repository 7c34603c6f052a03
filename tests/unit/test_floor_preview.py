"""A preview from the reservation to the wrap-up, with the switchboard played by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Table, select, update

from telephony.dialer.errors import NoCapacity, OfferClosed, Refused
from telephony.store import accounts, campaigns, schema, views
from telephony.store.engine import Store
from telephony.store.work import Work
from tests.support.shift import shift

pytestmark = pytest.mark.unit


async def test_an_agent_previews_accepts_talks_and_wraps_up(store: Store) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await one.talking()
        assert one.board.orders[:3] == [("ring_agent", agent_leg), ("play_ringing", agent_leg), ("call_customer", leg)]
        assert await one.used() == {"tenant": 1, "data_center": 1, "trunk": 1, "cell": 2}
        one.board.ends(leg, answered=True, rang=True, cause=16)
        await one.state_is("wrap_up")
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        one.board.ends(agent_leg, answered=True)
        await one.settle()
        assert await one.used() == {"tenant": 0, "data_center": 0, "trunk": 0, "cell": 0}
        await one.floor.wrap_up(one.agent, attempt, disposition="success", note="sold")
        await one.until(lambda: len(one.board.agent_calls) == 2)
        (row,) = await one.rows(schema.attempts)
        assert (row.state, row.outcome, row.disposition, row.note) == ("ended", "TALKED", "success", "sold")
        assert (await one.contact("c0")).state == "done"


async def test_nothing_of_the_customer_is_in_the_reservation_call(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        said = repr(one.board.agent_calls[0])
        assert "+4420" not in said
        assert "Customer" not in said


async def test_skip_brings_the_next_offer_on_the_same_line(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        first = one.offer
        assert await one.floor.decide(one.agent, first, "skip") == {"offer": first, "state": "skipped", "attempt": None}
        await one.state_is("previewing")
        assert one.offer != first
        assert len(one.board.agent_calls) == 1
        skipped = await one.contact("c0")
        assert (skipped.state, skipped.skips) == ("waiting", 1)


async def test_the_same_action_again_is_answered_alike_and_another_one_is_told_the_winner(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        first = one.offer
        told = await one.floor.decide(one.agent, first, "skip")
        assert await one.floor.decide(one.agent, first, "skip") == told
        with pytest.raises(OfferClosed) as refused:
            await one.floor.decide(one.agent, first, "accept")
        assert refused.value.winner == "skipped"


async def test_twenty_accepts_at_once_place_one_call(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        offer = one.offer
        answers = await asyncio.gather(*(one.floor.decide(one.agent, offer, "accept") for _ in range(20)))
        assert len({answer["attempt"] for answer in answers}) == 1
        await one.settle()
        assert len(one.board.customer_calls) == 1


async def test_leave_ends_the_line_and_gives_the_contact_back(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        await one.floor.decide(one.agent, one.offer, "leave")
        await one.state_is("idle")
        assert one.floor.desks[one.agent].agent.idle_reason == "left_campaign"
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        back = await one.contact("c0")
        assert (back.state, back.attempts, back.skips, back.holder_id) == ("waiting", 0, 0, None)


async def test_remove_takes_the_contact_out_with_who_and_why(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        await one.floor.decide(one.agent, one.offer, "remove")
        gone = await one.contact("c0")
        assert (gone.state, gone.changed_by, gone.why) == ("removed", one.agent, "removed_by_agent")


async def test_a_disabled_action_is_refused_and_changes_nothing(store: Store) -> None:
    async with shift(store, disabled_actions=["skip", "remove"]) as one:
        await one.reserved()
        for action in ("skip", "remove"):
            with pytest.raises(Refused) as refused:
                await one.floor.decide(one.agent, one.offer, action)
            assert refused.value.code == "ACTION_DISABLED"
        assert (await one.contact("c0")).state == "offered"


@pytest.mark.parametrize(
    ("action", "agent", "contact"),
    [("skip", "previewing", "waiting"), ("remove", "previewing", "removed"), ("idle", "idle", "waiting")],
)
async def test_the_servers_timer_acts(store: Store, action: str, agent: str, contact: str) -> None:
    async with shift(store, offer_timeout=10, offer_timeout_action=action) as one:
        await one.reserved()
        first = one.offer
        desk = one.floor.desks[one.agent]
        await desk.ask(desk.preview._time_is_up)
        await one.state_is(agent)
        row = next(row for row in await one.rows(schema.offers) if row.id == first)
        assert (row.state, row.action, row.closed_by) == ("timed_out", action, None)
        assert (await one.contact("c0")).state == contact


async def test_a_timer_that_accepts_dials(store: Store) -> None:
    async with shift(store, offer_timeout=0, offer_timeout_action="accept") as one:
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: bool(one.board.agent_calls))
        one.board.answers(one.board.agent_calls[0].leg)
        await one.until(lambda: bool(one.board.customer_calls))


async def test_a_failed_attempt_brings_the_next_offer_on_the_same_line(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        one.board.appears(leg)
        one.board.ends(leg, cause=17, sip=486)
        await one.state_is("previewing")
        assert one.board.orders[-1] == ("hold", agent_leg)
        assert len(one.board.agent_calls) == 1
        (attempt,) = await one.rows(schema.attempts)
        assert attempt.outcome == "CUSTOMER_BUSY"
        busy = await one.contact("c0")
        assert (busy.state, busy.attempts, busy.why) == ("waiting", 1, "CUSTOMER_BUSY")


async def test_a_full_tenant_refuses_the_accept_with_the_figures_and_keeps_the_offer(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        await store.run(lambda conn: conn.execute(update(schema.tenants).values(max_calls=0)))
        with pytest.raises(NoCapacity) as refused:
            await one.floor.decide(one.agent, one.offer, "accept")
        assert (refused.value.code, refused.value.used, refused.value.limit) == ("TENANT_CALL_LIMIT", 0, 0)
        assert one.board.customer_calls == []
        (row,) = await one.rows(schema.refusals)
        assert row.code == "TENANT_CALL_LIMIT"
        await store.run(lambda conn: conn.execute(update(schema.tenants).values(max_calls=1)))
        await one.accepted()


@pytest.mark.parametrize("table", [schema.tenants, schema.data_centers])
async def test_nobody_is_rung_where_no_call_is_allowed_at_all(store: Store, table: Table) -> None:
    async with shift(store) as one:
        await store.run(lambda conn: conn.execute(update(table).values(max_calls=0)))
        await one.floor.set_state(one.agent, "available")
        await one.settle()
        assert one.board.orders == []


async def test_a_cancel_before_the_channel_exists_hangs_up_again_when_it_appears(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        attempt, leg = await one.accepted()
        await one.floor.cancel(one.agent, attempt)
        await one.settle()
        assert one.board.orders.count(("hang_up", leg)) == 1
        one.board.appears(leg)
        await one.settle()
        assert one.board.orders.count(("hang_up", leg)) == 2
        assert await one.board.asks(leg) == "end"
        one.board.ends(leg, answered=True)
        await one.state_is("previewing")
        (row,) = await one.rows(schema.attempts)
        assert (row.outcome, row.joined_at) == ("AGENT_CANCELLED", None)


async def test_a_cancel_after_the_answer_is_refused_and_the_call_goes_on(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        attempt, leg = await one.accepted()
        one.board.answers(leg)
        with pytest.raises(Refused) as refused:
            await one.floor.cancel(one.agent, attempt)
        assert refused.value.code == "CALL_ANSWERED"
        assert await one.board.asks(leg) == "join"
        one.board.joins(leg, agent_leg)
        await one.state_is("talking")


async def test_the_agents_phone_hanging_up_ends_a_ringing_customer(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        one.board.appears(leg)
        one.board.rings(leg)
        one.board.ends(agent_leg, answered=True)
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        one.board.ends(leg, rang=True, cause=16, sip=487)
        await one.state_is("idle")
        await one.settle()
        (row,) = await one.rows(schema.attempts)
        assert row.outcome == "AGENT_ENDED"


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ({"rang": True, "cause": 19, "sip": 480, "ring_limit_reached": True}, "rona"),
        ({"rang": True, "cause": 21, "sip": 603}, "declined"),
        ({"cause": 17, "sip": 486}, "agent_busy"),
        ({"cause": 20}, "agent_unavailable"),
        ({"cause": 0, "missing_endpoint": True}, "invalid_number"),
        ({"cause": 0}, "channel_failure"),
    ],
)
async def test_a_reservation_call_that_fails_gives_the_contact_back(
    store: Store, end: dict[str, object], reason: str
) -> None:
    async with shift(store) as one:
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: bool(one.board.agent_calls))
        one.board.ends(one.board.agent_calls[0].leg, **end)  # type: ignore[arg-type]
        await one.state_is("idle")
        assert one.floor.desks[one.agent].agent.idle_reason == reason
        back = await one.contact("c0")
        assert (back.state, back.attempts, back.skips) == ("waiting", 0, 0)
        assert (await one.used())["cell"] == 0


async def test_without_a_further_contact_the_reservation_ends_and_rests_five_seconds(store: Store) -> None:
    async with shift(store, contacts=1) as one:
        agent_leg = await one.reserved()
        await one.floor.decide(one.agent, one.offer, "remove")
        await one.state_is("available")
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        one.board.ends(agent_leg, answered=True)
        await one.settle()
        assert len(one.board.agent_calls) == 1


async def test_a_stopped_campaign_withdraws_its_offers(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        first = one.offer
        await store.run(lambda conn: conn.execute(update(schema.campaigns).values(running=False)))
        await one.floor.campaign_stopped(one.here.campaign_id)
        await one.state_is("available")
        row = next(row for row in await one.rows(schema.offers) if row.id == first)
        assert (row.state, row.code) == ("withdrawn", "CAMPAIGN_STOPPED")
        assert (await one.contact("c0")).state == "waiting"


async def test_going_idle_while_talking_counts_after_the_wrap_up(store: Store) -> None:
    async with shift(store) as one:
        _, attempt, leg = await one.talking()
        await one.floor.set_state(one.agent, "idle", "lunch")
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        await one.state_is("idle")
        assert one.floor.desks[one.agent].agent.idle_reason == "lunch"


async def test_an_accept_without_a_link_to_the_pbx_is_refused_and_stored(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        one.board.link_lost()
        with pytest.raises(NoCapacity) as refused:
            await one.floor.decide(one.agent, one.offer, "accept")
        assert refused.value.code == "PBX_UNREACHABLE"
        (row,) = await one.rows(schema.refusals)
        assert row.code == "PBX_UNREACHABLE"
        one.board.link_up()
        await one.accepted()


async def test_with_keep_line_the_next_offer_comes_without_a_new_ring(store: Store) -> None:
    async with shift(store, keep_line=True) as one:
        agent_leg, attempt, leg = await one.talking()
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        await one.state_is("previewing")
        assert len(one.board.agent_calls) == 1
        assert ("hang_up", agent_leg) not in one.board.orders


async def test_do_not_call_in_the_wrap_up_keeps_the_number_from_every_campaign(store: Store) -> None:
    async with shift(store) as one:
        _, attempt, leg = await one.talking()
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        await one.floor.wrap_up(one.agent, attempt, disposition="do_not_call")
        assert (await one.contact("c0")).state == "blocked"
        listed = await store.run(lambda conn: conn.execute(select(schema.do_not_call.c.e164)).scalars().all())
        assert listed == ["+442079460000"]


async def test_a_callback_comes_back_at_its_time_to_the_agent_who_agreed_it(store: Store) -> None:
    async with shift(store, contacts=1) as one:
        agent_leg, attempt, leg = await one.talking()
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        at = datetime.now(UTC) + timedelta(seconds=1)
        await one.floor.wrap_up(
            one.agent, attempt, disposition="callback", note="after lunch", callback_at=at, callback_mine=True
        )
        one.board.ends(agent_leg, answered=True)
        waiting = await one.contact("c0")
        assert (waiting.state, waiting.callback_agent_id) == ("callback", one.agent)
        await one.until(lambda: len(one.board.agent_calls) == 2)
        assert datetime.now(UTC) >= at


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"disposition": "no_such"}, "disposition"), ({"disposition": "callback"}, "callback")],
)
async def test_a_wrong_disposition_names_the_field_and_loses_nothing(
    store: Store, wrong: dict[str, str], field: str
) -> None:
    async with shift(store) as one:
        _, attempt, leg = await one.talking()
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        with pytest.raises(ValueError, match=f"^{field}"):
            await one.floor.wrap_up(one.agent, attempt, **wrong)
        await one.floor.wrap_up(one.agent, attempt, disposition="success")


async def test_a_second_trunk_is_tried_when_the_first_fails_before_ringing(store: Store) -> None:
    async with shift(store) as one:
        await one.second_trunk()
        await one.reserved()
        attempt, first = await one.accepted()
        one.board.appears(first)
        one.board.ends(first, cause=34, sip=503)
        await one.until(lambda: len(one.board.customer_calls) == 2)
        assert one.board.customer_calls[1].dial == "PJSIP/+442079460000@second"
        leg = one.board.customer_calls[1].leg
        one.board.rings(leg)
        one.board.ends(leg, rang=True, cause=34, sip=503)
        await one.state_is("previewing")
        row = next(row for row in await one.rows(schema.attempts) if row.id == attempt)
        assert (row.leg_count, row.outcome) == (2, "CUSTOMER_UNAVAILABLE")
        assert len(one.board.customer_calls) == 2
        open_grants = await store.run(
            lambda conn: conn.execute(select(schema.grants).where(schema.grants.c.released_at.is_(None))).all()
        )
        assert [grant.scope for grant in open_grants] == ["cell"]  # the agent's own line


async def test_a_phone_that_an_administrator_changed_is_the_one_that_rings(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.set_state(one.agent, "idle")
        for phone in ("", "1002"):
            change = accounts.UserChange(phone=phone)
            await store.run(
                lambda conn, change=change: accounts.change_user(
                    conn, one.here.tenant_id, one.agent, change, now=datetime.now(UTC)
                )
            )
            if not phone:
                with pytest.raises(Refused, match="No phone"):
                    await one.floor.set_state(one.agent, "available")
        await one.reserved()
        assert one.board.agent_calls[0].phone == "1002"


async def test_a_campaign_stopped_while_the_phone_rings_shows_nobody(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: len(one.board.agent_calls) == 1)
        await store.run(
            lambda conn: campaigns.run_campaign(
                Work(conn, datetime.now(UTC)), one.here.tenant_id, one.here.campaign_id, running=False
            )
        )
        one.board.answers(one.board.agent_calls[0].leg)
        await one.state_is("available")
        assert (await one.contact("c0")).state == "waiting"
        assert await one.rows(schema.offers) == []


@pytest.mark.parametrize(("allowed", "shown"), [([], "+442079460900"), (["+442079460901"], "+442079460901")])
async def test_a_trunk_shows_no_number_it_does_not_allow(store: Store, allowed: list[str], shown: str) -> None:
    async with shift(store, caller_id="+442079460900") as one:
        await store.run(lambda conn: conn.execute(update(schema.trunks).values(caller_ids=allowed)))
        await one.reserved()
        await one.accepted()
        assert one.board.customer_calls[0].caller_id == shown


async def test_half_a_call_a_second_is_one_in_two_seconds(store: Store) -> None:
    async with shift(store) as one:
        await store.run(lambda conn: conn.execute(update(schema.trunks).values(max_calls_per_second=0.5)))
        await one.reserved()
        _, leg = await one.accepted()
        one.board.ends(leg, cause=17, sip=486)
        await one.state_is("previewing")
        earlier = datetime.now(UTC) - timedelta(seconds=1.5)
        await store.run(lambda conn: conn.execute(update(schema.legs).values(placed_at=earlier)))
        with pytest.raises(NoCapacity) as refused:
            await one.floor.decide(one.agent, one.offer, "accept")
        assert (refused.value.code, refused.value.used, refused.value.limit) == ("CALL_RATE_LIMIT", 1, 1)
        await store.run(lambda conn: conn.execute(update(schema.legs).values(placed_at=earlier - timedelta(seconds=1))))
        await one.accepted()


async def test_a_wrap_up_sent_twice_counts_once_and_another_result_is_refused(store: Store) -> None:
    async with shift(store) as one:
        _, attempt, leg = await one.talking()
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        with pytest.raises(Refused, match="'success'"):
            await one.floor.wrap_up(one.agent, attempt, disposition="not_interested")
        assert (await one.contact("c0")).attempts == 1


async def test_the_events_of_a_call_tell_a_page_all_that_a_read_of_me_would(store: Store) -> None:
    async with shift(store, end_call_enabled=False, wrap_up_limit=90) as one:
        _, attempt, leg = await one.talking()
        await one.floor.hang_up(one.agent, attempt)
        one.board.ends(leg, answered=True)
        await one.state_is("wrap_up")
        me = await one.store.run(lambda conn: views.me(conn, one.agent, now=datetime.now(UTC)))
        told = await one.rows(schema.events)
    offer = next(row.payload for row in told if row.kind == "offer.opened")
    agent = [row.payload for row in told if row.kind == "agent.state"][-1]
    assert offer["campaign_name"] == me["agent"]["campaign"]["name"] != ""
    assert offer["dispositions"] == me["dispositions"] != []
    assert offer["end_call_enabled"] is me["offer"]["end_call_enabled"] is False
    assert offer["recording"] == me["offer"]["recording"] == "off"
    assert datetime.fromisoformat(agent["wrap_up_until"]) == me["agent"]["wrap_up_until"]
