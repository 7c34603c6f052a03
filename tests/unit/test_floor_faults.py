"""Faults between the programs: a database that goes away in the middle, a link that breaks twice, news that cross."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, update

from telephony.dialer.errors import OfferClosed
from telephony.pbx.port import LiveLeg, RecordedEnd, Survey, UnknownLeg
from telephony.store import schema
from telephony.store.engine import Store, StoreUnavailable
from telephony.store.grants import LostCell
from tests.support.shift import Shift, found, restart, shift
from tests.unit.test_floor_resync import attempt_of

pytestmark = pytest.mark.unit

T = TypeVar("T")
NOTHING_UP = {"tenant": 0, "data_center": 0, "trunk": 0, "cell": 0}


class Outage:
    """A database in front of the real one that fails once: `committed` says whether the transaction was stored."""

    def __init__(self, store: Store, *, committed: bool) -> None:
        self._store = store
        self._committed = committed
        self.failed = False

    async def run(self, fn: Callable[[Connection], T], *, urgent: bool = False) -> T:
        if self.failed:
            return await self._store.run(fn, urgent=urgent)
        self.failed = True
        if self._committed:
            await self._store.run(fn)
        raise StoreUnavailable("cut by the test")


def breaks(one: Shift, *, committed: bool) -> Outage:
    """The next transaction of the floor fails."""
    outage = Outage(one.store, committed=committed)
    one.floor.ground.store = outage  # type: ignore[assignment]
    return outage


@pytest.fixture(autouse=True)
def _short_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order just sent is waited for 0.3 s here, and not 3 s."""
    monkeypatch.setattr("telephony.dialer.settlement.SENT_IN_FLIGHT", timedelta(seconds=0.3))


async def previewing_another(one: Shift, offer: str) -> None:
    await one.until(
        lambda: (found := one.floor.desks[one.agent].preview.offer) is not None and found.id != offer, seconds=8
    )


@pytest.mark.parametrize("committed", [True, False])
async def test_an_accept_broken_by_the_database_leaves_nothing_behind(store: Store, committed: bool) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        one.board.survey_now = found(live=[LiveLeg(leg=agent_leg, state="up")])
        offer = one.offer
        breaks(one, committed=committed)
        with pytest.raises(StoreUnavailable):
            await one.floor.decide(one.agent, offer, "accept")
        if committed:  # the place was taken and nothing was sent: given back, and the next contact comes
            await previewing_another(one, offer)
            row = await attempt_of(one)
            assert (row.outcome, row.code) == ("NOT_PLACED", None)
        else:  # the offer is as it was
            await one.accepted()
        calls = len(await one.rows(schema.attempts)) - committed
        assert len(one.board.customer_calls) == calls
        assert (await one.used())["tenant"] == calls


async def test_the_end_of_a_call_that_could_not_be_stored_is_found_out_afterwards(store: Store) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await one.talking()
        ended = RecordedEnd(leg=leg, answered=True, rang=True, cause=16, sip=None)
        one.board.survey_now = found(live=[LiveLeg(leg=agent_leg, state="up")], ended=[ended])
        breaks(one, committed=False)
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        assert (await attempt_of(one)).outcome == "TALKED"


async def test_a_reservation_whose_answer_was_lost_goes_on(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: bool(one.board.agent_calls))
        leg = one.board.agent_calls[0].leg
        one.board.survey_now = found(live=[LiveLeg(leg=leg, state="up")])
        breaks(one, committed=True)
        one.board.answers(leg)
        await one.state_is("previewing")
        assert one.floor.desks[one.agent].preview.offer is not None
        await one.accepted()


async def test_a_failure_nobody_thought_of_does_not_end_the_watch_over_the_link(store: Store) -> None:
    async with shift(store) as one:
        real = one.board.survey
        failures = [RuntimeError("a bug")]

        async def survey() -> Survey:
            if failures:
                raise failures.pop()
            return await real()

        one.board.survey = survey  # type: ignore[method-assign]
        one.board.link_lost()
        one.board.link_up()
        await one.until(lambda: one.floor.ready and not failures)


