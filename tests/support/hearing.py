"""Is what was heard what was said? Cross-correlation of two recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.support import wav

Sound = NDArray[np.float64]

WINDOW = 320
"""Samples compared at once, 40 ms; every 20 ms a packet may be missing."""

STEP = 160

ALIKE = 0.9
"""Normalised correlation from which two windows are the same sound; mu-law alone leaves 0.999."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A window of what was heard and where in what was said it is found, in samples; `alike`: 0 to 1."""

    heard_at: int
    said_at: int
    alike: float


def sound(path: Path) -> Sound:
    return np.array(wav.samples(path), dtype=np.float64)


def mu_law(path: Path) -> Sound:
    """A raw G.711 mu-law file (ITU-T G.711, table 2a)."""
    code = ~np.frombuffer(path.read_bytes(), dtype=np.uint8)
    size = ((((code & 0x0F).astype(np.int32) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.float64)


def pieces(said: Sound, heard: Sound, *, loud: float = 200.0) -> list[Piece]:
    """Where each window of `heard` that is louder than `loud` (root mean square) is found in `said`."""
    length = 1 << int(np.ceil(np.log2(len(said) + WINDOW)))
    spectrum = np.fft.rfft(said, length)
    power = np.concatenate([[0.0], np.cumsum(said**2)])
    energy = np.sqrt(np.maximum(power[WINDOW:] - power[:-WINDOW], 1.0))
    found = []
    for begin in range(0, len(heard) - WINDOW, STEP):
        window = heard[begin : begin + WINDOW]
        strength = float(np.sqrt((window**2).sum()))
        if strength < loud * WINDOW**0.5:
            continue
        products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(window, length)), length)[: len(energy)]
        alike = products / energy / strength
        at = int(alike.argmax())
        found.append(Piece(begin, at, float(alike[at])))
    return found


def lost(found: list[Piece]) -> int:
    """Samples that were left out or put in between the first piece and the last, by the jumps of the distance."""
    distances = np.array([piece.said_at - piece.heard_at for piece in found])
    return int(np.abs(np.diff(distances)).sum())
