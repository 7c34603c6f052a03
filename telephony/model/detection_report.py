"""Machine detection judged by what agents found: verdicts against who was really at the other end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from telephony.model.campaign import Reached
from telephony.model.machine_detection import Verdict
from telephony.model.rates import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Calls that are alike: `found` None where no agent said who was there; `after`: seconds to it."""

    verdict: Verdict
    found: Reached | None
    after: float | None
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictLine:
    """One row of the confusion table. Times: seconds from answer, None without a call."""

    verdict: Verdict
    person: int
    machine: int
    not_told: int
    after_median: float | None
    after_p95: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionReport:
    lines: tuple[VerdictLine, ...]
    people_called_machines: Rate
    machines_found: Rate

    @property
    def calls(self) -> int:
        return sum(line.person + line.machine + line.not_told for line in self.lines)

    @property
    def told(self) -> int:
        """Calls of which an agent said who was there."""
        return sum(line.person + line.machine for line in self.lines)


def detection_report(counted: Sequence[Counted]) -> DetectionReport:
    """The table and the two rates that matter; calls of which nobody told are in the table only."""

    def calls(verdict: Verdict | None, found: Reached | None) -> int:
        return sum(one.calls for one in counted if one.found is found and verdict in (None, one.verdict))

    def line(verdict: Verdict) -> VerdictLine:
        times = Counter[float]()
        for one in counted:
            if one.verdict is verdict and one.after is not None:
                times[one.after] += one.calls
        return VerdictLine(
            verdict=verdict,
            person=calls(verdict, Reached.PERSON),
            machine=calls(verdict, Reached.MACHINE),
            not_told=calls(verdict, None),
            after_median=_quantile(times.items(), 0.5),
            after_p95=_quantile(times.items(), 0.95),
        )

    def rate(found: Reached) -> Rate:
        return Rate(hits=calls(Verdict.MACHINE, found), total=calls(None, found))

    return DetectionReport(
        lines=tuple(line(verdict) for verdict in Verdict),
        people_called_machines=rate(Reached.PERSON),
        machines_found=rate(Reached.MACHINE),
    )


def _quantile(times: Iterable[tuple[float, int]], part: float) -> float | None:
    """The smallest value that at least this part of all do not exceed."""
    ordered = sorted(times)
    wanted, seen = part * sum(calls for _, calls in ordered), 0
    for value, calls in ordered:
        seen += calls
        if seen >= wanted:
            return value
    return None
