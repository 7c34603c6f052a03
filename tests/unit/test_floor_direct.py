"""Direct preview, with the switchboard played by hand: dialed from the agent's own leg, and only what was granted."""

from __future__ import annotations

import pytest

from telephony.store import schema
from telephony.store.engine import Store
from tests.support.shift import Shift, shift

pytestmark = pytest.mark.unit


async def accepted(one: Shift) -> tuple[str, str]:
    done = await one.floor.decide(one.agent, one.offer, "accept")
    await one.until(lambda: bool(one.board.direct_calls))
    return done["attempt"], one.board.direct_calls[-1].leg


async def test_an_accepted_customer_is_dialed_from_the_agents_leg_for_as_long_as_the_trunk_says(store: Store) -> None:
    async with shift(store, mode="preview_direct", amd="parallel") as one:
        agent_leg = await one.reserved()
        _, leg = await accepted(one)
        (call,) = one.board.direct_calls
        assert (call.agent_leg, call.ring_limit) == (agent_leg, 60)
        assert one.board.orders[-1] == ("call_from_agent", leg)  # no ringing tone of ours
        assert await one.board.asks_to_dial(leg) == "dial"
        assert (await one.used())["cell"] == 2  # no listening pair: the agent hears it
        one.board.appears(leg)
        one.board.rings(leg)
        one.board.answers(leg)
        one.board.joins(leg, agent_leg)
        await one.state_is("talking")


async def test_who_answers_the_agents_own_leg_and_is_gone_before_they_are_joined_was_heard(store: Store) -> None:
    async with shift(store, mode="preview_direct") as one:
        await one.reserved()
        _, leg = await accepted(one)
        assert await one.board.asks_to_dial(leg) == "dial"
        one.board.appears(leg)
        one.board.answers(leg)
        one.board.ends(leg, answered=True)
        await one.state_is("wrap_up")
        await one.settle()
        (row,) = await one.rows(schema.attempts)
        assert (row.outcome, row.joined_at is not None) == ("TALKED", True)


async def test_an_answer_that_an_agent_who_hung_up_does_not_hear_is_no_talk(store: Store) -> None:
    async with shift(store, mode="preview_direct") as one:
        agent_leg = await one.reserved()
        _, leg = await accepted(one)
        assert await one.board.asks_to_dial(leg) == "dial"
        one.board.appears(leg)
        one.board.answers(leg)
        one.board.ends(agent_leg, answered=True)
        one.board.ends(leg, answered=True)
        await one.settle()
        (row,) = await one.rows(schema.attempts)
        assert (row.outcome, row.joined_at) == ("ABANDONED", None)


async def test_a_call_cancelled_before_it_was_dialed_is_not_dialed(store: Store) -> None:
    async with shift(store, mode="preview_direct") as one:
        await one.reserved()
        attempt, leg = await accepted(one)
        await one.floor.cancel(one.agent, attempt)
        assert await one.board.asks_to_dial(leg) == "end"
        one.board.tell_not_made(leg)
        await one.state_is("previewing")
        (row,) = await one.rows(schema.attempts)
        assert (row.outcome, row.code) == ("NOT_PLACED", "AGENT_CANCELLED")
        contact = await one.contact("c0")
        assert (contact.state, contact.attempts) == ("waiting", 0)


async def test_a_leg_nobody_granted_is_not_dialed(store: Store) -> None:
    async with shift(store, mode="preview_direct") as one:
        await one.reserved()
        assert await one.board.asks_to_dial("01900000-0000-7000-8000-000000000000") == "end"


async def test_an_agent_who_hangs_up_just_before_the_call_goes_out_leaves_the_contact_untouched(store: Store) -> None:
    async with shift(store, mode="preview_direct") as one:
        agent_leg = await one.reserved()
        _, leg = await accepted(one)
        one.board.ends(agent_leg, answered=True)
        one.board.tell_not_made(leg)
        await one.settle()
        (row,) = await one.rows(schema.attempts)
        assert (row.outcome, row.code) == ("NOT_PLACED", "AGENT_ENDED")
        contact = await one.contact("c0")
        assert (contact.state, contact.attempts) == ("waiting", 0)
        assert not any((await one.used()).values())
        assert not await one.rows(schema.dialed)
