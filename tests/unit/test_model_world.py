"""Whatever happens in whatever order, the tables lose no contact, no number, no grant and no agent."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from telephony.model.agent import AGENT, AgentEvent, AgentState
from telephony.model.attempt import ATTEMPT, LIVE, AttemptEvent, AttemptState
from telephony.model.contact import CONTACT, ContactEvent, ContactState
from telephony.model.offer import OFFER, OfferEvent, OfferState
from telephony.model.table import IllegalStep, Table
from tests.support.world import MAX_SKIPS, Agent, Attempt, Contact, World

pytestmark = pytest.mark.unit

MAX_CALLS = 2
OFFER_EVENTS = [event for event in OfferEvent if event is not OfferEvent.TIMER_ACCEPT_REFUSED]


DISPOSITIONS = [
    ContactEvent.CLOSE,
    ContactEvent.RETRY,
    ContactEvent.SCHEDULE_CALLBACK,
    ContactEvent.REMOVE,
    ContactEvent.BLOCK,
]
Which = st.integers(0, 10_000)
F = TypeVar("F", bound=Callable[..., Any])


def some(things: Callable[[PreviewDialing], list[Any]]) -> Callable[[F], F]:
    """The rule needs one of these things to be there."""
    return precondition(lambda machine: bool(things(machine)))


def of(number: int, things: list[Any]) -> Any:
    return things[number % len(things)]


def agents(*states: AgentState) -> Callable[[PreviewDialing], list[Agent]]:
    return lambda machine: [agent for agent in machine.world.agents if agent.state in states]


def attempts(*states: AttemptState) -> Callable[[PreviewDialing], list[Attempt]]:
    return lambda machine: [attempt for attempt in machine.world.attempts if attempt.state in states]


def knowing(event: AttemptEvent) -> Callable[[PreviewDialing], list[Attempt]]:
    return lambda machine: [attempt for attempt in machine.world.attempts if ATTEMPT.knows(attempt.state, event)]


def with_line(machine: PreviewDialing) -> list[Agent]:
    return [one for one in machine.world.agents if one.line == "up"]


def with_ringing_phone(machine: PreviewDialing) -> list[Agent]:
    return [one for one in machine.world.agents if one.line == "ringing"]


def with_leg(machine: PreviewDialing) -> list[Attempt]:
    return [one for one in machine.world.attempts if one.leg]


def before_ringing(machine: PreviewDialing) -> list[Attempt]:
    placing = attempts(AttemptState.PLACING)(machine)
    return [one for one in placing if one.leg in ("placed", "appeared") and machine.world.linked]


def can_drop_message(machine: PreviewDialing) -> list[Attempt]:
    answered = attempts(AttemptState.ANSWERED, AttemptState.TALKING)(machine)
    return [one for one in answered if not one.agent.pull and one.agent.attempt is one and not one.end_asked]


def can_hand_over(machine: PreviewDialing) -> list[Attempt]:
    talking = attempts(AttemptState.TALKING)(machine)
    both = [one for one in talking if one.agent.attempt is one and one.agent.state is AgentState.TALKING]
    return [one for one in both if one.leg == "up" and not one.end_asked and machine.world.linked]


def can_join(machine: PreviewDialing) -> list[Attempt]:
    return [
        one
        for one in machine.world.attempts
        if one.leg == "up"
        and not (one.joined or one.message or one.handed_over)
        and (one.agent.line, one.agent.attempt, one.agent.state) == ("up", one, AgentState.DIALING)
        and (not machine.world.linked or one.state is AttemptState.ANSWERED)
    ]


class PreviewDialing(RuleBasedStateMachine):
    """Three agents (one pulls, one keeps the line), five contacts, two of them with the same number."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(
            agents=[Agent("ann"), Agent("bob", keep_line=True), Agent("cyd", pull=True)],
            contacts=[Contact(f"c{n}", number) for n, number in enumerate(("10", "20", "20", "30", "40"))],
            max_calls=MAX_CALLS,
        )
        for agent in self.world.agents:
            self.world.move_agent(agent, AgentEvent.GO_AVAILABLE)

    # -- a day as it should be ---------------------------------------------------------------------------

    @rule(which=Which, times=st.integers(1, 9))
    def an_agent_works_on(self, which: int, times: int) -> None:
        agent: Agent = of(which, self.world.agents)
        for _ in range(times):
            self.one_step(agent, which)
            self.world.check()

    def one_step(self, agent: Agent, which: int) -> None:
        world, attempt = self.world, agent.attempt
        match agent.state:
            case AgentState.OFFLINE | AgentState.IDLE:
                world.move_agent(agent, AgentEvent.GO_AVAILABLE)
            case AgentState.AVAILABLE if world.linked:
                world.claim(agent, of(which, world.contacts))
            case AgentState.RINGING if agent.line:
                world.phone_answers(agent)
            case AgentState.RESERVED:
                self.next_offer(agent, which)
            case AgentState.PREVIEWING:
                world.decide(agent, OfferEvent.ACCEPT)
            case AgentState.DIALING if attempt is not None:
                self.forward(attempt)
            case AgentState.TALKING if attempt is not None and attempt.leg:
                world.leg_goes(attempt, "")
            case AgentState.WRAP_UP:
                world.wrap_up(agent, of(which, DISPOSITIONS))

    def forward(self, attempt: Attempt) -> None:
        following = {"placed": "appeared", "appeared": "ringing", "ringing": "up"}.get(attempt.leg)
        if attempt.state in (AttemptState.GRANTED, AttemptState.CALLING_AGENT):
            self.world.place(attempt)
        elif following is not None:
            self.world.leg_goes(attempt, following)
        elif attempt in can_join(self):
            self.world.leg_goes(attempt, "joined")

    def next_offer(self, agent: Agent, which: int) -> None:
        free = [one for one in self.world.contacts if CONTACT.knows(one.state, ContactEvent.CLAIM)]
        self.world.serve(agent, of(which, free) if free else None)

    # -- agents ------------------------------------------------------------------------------------------

    @rule(which=Which, wish=st.sampled_from(["go_available", "go_idle", "go_offline", "desktop_lost", "left"]))
    def an_agent_wishes(self, which: int, wish: str) -> None:
        agent, event = of(which, self.world.agents), AgentEvent(wish)
        if event is AgentEvent.LEFT and agent.state is not AgentState.RESERVED:
            return  # with an offer open, leaving is the offer's action
        if AGENT.knows(agent.state, event):
            self.world.move_agent(agent, event)

    @some(with_ringing_phone)
    @rule(which=Which)
    def a_phone_is_not_answered(self, which: int) -> None:
        self.world.phone_gone(of(which, with_ringing_phone(self)))

    @some(with_line)
    @rule(which=Which)
    def an_agent_hangs_up(self, which: int) -> None:
        agent = of(which, with_line(self))
        told = AGENT.knows(agent.state, AgentEvent.LINE_LOST)
        if told or not self.world.linked:
            self.world.phone_gone(agent)

    @some(agents(AgentState.RESERVED))
    @rule(which=Which)
    def no_contact_is_left(self, which: int) -> None:
        self.world.serve(of(which, agents(AgentState.RESERVED)(self)), None)

    @some(agents(AgentState.PREVIEWING))
    @rule(which=Which, event=st.sampled_from(OFFER_EVENTS))
    def an_offer_is_decided(self, which: int, event: OfferEvent) -> None:
        self.world.decide(of(which, agents(AgentState.PREVIEWING)(self)), event)

    # -- calls -------------------------------------------------------------------------------------------

    @some(attempts(AttemptState.GRANTED, AttemptState.CALLING_AGENT))
    @rule(which=Which)
    def a_call_is_not_placed(self, which: int) -> None:
        attempt = of(which, attempts(AttemptState.GRANTED, AttemptState.CALLING_AGENT)(self))
        self.world.move_attempt(attempt, AttemptEvent.NOT_PLACED)

    @some(with_leg)
    @rule(which=Which, ends=st.booleans())
    def a_leg_goes_on_or_ends(self, which: int, ends: bool) -> None:
        attempt = of(which, with_leg(self))
        if ends:
            self.world.leg_goes(attempt, "")
        else:
            self.forward(attempt)

    @some(can_join)
    @rule(which=Which)
    def a_customer_is_joined(self, which: int) -> None:
        self.world.leg_goes(of(which, can_join(self)), "joined")

    @some(before_ringing)
    @rule(which=Which)
    def a_trunk_fails_before_it_rang(self, which: int) -> None:
        self.world.trunk_fails(of(which, before_ringing(self)))

    @some(knowing(AttemptEvent.CANCEL))
    @rule(which=Which)
    def a_call_is_cancelled(self, which: int) -> None:
        self.world.cancel(of(which, knowing(AttemptEvent.CANCEL)(self)))

    @some(knowing(AttemptEvent.HANG_UP))
    @rule(which=Which)
    def a_call_is_hung_up(self, which: int) -> None:
        self.world.move_attempt(of(which, knowing(AttemptEvent.HANG_UP)(self)), AttemptEvent.HANG_UP)

    @some(can_drop_message)
    @rule(which=Which)
    def a_message_is_dropped(self, which: int) -> None:
        self.world.drop_message(of(which, can_drop_message(self)))

    @some(can_hand_over)
    @rule(which=Which)
    def a_call_is_handed_over(self, which: int) -> None:
        self.world.hand_over(of(which, can_hand_over(self)))

    @rule(which=Which)
    def a_supervisor_frees_an_agent(self, which: int) -> None:
        self.world.free(of(which, self.world.agents))

    # -- the PBX and supervisors -------------------------------------------------------------------------

    @some(attempts(*LIVE))
    @rule(restarts=st.booleans())
    def the_link_is_lost_or_comes_back(self, restarts: bool) -> None:
        if not self.world.linked:
            self.world.restore_link()
        elif restarts:
            self.world.crash()
        else:
            self.world.lose_link()

    @rule(which=Which, event=st.sampled_from(ContactEvent))
    def a_supervisor_changes_a_contact(self, which: int, event: ContactEvent) -> None:
        contact = of(which, self.world.contacts)
        held = contact.state in (ContactState.OFFERED, ContactState.IN_ATTEMPT)
        shown = any(one.contact is contact and one.state is OfferState.OPEN for one in self.world.offers)
        withdrawn = shown and event in (ContactEvent.REMOVE, ContactEvent.BLOCK)
        if event is not ContactEvent.CLAIM and (withdrawn or not held) and CONTACT.knows(contact.state, event):
            self.world.move_contact(contact, event)

    @rule()
    def all_contacts_are_opened_again(self) -> None:
        for contact in self.world.contacts:
            contact.skips %= MAX_SKIPS
            for event in (ContactEvent.REOPEN, ContactEvent.RESTORE, ContactEvent.UNBLOCK):
                if CONTACT.knows(contact.state, event):
                    self.world.move_contact(contact, event)

    # -- what does not fit -------------------------------------------------------------------------------

    @rule(kind=st.integers(0, 3), which=Which, other=Which)
    def something_out_of_place_changes_nothing(self, kind: int, which: int, other: int) -> None:
        world = self.world
        kinds: list[tuple[Table[Any, Any, Any], type[StrEnum], list[Any], Callable[[Any, Any], None]]] = [
            (AGENT, AgentEvent, list(world.agents), world.move_agent),
            (OFFER, OfferEvent, list(world.offers), world.move_offer),
            (ATTEMPT, AttemptEvent, list(world.attempts), world.move_attempt),
            (CONTACT, ContactEvent, list(world.contacts), world.move_contact),
        ]
        table, events, things, move = kinds[kind]
        thing = of(which, things) if things else None
        unknown = [one for one in events if thing is not None and not table.knows(thing.state, one)]
        if not unknown:
            return
        before = self.picture()
        with pytest.raises(IllegalStep):
            move(thing, of(other, unknown))
        assert self.picture() == before

    def picture(self) -> list[Any]:
        world = self.world
        plain = [
            {name: str(value) for name, value in vars(thing).items() if not hasattr(value, "__dict__")}
            for thing in (*world.agents, *world.contacts, *world.offers, *world.attempts)
        ]
        return [plain, sorted(world.busy), len(world.grants), dict(world.counts)]

    @invariant()
    def nothing_is_lost(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        """At closing time every call ends, every agent comes back and everything is given back."""
        world = self.world
        if not world.linked:
            world.restore_link()
            world.check()
        for attempt in world.attempts:
            self.bring_to_an_end(attempt)
        for agent in world.agents:
            self.bring_to_available(agent)
        world.check()
        assert not attempts(*LIVE)(self)
        assert not world.grants
        assert not world.busy
        assert all(not agent.line for agent in world.agents)

    def bring_to_an_end(self, attempt: Attempt) -> None:
        for _ in range(4):
            if attempt.state is AttemptState.ENDED:
                return
            if attempt.state in (AttemptState.GRANTED, AttemptState.CALLING_AGENT):
                self.world.move_attempt(attempt, AttemptEvent.NOT_PLACED)
            elif attempt.state is AttemptState.CANCELLING and attempt.leg == "placed":
                self.world.leg_goes(attempt, "appeared")
                self.world.check()
            else:
                assert attempt.leg, f"nothing can end an attempt that is {attempt.state} without a leg"
                self.world.leg_goes(attempt, "")
        raise AssertionError(f"an attempt stays {attempt.state}")

    def bring_to_available(self, agent: Agent) -> None:
        world = self.world
        for _ in range(8):
            match agent.state:
                case AgentState.AVAILABLE:
                    return
                case AgentState.OFFLINE | AgentState.IDLE:
                    world.move_agent(agent, AgentEvent.GO_AVAILABLE)
                case AgentState.RINGING:
                    world.phone_gone(agent)
                case AgentState.RESERVED:
                    world.serve(agent, None)
                case AgentState.PREVIEWING:
                    world.decide(agent, OfferEvent.LEAVE)
                case AgentState.WRAP_UP:
                    world.wrap_up(agent, ContactEvent.CLOSE)
                case state:
                    raise AssertionError(f"an agent stays {state} after every call has ended")
            world.check()
        raise AssertionError(f"an agent comes back from {agent.state} never")


def test_nothing_is_lost_whatever_happens() -> None:
    run_state_machine_as_test(
        PreviewDialing,
        settings=settings(
            max_examples=100, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


WISHES = ["go_available", "go_idle", "go_offline", "desktop_lost", "left"]
DISTURBANCES: list[tuple[str, Callable[[PreviewDialing], list[Any]]]] = [
    ("a_phone_is_not_answered", with_ringing_phone),
    ("an_agent_hangs_up", with_line),
    ("no_contact_is_left", agents(AgentState.RESERVED)),
    ("a_customer_is_joined", can_join),
    ("a_trunk_fails_before_it_rang", before_ringing),
    ("a_call_is_cancelled", knowing(AttemptEvent.CANCEL)),
    ("a_call_is_hung_up", knowing(AttemptEvent.HANG_UP)),
    ("a_message_is_dropped", can_drop_message),
    ("a_call_is_handed_over", can_hand_over),
]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_lost_in_a_long_day(seed: int) -> None:
    """The same, 1200 steps on end, most of them work as it should be: deeper than a short example gets."""
    dice, day = Random(seed), PreviewDialing()
    leads: list[Callable[[int], None]] = [
        lambda which: day.an_agent_wishes(
            which, dice.choice(["go_available", "go_idle", "go_offline", "desktop_lost"])
        ),
        lambda which: day.a_supervisor_changes_a_contact(which, dice.choice(list(ContactEvent))),
        lambda which: day.something_out_of_place_changes_nothing(dice.randrange(4), which, dice.randrange(100)),
        lambda which: day.all_contacts_are_opened_again(),
        lambda which: day.a_supervisor_frees_an_agent(which),
    ]
    for _ in range(1200):
        which, kind = dice.randrange(10_000), dice.random()
        name, needed = dice.choice(DISTURBANCES)
        if not day.world.linked and dice.random() < 0.2:
            day.the_link_is_lost_or_comes_back(False)
        elif kind < 0.55:
            day.an_agent_works_on(which, dice.randint(1, 3))
        elif kind < 0.7:
            if needed(day):
                getattr(day, name)(which)
        elif kind < 0.73:
            day.the_link_is_lost_or_comes_back(dice.random() < 0.3)
        elif kind < 0.8 and agents(AgentState.PREVIEWING)(day):
            day.an_offer_is_decided(which, dice.choice(OFFER_EVENTS))
        elif kind < 0.85 and with_leg(day):
            day.a_leg_goes_on_or_ends(which, dice.random() < 0.5)
        elif kind < 0.87 and attempts(AttemptState.GRANTED, AttemptState.CALLING_AGENT)(day):
            day.a_call_is_not_placed(which)
        else:
            dice.choice(leads)(which)
        day.world.check()
    day.teardown()


@pytest.mark.parametrize("state", sorted(LIVE))
def test_every_live_attempt_can_reach_its_end_by_its_leg_s_end_or_by_resync(state: AttemptState) -> None:
    """Only with what comes by itself: no agent, no second try."""
    by_itself = {
        AttemptEvent.NOT_PLACED, AttemptEvent.AGENT_FAILED, AttemptEvent.LEG_ENDED, AttemptEvent.FOUND_ENDED,
    }  # fmt: skip
    ends = [event for event in by_itself if ATTEMPT.knows(state, event)]
    assert ends
    assert all(ATTEMPT.step(state, event).state is AttemptState.ENDED for event in ends)


@pytest.mark.parametrize("state", list(AgentState))
def test_an_agent_can_get_back_to_available_from_everywhere(state: AgentState) -> None:
    reached, edge = {state}, [state]
    while edge:
        at = edge.pop()
        for source, _, step in AGENT:
            if source is at and step.state not in reached:
                reached.add(step.state)
                edge.append(step.state)
    assert AgentState.AVAILABLE in reached
