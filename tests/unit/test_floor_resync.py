"""What the service finds after a start or a lost link, and how it settles each call by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from telephony.pbx.port import LiveLeg, RecordedEnd
from telephony.store import schema
from telephony.store.engine import Store
from tests.support.shift import Shift, found, now, restart, shift

pytestmark = pytest.mark.unit


async def attempt_of(one: Shift) -> Any:
    (row,) = await one.rows(schema.attempts)
    return row


async def test_a_customer_found_waiting_for_an_agent_who_is_gone_was_abandoned(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        one.board.appears(leg)
        one.board.rings(leg)
        await one.settle()
        ended = {"ended_at": datetime.now(UTC), "end": "agent_hung_up"}
        await store.run(lambda conn: conn.execute(update(schema.reservations).values(ended)))
        await restart(one, found(live=[LiveLeg(leg=leg, state="up", joined_to=None)]))
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        assert agent_leg not in one.floor.ground.owners
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        assert (await attempt_of(one)).outcome == "ABANDONED"


async def test_a_customer_who_answered_when_the_agent_was_gone_was_abandoned_also_if_it_is_over(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        _, leg = await one.accepted()
        one.board.appears(leg)
        one.board.rings(leg)
        await one.settle()
        ended = {"ended_at": datetime.now(UTC), "end": "agent_hung_up"}
        await store.run(lambda conn: conn.execute(update(schema.reservations).values(ended)))
        over = RecordedEnd(leg=leg, answered=True, rang=True, cause=16, sip=None)
        await restart(one, found(ended=[over]))
        await one.settle()
        assert (await attempt_of(one)).outcome == "ABANDONED"


async def test_a_call_that_goes_on_is_taken_over_and_ends_as_usual(store: Store) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await one.talking()
        await restart(
            one,
            found(
                live=[
                    LiveLeg(leg=agent_leg, state="up", joined_to=leg),
                    LiveLeg(leg=leg, state="up", joined_to=agent_leg),
                ]
            ),
        )
        assert one.floor.desks[one.agent].agent.state == "talking"
        assert one.board.orders == []
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        assert (await attempt_of(one)).outcome == "TALKED"


@pytest.mark.parametrize("amd", ["parallel", "off"])
@pytest.mark.parametrize("state", ["ringing", "up"])
async def test_a_call_that_is_listened_to_is_heard_again_after_a_restart(store: Store, amd: str, state: str) -> None:
    async with shift(store, amd=amd) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        joined = {"joined_to": agent_leg} if state == "up" else {}
        await restart(one, found(live=[LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=leg, state=state, **joined)]))
        if state == "ringing":
            assert ("listen", leg) not in one.board.orders
            one.board.answers(leg)
            one.board.joins(leg, agent_leg)
        await one.state_is("talking")
        if amd == "parallel":
            await one.until(lambda: ("listen", leg) in one.board.orders)
        else:
            await one.settle()
            assert ("listen", leg) not in one.board.orders


async def test_a_call_that_ended_meanwhile_is_settled_from_the_flight_recorder(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        busy = RecordedEnd(leg=leg, answered=False, rang=False, cause=17, sip=486)
        await restart(one, found(live=[LiveLeg(leg=agent_leg, state="up")], ended=[busy]))
        assert (await attempt_of(one)).outcome == "CUSTOMER_BUSY"
        await one.state_is("previewing")  # the next contact, on the line that stayed up
        assert (await one.contact("c0")).attempts == 1
        assert await one.used() == {"tenant": 0, "data_center": 0, "trunk": 0, "cell": 1}


async def test_a_call_from_the_agents_leg_that_was_answered_and_ended_meanwhile_was_a_conversation(
    store: Store,
) -> None:
    async with shift(store, mode="preview_direct") as one:
        agent_leg = await one.reserved()
        attempt, leg = await dialed_from_the_agent(one)
        talked = RecordedEnd(leg=leg, answered=True, rang=True, cause=16, sip=None, ended_at=now().timestamp())
        hung_up = RecordedEnd(leg=agent_leg, answered=True, rang=True, cause=16, sip=None)
        await restart(one, found(ended=[talked, hung_up]))
        assert one.floor.desks[one.agent].agent.state == "wrap_up"
        row = await attempt_of(one)
        assert (row.outcome, row.joined_at is not None) == ("TALKED", True)
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        assert (await one.contact("c0")).state == "done"


async def test_one_that_was_cancelled_and_answered_all_the_same_was_none(store: Store) -> None:
    async with shift(store, mode="preview_direct") as one:
        agent_leg = await one.reserved()
        attempt, leg = await dialed_from_the_agent(one)
        await one.floor.cancel(one.agent, attempt)
        ended = RecordedEnd(leg=leg, answered=True, rang=True, cause=16, sip=None, ended_at=now().timestamp())
        await restart(one, found(live=[LiveLeg(leg=agent_leg, state="up")], ended=[ended]))
        assert (await attempt_of(one)).outcome == "AGENT_CANCELLED"


async def dialed_from_the_agent(one: Shift) -> tuple[str, str]:
    """Accepted, dialed and ringing: the attempt and the customer's leg."""
    done = await one.floor.decide(one.agent, one.offer, "accept")
    await one.until(lambda: bool(one.board.direct_calls))
    leg = one.board.direct_calls[-1].leg
    one.board.appears(leg)
    one.board.rings(leg)
    await one.settle()
    return done["attempt"], leg


