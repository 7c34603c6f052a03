"""The stories of a recorded message that is played to a customer, told alike by every switchboard."""

from __future__ import annotations

import pytest

from telephony.model.ids import new_id
from telephony.pbx.port import (
    MESSAGE,
    LegAnswered,
    LegEnded,
    LegRang,
    LegsJoined,
    LegsParted,
    MessagePlayed,
    OrderRefused,
    UnknownLeg,
)
from tests.support.direct_stories import dial
from tests.support.port_stories import GREETING, PortBench, call, let_pass, reserve, talk, told, wait_for


async def joined(bench: PortBench, agent: str, way: str) -> str:
    """A customer who talks to the agent, called beside the agent's leg or from it."""
    if way == "beside":
        return await talk(bench, agent)
    customer = await dial(bench, agent, "00")
    await wait_for(bench, LegsJoined, customer)
    return customer


class MessageStories:
    """Inherit this beside `PortStories`."""

    @pytest.mark.parametrize("way", ["beside", "from the agent's leg"])
    async def test_message_set_aside_played_twice_and_over(self, bench: PortBench, way: str) -> None:
        agent = await reserve(bench)
        customer = await joined(bench, agent, way)
        await bench.board.set_aside(customer)
        await wait_for(bench, LegsParted, customer)
        await bench.board.set_aside(customer)  # it is there already
        live = (await bench.board.survey()).live
        assert (live[customer].state, live[customer].message, live[customer].joined_to) == ("up", "waiting", None)
        # the agent's leg is free for the next one
        second = await joined(bench, agent, way)
        await bench.board.play_message(customer, bench.sound())
        await let_pass(bench, 0.5)
        assert (await bench.board.survey()).live[customer].message == "playing"
        await bench.board.play_message(customer, bench.sound())
        end = await wait_for(bench, LegEnded, customer, GREETING)
        assert end.answered
        assert [event.whole for event in told(bench, MessagePlayed, customer)] == [True]
        survey = await bench.board.survey()
        assert survey.ended[customer].message_left
        assert survey.live[second].joined_to == agent
        assert not told(bench, LegEnded, agent)

    @pytest.mark.parametrize("way", ["beside", "from the agent's leg"])
    async def test_message_played_at_once_takes_the_customer_from_the_agent(self, bench: PortBench, way: str) -> None:
        agent = await reserve(bench)
        customer = await joined(bench, agent, way)
        await bench.board.play_message(customer, bench.sound())
        await wait_for(bench, LegsParted, customer)
        await bench.board.play_ringing(agent)
        assert (await wait_for(bench, MessagePlayed, customer, GREETING)).whole
        await wait_for(bench, LegEnded, customer)
        assert not told(bench, LegEnded, agent)

    @pytest.mark.parametrize("way", ["beside", "from the agent's leg"])
    async def test_message_cut_by_a_hang_up_was_not_left(self, bench: PortBench, way: str) -> None:
        agent = await reserve(bench)
        customer = await joined(bench, agent, way)
        await bench.board.play_message(customer, bench.sound())
        await wait_for(bench, LegsParted, customer)
        await bench.board.hang_up(customer)
        assert (await wait_for(bench, LegEnded, customer)).answered
        assert not told(bench, MessagePlayed, customer)
        assert not (await bench.board.survey()).ended[customer].message_left
        assert not told(bench, LegEnded, agent)

    async def test_message_for_a_machine_the_gate_sets_aside(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        bench.gate.answer = MESSAGE
        customer = await call(bench, agent, "00")
        await wait_for(bench, LegAnswered, customer)
        await bench.board.set_aside(customer)
        assert (await bench.board.survey()).live[customer].message == "waiting"
        await bench.board.hold(agent)
        await bench.board.play_message(customer, bench.sound())
        assert (await wait_for(bench, MessagePlayed, customer, GREETING)).whole
        await wait_for(bench, LegEnded, customer)
        assert not told(bench, LegsJoined, customer)

    async def test_message_only_for_a_customer_who_answered(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        ringing = await call(bench, agent, "02")
        await wait_for(bench, LegRang, ringing)
        for order in (bench.board.set_aside(ringing), bench.board.play_message(ringing, bench.sound())):
            with pytest.raises(OrderRefused):
                await order
        nobody = new_id()
        for order in (bench.board.set_aside(nobody), bench.board.play_message(nobody, bench.sound())):
            with pytest.raises(UnknownLeg):
                await order
