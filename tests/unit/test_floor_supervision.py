"""What supervisors do at a desk, with the switchboard played by hand: what is stuck ends, and the books tell how."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from telephony.dialer.errors import NotFound, OfferClosed, Refused
from telephony.model.ids import new_id
from telephony.pbx.port import LiveLeg
from telephony.store import schema
from telephony.store.engine import Store
from tests.support.shift import Shift, found, now, shift

pytestmark = pytest.mark.unit


async def call_row(one: Shift) -> Any:
    (row,) = await one.rows(schema.attempts)
    return row


async def listed(one: Shift) -> list[Any]:
    return await one.store.run(lambda conn: list(conn.execute(select(schema.do_not_call))))


async def freed(one: Shift) -> None:
    """The agent is idle(freed), holds nothing, and no contact is left hanging."""
    await one.settle()
    agent = one.floor.desks[one.agent].agent
    assert (agent.state, agent.idle_reason, agent.attempt_id) == ("idle", "freed", None)
    held = [row.state for row in await one.rows(schema.contacts) if row.state in ("offered", "in_attempt")]
    assert held == []


async def nothing_is_up(one: Shift) -> None:
    await one.settle()
    desk = one.floor.desks[one.agent]
    assert (desk.reservation.line, desk.call) == (None, None)
    assert set((await one.used()).values()) == {0}


@pytest.mark.parametrize("state", ["idle", "available"])
async def test_free_an_agent_who_is_in_nothing(store: Store, state: str) -> None:
    async with shift(store, contacts=0) as one:
        await one.floor.set_state(one.agent, state)
        await one.floor.supervision.free(one.agent)
        await freed(one)


async def test_free_an_agent_who_is_offline_leaves_them_so(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.supervision.free(one.agent)
        desk = await one.floor.desk(one.agent)
        assert (desk.agent.state, desk.agent.idle_reason) == ("offline", None)


async def test_free_an_agent_whose_phone_rings(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.set_state(one.agent, "available")
        await one.state_is("ringing")
        leg = one.board.agent_calls[0].leg
        one.board.appears(leg)
        await one.floor.supervision.free(one.agent)
        await freed(one)
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        one.board.ends(leg)
        await nothing_is_up(one)


async def test_free_an_agent_with_an_open_offer(store: Store) -> None:
    async with shift(store) as one:
        leg = await one.reserved()
        await one.floor.supervision.free(one.agent)
        await freed(one)
        one.board.ends(leg, answered=True)
        await nothing_is_up(one)
        (offer,) = await one.rows(schema.offers)
        assert offer.state == "left"


async def test_free_an_agent_whose_customer_rings(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        one.board.appears(leg)
        one.board.rings(leg)
        await one.settle()
        await one.floor.supervision.free(one.agent)
        await one.until(lambda: {("hang_up", leg), ("hang_up", agent_leg)} <= set(one.board.orders))
        one.board.ends(leg, rang=True)
        one.board.ends(agent_leg, answered=True)
        await freed(one)
        await nothing_is_up(one)
        row = await call_row(one)
        assert (row.outcome, row.code) == ("AGENT_CANCELLED", "SUPERVISOR")


@pytest.mark.parametrize("held", [False, True])
async def test_free_an_agent_in_a_conversation(store: Store, held: bool) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await one.talking()
        if held:
            await one.floor.calls.hold(one.agent, attempt, held=True)
        await one.floor.supervision.free(one.agent)
        await one.until(lambda: {("hang_up", leg), ("hang_up", agent_leg)} <= set(one.board.orders))
        one.board.ends(agent_leg, answered=True)
        one.board.ends(leg, answered=True)
        await freed(one)
        await nothing_is_up(one)
        row = await call_row(one)
        assert (row.outcome, row.code, row.disposition is not None) == ("TALKED", "SUPERVISOR", True)


@pytest.mark.parametrize("live", [False, True])
async def test_free_an_agent_in_wrap_up(store: Store, live: bool) -> None:
    async with shift(store) as one:
        agent_leg, _, leg = await one.talking()
        one.board.ends(agent_leg if live else leg, answered=True)
        await one.state_is("wrap_up")
        await one.floor.supervision.free(one.agent)
        one.board.ends(leg if live else agent_leg, answered=True)
        await freed(one)
        await nothing_is_up(one)
        row = await call_row(one)
        assert (row.outcome, row.disposition is not None) == ("TALKED", True)


async def test_free_an_agent_of_whom_the_pbx_knows_nothing_any_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ends of both legs were never told: the survey after the free settles what is left."""
    monkeypatch.setattr("telephony.dialer.desk.LEFT_OVER_AFTER", 0.05)
    async with shift(store) as one:
        agent_leg, _, leg = await one.talking()
        one.board.channels.clear()
        one.board.survey_now = found(since=now().timestamp() - 3600)
        await one.floor.supervision.free(one.agent)
        desk = one.floor.desks[one.agent]
        await one.until(lambda: ("hang_up", leg) in one.board.orders and ("hang_up", agent_leg) in one.board.orders)
        await one.until(lambda: desk.reservation.line is None and desk.call is None, seconds=8.0)
        await freed(one)
        await nothing_is_up(one)


