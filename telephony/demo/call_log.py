"""What simulated customers and phones note of their calls: lines of event, seconds, microseconds, Call-ID, number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One INVITE that arrived, times in epoch seconds by the clock of whoever took it; None = has not happened."""

    call_id: str
    number: str
    invited_at: float
    answered_at: float | None
    ended_at: float | None


def read_calls(log: Path) -> list[Call]:
    """All calls of a log in the order they came."""
    if not log.exists():
        return []
    at: dict[str, dict[str, float]] = {}
    numbers: dict[str, str] = {}
    written, _, _ = log.read_text(errors="replace").rpartition("\n")  # sipp may be in the middle of a line
    for line in written.splitlines():
        what, seconds, microseconds, call_id, number = line.split(" ", 4)
        at.setdefault(call_id, {})[what] = float(seconds) + float(microseconds) / 1e6
        numbers[call_id] = number
    return [
        Call(
            call_id=call_id,
            number=numbers[call_id],
            invited_at=times["INVITE"],
            answered_at=times.get("ANSWER"),
            ended_at=times.get("END"),
        )
        for call_id, times in at.items()
    ]
