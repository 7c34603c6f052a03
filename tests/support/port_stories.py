"""The stories every switchboard must tell alike, whether a real Asterisk or a simulation stands behind the port.

A test module serves them by a class that inherits `PortStories` and has a fixture `bench`: a started switchboard with
phones and customers at its other ends. Times are generous towards a busy machine and short enough for a real PBX.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, TypeVar

import pytest

from telephony.model.campaign import Amd
from telephony.model.ids import new_id
from telephony.model.machine_detection import Verdict, verdict_of
from telephony.pbx.port import (
    ABANDON,
    DIAL,
    END,
    JOIN,
    LISTEN_AFTER,
    SILENCE_AFTER_SPEECH,
    AgentCall,
    BeepHeard,
    CustomerCall,
    DialQuestion,
    Event,
    JoinQuestion,
    LegAbandoned,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegEvent,
    LegRang,
    LegsJoined,
    LegsParted,
    LinkLost,
    LinkUp,
    MachineVerdict,
    OrderRefused,
    PbxUnreachable,
    SpeechEnded,
    Switchboard,
    UnknownLeg,
)

SOON = 5.0
"""Seconds within which an order has its effect and a customer who answers has answered."""

GREETING = 12.0
"""Seconds within which a verdict and a beep have come."""

RINGS_LONG = 30
RINGS_SHORT = 2


class PhoneKind(StrEnum):
    """What an agent's phone does when it is called."""

    ANSWERS = "answers"
    DECLINES = "declines"
    BUSY = "busy"
    LETS_IT_RING = "lets_it_ring"
    UNREGISTERED = "unregistered"
    MISSING = "missing"
    SUPERVISES = "supervises"  # a second one that answers


class ScriptedGate:
    """Answers each question with `answer`; None: says nothing."""

    def __init__(self) -> None:
        self.answer: str | None = JOIN
        self.questions: list[JoinQuestion] = []

    async def __call__(self, question: JoinQuestion | DialQuestion) -> str:
        if isinstance(question, JoinQuestion):
            self.questions.append(question)
        if self.answer is None:
            await asyncio.Event().wait()
        answer = self.answer or JOIN
        return DIAL if isinstance(question, DialQuestion) and answer == JOIN else answer


class PortBench(Protocol):
    """A started and linked switchboard under test with `events` as they came since its first LinkUp, and its people.

    Its customers answer within 4 s.
    """

    @property
    def board(self) -> Switchboard: ...

    @property
    def events(self) -> list[Event]: ...

    @property
    def gate(self) -> ScriptedGate: ...

    async def phone(self, kind: PhoneKind) -> str:
        """The endpoint name of a phone that behaves so, registered where it has to be."""

    def dial(self, suffix: str) -> str:
        """The dial string of a customer with these last two digits (SPEC section 8)."""

    def brief_talker(self) -> str:
        """The dial string of a customer who answers and after 1-8 s of talk hangs up."""

    def sound(self) -> str:
        """A recorded message of 1-3 s, as the PBX names it."""

    async def until(self, predicate: Callable[[], bool], seconds: float) -> bool:
        """Let time pass until the predicate holds, `seconds` at most; whether it holds."""

    async def agent_hangs_up(self, leg: str) -> None:
        """The person at the phone of this agent leg hangs up."""

    async def lose_link(self) -> None:
        """The link to the PBX goes while the PBX lives on."""

    async def restore_link(self) -> None:
        """The link may come back."""


E = TypeVar("E", bound=LegEvent)


def told(bench: PortBench, kind: type[E], leg: str) -> list[E]:
    """What was told of this leg, of this kind, in order."""
    return [event for event in bench.events if isinstance(event, kind) and event.leg == leg]


async def wait_for(bench: PortBench, kind: type[E], leg: str, seconds: float = SOON) -> E:
    """The first event of this kind for this leg."""
    assert await bench.until(lambda: bool(told(bench, kind, leg)), seconds), (
        f"no {kind.__name__} of {leg} within {seconds} s, only {bench.events}"
    )
    return told(bench, kind, leg)[0]