@pytest.mark.parametrize("ticks", range(5))
async def test_a_stop_in_the_moment_of_a_bell_ends_all_the_same(sqlite_url: str, ticks: int) -> None:
    store = Store(sqlite_url)
    async with shift(store) as one:
        one.floor.wake()
        one.floor.changes.notify()
        for _ in range(ticks):
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await one.floor.stop()
    await store.close()


async def test_a_link_that_breaks_again_while_it_is_surveyed_is_surveyed_again(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        one.board.appears(leg)
        one.board.rings(leg)
        await one.settle()
        line = LiveLeg(leg=agent_leg, state="up")
        before = found(live=[line, LiveLeg(leg=leg, state="ringing")])
        busy = RecordedEnd(leg=leg, answered=False, rang=True, cause=17, sip=486)
        after = found(live=[line], ended=[busy])
        answers = [after, before]

        async def survey() -> Survey:
            answer = answers.pop()
            if answers:  # what was read is out of date before it is used
                one.board.link_lost()
                one.board.link_up()
            return answer

        one.board.survey = survey  # type: ignore[method-assign]
        one.board.link_lost()
        one.board.link_up()
        await one.state_is("previewing")
        assert (await attempt_of(one)).outcome == "CUSTOMER_BUSY"


async def test_a_survey_that_is_older_than_a_ring_does_not_end_it(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: bool(one.board.agent_calls))
        one.floor.ground.resync_wanted.set()
        await asyncio.sleep(0.1)
        await one.settle()
        assert one.floor.desks[one.agent].agent.state == "ringing"
        leg = one.board.agent_calls[0].leg
        one.board.survey_now = replace(one.board.survey_now, live={leg: LiveLeg(leg=leg, state="ringing")})
        one.board.answers(leg)
        await one.state_is("previewing")
        assert len(one.board.agent_calls) == 1


async def test_a_ring_that_never_reached_asterisk_is_made_up_for(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: bool(one.board.agent_calls))
        one.floor.ground.resync_wanted.set()
        await one.until(lambda: len(one.board.agent_calls) == 2)
        assert (await one.used())["cell"] == 1


async def test_an_agent_whose_last_call_is_still_ending_is_not_rung_yet(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        one.board.appears(leg)
        one.board.rings(leg)
        one.board.ends(agent_leg, answered=True, rang=True)
        await one.state_is("idle")
        await one.floor.set_state(one.agent, "available")
        await asyncio.sleep(0.1)
        assert len(one.board.agent_calls) == 1
        one.board.ends(leg, rang=True, sip=487)
        await one.until(lambda: len(one.board.agent_calls) == 2)
        assert (await attempt_of(one)).outcome == "AGENT_ENDED"


async def test_the_phone_hung_up_just_before_the_accept(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        offer = one.offer
        one.board.ends(agent_leg, answered=True, rang=True)
        with pytest.raises(OfferClosed) as closed:
            await one.floor.decide(one.agent, offer, "accept")
        assert closed.value.winner == "left"
        assert await one.used() == NOTHING_UP


async def test_the_phone_hung_up_just_after_the_accept_so_nobody_is_called(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        one.board.failing["play_ringing"] = UnknownLeg(agent_leg)
        await one.floor.decide(one.agent, one.offer, "accept")
        one.board.ends(agent_leg, answered=True, rang=True)
        await one.state_is("idle")
        assert one.board.customer_calls == []
        assert (await attempt_of(one)).outcome == "NOT_PLACED"
        assert {row.state for row in await one.rows(schema.contacts)} == {"waiting"}
        assert await one.used() == NOTHING_UP


async def test_the_customer_rings_on_for_an_agent_who_left_during_the_outage(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        gone = RecordedEnd(leg=agent_leg, answered=True, rang=True, cause=16, sip=None)
        await restart(one, found(live=[LiveLeg(leg=leg, state="ringing")], ended=[gone]))
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        one.board.ends(leg, rang=True, sip=487, cause=16)
        await one.until(lambda: one.floor.desks[one.agent].call is None)
        assert (await attempt_of(one)).outcome == "AGENT_ENDED"
        assert await one.used() == NOTHING_UP


async def test_a_talk_that_began_and_ended_before_the_survey_is_a_talk(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        attempt, leg = await one.accepted()
        told = asyncio.Event()
        one.board.survey_now = found(live=[LiveLeg(leg=agent_leg, state="up")])
        real = one.board.survey

        async def survey() -> Survey:
            await told.wait()
            return await real()

        one.board.survey = survey  # type: ignore[method-assign]
        one.board.link_lost()
        one.board.link_up()
        one.board.answers(leg)
        one.board.joins(leg, agent_leg)
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        told.set()
        await one.until(lambda: one.floor.ready)
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        assert (await attempt_of(one)).outcome == "TALKED"


@pytest.mark.parametrize("agent_stayed", [True, False])
async def test_a_talk_that_began_and_ended_while_the_service_was_down_is_wrapped_up(
    store: Store, agent_stayed: bool
) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        attempt, leg = await one.accepted()
        talk = RecordedEnd(
            leg=leg,
            answered=True,
            rang=True,
            cause=16,
            sip=None,
            answered_at=1795354472.4,
            ended_at=1795354474.4,
            joined=True,
        )
        line = RecordedEnd(leg=agent_leg, answered=True, rang=True, cause=16, sip=None)
        there = [LiveLeg(leg=agent_leg, state="up")] if agent_stayed else []
        await restart(one, found(live=there, ended=[talk] if agent_stayed else [talk, line]))
        await one.state_is("wrap_up")
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        assert (await attempt_of(one)).outcome == "TALKED"
        assert (await one.contact("c0")).state == "done"


async def test_a_talk_whose_agent_left_before_it_was_known_does_not_keep_its_contact(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        told = asyncio.Event()
        real = one.board.survey

        async def survey() -> Survey:
            await told.wait()
            return await real()

        one.board.survey = survey  # type: ignore[method-assign]
        one.board.link_lost()
        one.board.link_up()
        one.board.ends(agent_leg, answered=True, rang=True)
        one.board.joins(leg, agent_leg)
        one.board.ends(leg, answered=True, rang=True)
        await one.until(lambda: one.floor.desks[one.agent].call is None)
        told.set()
        row = await attempt_of(one)
        assert (row.outcome, row.state) == ("TALKED", "ended")
        assert row.wrapped_up_at is not None
        assert (await one.contact("c0")).state != "in_attempt"


async def test_a_leg_given_up_that_rings_after_all_is_ended(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        await asyncio.sleep(0.35)
        await restart(one, found(live=[LiveLeg(leg=agent_leg, state="up")]))
        assert (await attempt_of(one)).outcome == "NOT_PLACED"
        one.board.channels.add(leg)
        one.board.rings(leg)
        await one.until(lambda: ("hang_up", leg) in one.board.orders)


async def test_an_accept_in_a_lost_cell_stops_the_service(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        await store.run(lambda conn: conn.execute(update(schema.cells).values(epoch=99)))
        with pytest.raises(LostCell):
            await one.floor.decide(one.agent, one.offer, "accept")
        assert one.floor.ground.lost_cell.is_set()
        assert one.board.customer_calls == []


async def test_the_call_of_a_user_who_was_deactivated_is_taken_over_all_the_same(store: Store) -> None:
    async with shift(store) as one:
        agent_leg, _, leg = await one.talking()
        await store.run(lambda conn: conn.execute(update(schema.users).values(active=False)))
        pair = [
            LiveLeg(leg=agent_leg, state="up", joined_to=leg),
            LiveLeg(leg=leg, state="up", joined_to=agent_leg),
        ]
        await restart(one, found(live=pair))
        assert one.board.orders == []
        one.board.ends(leg, answered=True, rang=True)
        await one.until(lambda: one.floor.desks[one.agent].agent.state == "wrap_up")
        assert (await attempt_of(one)).outcome == "TALKED"


async def test_keep_line_does_not_go_on_with_a_line_that_is_being_ended(store: Store) -> None:
    async with shift(store, keep_line=True) as one:
        agent_leg, attempt, leg = await one.talking()
        await one.floor.set_state(one.agent, "idle", "lunch")
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        await one.floor.set_state(one.agent, "available")
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        one.board.ends(agent_leg, answered=True, rang=True)
        await one.until(lambda: len(one.board.agent_calls) == 2)
