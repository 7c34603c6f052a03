"""The choice of the parameters: the most machines found among sets that call few people machines."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np

from telephony.model.campaign import AmdParameters
from telephony.model.machine_detection import Verdict, verdict_of
from tests.amd.detector import detect
from tests.amd.greetings import Greeting
from tests.amd.line import levels

RANGES = {
    "greeting": range(1300, 2400, 100),
    "min_word_length": range(20, 160, 20),
    "between_words_silence": range(20, 160, 20),
    "maximum_number_of_words": range(2, 10),
    "silence_threshold": range(250, 950, 50),
}
"""What is searched. after_greeting_silence, what the agent of a `parallel` call waits for, is given; so is the time."""

FEW = 0.005
"""People called machines at the most on the tuning set: half of what is allowed, because the test set differs."""


class Search:
    """Hill climbing from random starts over the exact model of AMD(); the same seed gives the same result."""

    def __init__(self, tuning: Sequence[Greeting], *, after_greeting_silence: int, total_analysis_time: int) -> None:
        self._levels = np.stack([levels(one.audio) for one in tuning])
        self._machine = np.array([one.machine for one in tuning])
        self._fixed = AmdParameters(
            after_greeting_silence=after_greeting_silence, total_analysis_time=total_analysis_time
        )
        self._random = Random(f"{after_greeting_silence} {total_analysis_time}")

    def rates(self, given: AmdParameters) -> tuple[float, float]:
        """Shares of people and of machines that are called machines."""
        said = detect(self._levels, given)
        machine = np.array([verdict_of(one.status, one.cause) is Verdict.MACHINE for one in said])
        return float(machine[~self._machine].mean()), float(machine[self._machine].mean())

    def best(self, *, few: float = FEW, starts: int = 12) -> tuple[AmdParameters, tuple[float, float]]:
        """The best set found, and its rates on the tuning set."""
        climbed = [self._climb(few) for _ in range(starts)]
        return max(climbed, key=lambda one: _worth(one[1], few))

    def _climb(self, few: float) -> tuple[AmdParameters, tuple[float, float]]:
        at = {name: self._random.randrange(len(values)) for name, values in RANGES.items()}
        here = self._at(at)
        rates, better = self.rates(here), True
        while better:
            better = False
            for name in self._random.sample(list(RANGES), len(RANGES)):
                for step in (at[name] - 1, at[name] + 1):
                    if not 0 <= step < len(RANGES[name]):
                        continue
                    there = self._at({**at, name: step})
                    found = self.rates(there)
                    if _worth(found, few) > _worth(rates, few):
                        at, here, rates, better = {**at, name: step}, there, found, True
        return here, rates

    def _at(self, at: dict[str, int]) -> AmdParameters:
        return self._fixed.model_copy(update={name: values[at[name]] for name, values in RANGES.items()})


def _worth(rates: tuple[float, float], few: float) -> float:
    people, machines = rates
    return machines - 60 * max(0.0, people - few)
