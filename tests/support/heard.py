"""What an agent's softphone heard: the steady tones in its recordings."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

RATE = 8000
WINDOW = RATE // 10
"""Samples looked at in one piece; their spectrum has steps of 10 Hz."""

PURE = 0.8
"""Share of a piece's power that its loudest frequency and the two beside it have, for a tone."""

QUIET = 100.0
"""Amplitude (of 32767) below which a piece is no sound."""


def tones(folder: Path) -> set[int]:
    """Frequencies of all tones of 0.2 s and more, in Hz to the next ten."""
    found: set[int] = set()
    for path in folder.glob("*-dec.wav"):
        found |= {first for first, second in pairwise(_loudest(path)) if first and first == second}
    return found


def _loudest(path: Path) -> Iterator[int]:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float)
    for start in range(0, len(samples) - WINDOW, WINDOW):
        piece = samples[start : start + WINDOW] * np.hanning(WINDOW)
        power = np.abs(np.fft.rfft(piece)) ** 2
        loudest = int(np.argmax(power))
        pure = power[max(loudest - 1, 0) : loudest + 2].sum() > PURE * power.sum()
        yield loudest * 10 if pure and np.abs(piece).mean() > QUIET else 0
