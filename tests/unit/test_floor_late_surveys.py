"""Surveys that were read before something was ordered, and orders that got no answer: neither may end what goes on."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from telephony.dialer.errors import NoCapacity
from telephony.pbx.port import AgentCall, LiveLeg, MonitorCall, OrderUnsettled, Survey
from telephony.store import schema
from telephony.store.engine import Store
from tests.support.shift import Shift, found, now, shift
from tests.unit.test_floor_browser_phone import comes_back, in_a_call, since
from tests.unit.test_floor_monitoring import LISTEN, supervised
from tests.unit.test_floor_transfer import CONSULT, NUMBER, handing

pytestmark = pytest.mark.unit


async def reconcile(one: Shift, survey: Survey, asked: float) -> None:
    """A survey that was asked for so many seconds from now comes in."""
    await one.floor._reconcile(survey, one.floor._links, now() + timedelta(seconds=asked))


async def test_a_leg_through_the_second_trunk_is_not_taken_for_one_that_was_never_sent(store: Store) -> None:
    async with shift(store) as one:
        await one.second_trunk()
        agent_leg = await one.reserved()
        attempt, first = await one.accepted()
        one.board.appears(first)
        long_ago = now() - timedelta(seconds=20)  # the first trunk took its time to fail
        await store.run(lambda conn: conn.execute(update(schema.attempts).values(placed_at=long_ago)))
        call = one.floor.desks[one.agent].call
        assert call is not None
        call.attempt.placed_at = long_ago
        one.board.failing["call_customer"] = OrderUnsettled("no answer")
        one.board.ends(first, cause=34, sip=503)
        await one.until(lambda: call.attempt.state == "unknown")
        second = call.leg.id
        for asked in (-0.1, 0.5):  # read before the order; read after it, but Asterisk has it still to come
            await reconcile(one, found(live=[LiveLeg(leg=agent_leg, state="up")]), asked)
            assert call.attempt.state == "unknown"
        one.board.appears(second)
        await reconcile(one, found(live=[LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=second, state="ringing")]), 1)
        assert call.attempt.state == "ringing"
        assert (await one.rows(schema.attempts))[0].id == attempt


async def test_a_hold_of_which_nobody_knows_is_not_settled_by_an_older_survey(store: Store) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await one.talking()
        desk = one.floor.desks[one.agent]
        one.board.failing["park"] = OrderUnsettled("no answer")
        older = found(live=[LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=leg, state="up", joined_to=agent_leg)])
        newer = found(live=[LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=leg, state="up", parked=True)])
        one.board.survey_now = newer
        asked = now()
        with pytest.raises(NoCapacity):
            await one.floor.calls.hold(one.agent, attempt, held=True)
        await one.floor._reconcile(older, one.floor._links, asked)
        await one.until(lambda: desk.call is not None and desk.call.attempt.state == "talking")
        assert desk.call is not None
        assert desk.call.controls.held


async def test_a_supervisor_whose_call_waits_for_its_turn_is_not_ended(store: Store) -> None:
    async with supervised(store) as (one, sue):
        agent_leg, attempt, customer = await one.talking()
        board, turn = one.board, asyncio.Event()
        order = board.monitor

        async def in_its_turn(call: MonitorCall) -> None:
            await turn.wait()
            await order(call)

        board.monitor = in_its_turn  # type: ignore[method-assign]
        asked = asyncio.create_task(one.floor.supervision.monitor(sue, "Sue", one.agent, attempt, LISTEN))
        await one.until(lambda: bool(one.floor.ground.monitors))
        live = [LiveLeg(leg=agent_leg, state="up", joined_to=customer), LiveLeg(leg=customer, state="up")]
        await reconcile(one, found(live=live), 1.0)
        assert one.floor.ground.monitors
        turn.set()
        await asked
        await reconcile(one, found(live=live), 60.0)  # a minute later it was certainly never made
        await one.until(lambda: not one.floor.ground.monitors)


async def test_a_third_party_who_is_called_after_a_slow_hold_is_not_ended(store: Store) -> None:
    async with handing(store) as hand:
        one, held = hand.one, asyncio.Event()
        park = one.board.park

        async def slowly(leg: str) -> None:
            await held.wait()
            await park(leg)

        one.board.park = slowly  # type: ignore[method-assign]
        asked = asyncio.create_task(hand.ask(CONSULT, NUMBER))
        await one.until(lambda: bool(one.floor.desks[one.agent].thirds))
        (third,) = one.floor.desks[one.agent].thirds.values()
        before = now()
        held.set()
        await asked
        live = [LiveLeg(leg=hand.agent_leg, state="up"), LiveLeg(leg=hand.customer, state="up", parked=True)]
        assert third._since is not None
        assert third._since >= before  # what counts is the order, not the moment it was stored
        await one.floor._reconcile(found(live=live), one.floor._links, before + timedelta(seconds=2.9))
        assert await hand.stands() == ("talking", "consult", True)


async def test_a_page_that_is_back_and_whose_join_got_no_answer_is_joined_again(store: Store) -> None:
    async with shift(store) as one:
        old, _, customer = await in_a_call(one)
        await one.floor.phone_attached(one.agent, None)
        new = await comes_back(one, old)
        live = [LiveLeg(leg=new, state="up"), LiveLeg(leg=customer, state="up", parked=True)]
        one.board.survey_now = found(live=live)
        one.board.failing["join"] = OrderUnsettled("no answer")
        mark = len(one.board.orders)
        one.board.answers(new)
        await one.until(lambda: ("join", customer) in since(one, mark))
        assert (await one.rows(schema.attempts))[0].held_since is None


async def test_a_page_whose_ringing_customer_was_not_told_of_it_gets_them_all_the_same(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.use_browser(one.agent)
        old = await one.reserved()
        _, customer = await one.accepted()
        one.board.appears(customer)
        one.board.rings(customer)
        await one.floor.phone_attached(one.agent, None)
        new = await comes_back(one, old)
        live = [LiveLeg(leg=new, state="up"), LiveLeg(leg=customer, state="ringing")]
        one.board.survey_now = found(live=live)
        one.board.failing["answer_to"] = OrderUnsettled("no answer")
        mark = len(one.board.orders)
        one.board.answers(new)
        await one.until(lambda: ("answer_to", customer) in since(one, mark))


async def test_a_customer_whose_agent_hung_up_after_the_survey_was_read_does_not_wait(store: Store) -> None:
    async with shift(store) as one:
        agent_leg, _, leg = await one.talking()
        desk = one.floor.desks[one.agent]
        one.board.failing["mute"] = OrderUnsettled("no answer")
        assert desk.call is not None
        with pytest.raises(NoCapacity):
            await one.floor.calls.mute(one.agent, desk.call.attempt.id, muted=True)
        live = [LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=leg, state="up", joined_to=agent_leg)]
        one.board.survey_now = found()
        one.floor.ground.resync_wanted.clear()
        asked = 0.01
        one.board.ends(agent_leg, answered=True)
        await one.settle()
        await reconcile(one, found(live=live), asked)
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        one.board.ends(leg, answered=True)
        await one.settle()
        assert one.floor.desks[one.agent].agent.state == "wrap_up"
        assert (await one.rows(schema.attempts))[0].outcome == "TALKED"


async def test_a_ring_that_waits_for_its_turn_is_not_taken_for_one_that_was_never_sent(store: Store) -> None:
    async with shift(store) as one:
        board, turn = one.board, asyncio.Event()
        order = board.ring_agent

        async def in_its_turn(call: AgentCall) -> None:
            await turn.wait()
            await order(call)

        board.ring_agent = in_its_turn  # type: ignore[method-assign]
        await one.floor.set_state(one.agent, "available")
        desk = one.floor.desks[one.agent]
        await one.until(lambda: desk.reservation.line is not None)
        reserved = desk.agent.state_since
        await asyncio.sleep(0.05)
        turn.set()
        await one.until(lambda: bool(board.agent_calls))
        await one.settle()
        assert desk.reservation._since > reserved
        await one.floor._reconcile(found(), one.floor._links, reserved + timedelta(seconds=3.01))
        assert desk.agent.state == "ringing"
