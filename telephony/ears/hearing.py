"""What one side of a call says, from its bytes to what was found in them."""

from __future__ import annotations

import numpy as np

from telephony.ears.finds import Find
from telephony.ears.speech import SpeechFinder
from telephony.ears.tones import FRAME, RATE, Samples, ToneFinder

SAMPLE = 2
"""Bytes of a sample: signed linear, 16 bits, little-endian, 8 kHz."""

_FULL_SCALE = 32768.0


class Hearing:
    """Hears one side of one call. No clock, no I/O: time is what was heard."""

    def __init__(self) -> None:
        self._tones = ToneFinder()
        self._speech = SpeechFinder()
        self._rest = b""
        self.heard = 0.0
        """Seconds heard so far."""

    def take(self, sound: bytes) -> list[Find]:
        """Hear more of it, in pieces of any length."""
        sound = self._rest + sound
        size = FRAME * SAMPLE
        whole = len(sound) - len(sound) % size
        self._rest = sound[whole:]
        samples = np.frombuffer(sound[:whole], "<i2") / _FULL_SCALE
        return [find for first in range(0, len(samples), FRAME) for find in self._hear(samples[first : first + FRAME])]

    def take_silence(self, seconds: float) -> list[Find]:
        """Nothing came for so long: a line may send nothing while nobody speaks."""
        return self.take(bytes(round(seconds * RATE) * SAMPLE))

    def still_silent(self) -> list[Find]:
        """What holds since it was told: that speech is over."""
        return [Find.SPEECH_ENDED] if self._speech.over else []

    def _hear(self, frame: Samples) -> list[Find]:
        self.heard += FRAME / RATE
        finds = []
        if self._tones.take(frame):
            self._speech.forget()  # a tone is no speech, and who hears one need not wait for silence
            finds.append(Find.BEEP)
        if self._speech.take(frame):
            finds.append(Find.SPEECH_ENDED)
        return finds
