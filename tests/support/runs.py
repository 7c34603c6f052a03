"""Which steady tones are in a recording, one after the other: what a phone heard, as a story."""

from __future__ import annotations

import array

from tests.support import wav

WINDOW = 0.1
"""Seconds looked at in one piece; tones must be multiples of 10 Hz apart to be told from each other."""

LOUD = 900.0
"""Amplitude of a tone that is there, of one that was said with 6000 and came through mu-law and a mix of voices."""

Heard = tuple[float, ...]


def runs(sound: array.array[int], *hertz: float, least: float = 0.3) -> list[Heard]:
    """The tones heard at a time (none: silence), in order; what lasts less than `least` seconds is left out."""
    found: list[tuple[Heard, int]] = []
    for number in range(int(len(sound) / wav.RATE / WINDOW)):
        begin = number * WINDOW
        heard = tuple(one for one in hertz if wav.tone(sound, one, begin, begin + WINDOW) > LOUD)
        if found and found[-1][0] == heard:
            found[-1] = heard, found[-1][1] + 1
        else:
            found.append((heard, 1))
    story: list[Heard] = []
    for heard, count in found:
        if count * WINDOW >= least and (not story or story[-1] != heard):
            story.append(heard)
    return story
