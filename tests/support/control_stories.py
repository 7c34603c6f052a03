"""The stories of a call under way: hold and back, mute, digits. Told alike by every switchboard."""

from __future__ import annotations

from typing import Any

import pytest

from telephony.model.ids import new_id
from telephony.model.monitoring import MonitorMode
from telephony.pbx.port import (
    CustomerCall,
    DirectCall,
    LegAnswered,
    LegEnded,
    LegRang,
    LegsJoined,
    LegsParted,
    MonitorCall,
    OrderRefused,
    ThirdCall,
    UnknownLeg,
)
from tests.support.message_stories import joined
from tests.support.port_stories import RINGS_LONG, PhoneKind, PortBench, call, let_pass, reserve, told, wait_for

WAYS = pytest.mark.parametrize("way", ["beside", "from the agent's leg"])


async def kept(bench: PortBench, agent: str, way: str) -> str:
    """A customer who talks to the agent and is to outlive the agent's leg."""
    call: dict[str, Any] = {
        "leg": new_id(),
        "agent_leg": agent,
        "dial": bench.dial("00"),
        "ring_limit": 30,
        "keep": True,
    }
    if way == "beside":
        await bench.board.play_ringing(agent)
        await bench.board.call_customer(CustomerCall(**call))
    else:
        await bench.board.call_from_agent(DirectCall(**call))
    await wait_for(bench, LegsJoined, call["leg"])
    return str(call["leg"])


