"""The mode preview, with the switchboard played by hand: the agent asks, and is called only for an accepted contact."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from telephony.dialer import phones
from telephony.dialer.errors import DialerError, NoCapacity, NotFound, OfferClosed, Refused
from telephony.pbx.port import LiveLeg, OrderUnsettled, PbxUnreachable, RecordedEnd, UnknownLeg
from telephony.store import agents, campaigns, claims, lists, offers, schema
from telephony.store.claims import Claim
from telephony.store.engine import Store
from telephony.store.work import Work, change
from tests.support.company import take_in
from tests.support.shift import Shift, found, now, restart, settings, shift

pytestmark = pytest.mark.unit

PULL = "preview"


async def shown(one: Shift) -> str:
    """Available, and a contact on the screen; the offer."""
    await one.floor.set_state(one.agent, "available")
    pulled = await one.floor.next_pull(one.agent, one.here.campaign_id)
    assert pulled.offer_id is not None
    return pulled.offer_id


async def called(one: Shift) -> tuple[str, str]:
    """Accepted; (attempt, the leg to the agent's phone) once that was ordered."""
    before = len(one.board.agent_calls)
    done = await one.floor.decide(one.agent, await shown(one), "accept")
    await one.until(lambda: len(one.board.agent_calls) > before)
    return done["attempt"], one.board.agent_calls[-1].leg


async def dialed(one: Shift) -> tuple[str, str, str]:
    """The agent picked up; (attempt, agent's leg, customer's leg) once the customer was ordered."""
    attempt, agent_leg = await called(one)
    one.board.appears(agent_leg)
    one.board.answers(agent_leg)
    await one.until(lambda: bool(one.board.direct_calls))
    return attempt, agent_leg, one.board.direct_calls[-1].leg


async def free_again(one: Shift) -> None:
    """Nothing is held: no contact, no number, no place, no line."""
    await one.settle()
    assert set((await one.used()).values()) <= {0}
    assert not await one.store.run(lambda conn: list(conn.execute(select(schema.busy_numbers))))
    assert {row.state for row in await one.rows(schema.contacts)} == {"waiting"}
    assert all(row.ended_at for row in await one.rows(schema.reservations))
    assert all(row.ended_at for row in await one.rows(schema.legs))


async def untouched(one: Shift) -> None:
    (contact, *_) = await one.rows(schema.contacts)
    assert (contact.state, contact.attempts, contact.skips, contact.holder_id) == ("waiting", 0, 0, None)
    assert not await one.rows(schema.dialed)
    await free_again(one)


async def attempt_of(one: Shift) -> Any:
    (row,) = await one.rows(schema.attempts)
    return row


# -- asking -----------------------------------------------------------------------------------------------------


async def test_an_available_agent_is_shown_a_contact_and_nobody_is_rung(store: Store) -> None:
    async with shift(store, mode=PULL) as one:
        offer = await shown(one)
        await one.settle()
        assert one.floor.desks[one.agent].agent.state == "previewing"
        assert one.board.orders == []
        assert await one.used() == {} or set((await one.used()).values()) == {0}
        (row,) = await one.rows(schema.offers)
        assert (row.id, row.state, row.reservation_id) == (offer, "open", None)


async def test_contacts_of_a_pull_campaign_come_to_nobody_unasked(store: Store) -> None:
    async with shift(store, mode=PULL) as one:
        await one.floor.set_state(one.agent, "available")
        one.floor.wake()
        await asyncio.sleep(0.1)
        assert one.board.orders == []
        due, _ = await change(store, lambda work: claims.due_agents(work, one.place.cell_id))
        assert due == set()  # nor does anybody look for one again and again
        assert {row.state for row in await one.rows(schema.contacts)} == {"waiting"}


async def test_asking_again_shows_the_same_contact(store: Store) -> None:
    async with shift(store, mode=PULL) as one:
        offer = await shown(one)
        assert (await one.floor.next_pull(one.agent, one.here.campaign_id)).offer_id == offer
        assert len(await one.rows(schema.offers)) == 1


async def test_an_agent_who_is_not_available_is_shown_nothing(store: Store) -> None:
    async with shift(store, mode=PULL) as one:
        for state in ("offline", "idle"):
            await one.floor.set_state(one.agent, state)
            with pytest.raises(Refused) as refused:
                await one.floor.next_pull(one.agent, one.here.campaign_id)
            assert refused.value.code == "NOT_AVAILABLE"
        assert not await one.rows(schema.offers)


async def test_a_contact_is_asked_of_a_running_pull_campaign_of_ones_own(store: Store) -> None:
    async with shift(store, mode=PULL) as one:
        await one.floor.set_state(one.agent, "available")
        with pytest.raises(NotFound):
            await one.floor.next_pull(one.agent, "01900000-0000-7000-8000-000000000000")
        await change(
            store, lambda work: campaigns.run_campaign(work, one.here.tenant_id, one.here.campaign_id, running=False)
        )
        with pytest.raises(DialerError) as stopped:
            await one.floor.next_pull(one.agent, one.here.campaign_id)
        assert stopped.value.code == "CAMPAIGN_STOPPED"


async def test_a_push_campaign_is_not_asked(store: Store) -> None:
    async with shift(store, contacts=0) as one:
        await one.floor.set_state(one.agent, "available")
        with pytest.raises(Refused) as refused:
            await one.floor.next_pull(one.agent, one.here.campaign_id)
        assert refused.value.code == "NOT_AVAILABLE"


async def test_without_a_due_contact_the_agent_learns_when_there_is_one(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        later = now() + timedelta(minutes=20)
        await store.run(lambda conn: conn.execute(update(schema.contacts).values(due_at=later)))
        await one.floor.set_state(one.agent, "available")
        pulled = await one.floor.next_pull(one.agent, one.here.campaign_id)
        assert (pulled.offer_id, pulled.next_due) == (None, later)
        assert one.floor.desks[one.agent].agent.state == "available"


async def test_where_no_call_could_be_made_no_contact_is_shown(store: Store) -> None:
    async with shift(store, mode=PULL) as one:
        await one.floor.set_state(one.agent, "available")
        await store.run(lambda conn: conn.execute(update(schema.cells).values(max_channels=1)))
        with pytest.raises(NoCapacity) as full:
            await one.floor.next_pull(one.agent, one.here.campaign_id)
        assert (full.value.code, full.value.used, full.value.limit) == ("CELL_CHANNEL_LIMIT", 0, 1)
        one.board.link_lost()
        with pytest.raises(NoCapacity) as cut:
            await one.floor.next_pull(one.agent, one.here.campaign_id)
        assert cut.value.code == "PBX_UNREACHABLE"
        stored = [
            (row.code, row.used, row.limit, row.agent_id, row.offer_id) for row in await one.rows(schema.refusals)
        ]
        assert stored == [("CELL_CHANNEL_LIMIT", 0, 1, one.agent, None), ("PBX_UNREACHABLE", 0, 0, one.agent, None)]
        told = [row.payload["code"] for row in await one.rows(schema.events) if row.kind == "limit.reached"]
        assert told == ["CELL_CHANNEL_LIMIT", "PBX_UNREACHABLE"]
        await free_again(one)


# -- the phone has to be there ----------------------------------------------------------------------------------


async def test_a_phone_that_is_not_registered_gives_no_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phones, "REGISTERS_WITHIN", 0.05)
    async with shift(store, mode=PULL) as one:
        one.board.phones["1001"] = False
        with pytest.raises(Refused) as refused:
            await one.floor.set_state(one.agent, "available")
        assert refused.value.code == "PHONE_NOT_REGISTERED"
        assert "'1001'" in str(refused.value)
        assert one.floor.desks[one.agent].agent.state == "offline"
        one.board.phones["1001"] = True
        await one.floor.set_state(one.agent, "available")
        one.board.phones["1001"] = False
        with pytest.raises(Refused) as refused:
            await one.floor.next_pull(one.agent, one.here.campaign_id)
        assert refused.value.code == "PHONE_NOT_REGISTERED"


async def test_a_phone_that_registers_a_moment_later_is_waited_for(store: Store) -> None:
    async with shift(store, mode=PULL) as one:
        one.board.phones["1001"] = False
        asyncio.get_running_loop().call_later(0.3, one.board.phones.__setitem__, "1001", True)
        await one.floor.set_state(one.agent, "available")
        assert one.floor.desks[one.agent].agent.state == "available"


async def test_a_phone_nobody_knows_about_does_not_stop_the_agent(store: Store) -> None:
    async with shift(store, mode=PULL) as one:
        one.board.phones["1001"] = None
        assert await shown(one)


# -- deciding ---------------------------------------------------------------------------------------------------


async def test_skip_frees_the_agent_without_a_line(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        await one.floor.decide(one.agent, await shown(one), "skip")
        await one.state_is("available")
        (contact,) = await one.rows(schema.contacts)
        assert (contact.state, contact.skips) == ("waiting", 1)
        assert one.board.orders == []


@pytest.mark.parametrize("action", ["remove", "leave"])
async def test_there_is_only_accept_and_skip(store: Store, action: str) -> None:
    async with shift(store, mode=PULL) as one:
        offer = await shown(one)
        with pytest.raises(Refused) as refused:
            await one.floor.decide(one.agent, offer, action)
        assert refused.value.code == "ACTION_DISABLED"
        assert one.floor.desks[one.agent].agent.state == "previewing"


@pytest.mark.parametrize("state", ["idle", "offline"])
async def test_who_goes_away_leaves_the_contact_as_it_was(store: Store, state: str) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        await shown(one)
        await one.floor.set_state(one.agent, state)
        assert one.floor.desks[one.agent].agent.state == state
        assert [row.state for row in await one.rows(schema.offers)] == ["left"]
        await untouched(one)


async def test_a_lost_desktop_closes_the_offer(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        await shown(one)
        desk = one.floor.desks[one.agent]
        await desk.ask(desk.desktop_lost)
        assert (desk.agent.state, desk.agent.idle_reason) == ("idle", "desktop_lost")
        await untouched(one)


@pytest.mark.parametrize(
    ("action", "agent", "contact"),
    [("skip", "available", "waiting"), ("remove", "available", "removed"), ("idle", "idle", "waiting")],
)
async def test_the_timer_ends_an_untouched_offer(store: Store, action: str, agent: str, contact: str) -> None:
    async with shift(store, contacts=1, mode=PULL, offer_timeout_action=action) as one:
        await shown(one)
        desk = one.floor.desks[one.agent]
        await desk.ask(desk.preview._time_is_up)
        assert desk.agent.state == agent
        assert [(row.state, row.action) for row in await one.rows(schema.offers)] == [("timed_out", action)]
        assert (await one.contact("c0")).state == contact
        assert one.board.orders == []


async def test_the_timers_accept_calls_the_agent(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL, offer_timeout_action="accept") as one:
        await shown(one)
        desk = one.floor.desks[one.agent]
        one.floor.live_opened(one.agent)
        await desk.ask(desk.preview._time_is_up)
        await one.until(lambda: bool(one.board.agent_calls))
        assert (await attempt_of(one)).state == "calling_agent"


async def test_the_timers_accept_without_room_gives_the_contact_back(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL, offer_timeout_action="accept") as one:
        await shown(one)
        await store.run(lambda conn: conn.execute(update(schema.tenants).values(max_calls=0)))
        desk = one.floor.desks[one.agent]
        one.floor.live_opened(one.agent)
        await desk.ask(desk.preview._time_is_up)
        assert desk.agent.state == "available"
        assert [(row.state, row.action) for row in await one.rows(schema.offers)] == [("timed_out", "refused")]
        assert (await one.contact("c0")).due_at > now()
        await free_again(one)


async def test_a_stopped_campaign_withdraws_the_offer(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        await shown(one)
        await change(
            store, lambda work: campaigns.run_campaign(work, one.here.tenant_id, one.here.campaign_id, running=False)
        )
        await one.floor.campaign_stopped(one.here.campaign_id)
        await one.state_is("available")
        await untouched(one)


# -- accept: the agent's phone first ----------------------------------------------------------------------------


async def test_accept_calls_the_agent_and_takes_every_place_at_once(store: Store) -> None:
    async with shift(store, mode=PULL, reservation_ring_limit=25) as one:
        _, agent_leg = await called(one)
        (call,) = one.board.agent_calls
        assert (call.phone, call.ring_limit, call.caller_name) == ("1001", 25, "")
        assert await one.used() == {"tenant": 1, "data_center": 1, "trunk": 1, "cell": 2}
        row = await attempt_of(one)
        assert (row.state, row.placed_at) == ("calling_agent", None)
        assert one.floor.desks[one.agent].agent.state == "dialing"
        assert not one.board.direct_calls
        assert not await one.rows(schema.dialed)  # nobody was called yet
        assert agent_leg in one.floor.ground.owners


async def test_the_agent_picks_up_talks_wraps_up_and_asks_again(store: Store) -> None:
    async with shift(store, mode=PULL, keep_line=True, ring_limit=20) as one:
        attempt, agent_leg, leg = await dialed(one)
        (call,) = one.board.direct_calls
        assert (call.agent_leg, call.ring_limit) == (agent_leg, 20)
        assert await one.board.asks_to_dial(leg) == "dial"
        one.board.appears(leg)
        one.board.rings(leg)
        one.board.answers(leg)
        one.board.joins(leg, agent_leg)
        await one.state_is("talking")
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)  # keep_line means nothing here
        one.board.ends(agent_leg, answered=True)
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        await one.state_is("available")
        await free_the_desk(one)
        assert (await attempt_of(one)).outcome == "TALKED"
        assert (await one.floor.next_pull(one.agent, one.here.campaign_id)).offer_id


async def free_the_desk(one: Shift) -> None:
    await one.until(lambda: one.floor.desks[one.agent].reservation.line is None)


async def test_a_customer_who_is_busy_ends_the_agents_call(store: Store) -> None:
    async with shift(store, mode=PULL) as one:
        _, agent_leg, leg = await dialed(one)
        one.board.appears(leg)
        one.board.ends(leg, sip=486, cause=17)
        await one.state_is("available")
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        one.board.ends(agent_leg, answered=True, cause=16)
        await free_the_desk(one)
        assert (await attempt_of(one)).outcome == "CUSTOMER_BUSY"
        assert len(one.board.agent_calls) == 1
        await free_again(one)


@pytest.mark.parametrize(
    ("end", "code", "reason"),
    [
        ({"rang": True, "cause": 19, "ring_limit_reached": True}, "RONA", "rona"),
        ({"rang": True, "sip": 603, "cause": 21}, "USER_DECLINED", "declined"),
        ({"sip": 486, "cause": 17}, "USER_BUSY", "agent_busy"),
        ({"cause": 20}, "USER_UNAVAILABLE", "agent_unavailable"),
        ({"cause": 0}, "CHANNEL_FAILURE", "channel_failure"),
        ({"missing_endpoint": True}, "INVALID_NUMBER", "invalid_number"),
        ({"answered": True, "rang": True, "cause": 16}, "AGENT_ENDED", "hung_up"),
    ],
)
async def test_an_agent_who_does_not_come_to_the_phone(
    store: Store, end: dict[str, Any], code: str, reason: str
) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        _, agent_leg = await called(one)
        one.board.appears(agent_leg)
        one.board.ends(agent_leg, **end)
        await one.state_is("idle")
        assert one.floor.desks[one.agent].agent.idle_reason == reason
        row = await attempt_of(one)
        assert (row.state, row.outcome, row.code) == ("ended", "NOT_PLACED", code)
        await untouched(one)


async def test_a_pbx_that_refuses_the_agents_call(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        one.board.failing["ring_agent"] = PbxUnreachable("cut")
        await one.floor.decide(one.agent, await shown(one), "accept")
        await one.state_is("available")
        assert (await attempt_of(one)).code == "PBX_UNREACHABLE"
        await untouched(one)


@pytest.mark.parametrize("way", ["cancel", "hang_up"])
async def test_a_cancel_while_the_agents_phone_rings(store: Store, way: str) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        attempt, agent_leg = await called(one)
        one.board.appears(agent_leg)
        await getattr(one.floor, way)(one.agent, attempt)
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        one.board.ends(agent_leg, cause=16)
        await free_the_desk(one)
        row = await attempt_of(one)
        assert (row.outcome, row.code) == ("NOT_PLACED", "AGENT_CANCELLED")
        assert one.floor.desks[one.agent].agent.state == "available"
        await untouched(one)


async def test_a_cancel_before_the_phones_channel_is_there_ends_it_when_it_appears(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        attempt, agent_leg = await called(one)
        await one.floor.cancel(one.agent, attempt)
        await one.settle()
        with pytest.raises(Refused) as refused:  # the old line is still on its way out
            await one.floor.next_pull(one.agent, one.here.campaign_id)
        assert refused.value.code == "NOT_AVAILABLE"
        before = one.board.orders.count(("hang_up", agent_leg))
        one.board.appears(agent_leg)
        await one.until(lambda: one.board.orders.count(("hang_up", agent_leg)) > before)
        one.board.ends(agent_leg, cause=16)
        await free_the_desk(one)
        await untouched(one)


async def test_a_wish_while_the_phone_rings_is_kept_and_done_when_the_call_fails(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        attempt, agent_leg = await called(one)
        one.board.appears(agent_leg)
        await one.floor.set_state(one.agent, "idle", "lunch")
        await one.floor.cancel(one.agent, attempt)
        one.board.ends(agent_leg, cause=16)
        await one.state_is("idle")
        assert one.floor.desks[one.agent].agent.idle_reason == "lunch"
        await one.floor.set_state(one.agent, "available")
        await one.settle()
        assert one.floor.desks[one.agent].agent.state == "available"  # the wish is used up


async def test_a_wish_is_forgotten_with_the_line_that_was_hung_up(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        _, agent_leg, leg = await dialed(one)
        await one.floor.set_state(one.agent, "offline")
        one.board.ends(agent_leg, answered=True, cause=16)
        one.board.ends(leg, rang=True, cause=16)
        await one.state_is("idle")
        await free_the_desk(one)
        await one.floor.set_state(one.agent, "available")
        await one.settle()
        assert one.floor.desks[one.agent].agent.state == "available"


async def refused_at_the_answer(one: Shift, forbid: Any) -> Any:
    """The attempt's row, where something forbids the call while the agent's phone rings."""
    _, agent_leg = await called(one)
    one.board.appears(agent_leg)
    await forbid()
    one.board.answers(agent_leg)
    await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
    one.board.ends(agent_leg, answered=True, cause=16)
    await free_the_desk(one)
    assert one.floor.desks[one.agent].agent.state == "available"
    assert not one.board.direct_calls
    return await attempt_of(one)


async def test_what_is_forbidden_while_the_agents_phone_rings_is_not_dialed(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:

        async def stop() -> None:
            await change(
                store,
                lambda work: campaigns.run_campaign(work, one.here.tenant_id, one.here.campaign_id, running=False),
            )

        row = await refused_at_the_answer(one, stop)
        assert (row.outcome, row.code) == ("NOT_PLACED", "CAMPAIGN_STOPPED")
        await untouched(one)


async def test_the_trunks_rate_is_taken_when_the_customer_is_dialed(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:

        async def spend() -> None:
            def calls(work: Work) -> None:
                work.conn.execute(update(schema.trunks).values(max_calls_per_second=1))
                work.conn.execute(
                    schema.legs.insert().values(
                        id="other", tenant_id=one.here.tenant_id, cell_id=one.here.cell_id, kind="customer",
                        trunk_id=one.here.trunk_id, placed_at=work.now, ended_at=work.now,
                    )
                )  # fmt: skip

            await change(store, calls)

        row = await refused_at_the_answer(one, spend)
        assert (row.outcome, row.code) == ("NOT_PLACED", "CALL_RATE_LIMIT")
        (told,) = await one.rows(schema.refusals)
        assert (told.offer_id, told.code, told.used, told.limit) == (row.offer_id, "CALL_RATE_LIMIT", 1, 1)
        await untouched(one)


async def test_a_trunk_that_was_switched_off_meanwhile_is_not_used(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:

        async def off() -> None:
            await store.run(lambda conn: conn.execute(update(schema.trunks).values(enabled=False)))

        assert (await refused_at_the_answer(one, off)).code == "NO_TRUNK"


# -- the service or the link is lost ----------------------------------------------------------------------------


async def test_an_offer_without_a_line_survives_a_restart(store: Store) -> None:
    async with shift(store, mode=PULL) as one:
        offer = await shown(one)
        await restart(one, found())
        assert one.floor.desks[one.agent].agent.state == "previewing"
        assert (await one.floor.next_pull(one.agent, one.here.campaign_id)).offer_id == offer
        await one.floor.decide(one.agent, offer, "skip")
        await one.state_is("available")


@pytest.mark.parametrize("phone", ["ringing", "up", "never rung", "given up"])
async def test_a_service_killed_while_the_agents_phone_rings_gives_the_contact_back(store: Store, phone: str) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        _, agent_leg = await called(one)
        live = [LiveLeg(leg=agent_leg, state=phone)] if phone in ("ringing", "up") else []
        over = [RecordedEnd(leg=agent_leg, answered=False, rang=True, cause=19, sip=480)] if phone == "given up" else []
        if phone == "never rung":
            earlier = now() - timedelta(minutes=1)
            await store.run(lambda conn: conn.execute(update(schema.agents).values(state_since=earlier)))
        await restart(one, found(live=live, ended=over))
        if live:
            await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
            one.board.ends(agent_leg, answered=phone == "up", cause=16)
        await free_the_desk(one)
        assert one.floor.desks[one.agent].agent.state == "available"
        row = await attempt_of(one)
        assert (row.outcome, row.code) == ("NOT_PLACED", None)
        await untouched(one)


async def test_a_link_lost_while_the_agents_phone_rings_gives_the_contact_back(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        _, agent_leg = await called(one)
        one.board.appears(agent_leg)
        one.board.link_lost()
        await one.settle()
        assert (await attempt_of(one)).state == "unknown"
        one.board.survey_now = found(live=[LiveLeg(leg=agent_leg, state="up")])
        one.board.link_up()
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        one.board.ends(agent_leg, answered=True, cause=16)
        await free_the_desk(one)
        assert (await attempt_of(one)).outcome == "NOT_PLACED"
        assert not one.board.direct_calls
        await untouched(one)


async def test_a_customer_who_rang_when_the_service_died_goes_on_ringing(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        _, agent_leg, leg = await dialed(one)
        one.board.appears(leg)
        one.board.rings(leg)
        await one.settle()
        await restart(one, found(live=[LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=leg, state="ringing")]))
        assert (await attempt_of(one)).state == "ringing"
        one.board.ends(leg, rang=True, sip=603, cause=21)
        await one.state_is("available")
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        assert (await attempt_of(one)).outcome == "CUSTOMER_DECLINED"


async def test_an_order_whose_confirmation_is_lost_is_settled_by_the_next_survey(store: Store) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        one.board.failing["ring_agent"] = OrderUnsettled("no answer")
        done = await one.floor.decide(one.agent, await shown(one), "accept")
        await one.until(lambda: one.floor.desks[one.agent].reservation.line is not None)
        agent_leg = one.floor.desks[one.agent].reservation.line.leg_id  # type: ignore[union-attr]
        one.board.survey_now = found(live=[LiveLeg(leg=agent_leg, state="up")])
        await one.until(lambda: bool(one.board.direct_calls))
        assert (await attempt_of(one)).id == done["attempt"]


@pytest.mark.parametrize("agent", ["hung_up", "gone"])
async def test_an_agent_who_hangs_up_in_the_moment_of_dialing(store: Store, agent: str) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        if agent == "gone":
            one.board.failing["call_from_agent"] = UnknownLeg("no channel")
        _, agent_leg = await called(one)
        one.board.appears(agent_leg)
        one.board.answers(agent_leg)
        if agent == "hung_up":
            await one.until(lambda: bool(one.board.direct_calls))
            one.board.ends(agent_leg, answered=True, cause=16)
            one.board.tell_not_made(one.board.direct_calls[-1].leg)
        else:
            await one.state_is("idle")
            one.board.ends(agent_leg, answered=True, cause=16)
        await free_the_desk(one)
        await one.until(lambda: one.floor.desks[one.agent].call is None)
        assert one.floor.desks[one.agent].agent.idle_reason == "hung_up"
        row = await attempt_of(one)
        assert (row.outcome, row.code) == ("NOT_PLACED", "AGENT_ENDED")
        await untouched(one)


# -- one winner -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["request", "reservation"])
async def test_a_request_and_a_reservation_in_the_same_instant_have_one_winner(store: Store, first: str) -> None:
    async with shift(store, contacts=1, mode=PULL) as one:
        await change(store, lambda work: push_campaign(work, one))
        desk = await one.floor.desk(one.agent)
        desk.reservation.rest(60.0)  # so that the test says when
        await one.floor.set_state(one.agent, "available")
        desk.reservation.rest(0.0)
        asked = [desk.preview.pull(one.here.campaign_id), desk.reservation.find_contact()]
        if first == "reservation":
            asked.reverse()
        await asyncio.gather(*(desk.ask(lambda job=job: job) for job in asked), return_exceptions=True)
        await one.settle()
        held = [row.external_id for row in await one.rows(schema.contacts) if row.state == "offered"]
        shown_, rung = len(await one.rows(schema.offers)), len(one.board.agent_calls)
        assert (held, shown_, rung) == ((["c0"], 1, 0) if first == "request" else (["pushed"], 0, 1))


def push_campaign(work: Work, one: Shift, *, number: str = "+442079460077") -> None:
    """A second campaign of the same team, with a due contact."""
    new = campaigns.NewCampaign(name="Autumn", settings=settings(mode="preview_direct"), team_ids=(one.here.team_id,))
    made = campaigns.create_campaign(work.conn, one.here.tenant_id, new, now=work.now)
    first = lists.create_list(
        work.conn, one.here.tenant_id, lists.NewList(campaign_id=made["id"], name="Autumn"), now=work.now
    )
    there = replace(one.here, campaign_id=made["id"], list_id=first["id"])
    take_in(work, there, {"external_id": "pushed", "name": "Pushed", "number": number})
    campaigns.run_campaign(work, one.here.tenant_id, made["id"], running=True)


async def test_the_other_action_is_told_who_won(store: Store) -> None:
    async with shift(store, mode=PULL) as one:
        offer = await shown(one)
        await one.floor.decide(one.agent, offer, "skip")
        with pytest.raises(OfferClosed) as closed:
            await one.floor.decide(one.agent, offer, "accept")
        assert closed.value.winner == "skipped"


# -- several services -------------------------------------------------------------------------------------------


async def test_services_that_claim_in_the_same_instant_get_a_number_once(postgres_url: str) -> None:
    here, there = Store(postgres_url), Store(postgres_url)
    try:
        async with shift(here, contacts=1, mode=PULL) as one:
            await change(here, lambda work: push_campaign(work, one, number="+442079460000"))  # c0's
            agent = await here.run(lambda conn: agents.load(Work(conn, now()), one.agent))
            assert agent is not None
            (pull,) = await here.run(lambda conn: [c for c in claims.of_agent(conn, one.agent) if c.name == "Spring"])
            for _ in range(20):
                won = await asyncio.gather(
                    change(here, lambda work: claims.pull(work, one.place, replace(agent), pull)),
                    change(there, lambda work: claims.pull(work, one.place, replace(agent), pull)),
                    change(there, lambda work: claims.claim(work, one.place, replace(agent))),
                )
                (claim,) = [found_ for found_ in won if isinstance(found_, Claim)]
                await change(here, lambda work, held=claim.contact.id: give_back(work, held))
    finally:
        await asyncio.gather(here.close(), there.close())


def give_back(work: Work, contact_id: str) -> None:
    offers.give_back(work, offers.contact_of(work, contact_id), agent_id=None)
