"""The stories of a customer who is dialed from the agent's own leg, told alike by every switchboard."""

from __future__ import annotations

import pytest

from telephony.model.ids import new_id
from telephony.pbx.port import (
    END,
    BeepHeard,
    DirectCall,
    LegAppeared,
    LegEnded,
    LegRang,
    LegsJoined,
    LegsParted,
    OrderRefused,
    UnknownLeg,
)
from tests.support.port_stories import (
    GREETING,
    RINGS_LONG,
    RINGS_SHORT,
    SOON,
    PortBench,
    let_pass,
    reserve,
    told,
    wait_for,
)


async def dial(bench: PortBench, agent: str, suffix: str, *, ring_limit: int = RINGS_LONG) -> str:
    """The customer's leg, dialed from the agent's."""
    leg = new_id()
    await bench.board.call_from_agent(
        DirectCall(leg=leg, agent_leg=agent, dial=bench.dial(suffix), ring_limit=ring_limit)
    )
    return leg


class DirectStories:
    """Inherit this beside `PortStories`."""

    async def test_direct_they_talk_and_the_agent_is_back_on_hold_for_the_next(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        for _ in range(2):
            customer = await dial(bench, agent, "00")
            joined = await wait_for(bench, LegsJoined, customer)
            assert joined.agent_leg == agent
            assert told(bench, LegRang, customer)
            assert not bench.gate.questions  # the agent heard it ring: nobody asks whether to join
            await bench.board.hang_up(customer)
            assert (await wait_for(bench, LegEnded, customer)).answered
            assert told(bench, LegsParted, customer)
        assert not told(bench, LegEnded, agent)

    @pytest.mark.parametrize(("suffix", "sip"), [("01", 486), ("03", 404), ("04", 503), ("10", 603)])
    async def test_direct_a_customer_who_cannot_or_will_not(self, bench: PortBench, suffix: str, sip: int) -> None:
        agent = await reserve(bench)
        end = await wait_for(bench, LegEnded, await dial(bench, agent, suffix))
        assert (end.sip, end.rang, end.answered, end.ring_limit_reached) == (sip, False, False, False)
        await bench.board.play_ringing(agent)

    async def test_direct_a_customer_who_rings_to_the_limit(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await dial(bench, agent, "02", ring_limit=RINGS_SHORT)
        end = await wait_for(bench, LegEnded, customer, RINGS_SHORT + SOON)
        assert (end.ring_limit_reached, end.rang, end.answered) == (True, True, False)

    async def test_direct_hang_up_while_it_rings_keeps_the_agent(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await dial(bench, agent, "02")
        await wait_for(bench, LegRang, customer)
        await bench.board.hang_up(customer)
        assert not (await wait_for(bench, LegEnded, customer)).answered
        await bench.board.play_ringing(agent)
        assert not told(bench, LegEnded, agent)

    async def test_direct_an_agent_who_hangs_up_ends_the_ringing_and_is_told_first(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await dial(bench, agent, "02")
        await wait_for(bench, LegRang, customer)
        await bench.agent_hangs_up(agent)
        await wait_for(bench, LegEnded, customer)
        ends = [event.leg for event in bench.events if isinstance(event, LegEnded)]
        assert ends == [agent, customer]

    async def test_direct_what_the_guard_refuses_is_not_dialed(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        bench.gate.answer = END
        customer = await dial(bench, agent, "00")
        end = await wait_for(bench, LegEnded, customer)
        assert (end.appeared, end.answered) == (False, False)
        assert not told(bench, LegAppeared, customer)
        await bench.board.play_ringing(agent)

    async def test_direct_a_guard_that_says_nothing_dials_nothing(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        bench.gate.answer = None
        customer = await dial(bench, agent, "00")
        end = await wait_for(bench, LegEnded, customer)
        assert not end.appeared
        await let_pass(bench, 1.0)
        assert not told(bench, LegEnded, agent)
        await bench.board.play_ringing(agent)

    async def test_direct_a_machine_is_heard_to_beep_on_demand(self, bench: PortBench) -> None:
        customer = await dial(bench, await reserve(bench), "05")
        await wait_for(bench, LegsJoined, customer)
        await bench.board.listen(customer)
        await wait_for(bench, BeepHeard, customer, GREETING)

    async def test_direct_a_leg_is_dialed_once_and_only_from_a_held_agent(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        call = DirectCall(leg=new_id(), agent_leg=agent, dial=bench.dial("00"), ring_limit=RINGS_LONG)
        await bench.board.call_from_agent(call)
        await wait_for(bench, LegsJoined, call.leg)
        with pytest.raises(OrderRefused):
            await bench.board.call_from_agent(call)
        other = DirectCall(leg=new_id(), agent_leg=agent, dial=bench.dial("00"), ring_limit=RINGS_LONG)
        with pytest.raises(OrderRefused):
            await bench.board.call_from_agent(other)
        nobody = DirectCall(leg=new_id(), agent_leg=new_id(), dial=bench.dial("00"), ring_limit=RINGS_LONG)
        with pytest.raises(UnknownLeg):
            await bench.board.call_from_agent(nobody)