class ControlStories:
    """Inherit this beside `PortStories`."""

    @WAYS
    async def test_parked_and_joined_again_twice(self, bench: PortBench, way: str) -> None:
        agent = await reserve(bench)
        customer = await joined(bench, agent, way)
        for times in (1, 2):
            await bench.board.park(customer)
            assert len(told(bench, LegsParted, customer)) == times
            await bench.board.park(customer)  # it is there already
            live = (await bench.board.survey()).live
            assert (live[customer].state, live[customer].parked, live[customer].joined_to) == ("up", True, None)
            assert live[agent].joined_to is None
            await bench.board.join(customer, agent)
            assert len(told(bench, LegsJoined, customer)) == times + 1
            await bench.board.join(customer, agent)  # they are already
            live = (await bench.board.survey()).live
            assert (live[customer].parked, live[customer].joined_to) == (False, agent)
        assert not told(bench, LegEnded, customer)
        assert not told(bench, LegEnded, agent)

    @WAYS
    async def test_parked_customer_outlives_the_agents_leg_and_is_joined_to_another(
        self, bench: PortBench, way: str
    ) -> None:
        agent = await reserve(bench)
        customer = await joined(bench, agent, way)
        await bench.board.park(customer)
        await bench.board.hang_up(agent)
        await wait_for(bench, LegEnded, agent)
        await let_pass(bench, 0.5)
        assert not told(bench, LegEnded, customer)
        with pytest.raises(UnknownLeg):
            await bench.board.join(customer, agent)
        again = await reserve(bench)
        await bench.board.join(customer, again)
        assert told(bench, LegsJoined, customer)[-1].agent_leg == again
        await bench.agent_hangs_up(again)
        assert (await wait_for(bench, LegEnded, customer)).answered
        assert (await bench.board.survey()).ended[customer].joined

    @WAYS
    async def test_parked_customer_who_is_hung_up_has_talked(self, bench: PortBench, way: str) -> None:
        agent = await reserve(bench)
        customer = await joined(bench, agent, way)
        await bench.board.park(customer)
        await bench.board.hang_up(customer)
        assert (await wait_for(bench, LegEnded, customer)).answered
        if way == "beside":  # of the other one the service knows it from the answer
            assert (await bench.board.survey()).ended[customer].joined
        assert not told(bench, LegEnded, agent)
        await joined(bench, agent, way)  # the agent's leg takes the next one

    @WAYS
    async def test_customer_who_is_kept_outlives_the_agents_leg(self, bench: PortBench, way: str) -> None:
        agent = await reserve(bench)
        customer = await kept(bench, agent, way)
        await bench.agent_hangs_up(agent)
        await wait_for(bench, LegEnded, agent)
        await let_pass(bench, 0.5)
        assert not told(bench, LegEnded, customer)
        assert (await bench.board.survey()).live[customer].parked
        again = await reserve(bench)
        await bench.board.join(customer, again)
        assert told(bench, LegsJoined, customer)[-1].agent_leg == again
        await bench.agent_hangs_up(again)
        await let_pass(bench, 0.5)
        assert (await bench.board.survey()).live[customer].parked
        await bench.board.hang_up(customer)
        await wait_for(bench, LegEnded, customer)
        assert (await bench.board.survey()).ended[customer].joined

    async def test_who_still_rings_is_joined_to_the_leg_named_last(self, bench: PortBench) -> None:
        first = await reserve(bench)
        customer = await call(bench, first, "00")
        await wait_for(bench, LegRang, customer)
        await bench.board.hang_up(first)
        await wait_for(bench, LegEnded, first)
        second = await reserve(bench)
        await bench.board.answer_to(customer, second)
        await wait_for(bench, LegsJoined, customer)
        assert told(bench, LegsJoined, customer)[-1].agent_leg == second
        with pytest.raises(UnknownLeg):
            await bench.board.answer_to(new_id(), second)

    async def test_parked_is_only_who_answered_and_joined_only_who_is_free(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        ringing = await call(bench, agent, "02")
        await wait_for(bench, LegRang, ringing)
        nobody = new_id()
        for order in (bench.board.park(ringing), bench.board.join(ringing, agent)):
            with pytest.raises(OrderRefused):
                await order
        for order in (bench.board.park(nobody), bench.board.join(nobody, agent), bench.board.mute(nobody, muted=True)):
            with pytest.raises(UnknownLeg):
                await order
        await bench.board.hang_up(ringing)
        first = await joined(bench, agent, "beside")
        await bench.board.park(first)
        second = await joined(bench, agent, "beside")
        with pytest.raises(OrderRefused):
            await bench.board.join(first, agent)
        assert (await bench.board.survey()).live[second].joined_to == agent

    @WAYS
    async def test_mute_and_digits_leave_the_call_as_it_is(self, bench: PortBench, way: str) -> None:
        agent = await reserve(bench)
        customer = await joined(bench, agent, way)
        for muted in (True, True, False):
            await bench.board.mute(agent, muted=muted)
        await bench.board.send_digits(customer, "12*#")
        with pytest.raises(OrderRefused):
            await bench.board.send_digits(customer, "1,2")
        with pytest.raises(UnknownLeg):
            await bench.board.send_digits(new_id(), "1")
        assert (await bench.board.survey()).live[customer].joined_to == agent
        assert not told(bench, LegsParted, customer)

    @WAYS
    async def test_third_party_talks_to_the_agent_and_then_to_the_customer(self, bench: PortBench, way: str) -> None:
        agent = await reserve(bench)
        customer = await kept(bench, agent, way)  # the hardest: only an agent's end is not to be the customer's
        await bench.board.park(customer)
        third = await call_third(bench, "00")
        await wait_for(bench, LegAnswered, third)
        await bench.board.join(third, agent)
        assert told(bench, LegsJoined, third)[-1].agent_leg == agent
        live = (await bench.board.survey()).live
        assert (live[third].joined_to, live[customer].parked) == (agent, True)
        await bench.board.park(third)
        await bench.board.join(customer, third)
        live = (await bench.board.survey()).live
        assert (live[customer].joined_to, live[third].joined_to) == (third, customer)
        await bench.board.hang_up(agent)
        await wait_for(bench, LegEnded, agent)
        await let_pass(bench, 0.5)
        assert not told(bench, LegEnded, customer)
        await bench.board.hang_up(third)
        await wait_for(bench, LegEnded, customer)  # who is left goes too

    async def test_third_party_handed_the_customer_at_once_goes_with_them(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await joined(bench, agent, "beside")
        await bench.board.park(customer)
        third = await call_third(bench, "00")
        await wait_for(bench, LegAnswered, third)
        await bench.board.join(customer, third)
        await bench.board.hang_up(customer)
        await wait_for(bench, LegEnded, third)
        assert not told(bench, LegEnded, agent)
        await joined(bench, agent, "beside")

    async def test_third_party_whom_the_agent_leaves_is_gone(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        third = await call_third(bench, "00")
        await wait_for(bench, LegAnswered, third)
        await bench.board.join(third, agent)
        await bench.agent_hangs_up(agent)
        await wait_for(bench, LegEnded, third)

    @pytest.mark.parametrize(("suffix", "sip"), [("01", 486), ("03", 404), ("10", 603)])
    async def test_third_party_who_cannot_or_will_not(self, bench: PortBench, suffix: str, sip: int) -> None:
        third = await call_third(bench, suffix)
        end = await wait_for(bench, LegEnded, third)
        assert (end.sip, end.answered) == (sip, False)

    async def test_monitor_is_up_in_every_mode_and_ends_with_the_agents_leg(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await joined(bench, agent, "beside")
        leg = new_id()
        phone = await bench.phone(PhoneKind.SUPERVISES)
        await bench.board.monitor(
            MonitorCall(leg=leg, phone=phone, agent_leg=agent, mode=MonitorMode.LISTEN, ring_limit=RINGS_LONG)
        )
        await wait_for(bench, LegAnswered, leg)
        for mode in (MonitorMode.WHISPER, MonitorMode.BARGE, MonitorMode.LISTEN):
            await bench.board.change_monitor(leg, mode)
            await let_pass(bench, 0.3)
        live = (await bench.board.survey()).live
        assert (live[leg].state, live[customer].joined_to) == ("up", agent)
        await bench.agent_hangs_up(agent)
        await wait_for(bench, LegEnded, leg)
        with pytest.raises(UnknownLeg):
            await bench.board.change_monitor(leg, MonitorMode.LISTEN)


async def call_third(bench: PortBench, suffix: str) -> str:
    """A third party with these last two digits is called."""
    leg = new_id()
    await bench.board.call_third(ThirdCall(leg=leg, dial=bench.dial(suffix), ring_limit=RINGS_LONG, caller_name="Ann"))
    return leg
