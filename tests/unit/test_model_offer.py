"""An offer has exactly one winner, whoever comes second and in whatever order."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from telephony.model.offer import OFFER, OfferEffect, OfferEvent, OfferState
from telephony.model.table import IllegalStep

pytestmark = pytest.mark.unit


def play(events: tuple[OfferEvent, ...]) -> tuple[OfferState, list[OfferEvent], list[OfferEffect]]:
    state = OFFER.initial
    winners: list[OfferEvent] = []
    done: list[OfferEffect] = []
    for event in events:
        try:
            step = OFFER.step(state, event)
        except IllegalStep:
            continue
        state = step.state
        winners.append(event)
        done += step.effects
    return state, winners, done


@pytest.mark.parametrize("pair", list(product(OfferEvent, repeat=2)), ids=lambda pair: "-".join(pair))
def test_of_two_actions_the_first_wins_alone(pair: tuple[OfferEvent, OfferEvent]) -> None:
    state, winners, done = play(pair)
    alone = OFFER.step(OfferState.OPEN, pair[0])
    assert winners == [pair[0]]
    assert state is alone.state
    assert tuple(done) == alone.effects
    assert state in OFFER.final


def test_agent_timer_and_withdrawal_at_once_still_have_one_winner() -> None:
    for three in permutations((OfferEvent.ACCEPT, OfferEvent.TIMER_SKIP, OfferEvent.WITHDRAW)):
        _, winners, done = play(three)
        assert winners == [three[0]]
        assert len(done) == 1


def test_every_way_to_close_says_what_becomes_of_the_contact() -> None:
    for event in OfferEvent:
        assert len(OFFER.step(OfferState.OPEN, event).effects) == 1