async def let_pass(bench: PortBench, seconds: float) -> None:
    await bench.until(lambda: False, seconds)


async def ring(bench: PortBench, kind: PhoneKind, *, ring_limit: int = RINGS_LONG) -> str:
    """A reservation call; returns its leg."""
    leg = new_id()
    await bench.board.ring_agent(AgentCall(leg=leg, phone=await bench.phone(kind), ring_limit=ring_limit))
    return leg


async def reserve(bench: PortBench) -> str:
    """An agent who has answered and is held."""
    leg = await ring(bench, PhoneKind.ANSWERS)
    await wait_for(bench, LegAnswered, leg)
    return leg


async def call(
    bench: PortBench,
    agent: str,
    suffix: str,
    *,
    ring_limit: int = RINGS_LONG,
    amd: Amd = Amd.OFF,
    sound: str = "",
    dial: str = "",
) -> str:
    """The agent hears ringing, then the customer is dialed; returns the customer's leg."""
    leg = new_id()
    dial = dial or bench.dial(suffix)
    await bench.board.play_ringing(agent)
    await bench.board.call_customer(
        CustomerCall(leg=leg, agent_leg=agent, dial=dial, ring_limit=ring_limit, amd=amd, abandon_sound=sound)
    )
    return leg


async def talk(bench: PortBench, agent: str) -> str:
    """A customer who was joined to the agent; returns the customer's leg."""
    leg = await call(bench, agent, "00")
    await wait_for(bench, LegsJoined, leg)
    return leg


LIFE = (LegAppeared, LegRang, LegAnswered, LegsJoined, LegsParted, LegEnded)


