"""The generated set: what is heard of a called telephone from the answer on, by people and by machines.

A person says up to 1.2 s and waits; a machine greets for 3 to 15 s and beeps. Both come after up to 1.5 s of line
silence, at the levels of the telephone network (ITU-T P.56: about -26 dBov, 8 dB either way), in a room that is quiet
or not: noise 15 to 35 dB below the voice, through mu-law.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

import numpy as np

from tests.amd import voices
from tests.amd.line import at_level, decibel, noise, to_mu_law
from tests.amd.voices import RATE, Samples, Voice

LONGEST_HELLO = 1.2
SHORTEST_GREETING, LONGEST_GREETING = 3.0, 15.0
HEARD = 6.0
"""Seconds made of each: longer than AMD() ever listens."""

NOISES = ("white", "hum", "babble")
RATIOS = (35, 30, 25, 20, 15)
"""Signal to noise, dB; a quiet line has a floor of -68 dBov."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """`spoken`: seconds of speech with its pauses, `silence`: before it; `ratio`: dB, None for a quiet line."""

    machine: bool
    voice: Voice
    silence: float
    spoken: float
    level: float
    noise: str
    ratio: int | None
    audio: bytes


def make(part: str, *, people: int = 600, machines: int = 200) -> list[Greeting]:
    """The part `tune` or `test` of the set, always the same; people first. The first time it takes a minute."""
    plan = [(part, index, index >= people) for index in range(people + machines)]
    with ThreadPoolExecutor(4) as pool:  # the work is done by other programs
        return list(pool.map(lambda one: _make(*one), plan))


def _make(part: str, index: int, machine: bool) -> Greeting:
    random = Random(f"{part} {index} {machine}")
    voice = voices.draw_voice(random, part)
    speech = _greeting(random, voice) if machine else _hello(random, voice)
    silence, level = random.uniform(0, 1.5), random.uniform(-34, -18)
    kind = random.choice(("quiet", *NOISES))
    ratio = random.choice(RATIOS) if kind != "quiet" else None
    length = int(HEARD * RATE)
    line = np.zeros(length)
    start = int(silence * RATE)
    heard = at_level(speech, level)[: length - start]
    line[start : start + len(heard)] += heard
    line += noise("white", length, -68, random=random, voices=[])
    if ratio is not None:
        room = [voices.hello(random, voices.draw_voice(random, part)) for _ in range(4)] if kind == "babble" else []
        line += noise(kind, length, level - ratio, random=random, voices=room)
    return Greeting(
        machine=machine,
        voice=voice,
        silence=silence,
        spoken=len(speech) / RATE,
        level=level,
        noise=kind,
        ratio=ratio,
        audio=to_mu_law(line),
    )


def _hello(random: Random, voice: Voice) -> Samples:
    while True:
        speech = voices.hello(random, voice)
        if 0.15 * RATE <= len(speech) <= LONGEST_HELLO * RATE:
            return speech


def _greeting(random: Random, voice: Voice) -> Samples:
    while True:
        said = voices.sentences(random, voice)
        pauses = [np.zeros(int(random.uniform(0.15, 0.8) * RATE)) for _ in said]
        beep = _beep(random)
        speech = np.concatenate([part for pair in zip(said, pauses, strict=True) for part in pair])
        if SHORTEST_GREETING * RATE <= len(speech) <= LONGEST_GREETING * RATE:
            return np.concatenate((speech, beep))


def _beep(random: Random) -> Samples:
    at = np.arange(int(random.uniform(0.2, 0.8) * RATE)) / RATE
    return np.sin(2 * np.pi * random.uniform(400, 1400) * at) * 32768 * decibel(-15)
