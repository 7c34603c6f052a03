"""What an agent's softphone heard: the steady tones in its recordings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from tests.support import wav

WINDOW = wav.RATE // 10
"""Samples looked at in one piece; their spectrum has steps of 10 Hz."""

PURE = 0.8
"""Share of a piece's power that its one or two loudest frequencies have, each with the two beside it, for a tone."""

QUIET = 100.0
"""Amplitude (of 32767) below which a piece is no sound."""

Tone = frozenset[int]
"""One frequency or two at once, in Hz to the next ten."""


def tones(folder: Path) -> set[Tone]:
    """All tones of 0.2 s and more."""
    found: set[Tone] = set()
    for path in folder.glob("*-dec.wav"):
        found |= {first for first, second in pairwise(_pieces(path)) if first and first == second}
    return found


def _pieces(path: Path) -> Iterator[Tone]:
    samples = np.array(wav.samples(path), dtype=float)
    for start in range(0, len(samples) - WINDOW, WINDOW):
        piece = samples[start : start + WINDOW] * np.hanning(WINDOW)
        yield _tone(np.abs(np.fft.rfft(piece)) ** 2) if np.abs(piece).mean() > QUIET else Tone()


def _tone(power: np.ndarray) -> Tone:
    """Empty where it is none."""
    wanted, got, found = PURE * power.sum(), 0.0, []
    for _ in range(2):
        loudest = int(np.argmax(power))
        beside = slice(max(loudest - 1, 0), loudest + 2)
        found.append(loudest * 10)
        got += power[beside].sum()
        if got > wanted:
            return Tone(found)
        power[beside] = 0.0
    return Tone()
