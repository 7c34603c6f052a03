"""Outcome of a leg that was never answered: the one table from SIP code and Q.850 cause.

SIP codes: RFC 3261 section 21, 607 RFC 8197, 608 RFC 8688; causes: ITU-T Q.850. Asterisk keeps the cause of a
leg's former failures ("sticky" causes), so this is asked only for legs that were never answered.
"""

from __future__ import annotations

from dataclasses import dataclass

from telephony.model.agent import IdleReason
from telephony.model.reasons import AgentLegOutcome, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnd:
    """How a leg ended: `sip` the last response code (None: none came), `cause` Q.850 (0: none).

    `missing_endpoint`: the PBX knows no such endpoint, so no call left it.
    """

    answered: bool
    rang: bool
    sip: int | None = None
    cause: int = 0
    ring_limit_reached: bool = False
    missing_endpoint: bool = False


BUSY, DECLINED, INVALID, NO_ANSWER, UNAVAILABLE, NO_REPLY, FAILURE = (
    "busy",
    "declined",
    "invalid",
    "no_answer",
    "unavailable",
    "no_reply",  # no answer if it rang, else unavailable
    "failure",
)

_BY_SIP = {
    486: BUSY,
    600: BUSY,
    603: DECLINED,
    607: DECLINED,
    608: DECLINED,
    404: INVALID,
    410: INVALID,
    484: INVALID,
    604: INVALID,
    408: NO_REPLY,
    480: NO_REPLY,
    487: NO_ANSWER,
}

_BY_CAUSE = {
    1: INVALID,  # unallocated number
    17: BUSY,
    16: NO_ANSWER,  # normal clearing of a call nobody answered
    18: NO_REPLY,  # no user responding
    19: NO_REPLY,  # no answer from the user
    20: UNAVAILABLE,  # subscriber absent
    21: DECLINED,
    22: INVALID,  # number changed
    28: INVALID,  # invalid number format
}


def kind_of(end: LegEnd) -> str:
    """One word for how an unanswered leg ended, before it is put as the customer's or the agent's."""
    if end.missing_endpoint:
        kind = FAILURE
    elif end.sip is not None and end.sip >= 400:
        kind = _BY_SIP.get(end.sip, UNAVAILABLE)
    elif end.cause == 0:
        kind = FAILURE
    else:
        kind = _BY_CAUSE.get(end.cause, UNAVAILABLE)
    if kind == NO_REPLY:
        return NO_ANSWER if end.rang else UNAVAILABLE
    return kind


_CUSTOMER = {
    BUSY: Outcome.CUSTOMER_BUSY,
    DECLINED: Outcome.CUSTOMER_DECLINED,
    INVALID: Outcome.INVALID_NUMBER,
    NO_ANSWER: Outcome.NO_ANSWER_CUSTOMER,
    UNAVAILABLE: Outcome.CUSTOMER_UNAVAILABLE,
    FAILURE: Outcome.CHANNEL_FAILURE,
}

_AGENT = {
    BUSY: AgentLegOutcome.USER_BUSY,
    DECLINED: AgentLegOutcome.USER_DECLINED,
    INVALID: AgentLegOutcome.INVALID_NUMBER,
    NO_ANSWER: AgentLegOutcome.RONA,
    UNAVAILABLE: AgentLegOutcome.USER_UNAVAILABLE,
    FAILURE: AgentLegOutcome.CHANNEL_FAILURE,
}

IDLE_REASON = {
    AgentLegOutcome.RONA: IdleReason.RONA,
    AgentLegOutcome.USER_DECLINED: IdleReason.DECLINED,
    AgentLegOutcome.USER_BUSY: IdleReason.AGENT_BUSY,
    AgentLegOutcome.USER_UNAVAILABLE: IdleReason.AGENT_UNAVAILABLE,
    AgentLegOutcome.CHANNEL_FAILURE: IdleReason.CHANNEL_FAILURE,
    AgentLegOutcome.INVALID_NUMBER: IdleReason.INVALID_NUMBER,
}


def customer_outcome(end: LegEnd) -> Outcome:
    """Outcome of a customer leg that was never answered and not cancelled by us."""
    return _CUSTOMER[kind_of(end)]


def agent_leg_outcome(end: LegEnd) -> AgentLegOutcome:
    """Outcome of a reservation call that was never answered and not ended by us."""
    if end.missing_endpoint:
        return AgentLegOutcome.INVALID_NUMBER
    if end.ring_limit_reached and end.rang:
        return AgentLegOutcome.RONA
    return _AGENT[kind_of(end)]


def trunk_failed(end: LegEnd) -> bool:
    """True where the trunk, not the customer, refused an unanswered leg that never rang: the next may be tried."""
    if end.answered or end.rang:
        return False
    if end.sip is not None and end.sip >= 400:
        return 500 <= end.sip <= 599
    return kind_of(end) in (UNAVAILABLE, FAILURE)


UNTOUCHED = frozenset({Outcome.NOT_PLACED})
"""Outcomes after which the contact is as it was: no call went out."""

UNCOUNTED = frozenset({Outcome.NOT_PLACED, Outcome.CHANNEL_FAILURE, Outcome.SYSTEM_ERROR})
"""Outcomes that are not the customer's doing and do not use up one of `max_attempts`."""
