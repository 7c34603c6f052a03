"""From the end of an unanswered leg to its outcome, by the paragraph at the end of SPEC section 5."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.model.agent import IdleReason
from telephony.model.outcomes import IDLE_REASON, LegEnd, agent_leg_outcome, customer_outcome, trunk_failed
from telephony.model.reasons import AgentLegOutcome, Outcome

pytestmark = pytest.mark.unit


def end(
    *, sip: int | None = None, cause: int = 0, rang: bool = False, limit: bool = False, missing: bool = False
) -> LegEnd:
    return LegEnd(answered=False, rang=rang, sip=sip, cause=cause, ring_limit_reached=limit, missing_endpoint=missing)


# "486, 600 busy; 603, 607, 608 declined; 404, 410, 484, 604 invalid; 487 no answer unless we cancelled"
NAMED = {
    486: (Outcome.CUSTOMER_BUSY, AgentLegOutcome.USER_BUSY),
    600: (Outcome.CUSTOMER_BUSY, AgentLegOutcome.USER_BUSY),
    603: (Outcome.CUSTOMER_DECLINED, AgentLegOutcome.USER_DECLINED),
    607: (Outcome.CUSTOMER_DECLINED, AgentLegOutcome.USER_DECLINED),
    608: (Outcome.CUSTOMER_DECLINED, AgentLegOutcome.USER_DECLINED),
    404: (Outcome.INVALID_NUMBER, AgentLegOutcome.INVALID_NUMBER),
    410: (Outcome.INVALID_NUMBER, AgentLegOutcome.INVALID_NUMBER),
    484: (Outcome.INVALID_NUMBER, AgentLegOutcome.INVALID_NUMBER),
    604: (Outcome.INVALID_NUMBER, AgentLegOutcome.INVALID_NUMBER),
    487: (Outcome.NO_ANSWER_CUSTOMER, AgentLegOutcome.RONA),
}
BY_RINGING = {408, 480}


@pytest.mark.parametrize("rang", [False, True])
@pytest.mark.parametrize("sip", sorted(NAMED))
def test_a_named_sip_code_has_its_outcome_whatever_the_cause_says(sip: int, rang: bool) -> None:
    for cause in (0, 1, 16, 17, 19, 21, 34, 127):
        assert customer_outcome(end(sip=sip, cause=cause, rang=rang)) is NAMED[sip][0]
        assert agent_leg_outcome(end(sip=sip, cause=cause, rang=rang)) is NAMED[sip][1]


@pytest.mark.parametrize("sip", sorted(BY_RINGING))
def test_408_and_480_are_no_answer_only_where_it_rang(sip: int) -> None:
    assert customer_outcome(end(sip=sip, rang=True)) is Outcome.NO_ANSWER_CUSTOMER
    assert customer_outcome(end(sip=sip)) is Outcome.CUSTOMER_UNAVAILABLE
    assert agent_leg_outcome(end(sip=sip, rang=True)) is AgentLegOutcome.RONA
    assert agent_leg_outcome(end(sip=sip)) is AgentLegOutcome.USER_UNAVAILABLE


@pytest.mark.parametrize("rang", [False, True])
def test_every_other_code_from_400_to_699_is_unavailable(rang: bool) -> None:
    for sip in sorted(set(range(400, 700)) - set(NAMED) - BY_RINGING):
        assert customer_outcome(end(sip=sip, cause=17, rang=rang)) is Outcome.CUSTOMER_UNAVAILABLE, sip
        assert agent_leg_outcome(end(sip=sip, cause=17, rang=rang)) is AgentLegOutcome.USER_UNAVAILABLE, sip


# No SIP code: by cause (Q.850).
BY_CAUSE = {
    1: Outcome.INVALID_NUMBER,  # unallocated number
    22: Outcome.INVALID_NUMBER,  # number changed
    28: Outcome.INVALID_NUMBER,  # invalid number format
    17: Outcome.CUSTOMER_BUSY,
    21: Outcome.CUSTOMER_DECLINED,  # call rejected
    16: Outcome.NO_ANSWER_CUSTOMER,  # normal clearing
    3: Outcome.CUSTOMER_UNAVAILABLE,  # no route to destination
    20: Outcome.CUSTOMER_UNAVAILABLE,  # subscriber absent
    27: Outcome.CUSTOMER_UNAVAILABLE,  # destination out of order
    34: Outcome.CUSTOMER_UNAVAILABLE,  # no circuit
    38: Outcome.CUSTOMER_UNAVAILABLE,  # network out of order
    42: Outcome.CUSTOMER_UNAVAILABLE,  # congestion
    127: Outcome.CUSTOMER_UNAVAILABLE,  # interworking
    0: Outcome.CHANNEL_FAILURE,  # nothing was ever sent
}


@pytest.mark.parametrize("cause", sorted(BY_CAUSE))
@pytest.mark.parametrize("sip", [None, 100, 180, 183])
def test_without_a_final_sip_code_the_cause_decides(sip: int | None, cause: int) -> None:
    assert customer_outcome(end(sip=sip, cause=cause, rang=sip in (180, 183))) is BY_CAUSE[cause]


@pytest.mark.parametrize("cause", [18, 19])
def test_nobody_responding_is_no_answer_only_where_it_rang(cause: int) -> None:
    assert customer_outcome(end(cause=cause, rang=True)) is Outcome.NO_ANSWER_CUSTOMER
    assert customer_outcome(end(cause=cause)) is Outcome.CUSTOMER_UNAVAILABLE


def test_a_customer_who_rang_to_the_limit_did_not_answer() -> None:
    # as Asterisk 22 reports its own ring limit: 19/480
    assert customer_outcome(end(sip=480, cause=19, rang=True, limit=True)) is Outcome.NO_ANSWER_CUSTOMER


def test_an_agent_who_let_it_ring_to_the_limit_is_rona_whatever_the_phone_said_last() -> None:
    for sip in (None, 480, 486, 487, 603):
        assert agent_leg_outcome(end(sip=sip, cause=19, rang=True, limit=True)) is AgentLegOutcome.RONA
    assert agent_leg_outcome(end(sip=480, cause=19, limit=True)) is AgentLegOutcome.USER_UNAVAILABLE


def test_an_endpoint_the_pbx_does_not_know() -> None:
    for cause in (0, 3, 20):
        assert agent_leg_outcome(end(cause=cause, missing=True)) is AgentLegOutcome.INVALID_NUMBER
        assert customer_outcome(end(cause=cause, missing=True)) is Outcome.CHANNEL_FAILURE
        assert trunk_failed(end(cause=cause, missing=True))


@given(
    sip=st.none() | st.integers(0, 999),
    cause=st.integers(0, 200),
    rang=st.booleans(),
    limit=st.booleans(),
    missing=st.booleans(),
)
def test_every_end_has_an_outcome_and_an_idle_reason(
    sip: int | None, cause: int, rang: bool, limit: bool, missing: bool
) -> None:
    ended = end(sip=sip, cause=cause, rang=rang, limit=limit, missing=missing)
    assert customer_outcome(ended) in Outcome
    assert IDLE_REASON[agent_leg_outcome(ended)] in IdleReason
    if rang:
        assert not trunk_failed(ended)


def test_the_reservation_call_that_fails_makes_the_agent_idle_with_its_reason() -> None:
    assert {outcome.value: reason.value for outcome, reason in IDLE_REASON.items()} == {
        "RONA": "rona",
        "USER_DECLINED": "declined",
        "USER_BUSY": "agent_busy",
        "USER_UNAVAILABLE": "agent_unavailable",
        "CHANNEL_FAILURE": "channel_failure",
        "INVALID_NUMBER": "invalid_number",
    }


# "The next trunk is tried only ... for trunk failure (5xx, unreachable), only if that leg never rang"
@pytest.mark.parametrize("sip", [500, 502, 503, 504, 599])
def test_the_next_trunk_is_tried_after_a_5xx_that_came_before_ringing(sip: int) -> None:
    assert trunk_failed(end(sip=sip, cause=34))
    assert not trunk_failed(end(sip=sip, cause=34, rang=True))


@pytest.mark.parametrize("sip", [400, 403, 404, 408, 480, 486, 487, 499, 600, 603, 604, 699])
def test_an_answer_of_the_far_end_is_no_trunk_failure(sip: int) -> None:
    assert not trunk_failed(end(sip=sip, cause=34))


@pytest.mark.parametrize(("cause", "failed"), [(0, True), (3, True), (20, True), (38, True), (1, False), (17, False)])
def test_an_unreachable_trunk_is_told_by_its_cause(cause: int, failed: bool) -> None:
    assert trunk_failed(end(cause=cause)) is failed


def test_an_answered_leg_is_no_trunk_failure() -> None:
    assert not trunk_failed(LegEnd(answered=True, rang=False, sip=503, cause=34))
