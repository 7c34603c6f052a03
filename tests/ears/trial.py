"""The ears on trial: how many beeps they find and when, how often they hear one that is none, when speech is over."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from telephony.ears.finds import Find
from telephony.ears.hearing import Hearing
from tests.ears.sounds import Beep, Sound, mu_law

PACKET = 320
"""Bytes that AudioSocket brings at a time."""

TOLD_WITHIN = 0.15
"""Seconds after a tone's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of so many, with the 95 % interval of Wilson's score."""

    part: int
    whole: int

    @property
    def interval(self) -> tuple[float, float]:
        z, p, n = 1.96, self.part / self.whole, self.whole
        middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.part} of {self.whole} = {self.part / self.whole:.1%} ({low:.1%} to {high:.1%})"


@dataclass(frozen=True, slots=True, kw_only=True)
class BeepTrial:
    """`delays`: of the found ones, in seconds after their end; `wrong`: what was told beside them."""

    found: Share
    delays: Sequence[float]
    wrong: int


def heard(linear: bytes) -> list[tuple[Find, float]]:
    """What is found in a sound, and after how many seconds of it."""
    hearing = Hearing()
    return [
        (find, hearing.heard)
        for first in range(0, len(linear), PACKET)
        for find in hearing.take(linear[first : first + PACKET])
    ]


def find_beeps(beeps: Iterable[Beep]) -> BeepTrial:
    delays, wrong, whole = [], 0, 0
    for beep in beeps:
        whole += 1
        told = [at - beep.ends for find, at in heard(mu_law(beep.sound)) if find is Find.BEEP]
        right = [after for after in told if 0 < after <= TOLD_WITHIN]
        delays += right[:1]
        wrong += len(told) - len(right[:1])
    return BeepTrial(found=Share(part=len(delays), whole=whole), delays=delays, wrong=wrong)


def false_beeps(sounds: Iterable[bytes]) -> Share:
    """How many of these, which are speech only, are heard to beep."""
    told = [any(find is Find.BEEP for find, _ in heard(linear)) for linear in sounds]
    return Share(part=sum(told), whole=len(told))


def ends_of_speech(greetings: Iterable[tuple[Sound, float]]) -> tuple[Share, list[float]]:
    """How many greetings are told to be over once and not before their end, and how long after it, in seconds."""
    whole, after = 0, []
    for sound, end in greetings:
        whole += 1
        told = [at - end for find, at in heard(mu_law(sound)) if find is Find.SPEECH_ENDED]
        if len(told) == 1 and told[0] > 0:
            after += told
    return Share(part=len(after), whole=whole), after


def seeded(seed: int, what: int, make: Callable[[np.random.Generator], Sound], count: int) -> list[Sound]:
    """So many sounds, each from a seed of its own."""
    return [make(np.random.default_rng([seed, what, number])) for number in range(count)]
