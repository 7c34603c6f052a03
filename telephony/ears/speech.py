"""Finding the end of speech: somebody spoke, and then there was silence for so long."""

from __future__ import annotations

from collections import deque

from telephony.ears.finds import SILENCE_AFTER_SPEECH
from telephony.ears.tones import FRAME, RATE, Samples, power

SPOKEN = 0.2
"""Seconds of sound that make speech; less is a click or a cough."""

LOUDER = 10.0 ** (8 / 10)
"""How many times stronger than the line's own noise a voice is: 8 dB."""

FAINTEST = 10.0 ** (-50 / 10)
"""Power below which there is silence whatever the noise, full scale being 1: -50 dBFS."""

LOUDEST_NOISE = 10.0 ** (-38 / 10)
"""Power that no line's own noise has: -38 dBFS."""

NOISE_KNOWN = 3.0
"""Seconds whose quietest tenth is the line's noise: who speaks makes that much of pauses between words."""

_BREAK = 3
"""Frames of sound in a row that break a silence."""


class SpeechFinder:
    """Hears one side of one call, frame by frame."""

    def __init__(self) -> None:
        frame = FRAME / RATE
        self._silence = round(SILENCE_AFTER_SPEECH / frame)
        self._spoken = round(SPOKEN / frame)
        self._powers: deque[float] = deque(maxlen=round(NOISE_KNOWN / frame))
        self._sound = 0
        self._in_a_row = 0
        self._quiet = 0
        self.over = False

    def take(self, frame: Samples) -> bool:
        """Hear `FRAME` samples, full scale 1; True where speech is over by now. `over` stays until somebody speaks."""
        strength = power(frame)
        self._powers.append(strength)
        noise = min(LOUDEST_NOISE, sorted(self._powers)[len(self._powers) // 10])
        if strength > max(FAINTEST, LOUDER * noise):
            self._in_a_row += 1
            self._sound += 1
            if self._in_a_row >= _BREAK:
                self._quiet = 0
                self.over = False
            return False
        self._in_a_row = 0
        self._quiet += 1
        if self._quiet < self._silence:
            return False
        spoke, self._sound = self._sound >= self._spoken, 0
        self.over |= spoke
        return spoke

    def forget(self) -> None:
        """What was heard so far was no speech, or is settled otherwise."""
        self._sound = 0
        self.over = False