async def test_an_order_that_never_reached_asterisk_is_not_placed_and_the_contact_untouched(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        await one.accepted()
        earlier = datetime.now(UTC) - timedelta(minutes=1)
        await store.run(lambda conn: conn.execute(update(schema.legs).values(placed_at=earlier)))
        await restart(one, found(live=[LiveLeg(leg=agent_leg, state="up")]))
        row = await attempt_of(one)
        assert (row.outcome, row.code) == ("NOT_PLACED", None)
        back = await one.contact("c0")
        assert (back.attempts, back.skips) == (0, 0)
        assert await one.rows(schema.dialed) == []


async def test_an_order_just_sent_may_still_be_on_its_way_so_nothing_is_concluded_yet(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        await restart(one, found(live=[LiveLeg(leg=agent_leg, state="up")]))
        assert (await attempt_of(one)).state == "unknown"
        one.board.survey_now = found(live=[LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=leg, state="ringing")])
        one.floor.ground.resync_wanted.set()
        await one.until(lambda: one.floor.desks[one.agent].call.attempt.state == "ringing")  # type: ignore[union-attr]


async def test_a_crash_of_asterisk_loses_the_call_but_not_the_agent(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        await one.accepted()
        one.board.link_lost()
        await one.settle()
        assert (await attempt_of(one)).state == "unknown"
        one.board.survey_now = found(since=datetime.now(UTC).timestamp() + 1)
        one.board.link_up()
        await one.until(lambda: one.floor.ready)
        await one.settle()
        assert (await attempt_of(one)).outcome == "PBX_LOST"
        assert (await one.contact("c0")).attempts == 1
        # rung again for the next contact, on a line of its own
        await one.until(lambda: len(one.board.agent_calls) == 2)
        assert await one.used() == {"tenant": 0, "data_center": 0, "trunk": 0, "cell": 1}


async def test_a_cancelled_call_found_alive_is_ended(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        attempt, leg = await one.accepted()
        await one.floor.cancel(one.agent, attempt)
        await restart(one, found(live=[LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=leg, state="ringing")]))
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        one.board.ends(leg, rang=True, sip=487, cause=16)
        await one.until(lambda: one.floor.desks[one.agent].call is None)
        assert (await attempt_of(one)).outcome == "AGENT_CANCELLED"


async def test_a_leg_of_ours_that_nobody_waits_for_is_ended_and_a_strangers_is_left_alone(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        await one.floor.decide(one.agent, one.offer, "leave")
        one.board.ends(agent_leg, answered=True)
        await one.until(lambda: one.floor.desks[one.agent].reservation.line is None)
        stranger = "01900000-0000-7000-8000-000000000000"
        await restart(one, found(live=[LiveLeg(leg=stranger, state="up"), LiveLeg(leg=agent_leg, state="up")]))
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        assert ("hang_up", stranger) not in one.board.orders


async def test_an_agent_rung_when_the_service_died_and_answering_since_gets_the_offer(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: bool(one.board.agent_calls))
        leg = one.board.agent_calls[0].leg
        await restart(one, found(live=[LiveLeg(leg=leg, state="up")]))
        await one.state_is("previewing")
        assert (await one.contact("c0")).state == "offered"


async def test_an_open_offer_survives_a_restart_with_its_timer(store: Store) -> None:
    async with shift(store) as one:
        leg = await one.reserved()
        offer = one.offer
        await restart(one, found(live=[LiveLeg(leg=leg, state="up")]))
        assert one.offer == offer
        await one.floor.decide(one.agent, offer, "skip")
        await one.until(lambda: one.floor.desks[one.agent].preview.offer is not None and one.offer != offer)


async def test_a_wrap_up_survives_a_restart(store: Store) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await one.talking()
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        ended = RecordedEnd(leg=agent_leg, answered=True, rang=True, cause=16, sip=None)
        await restart(one, found(ended=[ended]))
        assert one.floor.desks[one.agent].agent.state == "wrap_up"
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        assert (await one.contact("c0")).state == "done"