class PortStories:
    """Inherit this, name a fixture `bench`, and the stories are tests."""

    @pytest.fixture(autouse=True)
    def every_leg_has_one_life(self, bench: PortBench) -> object:
        """Whatever the story: each leg appears, rings, is answered and ends at most once and in this order.

        In between it is joined and parted in turn.
        """
        yield
        for leg in {event.leg for event in bench.events if isinstance(event, LegEvent)}:
            lived = [type(event) for event in bench.events if isinstance(event, LIFE) and event.leg == leg]
            turns = [kind for kind in lived if kind in (LegsJoined, LegsParted)]
            assert turns == [(LegsJoined, LegsParted)[turn % 2] for turn in range(len(turns))], f"{leg}: {turns}"
            life = [LIFE.index(kind) for at, kind in enumerate(lived) if kind not in turns or kind not in lived[:at]]
            assert life == sorted(set(life)), f"{leg}: {[LIFE[step].__name__ for step in life]}"
            times = [event.at for event in bench.events if isinstance(event, LegEvent) and event.leg == leg]
            assert times == sorted(times)

    # -- the agent's phone -------------------------------------------------------------------------------

    async def test_an_agent_who_answers_is_held_until_hung_up(self, bench: PortBench) -> None:
        leg = await reserve(bench)
        await let_pass(bench, 1.0)
        assert not told(bench, LegEnded, leg)
        live = (await bench.board.survey()).live[leg]
        assert (live.state, live.joined_to) == ("up", None)
        await bench.board.hang_up(leg)
        end = await wait_for(bench, LegEnded, leg)
        assert (end.appeared, end.answered) == (True, True)

    async def test_an_agent_who_lets_it_ring_is_rona(self, bench: PortBench) -> None:
        leg = await ring(bench, PhoneKind.LETS_IT_RING, ring_limit=RINGS_SHORT)
        await wait_for(bench, LegRang, leg)
        end = await wait_for(bench, LegEnded, leg, RINGS_SHORT + SOON)
        assert (end.ring_limit_reached, end.rang, end.answered) == (True, True, False)

    async def test_an_agent_who_declines(self, bench: PortBench) -> None:
        leg = await ring(bench, PhoneKind.DECLINES)
        end = await wait_for(bench, LegEnded, leg)
        assert end.sip in (486, 603)  # phones differ in what they say to a person's "no"
        assert (end.ring_limit_reached, end.answered) == (False, False)

    async def test_an_agent_whose_phone_is_busy(self, bench: PortBench) -> None:
        leg = await ring(bench, PhoneKind.BUSY)
        end = await wait_for(bench, LegEnded, leg)
        assert (end.sip, end.cause, end.rang, end.answered) == (486, 17, False, False)

    async def test_a_phone_that_is_not_registered(self, bench: PortBench) -> None:
        leg = await ring(bench, PhoneKind.UNREGISTERED)
        end = await wait_for(bench, LegEnded, leg)
        assert (end.cause, end.sip, end.appeared, end.missing_endpoint) == (20, None, False, False)

    async def test_whether_a_phone_is_there_can_be_asked(self, bench: PortBench) -> None:
        kinds = (PhoneKind.ANSWERS, PhoneKind.BUSY, PhoneKind.UNREGISTERED, PhoneKind.MISSING)
        phones = [await bench.phone(kind) for kind in kinds]
        assert [await bench.board.phone_ready(phone) for phone in phones] == [True, True, False, False]
        await bench.lose_link()
        assert await bench.until(lambda: not bench.board.connected, SOON)
        assert await bench.board.phone_ready(phones[0]) is None
        await bench.restore_link()
        assert await bench.until(lambda: bench.board.connected, SOON)

    async def test_a_phone_the_pbx_does_not_know(self, bench: PortBench) -> None:
        leg = await ring(bench, PhoneKind.MISSING)
        end = await wait_for(bench, LegEnded, leg)
        assert (end.missing_endpoint, end.appeared, end.answered) == (True, False, False)
        assert leg not in (await bench.board.survey()).ended

    async def test_an_agent_who_hangs_up(self, bench: PortBench) -> None:
        leg = await reserve(bench)
        await bench.agent_hangs_up(leg)
        assert (await wait_for(bench, LegEnded, leg)).answered
        with pytest.raises(UnknownLeg):
            await bench.board.play_ringing(leg)
        with pytest.raises(UnknownLeg):
            await bench.board.hold(leg)

    async def test_ringing_and_hold_may_follow_each_other_at_once(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        for _ in range(30):
            await bench.board.play_ringing(agent)
            await bench.board.hold(agent)
        assert not told(bench, LegEnded, agent)

    # -- the customer ------------------------------------------------------------------------------------

    async def test_a_customer_who_answers_is_joined_after_the_gate_was_asked(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await talk(bench, agent)
        assert told(bench, LegRang, customer)
        assert [question.leg for question in bench.gate.questions] == [customer]
        assert bench.gate.questions[0].verdict == ""
        joined = told(bench, LegsJoined, customer)[0]
        assert joined.agent_leg == agent
        assert joined.at - told(bench, LegAnswered, customer)[0].at < 0.5
        live = (await bench.board.survey()).live
        assert (live[customer].joined_to, live[agent].joined_to) == (agent, customer)

    async def test_an_agent_in_talk_is_not_taken_out_of_it(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await talk(bench, agent)
        with pytest.raises(OrderRefused):
            await bench.board.hold(agent)
        with pytest.raises(OrderRefused):
            await bench.board.play_ringing(agent)
        await let_pass(bench, 0.5)
        assert not told(bench, LegsParted, customer)

    @pytest.mark.parametrize(
        ("suffix", "cause", "sip"), [("01", 17, 486), ("03", 1, 404), ("04", 34, 503), ("10", 21, 603)]
    )
    async def test_a_customer_who_cannot_or_will_not(self, bench: PortBench, suffix: str, cause: int, sip: int) -> None:
        agent = await reserve(bench)
        customer = await call(bench, agent, suffix)
        end = await wait_for(bench, LegEnded, customer)
        assert (end.cause, end.sip, end.rang, end.answered) == (cause, sip, False, False)
        assert not bench.gate.questions
        assert not told(bench, LegEnded, agent)

    async def test_a_customer_who_rings_to_the_limit(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await call(bench, agent, "02", ring_limit=RINGS_SHORT)
        end = await wait_for(bench, LegEnded, customer, RINGS_SHORT + SOON)
        assert (end.ring_limit_reached, end.rang, end.answered, end.cause) == (True, True, False, 19)

    async def test_a_failed_customer_makes_room_for_the_next_on_the_same_line(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        await wait_for(bench, LegEnded, await call(bench, agent, "01"))
        await bench.board.hold(agent)
        customer = await talk(bench, agent)
        assert told(bench, LegsJoined, customer)[0].agent_leg == agent

    # -- hanging up --------------------------------------------------------------------------------------

    async def test_hang_up_while_the_customer_rings(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await call(bench, agent, "02")
        await wait_for(bench, LegRang, customer)
        await bench.board.hang_up(customer)
        end = await wait_for(bench, LegEnded, customer)
        assert (end.answered, end.ring_limit_reached) == (False, False)
        assert not told(bench, LegEnded, agent)

    async def test_hang_up_before_the_channel_exists_is_an_unknown_leg_and_works_once_it_appeared(
        self, bench: PortBench
    ) -> None:
        agent = await reserve(bench)
        with pytest.raises(UnknownLeg):
            await bench.board.hang_up(new_id())
        customer = await call(bench, agent, "02")
        try:
            await bench.board.hang_up(customer)
        except UnknownLeg:
            await wait_for(bench, LegAppeared, customer)
            await bench.board.hang_up(customer)
        assert not (await wait_for(bench, LegEnded, customer)).answered
        with pytest.raises(UnknownLeg):
            await bench.board.hang_up(customer)

    async def test_hang_up_in_talk_ends_the_customer_and_keeps_the_agent(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await talk(bench, agent)
        await bench.board.hang_up(customer)
        assert (await wait_for(bench, LegEnded, customer)).answered
        assert told(bench, LegsParted, customer)[0].agent_leg == agent
        await let_pass(bench, 0.5)
        assert not told(bench, LegEnded, agent)
        assert (await bench.board.survey()).live[agent].joined_to is None

    async def test_a_customer_hangs_up_and_the_agent_s_leg_is_joined_again(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        first = await call(bench, agent, "00", dial=bench.brief_talker())
        await wait_for(bench, LegsJoined, first)
        await wait_for(bench, LegEnded, first, GREETING)
        assert told(bench, LegsParted, first)
        assert not told(bench, LegEnded, agent)
        second = await talk(bench, agent)
        assert told(bench, LegsJoined, second)[0].agent_leg == agent
        assert not told(bench, LegEnded, agent)

    async def test_an_agent_who_hangs_up_in_talk_ends_both(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await talk(bench, agent)
        await bench.agent_hangs_up(agent)
        assert (await wait_for(bench, LegEnded, agent)).answered
        assert (await wait_for(bench, LegEnded, customer)).answered
        assert told(bench, LegsParted, customer)

    async def test_an_agent_gone_before_the_answer_leaves_nobody_to_join(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await call(bench, agent, "00")
        await wait_for(bench, LegRang, customer)
        await bench.agent_hangs_up(agent)
        await wait_for(bench, LegEnded, agent)
        assert (await wait_for(bench, LegEnded, customer, GREETING)).answered
        assert not told(bench, LegsJoined, customer)

    # -- the gate ----------------------------------------------------------------------------------------

    @pytest.mark.parametrize("answer", [END, ABANDON])
    async def test_a_gate_that_says_no_ends_the_customer_unjoined(self, bench: PortBench, answer: str) -> None:
        bench.gate.answer = answer
        agent = await reserve(bench)
        customer = await call(bench, agent, "00")
        assert (await wait_for(bench, LegEnded, customer, GREETING)).answered
        assert len(bench.gate.questions) == 1
        assert not told(bench, LegsJoined, customer)
        assert len(told(bench, LegAbandoned, customer)) == (answer == ABANDON)
        assert (await bench.board.survey()).ended[customer].abandoned == (answer == ABANDON)
        assert not told(bench, LegEnded, agent)

    async def test_a_customer_who_hangs_up_while_the_gate_is_asked_is_not_joined(self, bench: PortBench) -> None:
        bench.gate.answer = None
        agent = await reserve(bench)
        customer = await call(bench, agent, "09")
        assert (await wait_for(bench, LegEnded, customer)).answered
        await let_pass(bench, 3.0)
        assert not told(bench, LegsJoined, customer)
        assert not told(bench, LegEnded, agent)

    async def test_a_silent_gate_joins_after_2_seconds(self, bench: PortBench) -> None:
        bench.gate.answer = None
        agent = await reserve(bench)
        customer = await call(bench, agent, "00")
        joined = await wait_for(bench, LegsJoined, customer, GREETING)
        assert 1.0 < joined.at - told(bench, LegAnswered, customer)[0].at < 3.0

    # -- machine detection -------------------------------------------------------------------------------

    async def test_parallel_joins_a_human_first_and_tells_the_verdict_later(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await call(bench, agent, "00", amd=Amd.PARALLEL)
        verdict = await wait_for(bench, MachineVerdict, customer, GREETING)
        joined = told(bench, LegsJoined, customer)[0]
        assert joined.at - told(bench, LegAnswered, customer)[0].at < 0.5
        assert joined.at < verdict.at
        assert verdict.verdict == "HUMAN"
        assert verdict.cause

    async def test_parallel_hears_a_machine_and_its_beep_and_does_nothing(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await call(bench, agent, "05", amd=Amd.PARALLEL)
        await wait_for(bench, LegsJoined, customer)
        assert bench.board.ears.legs == 0  # not in the moment of the join
        assert await bench.until(lambda: bench.board.ears.legs == 1, LISTEN_AFTER + 0.7)
        assert (await wait_for(bench, MachineVerdict, customer, GREETING)).verdict == "MACHINE"
        await wait_for(bench, BeepHeard, customer, GREETING)
        assert told(bench, LegsJoined, customer)
        assert not told(bench, LegEnded, customer)

    # -- listening ---------------------------------------------------------------------------------------

    async def test_who_is_listened_to_on_demand_is_heard_to_beep_once(self, bench: PortBench) -> None:
        customer = await call(bench, await reserve(bench), "05")
        await wait_for(bench, LegsJoined, customer)
        await bench.board.listen(customer)
        await bench.board.listen(customer)
        await wait_for(bench, BeepHeard, customer, GREETING)
        await let_pass(bench, SILENCE_AFTER_SPEECH + 1.0)
        assert len(told(bench, BeepHeard, customer)) == 1
        assert not told(bench, SpeechEnded, customer)  # a beep came in between
        assert not told(bench, MachineVerdict, customer)
        assert not told(bench, LegsParted, customer)

    async def test_two_seconds_of_silence_after_speech_are_told_once_and_again_on_demand(
        self, bench: PortBench
    ) -> None:
        customer = await call(bench, await reserve(bench), "00")
        answered = await wait_for(bench, LegAnswered, customer)
        await bench.board.listen(customer)
        silent = await wait_for(bench, SpeechEnded, customer)
        assert silent.at - answered.at > SILENCE_AFTER_SPEECH
        await bench.board.listen(customer)
        assert await bench.until(lambda: len(told(bench, SpeechEnded, customer)) == 2, 0.5)
        await let_pass(bench, 0.5)
        assert len(told(bench, SpeechEnded, customer)) == 2
        assert not told(bench, BeepHeard, customer)

    async def test_only_a_leg_that_is_up_can_be_listened_to(self, bench: PortBench) -> None:
        with pytest.raises(UnknownLeg):
            await bench.board.listen(new_id())
        customer = await call(bench, await reserve(bench), "02")
        await wait_for(bench, LegRang, customer)
        with pytest.raises(OrderRefused):
            await bench.board.listen(customer)

    @pytest.mark.parametrize(("suffix", "expected"), [("00", "HUMAN"), ("05", "MACHINE")])
    async def test_inline_asks_the_gate_with_the_verdict(self, bench: PortBench, suffix: str, expected: str) -> None:
        agent = await reserve(bench)
        customer = await call(bench, agent, suffix, amd=Amd.INLINE)
        joined = await wait_for(bench, LegsJoined, customer, GREETING)
        verdict = told(bench, MachineVerdict, customer)[0]
        assert (verdict.verdict, bench.gate.questions[0].verdict) == (expected, expected)
        assert verdict.cause == bench.gate.questions[0].cause != ""
        assert verdict.at <= joined.at

    async def test_inline_knows_a_fax_machine_by_its_tone_and_the_gate_ends_it(self, bench: PortBench) -> None:
        bench.gate.answer = END
        agent = await reserve(bench)
        customer = await call(bench, agent, "11", amd=Amd.INLINE)
        assert (await wait_for(bench, LegEnded, customer, GREETING)).answered
        assert [question.verdict for question in bench.gate.questions] == ["FAX"]
        verdict = told(bench, MachineVerdict, customer)[0]
        assert (verdict.verdict, verdict.cause) == ("FAX", "CED")
        assert verdict.at - told(bench, LegAnswered, customer)[0].at < 4.0
        assert not told(bench, LegsJoined, customer)
        assert not told(bench, LegEnded, agent)
        assert (await bench.board.survey()).ended[customer].amd_verdict == "FAX"

    @pytest.mark.parametrize("amd", [Amd.OFF, Amd.PARALLEL, Amd.INLINE])
    async def test_call_screening_reaches_the_agent_and_is_never_cut_off(self, bench: PortBench, amd: Amd) -> None:
        agent = await reserve(bench)
        customer = await call(bench, agent, "12", amd=amd)
        joined = await wait_for(bench, LegsJoined, customer, GREETING)
        assert joined.at - told(bench, LegAnswered, customer)[0].at < (4.0 if amd is Amd.INLINE else 0.5)
        if amd is not Amd.OFF:
            await wait_for(bench, MachineVerdict, customer, GREETING)
        await let_pass(bench, 1.0)
        assert not told(bench, LegsParted, customer)
        assert not told(bench, LegEnded, customer)

    async def test_no_audio_beside_a_joined_call_is_no_machine_and_ends_nothing(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await call(bench, agent, "08", amd=Amd.PARALLEL)
        joined = await wait_for(bench, LegsJoined, customer, GREETING)
        assert joined.at - told(bench, LegAnswered, customer)[0].at < 0.5
        verdict = await wait_for(bench, MachineVerdict, customer, GREETING)
        assert verdict_of(verdict.verdict, verdict.cause) is Verdict.NO_AUDIO
        await let_pass(bench, 0.5)
        assert not told(bench, LegsParted, customer)
        assert not told(bench, LegEnded, customer)

    async def test_inline_holds_a_silent_customer_for_4_seconds_at_most(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await call(bench, agent, "08", amd=Amd.INLINE)
        joined = await wait_for(bench, LegsJoined, customer, GREETING)
        assert joined.at - told(bench, LegAnswered, customer)[0].at < 4.0
        assert bench.gate.questions[0].verdict == "NOTSURE"

    # -- at most once, survey, link ----------------------------------------------------------------------

    async def test_a_leg_id_is_placed_at_most_once(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await talk(bench, agent)
        again = CustomerCall(leg=customer, agent_leg=agent, dial=bench.dial("00"), ring_limit=RINGS_LONG)
        with pytest.raises(OrderRefused):
            await bench.board.call_customer(again)
        with pytest.raises(OrderRefused):
            await bench.board.ring_agent(
                AgentCall(leg=agent, phone=await bench.phone(PhoneKind.ANSWERS), ring_limit=RINGS_LONG)
            )
        await let_pass(bench, 1.0)
        assert not told(bench, LegEnded, customer)
        assert len(told(bench, LegAppeared, customer)) == 1
        assert len((await bench.board.survey()).live) == 2

    async def test_the_survey_tells_what_is_up_and_how_the_others_ended(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        before = await bench.board.survey()
        busy = await call(bench, agent, "01")
        await wait_for(bench, LegEnded, busy)
        ringing = await call(bench, agent, "02")
        await wait_for(bench, LegRang, ringing)
        survey = await bench.board.survey()
        assert {leg: live.state for leg, live in survey.live.items()} == {agent: "up", ringing: "ringing"}
        assert survey.running_since == before.running_since > 0
        kept = survey.ended[busy]
        assert (kept.sip, kept.cause, kept.answered) == (486, 17, False)
        await bench.board.hang_up(ringing)
        await wait_for(bench, LegEnded, ringing)
        joined = await talk(bench, agent)
        await bench.board.hang_up(joined)
        await wait_for(bench, LegEnded, joined)
        ended = (await bench.board.survey()).ended
        assert (ended[ringing].answered, ended[ringing].rang, ended[joined].answered) == (False, True, True)
        assert 0 < ended[joined].answered_at <= ended[joined].ended_at

    async def test_a_settled_leg_is_forgotten(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        busy, lost = await call(bench, agent, "01"), await call(bench, agent, "03")
        await wait_for(bench, LegEnded, busy)
        await wait_for(bench, LegEnded, lost)
        await bench.board.forget([busy, new_id()])
        await let_pass(bench, 1.0)
        assert set((await bench.board.survey()).ended) == {lost}

    async def test_a_lost_link_is_told_orders_fail_and_calls_go_on(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await talk(bench, agent)
        assert bench.board.connected
        await bench.lose_link()
        assert await bench.until(lambda: any(isinstance(event, LinkLost) for event in bench.events), SOON)
        assert not bench.board.connected
        refused = new_id()
        with pytest.raises(PbxUnreachable):
            await bench.board.ring_agent(
                AgentCall(leg=refused, phone=await bench.phone(PhoneKind.ANSWERS), ring_limit=RINGS_LONG)
            )
        with pytest.raises(PbxUnreachable):
            await bench.board.hang_up(customer)
        with pytest.raises(PbxUnreachable):
            await bench.board.survey()
        await let_pass(bench, 0.5)
        await bench.restore_link()
        links = (LinkUp, LinkLost)
        assert await bench.until(
            lambda: isinstance([event for event in bench.events if isinstance(event, links)][-1], LinkUp), GREETING
        )
        live = (await bench.board.survey()).live
        assert live[customer].joined_to == agent
        assert refused not in live

    async def test_what_ended_while_the_link_was_lost_is_in_the_survey(self, bench: PortBench) -> None:
        agent = await reserve(bench)
        customer = await call(bench, agent, "02", ring_limit=RINGS_SHORT)
        await wait_for(bench, LegRang, customer)
        await bench.lose_link()
        assert await bench.until(lambda: not bench.board.connected, SOON)
        await let_pass(bench, RINGS_SHORT + 1.0)
        await bench.restore_link()
        assert await bench.until(lambda: bench.board.connected, GREETING)
        survey = await bench.board.survey()
        assert agent in survey.live
        assert customer not in survey.live
        assert (survey.ended[customer].answered, survey.ended[customer].rang) == (False, True)
