"""Finding beeps: one or two steady sine waves that stop.

A voice is the hard part: a vowel is a row of harmonics, and now and then one or two of them hold nearly all of its
power. What it cannot do is stand still. So each frame is first asked whether two narrow bands hold its power, which is
cheap; a run of such frames is then fitted with one or two sine waves of constant pitch and strength, and is a beep only
where next to nothing is left over and where it stops short.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE = 8000
FRAME = 160
"""Samples of 20 ms: what AudioSocket sends at a time."""

LOWEST, HIGHEST = 340.0, 1420.0
"""Hz: beeps of answering machines are between 350 and 1400; dial tones and fax tones are outside or longer."""

SHORTEST, LONG, LONGEST = 0.055, 0.2, 2.5
"""Seconds of a tone without its edges: one of 80 ms has 60 in whole frames; one of more than 2.5 s is no answering
machine's; and no voice stands still for 200 ms as it sometimes does for 60."""

QUIETEST = 10.0 ** (-45 / 10)
"""Power of a tone at least, full scale being 1: -45 dBFS."""

FRAME_SHARE = 0.85
"""Share of a frame's power in its two strongest narrow bands; 0.97 with noise 15 dB below the tone."""

LEFT_OVER, LEFT_OVER_LONG = 0.055, 0.12
"""Share of power that two sine waves leave unexplained at the most, in a short tone and in a long one: it is 0.03 with
noise 15 dB below the tone. In 80 minutes of speech, half of it recorded, the stillest 55 ms before a pause had 0.06."""

DROP = 10.0 ** (9 / 10)
"""How many times weaker it is after a tone: 9 dB."""

AFTER = 3
"""Frames looked at after a tone before it is told: it is told 60-80 ms after its end."""

PIECE = 40
"""Samples, 5 ms: how finely the edges of a tone are found."""

BLOCK = 8 * FRAME
"""Samples fitted at a time: longer ones would ask more of a tone than packet loss and cheap oscillators leave of it."""

STEPS = 3
"""Steps of Newton's method: two pitches 40 Hz apart in 60 ms need them all."""

_WINDOW = np.hanning(FRAME)
_SIZE = 256  # points of a frame's spectrum
_SIDE = 4  # bins to both sides that hold all of a sine wave's power in it
_BAND = slice(int(LOWEST * _SIZE / RATE), int(HIGHEST * _SIZE / RATE) + 2)


class ToneFinder:
    """Hears one side of one call, frame by frame."""

    def __init__(self) -> None:
        self._run: list[Samples] = []
        self._after: list[Samples] = []

    def take(self, frame: Samples) -> bool:
        """Hear `FRAME` samples, full scale 1; True where a tone has ended just before."""
        if is_tonal(frame):
            if len(self._after) <= 1:  # one frame may be spoilt
                self._run += [*self._after, frame]
                self._after = []
                return False
            found = self._judge()
            self._run.append(frame)
            return found
        if self._run:
            self._after.append(frame)
            if len(self._after) == AFTER:
                return self._judge()
        return False

    @property
    def hears_tone(self) -> bool:
        """True while there is something that may turn out to be a tone."""
        return bool(self._run)

    def _judge(self) -> bool:
        run, after = self._run, self._after[1:]  # the first one may hold the tone's last samples
        self._run, self._after = [], []
        strength = np.median([power(frame) for frame in run])
        if strength < QUIETEST or max(power(frame) for frame in after) * DROP > strength:
            return False
        return is_steady(without_edges(np.concatenate(run)))


def power(samples: Samples) -> float:
    return float(np.dot(samples, samples)) / len(samples)


def is_tonal(frame: Samples) -> bool:
    """Whether two narrow bands between `LOWEST` and `HIGHEST` hold nearly all of a frame's power."""
    if power(frame) < QUIETEST / 4:
        return False
    spectrum = np.abs(np.fft.rfft(frame * _WINDOW, _SIZE)) ** 2
    whole, inside = float(spectrum.sum()), 0.0
    for _ in range(2):
        peak = _BAND.start + int(spectrum[_BAND].argmax())
        around = slice(peak - _SIDE, peak + _SIDE + 1)
        inside += float(spectrum[around].sum())
        spectrum[around] = 0.0
    return inside > FRAME_SHARE * whole


def without_edges(samples: Samples) -> Samples:
    """A run of frames without what its first and its last frame hold from before the tone, from after it, and of its
    rise and fall."""
    pieces = samples.reshape(-1, PIECE)
    strengths = np.mean(pieces**2, axis=1)
    loud = np.nonzero(strengths > 0.5 * np.median(strengths))[0]
    return pieces[loud[0] + 1 : loud[-1]].ravel()


def is_steady(samples: Samples) -> bool:
    """Whether a run without its edges is one or two sine waves, block by block."""
    seconds = len(samples) / RATE
    if not SHORTEST <= seconds <= LONGEST:
        return False
    most = LEFT_OVER if seconds < LONG else LEFT_OVER_LONG
    blocks = np.array_split(samples, max(1, len(samples) // BLOCK))
    return all(left_over(block) < most for block in blocks)


def left_over(samples: Samples) -> float:
    """Share of power that one or two sine waves between `LOWEST` and `HIGHEST` leave unexplained."""
    times = (np.arange(len(samples)) - len(samples) / 2) / RATE
    pitches: list[float] = []
    rest, least = samples, power(samples)
    for _ in range(2):
        pitches.append(strongest(rest))
        rest = samples - _fit(samples, _waves(times, pitches))[0]
        least = min(least, power(rest))
    # two pitches closer than the block can tell apart pull at each other: a few steps of Newton's method settle them
    for _ in range(STEPS):
        pitches = _improved(samples, times, pitches)
        least = min(least, power(samples - _fit(samples, _waves(times, pitches))[0]))
    return least / power(samples)


def _improved(samples: Samples, times: Samples, pitches: list[float]) -> list[float]:
    waves = _waves(times, pitches)
    _, weights = _fit(samples, waves)
    slopes = [
        2 * np.pi * times * (weights[2 * n + 1] * waves[2 * n] - weights[2 * n] * waves[2 * n + 1])
        for n in range(len(pitches))
    ]
    _, weights = _fit(samples, [*waves, *slopes])
    steps = np.clip(weights[-len(pitches) :], -20, 20)  # Hz; further away the slope tells nothing
    return [float(pitch) for pitch in np.clip(pitches + steps, LOWEST, HIGHEST)]


def strongest(samples: Samples) -> float:
    """The strongest pitch between `LOWEST` and `HIGHEST`, in Hz."""
    size = 4096
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size))
    first = int(LOWEST * size / RATE)
    peak = first + int(spectrum[first : int(HIGHEST * size / RATE) + 2].argmax())
    return peak * RATE / size


def _waves(times: Samples, pitches: list[float]) -> list[Samples]:
    angles = [2 * np.pi * pitch * times for pitch in pitches]
    return [wave for angle in angles for wave in (np.cos(angle), np.sin(angle))]


def _fit(samples: Samples, columns: list[Samples]) -> tuple[Samples, Samples]:
    """The nearest sum of the columns, and their weights."""
    matrix = np.column_stack(columns)
    weights = np.linalg.lstsq(matrix, samples, rcond=None)[0].astype(np.float64)
    return matrix @ weights, weights
