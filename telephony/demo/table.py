"""What the demo must show: SPEC section 8's table for `preview_standard`, written before the code it judges.

A row is one contact: how the simulated customer behaves (the last two digits of the number), with which machine
detection it is called, what the scripted agent does, and what must come of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telephony.model.campaign import Amd
from telephony.model.reasons import Outcome


class AgentDoes(StrEnum):
    """The scripted agent's part once the two are joined."""

    TALK = "talks, then hangs up"
    LEAVE_VOICEMAIL = "speaks after the beep, marks the voicemail, hangs up"
    WAIT = "does nothing, the customer ends it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`outcomes`: any of them is right; `verdict`: None where no machine detection runs or nobody answers."""

    suffix: str
    customer: str
    amd: Amd
    agent: AgentDoes
    outcomes: frozenset[Outcome]
    joined: bool | None = None  # None: by whether the customer stayed long enough
    verdict: str | None = None
    beep: bool = False


def _each(
    suffix: str,
    customer: str,
    outcomes: Outcome | frozenset[Outcome],
    *,
    agent: AgentDoes = AgentDoes.WAIT,
    joined: bool | None = False,
    verdict: str | None = None,
    beep: bool = False,
) -> tuple[Row, ...]:
    return tuple(
        Row(
            suffix=suffix,
            customer=customer,
            amd=amd,
            agent=agent,
            outcomes=frozenset({outcomes}) if isinstance(outcomes, Outcome) else outcomes,
            joined=joined,
            verdict=None if amd is Amd.OFF else verdict,
            # a joined call is listened to only with `parallel`
            beep=beep and amd is Amd.PARALLEL,
        )
        for amd in (Amd.OFF, Amd.PARALLEL, Amd.INLINE)
    )


ROWS: tuple[Row, ...] = (
    *_each("00", "answers after 2 rings and talks", Outcome.TALKED, agent=AgentDoes.TALK, joined=True, verdict="HUMAN"),
    *_each("01", "is busy", Outcome.CUSTOMER_BUSY),
    *_each("02", "lets it ring for ever", Outcome.NO_ANSWER_CUSTOMER),
    *_each("03", "does not exist", Outcome.INVALID_NUMBER),
    *_each("04", "cannot be reached (congestion)", Outcome.CUSTOMER_UNAVAILABLE),
    *_each(
        "05",
        "is a machine: short greeting, beep",
        Outcome.VOICEMAIL_LEFT,
        agent=AgentDoes.LEAVE_VOICEMAIL,
        joined=True,
        verdict="MACHINE",
        beep=True,
    ),
    *_each(
        "06",
        "is a machine: long greeting, beep",
        Outcome.VOICEMAIL_LEFT,
        agent=AgentDoes.LEAVE_VOICEMAIL,
        joined=True,
        verdict="MACHINE",
        beep=True,
    ),
    *_each("08", "answers and sends no audio", Outcome.TALKED, agent=AgentDoes.TALK, joined=True, verdict="NO_AUDIO"),
    *_each("09", "answers and hangs up at once", frozenset({Outcome.CUSTOMER_LEFT, Outcome.TALKED}), joined=None),
    *_each("10", "declines", Outcome.CUSTOMER_DECLINED),
)
