"""Each table has the rows SPEC section 4 asks for, no more, and a step outside them changes nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from telephony.model.agent import AGENT, WITH_LINE, AgentEvent, AgentState
from telephony.model.attempt import ATTEMPT, LIVE, AttemptEvent, AttemptState
from telephony.model.contact import CONTACT, ContactEvent, ContactState
from telephony.model.line import LINE, LineEvent, LineState
from telephony.model.offer import OFFER, OfferEvent, OfferState
from telephony.model.table import IllegalStep, Step, Table
from telephony.model.transfer import TRANSFER, TransferEvent, TransferState
from tests.support import expected_rows

pytestmark = pytest.mark.unit

AnyTable = Table[Any, Any, Any]
TABLES: dict[str, tuple[AnyTable, str, type[StrEnum], type[StrEnum]]] = {
    "agent": (AGENT, expected_rows.AGENT, AgentState, AgentEvent),
    "offer": (OFFER, expected_rows.OFFER, OfferState, OfferEvent),
    "attempt": (ATTEMPT, expected_rows.ATTEMPT, AttemptState, AttemptEvent),
    "line": (LINE, expected_rows.LINE, LineState, LineEvent),
    "contact": (CONTACT, expected_rows.CONTACT, ContactState, ContactEvent),
    "transfer": (TRANSFER, expected_rows.TRANSFER, TransferState, TransferEvent),
}
NAMES = sorted(TABLES)


def expected_pairs() -> list[tuple[str, str, str]]:
    return [(name, state, event) for name in NAMES for state, event in sorted(expected_rows.parse(TABLES[name][1]))]


@pytest.mark.parametrize(("name", "state", "event"), expected_pairs())
def test_a_step_leads_where_the_spec_says(name: str, state: str, event: str) -> None:
    table, rows, states, events = TABLES[name]
    step = table.step(states(state), events(event))
    target, effects = expected_rows.parse(rows)[state, event]
    assert (step.state.value, tuple(effect.value for effect in step.effects)) == (target, effects)


@pytest.mark.parametrize("name", NAMES)
def test_every_other_pair_raises_and_changes_nothing(name: str) -> None:
    table, rows, states, events = TABLES[name]
    expected = expected_rows.parse(rows)
    before = list(table)
    for state in states:
        for event in events:
            known = (state.value, event.value) in expected
            assert table.knows(state, event) is known, (state, event)
            if known:
                continue
            with pytest.raises(IllegalStep) as refused:
                table.step(state, event)
            assert (refused.value.table, refused.value.state, refused.value.event) == (name, state, event)
            assert state.value in str(refused.value)
            assert event.value in str(refused.value)
    assert list(table) == before


@pytest.mark.parametrize("name", NAMES)
def test_every_state_can_be_reached_and_every_event_is_used(name: str) -> None:
    table, _, states, events = TABLES[name]
    reached = {table.initial}
    while True:
        more = {step.state for state, _, step in table if state in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(states)
    assert {event for _, event, _ in table} == set(events)


@pytest.mark.parametrize("name", NAMES)
def test_only_the_final_states_have_no_way_out(name: str) -> None:
    table, _, states, _ = TABLES[name]
    with_exit = {state for state, _, step in table if step.state is not state}
    assert set(states) - with_exit == table.final


def test_where_each_begins_and_ends() -> None:
    assert (AGENT.initial, OFFER.initial) == (AgentState.OFFLINE, OfferState.OPEN)
    assert (ATTEMPT.initial, CONTACT.initial) == (AttemptState.GRANTED, ContactState.WAITING)
    assert (AGENT.final, CONTACT.final) == (frozenset(), frozenset())
    assert ATTEMPT.final == {AttemptState.ENDED}
    assert {state.value for state in OFFER.final} == {
        "accepted", "skipped", "removed", "left", "timed_out", "withdrawn",
    }  # fmt: skip


def test_a_reserved_agent_is_held_until_wrap_up() -> None:
    assert {state.value for state in WITH_LINE} == {"reserved", "previewing", "dialing", "talking"}


def test_an_attempt_holds_its_grant_until_it_has_ended() -> None:
    assert set(AttemptState) - LIVE == {AttemptState.ENDED}


def test_a_table_with_a_way_out_of_a_final_state_is_refused() -> None:
    with pytest.raises(ValueError, match="reopen leaves the final state done"):
        Table(
            "contact",
            initial=ContactState.WAITING,
            final=frozenset({ContactState.DONE}),
            rows={(ContactState.DONE, ContactEvent.REOPEN): (ContactState.WAITING, ())},
        )


def test_a_step_cannot_be_altered_by_who_reads_it() -> None:
    step: Step[Any, Any] = OFFER.step(OfferState.OPEN, OfferEvent.SKIP)
    with pytest.raises(AttributeError):
        step.state = OfferState.ACCEPTED  # type: ignore[misc]
