"""What answering fax machines send, and what must not be taken for it."""

from __future__ import annotations

from random import Random

import numpy as np

from tests.amd import greetings
from tests.amd.greetings import HEARD
from tests.amd.line import FULL, decibel, noise, to_mu_law
from tests.amd.voices import RATE, Samples

LEVELS = (-40, -14)
"""dBov of the tone on the called side's line; T.30 sends at -11 dBm0 or less, lines take the rest."""


def answers(count: int = 100) -> list[bytes]:
    """Fax machines as ITU-T T.30 and V.8 have them answer: 0.2-2.5 s of silence, 2.6-4 s of 2100 Hz within 15 Hz.

    Every other tone turns its phase each 450 ms, half of these swing in level at 15 Hz (ANSam). Noise 20-40 dB below.
    """
    return [_answer(Random(f"fax {index}"), index) for index in range(count)]


def _answer(random: Random, index: int) -> bytes:
    level = random.uniform(*LEVELS)
    tone = _tone(random.uniform(2085, 2115), random.uniform(2.6, 4.0), level)
    at = np.arange(len(tone)) / RATE
    if index % 2:
        tone *= np.where((at / 0.45).astype(int) % 2, -1, 1)
    if index % 4 == 3:
        tone *= 1 + 0.2 * np.sin(2 * np.pi * 15 * at)
    return _on_line(random, tone, after=random.uniform(0.2, 2.5), level=level)


def others(count: int = 300) -> list[bytes]:
    """What is no fax: people, machines and beeps (350-1400 Hz, 80-1000 ms, one tone or two), a third each."""
    third = count // 3
    spoken = [one.audio for one in greetings.make("test", people=third, machines=third)]
    return spoken + [_beeping(Random(f"beep {index}")) for index in range(count - 2 * third)]


def _beeping(random: Random) -> bytes:
    level, seconds = random.uniform(*LEVELS), random.uniform(0.08, 1.0)
    tone = _tone(random.uniform(350, 1400), seconds, level)
    if random.random() < 0.5:
        tone += _tone(random.uniform(350, 1400), seconds, level)
    return _on_line(random, tone, after=random.uniform(0.2, 2.0), level=level)


def _tone(hertz: float, seconds: float, dbov: float) -> Samples:
    at = np.arange(int(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * hertz * at) * FULL * decibel(dbov) * np.sqrt(2)


def _on_line(random: Random, tone: Samples, *, after: float, level: float) -> bytes:
    length, start = int(HEARD * RATE), int(after * RATE)
    line = noise("white", length, level - random.uniform(20, 40), random=random, voices=[])
    heard = tone[: length - start]
    line[start : start + len(heard)] += heard
    return to_mu_law(line)
