"""What the scripted demo saw, held against the table: one line for each call, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from telephony.demo import recorded_message
from telephony.demo.seed import RING_LIMIT
from telephony.demo.table import AgentDoes, Row, Verdict, Way
from telephony.model.campaign import INLINE_ANALYSIS_LIMIT
from telephony.model.reasons import Outcome

JOIN_AT_ONCE = 1.0
"""Seconds from answer to joined that count as "at the moment of answer": 10 ms is usual, 560 on a crowded machine."""

RING_LIMIT_MARGIN = 2.0
"""Seconds by which "ended at the ring limit" may miss it."""

LEFT_WITHIN = 1.0
"""Seconds a customer who hangs up at once may have been joined (SPEC section 8)."""

HEARD_OUT = {"11": 4.0, "12": 24.0}
"""Seconds by suffix until it is clear who is there: a fax sounds after 2, behind call screening a person after 21."""


GREETING = 16.0
"""Seconds the greeting without a beep lasts at least (its voice is made on each machine); 2 s of silence follow."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """One row as it was played.

    `told`: the verdict that came over the live feed; `call`: the call as the API lists it afterwards, None where none
    was made.
    """

    row: Row
    number: str = ""
    states: list[str] = field(default_factory=list)
    told: str | None = None
    call: dict[str, Any] | None = None
    trouble: list[str] = field(default_factory=list)

    def seconds(self, since: str, until: str) -> float | None:
        """Seconds between two moments of the call, such as `answered_at`; None where one did not come."""
        if self.call is None or self.call[since] is None or self.call[until] is None:
            return None
        gone = datetime.fromisoformat(self.call[until]) - datetime.fromisoformat(self.call[since])
        return gone.total_seconds()

    @property
    def to_ringing(self) -> float | None:
        """Seconds from accept to ringing."""
        return self.seconds("granted_at", "ringing_at")

    @property
    def to_joined(self) -> float | None:
        """Seconds from answer to joined."""
        return self.seconds("answered_at", "joined_at")


def problems(seen: Seen) -> list[str]:
    """What is not as the table says; empty for a right row."""
    row, call = seen.row, seen.call
    if call is None:
        return [*seen.trouble, "no call was made"]
    found = list(seen.trouble)
    if call["outcome"] not in {outcome.value for outcome in row.outcomes}:
        found.append(f"outcome {call['outcome']}, wanted {_either(row.outcomes)}")
    return found + _hearing(seen) + _joining(seen) + _times(seen)


def _hearing(seen: Seen) -> list[str]:
    row, call = seen.row, seen.call
    assert call is not None
    found = []
    if row.verdict is not Verdict.ANY and (call["verdict"] or Verdict.NONE) != row.verdict:
        found.append(f"verdict {call['verdict']} ({call['cause']}), wanted {row.verdict}")
    if seen.told != call["verdict"]:
        found.append(f"the agent was told {seen.told}, the verdict is {call['verdict']}")
    if row.beep is not None and (call["beep_after"] is not None) != row.beep:
        found.append("no beep heard" if row.beep else "a beep where there is none")
    return found


def _joining(seen: Seen) -> list[str]:
    row, call = seen.row, seen.call
    assert call is not None
    joined = call["joined_at"] is not None
    # TALKED means joined, and only where the row leaves it open may it be either
    wanted = call["outcome"] == Outcome.TALKED if row.joined is None else row.joined
    if joined != wanted:
        return ["joined" if joined else "never joined"]
    limit = JOIN_AT_ONCE + (INLINE_ANALYSIS_LIMIT / 1000 if row.way is Way.INLINE else 0)
    if seen.to_joined is not None and seen.to_joined > limit:
        return [f"joined {seen.to_joined:.2f} s after the answer, at most {limit:.1f} s"]
    return []


def _times(seen: Seen) -> list[str]:
    row, call = seen.row, seen.call
    assert call is not None
    if call["outcome"] == Outcome.NO_ANSWER_CUSTOMER:
        rang = seen.seconds("placed_at", "ended_at")
        if rang is None or abs(rang - RING_LIMIT) > RING_LIMIT_MARGIN:
            return [f"ended after {rang} s, ring_limit is {RING_LIMIT} s"]
    talked = seen.seconds("joined_at", "ended_at")
    if row.agent is AgentDoes.WAIT and talked is not None and talked >= LEFT_WITHIN:
        return [f"talked for {talked:.1f} s with a customer who hangs up at once"]
    if row.agent is AgentDoes.HEAR_OUT and talked is not None and talked < HEARD_OUT[row.suffix]:
        return [f"cut off after {talked:.1f} s"]
    if call["outcome"] == Outcome.MESSAGE_DROPPED:
        due = GREETING + 2.0 if call["beep_after"] is None else call["beep_after"]
        lasted = seen.seconds("answered_at", "ended_at")
        if lasted is None or lasted < due + recorded_message.SECONDS:
            return [f"the message was over after {lasted} s, and must not begin before {due:.1f} s"]
    if row.agent is AgentDoes.CANCEL and call["ringing_at"] is None:
        return ["never rang"]
    return []


def _either(outcomes: Iterable[Outcome]) -> str:
    return " or ".join(sorted(outcome.value for outcome in outcomes))


HEADINGS = ("way", "number", "the customer", "states", "verdict", "beep", "outcome", "ringing", "joined", "")


def table(played: Sequence[Seen]) -> str:
    """All rows as text: seconds from accept to ringing, and from answer to joined; below each row what is wrong."""
    cells = [HEADINGS, *(_cells(seen) for seen in played)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    lines: list[str] = []
    for row, seen in zip(cells, (None, *played), strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        lines += [f"      {problem}" for problem in problems(seen)] if seen else []
    return "\n".join(lines)


def summary(played: Sequence[Seen]) -> str:
    """One sentence: how many rows are as the table says."""
    right = sum(not problems(seen) for seen in played)
    return f"{right} of {len(played)} rows are as the table says"


def _cells(seen: Seen) -> tuple[str, ...]:
    call = seen.call or {}
    beep = call.get("beep_after")
    return (
        seen.row.way.value,
        seen.number or f"...{seen.row.suffix}",
        seen.row.customer,
        " ".join(seen.states),
        call.get("verdict") or "-",
        "-" if beep is None else f"{beep:.1f} s",
        call.get("outcome") or "-",
        _seconds(seen.to_ringing),
        _seconds(seen.to_joined),
        "WRONG" if problems(seen) else "ok",
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"
