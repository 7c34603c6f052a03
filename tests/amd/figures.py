"""Verdicts counted: the table and the curve that AMD.md shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from telephony.model.campaign import AmdParameters
from telephony.model.machine_detection import Verdict, verdict_of
from telephony.model.rates import Rate
from tests.amd.detector import detect
from tests.amd.exchange import Told
from tests.amd.greetings import Greeting
from tests.amd.line import levels

FOUND_WITHIN = 5.0
"""Seconds from answer within which a machine must be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    greeting: Greeting
    verdict: Verdict
    after: float


def heard(made: Sequence[Greeting], told: Sequence[Told]) -> list[Heard]:
    return [
        Heard(greeting=one, verdict=verdict_of(said.status, said.cause), after=said.after)
        for one, said in zip(made, told, strict=True)
    ]


def modelled(made: Sequence[Greeting], given: AmdParameters) -> list[Told]:
    """What AMD() would say, without Asterisk."""
    said = detect(np.stack([levels(one.audio) for one in made]), given)
    return [Told(status=one.status, cause=one.cause, after=one.after) for one in said]


def called_machines(calls: Sequence[Heard]) -> Rate:
    """People called a machine."""
    people = [one for one in calls if not one.greeting.machine]
    return Rate(hits=sum(one.verdict is Verdict.MACHINE for one in people), total=len(people))


def found_machines(calls: Sequence[Heard]) -> Rate:
    """Machines found in time."""
    machines = [one for one in calls if one.greeting.machine]
    hits = sum(one.verdict is Verdict.MACHINE and one.after <= FOUND_WITHIN for one in machines)
    return Rate(hits=hits, total=len(machines))


def row(name: str, calls: Sequence[Heard]) -> str:
    """A line of the table."""
    people = [one for one in calls if not one.greeting.machine]
    machines = [one for one in calls if one.greeting.machine]
    return " | ".join(
        (
            f"| {name}",
            str(called_machines(calls)),
            str(found_machines(calls)),
            f"{_share(people, Verdict.NOT_SURE)} / {_share(machines, Verdict.NOT_SURE)}",
            f"{_share(people, Verdict.NO_AUDIO)} / {_share(machines, Verdict.NO_AUDIO)}",
            _times(people, Verdict.HUMAN),
            f"{_times(machines, Verdict.MACHINE)} |",
        )
    )


HEAD = (
    "| | people called machines | machines found within 5 s | NOT_SURE people / machines "
    "| NO_AUDIO people / machines | HUMAN after, median / p95 | MACHINE after, median / p95 |\n"
    "|---|---|---|---|---|---|---|"
)


def _share(calls: Sequence[Heard], verdict: Verdict) -> str:
    return f"{sum(one.verdict is verdict for one in calls) / len(calls):.1%}" if calls else "-"


def _times(calls: Sequence[Heard], verdict: Verdict) -> str:
    times = [one.after for one in calls if one.verdict is verdict]
    if not times:
        return "-"
    middle, late = np.percentile(times, [50, 95])
    return f"{middle:.2f} s / {late:.2f} s"
