"""The simulated switchboard tells the port's stories, and can do what a test wants of a PBX."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from telephony.model.campaign import Amd
from telephony.model.ids import new_id
from telephony.pbx.port import (
    PARKED_LIMIT,
    THIRD_LIMIT,
    AgentCall,
    CustomerCall,
    Event,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegRang,
    LegsJoined,
    LegsParted,
    LinkLost,
    LinkUp,
    OrderUnsettled,
    PbxUnreachable,
    UnknownLeg,
)
from telephony.pbx.simulated import SimulatedSwitchboard
from telephony.pbx.simulated_clock import LoopClock, VirtualClock
from telephony.pbx.simulated_people import HUMAN, Customer, Phone, PhoneHabit, customer_of
from tests.support.control_stories import ControlStories, call_third
from tests.support.direct_stories import DirectStories
from tests.support.message_stories import MessageStories
from tests.support.port_stories import (
    PhoneKind,
    PortStories,
    ScriptedGate,
    call,
    reserve,
    talk,
    told,
    wait_for,
)
from tests.support.recording_stories import RecordingStories

pytestmark = pytest.mark.unit

PHONES = {
    "answers": Phone(),
    "supervises": Phone(),
    "declines": Phone(habit=PhoneHabit.DECLINES),
    "busy": Phone(habit=PhoneHabit.BUSY),
    "lets_it_ring": Phone(habit=PhoneHabit.LETS_IT_RING),
    "unregistered": Phone(habit=PhoneHabit.NOT_REGISTERED),
}


def customer(dial: str) -> Customer:
    if dial.endswith("@slow"):
        return replace(HUMAN, verdict_after=8.0)
    return replace(HUMAN, hangs_up_after=7.0) if dial.endswith("@brief") else customer_of(dial)


class SimulatedBench:
    """The simulated switchboard in virtual time."""

    def __init__(self, recordings: Path = Path()) -> None:
        self.recordings = recordings
        self.clock = VirtualClock()
        self.board = SimulatedSwitchboard(
            clock=self.clock, phones=PHONES, customers=customer, trunks=["customers", "brief", "slow"]
        )
        self.gate = ScriptedGate()
        self.events: list[Event] = []
        self.board.subscribe(self.events.append, self.gate)

    async def phone(self, kind: PhoneKind) -> str:
        return kind.value

    def dial(self, suffix: str) -> str:
        return f"PJSIP/+120255501{suffix}@customers"

    def brief_talker(self) -> str:
        return "PJSIP/+12025550100@brief"

    def sound(self) -> str:
        return "message"

    async def until(self, predicate: Callable[[], bool], seconds: float) -> bool:
        return await self.clock.until(predicate, seconds)

    async def agent_hangs_up(self, leg: str) -> None:
        self.board.party_hangs_up(leg)

    async def lose_link(self) -> None:
        self.board.lose_link()

    async def restore_link(self) -> None:
        self.board.restore_link()


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[SimulatedBench]:
    made = SimulatedBench(tmp_path)
    await made.board.start()
    assert await made.until(lambda: made.board.connected, 1.0)
    yield made
    await made.board.stop()


class TestPort(PortStories, DirectStories, MessageStories, RecordingStories, ControlStories):
    """Every story of the port."""


async def test_nothing_is_ordered_before_the_link_stands() -> None:
    made = SimulatedBench()
    await made.board.start()
    assert not made.board.connected
    with pytest.raises(PbxUnreachable):
        await made.board.hang_up(new_id())
    await made.clock.advance(0.1)
    assert made.events == [LinkUp()]


async def test_a_stopped_switchboard_leaves_its_calls_up(bench: SimulatedBench) -> None:
    agent = await reserve(bench)
    await bench.board.stop()
    assert not bench.board.connected
    await bench.board.start()
    assert await bench.until(lambda: bench.board.connected, 1.0)
    assert agent in (await bench.board.survey()).live


async def test_a_trunk_the_pbx_does_not_know(bench: SimulatedBench) -> None:
    agent, leg = await reserve(bench), new_id()
    dial = "PJSIP/+12025550100@elsewhere"
    await bench.board.call_customer(CustomerCall(leg=leg, agent_leg=agent, dial=dial, ring_limit=32))
    assert (await wait_for(bench, LegEnded, leg)).missing_endpoint


async def test_an_owner_picks_up_a_phone_that_would_ring_on(bench: SimulatedBench) -> None:
    leg = new_id()
    await bench.board.ring_agent(AgentCall(leg=leg, phone="lets_it_ring", ring_limit=18))
    await wait_for(bench, LegRang, leg)
    bench.board.answer_phone("lets_it_ring")
    assert told(bench, LegAnswered, leg)
    await bench.clock.advance(60)
    assert not told(bench, LegEnded, leg), "an answered call has no ring limit"


async def test_an_order_whose_confirmation_is_lost_was_carried_out_all_the_same(bench: SimulatedBench) -> None:
    agent, leg = await reserve(bench), new_id()
    bench.board.lose_link_with_next_order()
    order = CustomerCall(leg=leg, agent_leg=agent, dial=bench.dial("02"), ring_limit=32)
    with pytest.raises(OrderUnsettled):
        await bench.board.call_customer(order)
    assert isinstance(bench.events[-1], LinkLost)
    await bench.clock.advance(1.0)
    bench.board.restore_link()
    await bench.clock.advance(1.0)
    assert (await bench.board.survey()).live[leg].state == "ringing"


async def test_a_crash_takes_every_call_without_a_record(bench: SimulatedBench) -> None:
    agent = await reserve(bench)
    customer = await talk(bench, agent)
    busy = await call(bench, await reserve(bench), "01")
    await wait_for(bench, LegEnded, busy)
    ran_since = (await bench.board.survey()).running_since
    bench.board.crash()
    assert isinstance(bench.events[-1], LinkLost)
    await bench.clock.advance(10.0)
    bench.board.restore_link()
    await bench.clock.advance(1.0)
    survey = await bench.board.survey()
    assert survey.live == {}
    assert set(survey.ended) == {busy}, "what had ended before is on disk"
    assert survey.running_since > ran_since
    assert not told(bench, LegEnded, customer)


async def test_a_customer_who_answers_while_the_link_is_lost_is_joined_unasked(bench: SimulatedBench) -> None:
    agent = await reserve(bench)
    customer = await call(bench, agent, "00")
    await wait_for(bench, LegRang, customer)
    bench.board.lose_link()
    await bench.clock.advance(10.0)
    bench.board.restore_link()
    await bench.clock.advance(1.0)
    assert bench.gate.questions == []
    assert (await bench.board.survey()).live[customer].joined_to == agent


async def test_a_gate_that_fails_joins(bench: SimulatedBench, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: object) -> str:
        raise ValueError("a bug")

    bench.board.subscribe(bench.events.append, broken)
    await bench.board.stop()
    await bench.board.start()
    await bench.clock.advance(0.1)
    agent = await reserve(bench)
    customer = await call(bench, agent, "00")
    await wait_for(bench, LegsJoined, customer, 10.0)
    assert "the gate failed" in caplog.text


async def test_an_announcement_to_an_abandoned_customer_is_heard_out(bench: SimulatedBench) -> None:
    bench.gate.answer = "abandon"
    agent = await reserve(bench)
    customer = await call(bench, agent, "00", sound="sorry")
    end = await wait_for(bench, LegEnded, customer, 20.0)
    assert end.at - told(bench, LegAnswered, customer)[0].at >= 3.0


async def test_a_leg_without_a_channel_cannot_be_hung_up_yet(bench: SimulatedBench) -> None:
    agent = await reserve(bench)
    customer = await call(bench, agent, "02")
    with pytest.raises(UnknownLeg):
        await bench.board.hang_up(customer)
    await wait_for(bench, LegAppeared, customer)
    await bench.board.hang_up(customer)
    assert not (await wait_for(bench, LegEnded, customer)).answered


async def test_a_customer_is_not_joined_to_an_agent_whose_phone_still_rings(bench: SimulatedBench) -> None:
    agent, customer = new_id(), new_id()
    await bench.board.ring_agent(AgentCall(leg=agent, phone="lets_it_ring", ring_limit=30))
    await bench.board.call_customer(CustomerCall(leg=customer, agent_leg=agent, dial=bench.dial("00"), ring_limit=30))
    assert (await wait_for(bench, LegEnded, customer)).answered
    assert not told(bench, LegsJoined, customer)


async def test_a_verdict_that_comes_too_late_inline_is_not_waited_for(bench: SimulatedBench) -> None:
    agent = await reserve(bench)
    customer = await call(bench, agent, "00", amd=Amd.INLINE, dial="PJSIP/+12025550100@slow")
    joined = await wait_for(bench, LegsJoined, customer, 20.0)
    assert joined.at - told(bench, LegAnswered, customer)[0].at == pytest.approx(3.5)
    assert [(one.verdict, one.cause) for one in bench.gate.questions] == [("NOTSURE", "TIMEOUT")]


@pytest.mark.parametrize(
    "dial", ["PJSIP/+12025550101@carrier", "PJSIP/12025550101@trunk00", "PJSIP/carrier/sip:+12025550101@10.0.0.2"]
)
def test_the_last_two_digits_of_the_number_choose_the_customer(dial: str) -> None:
    assert customer_of(dial).refuses == (486, 17)
    assert customer_of("PJSIP/+12025550177@carrier") is HUMAN


async def test_virtual_time_passes_only_when_told_to(bench: SimulatedBench) -> None:
    before = bench.clock.now()
    agent = await reserve(bench)
    customer = await call(bench, agent, "02", ring_limit=80)
    rang = await wait_for(bench, LegEnded, customer, 100.0)
    assert rang.at == pytest.approx(bench.clock.now())
    assert 80 < bench.clock.now() - before < 83
    assert bench.clock.wall() - bench.clock.now() == 1_800_000_000.0


async def test_on_the_loop_s_clock_people_can_be_faster_than_real_ones() -> None:
    clock = LoopClock(speed=50)
    board = SimulatedSwitchboard(clock=clock, phones=PHONES)
    events: list[Event] = []
    joined = asyncio.Event()

    def on_event(event: Event) -> None:
        events.append(event)
        if isinstance(event, LegsJoined):
            joined.set()

    board.subscribe(on_event, ScriptedGate())
    await board.start()
    await asyncio.sleep(0.05)
    agent, customer = new_id(), new_id()
    await board.ring_agent(AgentCall(leg=agent, phone="answers", ring_limit=18))
    await asyncio.sleep(0.1)
    await board.call_customer(
        CustomerCall(leg=customer, agent_leg=agent, dial="PJSIP/+12025550100@customers", ring_limit=32)
    )
    async with asyncio.timeout(5):
        await joined.wait()
    assert clock.now() - events[-1].at < 1.0  # type: ignore[union-attr]
    await board.stop()


async def test_who_is_on_hold_or_waits_as_a_third_party_is_ended_where_nobody_comes(tmp_path: Path) -> None:
    bench = SimulatedBench(tmp_path)
    await bench.board.start()
    assert await bench.until(lambda: bench.board.connected, 1.0)
    customer = await talk(bench, await reserve(bench))
    await bench.board.park(customer)
    third = await call_third(bench, "00")
    await wait_for(bench, LegEnded, third, THIRD_LIMIT + 10.0)
    assert not told(bench, LegEnded, customer)
    end = await wait_for(bench, LegEnded, customer, PARKED_LIMIT + 10.0)
    assert PARKED_LIMIT - 1.0 < end.at - told(bench, LegsParted, customer)[0].at < PARKED_LIMIT + 1.0
