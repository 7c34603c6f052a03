"""AMD() without Asterisk: its algorithm over the levels of 20 ms packets, for many lines at once.

The rules are those of app_amd.c and dsp.c of Asterisk 22; `python -m tests.amd measure` lays its verdicts beside those
of the real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from telephony.model.campaign import AmdParameters

PACKET = 20
"""Milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """AMD()'s verdict and the name of its cause; `after`: seconds of audio it took."""

    status: str
    cause: str
    after: float


def detect(levels: np.ndarray[Any, Any], given: AmdParameters) -> list[Heard]:
    """What AMD() says to each row of packet levels; a row that ends before the verdict raises ValueError."""
    lines = len(levels)
    status, cause = np.full(lines, "", dtype="<U7"), np.full(lines, "", dtype="<U14")
    after = np.zeros(lines)
    pause, word, voice, words = (np.zeros(lines, dtype=int) for _ in range(4))
    in_word, greeted = np.ones(lines, dtype=bool), np.zeros(lines, dtype=bool)
    total = 0

    def decide(which: np.ndarray[Any, Any], verdict: str, why: str) -> None:
        fresh = which & (status == "")
        status[fresh], cause[fresh], after[fresh] = verdict, why, total / 1000

    for column in levels.T:
        total += PACKET
        if total >= given.total_analysis_time:
            decide(np.ones(lines, dtype=bool), "NOTSURE", "TOOLONG")
            break
        silent = column < given.silence_threshold
        pause = np.where(silent, pause + PACKET, 0)
        long_pause = silent & (pause >= given.between_words_silence)
        in_word &= ~long_pause
        word[long_pause] = 0
        decide(silent & ~greeted & (pause >= given.initial_silence), "MACHINE", "INITIALSILENCE")
        decide(silent & greeted & (pause >= given.after_greeting_silence), "HUMAN", "HUMAN")
        word[~silent] += PACKET
        voice[~silent] += PACKET
        long_enough = ~silent & (word >= given.min_word_length)
        words[long_enough & ~in_word] += 1
        in_word |= long_enough
        decide(~silent & (word >= given.maximum_word_length), "MACHINE", "MAXWORDLENGTH")
        decide(~silent & (words > given.maximum_number_of_words), "MACHINE", "MAXWORDS")
        decide(~silent & greeted & (voice >= given.greeting), "MACHINE", "LONGGREETING")
        greeted |= long_enough
    if not status.all():
        raise ValueError("a line is shorter than total_analysis_time")
    return [Heard(status=s, cause=c, after=float(t)) for s, c, t in _rows(status, cause, after)]


def _rows(*columns: np.ndarray[Any, Any]) -> Sequence[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in columns), strict=True))
