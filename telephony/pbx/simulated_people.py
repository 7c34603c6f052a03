"""Who is at the other end of the simulated switchboard: customers by the last two digits of their number, phones of
agents by what their owner does.

The customers do what those of the demo PBX do (SPEC section 8). Verdicts come when and how Asterisk's AMD() gave them
on a real line: HUMAN 1.95 s after answer, MACHINE after 2.4 s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

RING = 2.0
"""Seconds one ring lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """What a customer's phone does; times in seconds, from the INVITE or, after answer, from the answer.

    `answers`: None = never. `refuses`: SIP code and Q.850 cause it ends with at `refuses_after`. `rings` false: it is
    refused before it rings. `verdict`: what AMD says after `verdict_after`, with Asterisk's cause. `beeps`: when each
    of its tones is over; `falls_silent`: when it has been silent for `SILENCE_AFTER_SPEECH` after it spoke.
    `fax_heard`: when `inline` detection knows it by its answer tone.
    """

    rings: bool = True
    answers: float | None = None
    refuses: tuple[int, int] | None = None
    refuses_after: float = 0.05
    hangs_up_after: float | None = None
    verdict: str = ""
    cause: str = ""
    verdict_after: float = 0.0
    fax_heard: float | None = None
    beeps: tuple[float, ...] = ()
    falls_silent: tuple[float, ...] = ()


HUMAN = Customer(answers=2 * RING, verdict="HUMAN", cause="HUMAN-800-800", verdict_after=1.95, falls_silent=(2.8,))


def _machine(
    cause: str, *, after: float = 2.41, beeps: tuple[float, ...] = (), falls_silent: tuple[float, ...] = ()
) -> Customer:
    return Customer(
        answers=RING, verdict="MACHINE", cause=cause, verdict_after=after, beeps=beeps, falls_silent=falls_silent
    )


CUSTOMERS = {
    "00": HUMAN,
    "01": Customer(rings=False, refuses=(486, 17)),
    "02": Customer(),
    "03": Customer(rings=False, refuses=(404, 1)),
    "04": Customer(rings=False, refuses=(503, 34)),
    "05": _machine("MAXWORDS-4-3", beeps=(4.5,)),
    "06": _machine("LONGGREETING-1500-1500", beeps=(22.0,)),
    "07": _machine("LONGGREETING-1500-1500", falls_silent=(22.0,)),
    "08": Customer(answers=RING, verdict="NOTSURE", cause="NOAUDIODATA-TOOLONG-3500", verdict_after=3.5),
    "09": Customer(answers=RING, hangs_up_after=0.02),
    "10": Customer(rings=False, refuses=(603, 21)),
    "11": replace(_machine("LONGGREETING-1400-1400", after=3.4), fax_heard=2.4),
    "12": _machine("MAXWORDS-4-3"),
    "13": Customer(refuses=(503, 34), refuses_after=6.0),
}


def customer_of(dial: str) -> Customer:
    """The customer behind a dial string such as `PJSIP/+12025550100@carrier`; other last digits are humans."""
    digits = re.sub(r"\D", "", dial.partition("@")[0].rpartition("/")[2])
    return CUSTOMERS.get(digits[-2:], HUMAN)


class PhoneHabit(StrEnum):
    """What the owner of an agent's phone does when it rings."""

    ANSWERS = "answers"
    DECLINES = "declines"
    BUSY = "busy"
    LETS_IT_RING = "lets_it_ring"
    NOT_REGISTERED = "not_registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """An agent's phone; `after`: seconds of ringing before it is answered or declined."""

    habit: PhoneHabit = PhoneHabit.ANSWERS
    after: float = 1.0