async def test_a_supervisor_hangs_up_where_an_agent_may_not(store: Store) -> None:
    async with shift(store, end_call_enabled=False) as one:
        await one.reserved()
        attempt, leg = await one.accepted()
        one.board.appears(leg)
        one.board.rings(leg)
        with pytest.raises(Refused):
            await one.floor.hang_up(one.agent, attempt)
        await one.floor.supervision.hang_up(one.agent, attempt)
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        one.board.ends(leg, rang=True)
        await one.settle()
        row = await call_row(one)
        assert (row.outcome, row.code) == ("AGENT_CANCELLED", "SUPERVISOR")
        with pytest.raises(NotFound):
            await one.floor.supervision.hang_up(one.agent, new_id())


async def test_a_supervisor_ends_a_conversation_and_the_agent_wraps_up(store: Store) -> None:
    async with shift(store) as one:
        _, attempt, leg = await one.talking()
        await one.floor.supervision.hang_up(one.agent, attempt)
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        one.board.ends(leg, answered=True)
        await one.state_is("wrap_up")
        row = await call_row(one)
        assert (row.outcome, row.code, row.cancelled_by) == ("TALKED", "SUPERVISOR", "supervisor")


async def test_a_supervisor_sets_a_state_that_is_kept_during_a_call(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.supervision.set_state(one.agent, "idle", None)
        desk = await one.floor.desk(one.agent)
        assert (desk.agent.state, desk.agent.idle_reason) == ("idle", "supervisor")
        _, attempt, leg = await one.talking()
        await one.floor.supervision.set_state(one.agent, "idle", "training")
        one.board.ends(leg, answered=True)
        await one.state_is("wrap_up")
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        await one.state_is("idle")
        assert desk.agent.idle_reason == "training"
        one.board.phones["1001"] = False
        with pytest.raises(Refused):
            await one.floor.supervision.set_state(one.agent, "available", None)


async def test_no_more_calls_blocks_the_contact_while_the_call_goes_on(store: Store) -> None:
    async with shift(store) as one:
        _, attempt, leg = await one.talking()
        for _ in range(2):
            await one.floor.calls.do_not_call(one.agent, attempt)
        (entry,) = await listed(one)
        assert (entry.e164, entry.added_by) == ("+442079460000", one.agent)
        contact = await one.contact("c0")
        assert (contact.state, contact.why) == ("blocked", "dnc")
        assert (await call_row(one)).state == "talking"
        one.board.ends(leg, answered=True)
        await one.state_is("wrap_up")
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        assert (await one.contact("c0")).state == "blocked"


@pytest.mark.parametrize("with_number", [True, False])
async def test_a_removal_in_the_agents_own_words(store: Store, with_number: bool) -> None:
    async with shift(store) as one:
        await one.reserved()
        offer = one.offer
        for _ in range(2):
            done = await one.floor.calls.remove(one.agent, offer, listed=with_number, why="moved away")
            assert done["state"] == "removed"
        contact = await one.contact("c0")
        assert (contact.state, contact.why, contact.changed_by) == ("removed", "moved away", one.agent)
        assert [row.why for row in await listed(one)] == (["moved away"] if with_number else [])


async def test_that_somebody_wants_no_calls_is_noted_also_where_removing_is_disabled(store: Store) -> None:
    async with shift(store, disabled_actions=["remove"]) as one:
        await one.reserved()
        with pytest.raises(Refused):
            await one.floor.calls.remove(one.agent, one.offer, listed=False, why=None)
        done = await one.floor.calls.remove(one.agent, one.offer, listed=True, why=None)
        assert done["state"] == "removed"
        assert [row.e164 for row in await listed(one)] == ["+442079460000"]


async def test_that_somebody_wants_no_calls_is_noted_where_contacts_are_asked_for(store: Store) -> None:
    async with shift(store, mode="preview") as one:
        await one.floor.set_state(one.agent, "available")
        pulled = await one.floor.next_pull(one.agent, one.here.campaign_id)
        assert pulled.offer_id is not None
        done = await one.floor.calls.remove(one.agent, pulled.offer_id, listed=True, why=None)
        assert done["state"] == "removed"
        assert [row.e164 for row in await listed(one)] == ["+442079460000"]
        await one.state_is("available")


async def test_a_freed_agent_on_a_lost_link_is_settled_when_it_is_back(store: Store) -> None:
    async with shift(store) as one:
        agent_leg, _, leg = await one.talking()
        one.board.link_lost()
        await one.settle()
        await one.floor.supervision.free(one.agent)
        assert one.floor.desks[one.agent].agent.state == "idle"
        one.board.survey_now = found(
            live=[
                LiveLeg(leg=agent_leg, state="up", joined_to=leg),
                LiveLeg(leg=leg, state="up", joined_to=agent_leg),
            ]
        )
        one.board.link_up()
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        one.board.ends(agent_leg, answered=True)
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        one.board.ends(leg, answered=True)
        await freed(one)
        await nothing_is_up(one)
        assert (await call_row(one)).outcome == "TALKED"


async def test_the_call_after_a_freed_offer_is_ended_by_whoever_ends_it(store: Store) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        await one.floor.supervision.free(one.agent)
        one.board.ends(agent_leg, answered=True)
        await nothing_is_up(one)
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        one.board.appears(leg)
        one.board.rings(leg)
        one.board.ends(agent_leg, answered=True)  # the agent's own phone
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        one.board.ends(leg, rang=True)
        await one.settle()
        row = await call_row(one)
        assert (row.outcome, row.code) == ("AGENT_ENDED", None)


async def test_no_more_calls_counts_also_after_the_wrap_up(store: Store) -> None:
    async with shift(store) as one:
        _, attempt, leg = await one.talking()
        one.board.ends(leg, answered=True)
        await one.state_is("wrap_up")
        callback = datetime.now(UTC) + timedelta(days=1)
        await one.floor.wrap_up(one.agent, attempt, disposition="callback", callback_at=callback)
        assert (await one.contact("c0")).state == "callback"
        await one.floor.calls.do_not_call(one.agent, attempt)
        contact = await one.contact("c0")
        assert (contact.state, contact.why) == ("blocked", "dnc")
        assert [row.e164 for row in await listed(one)] == ["+442079460000"]
        with pytest.raises(NotFound):
            await one.floor.calls.do_not_call(one.agent, new_id())


@pytest.mark.parametrize("decision", ["accept", "skip", "leave"])
async def test_no_more_calls_from_the_card_counts_also_where_another_decision_was_first(
    store: Store, decision: str
) -> None:
    async with shift(store) as one:
        await one.reserved()
        offer = one.offer
        first = await one.floor.decide(one.agent, offer, decision)
        with pytest.raises(OfferClosed):
            await one.floor.calls.remove(one.agent, offer, listed=False, why=None)
        done = await one.floor.calls.remove(one.agent, offer, listed=True, why=None)
        assert done == first
        contact = await one.contact("c0")
        assert (contact.state, contact.why) == ("blocked", "dnc")
        assert [row.e164 for row in await listed(one)] == ["+442079460000"]
        with pytest.raises(NotFound):
            await one.floor.calls.remove(one.agent, new_id(), listed=True, why=None)
