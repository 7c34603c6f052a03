"""What the ears can find in what one side of a call says."""

from __future__ import annotations

from enum import StrEnum

SILENCE_AFTER_SPEECH = 2.0
"""Seconds of silence after which what was said counts as over and a message may begin."""


class Find(StrEnum):
    """BEEP: a tone has just ended. SPEECH_ENDED: silence for `SILENCE_AFTER_SPEECH` follows speech."""

    BEEP = "beep"
    SPEECH_ENDED = "speech-ended"
