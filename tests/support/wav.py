"""What is in a recording: its length, and how loud it is where."""

from __future__ import annotations

import array
import math
import wave
from pathlib import Path

RATE = 8000


def samples(path: Path) -> array.array[int]:
    """The samples of an 8 kHz mono 16-bit WAV file."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return array.array("h", file.readframes(file.getnframes()))


def seconds(path: Path) -> float:
    return len(samples(path)) / RATE


def loudness(sound: array.array[int], begin: float, end: float) -> float:
    """Root mean square between two moments, in seconds from the file's begin."""
    part = sound[round(begin * RATE) : round(end * RATE)]
    return math.sqrt(sum(value * value for value in part) / len(part))


def longest_silence(sound: array.array[int]) -> tuple[float, float]:
    """Begin and end, in seconds, of the longest stretch in which every sample is 0."""
    begin, longest = 0, (0, 0)
    for at, value in enumerate(sound):
        if value:
            begin = at + 1
        elif at + 1 - begin > longest[1] - longest[0]:
            longest = begin, at + 1
    return longest[0] / RATE, longest[1] / RATE


def tone(sound: array.array[int], hertz: float, begin: float, end: float) -> float:
    """Amplitude of one frequency between two moments (Goertzel), in sample units."""
    part = sound[round(begin * RATE) : round(end * RATE)]
    factor, before, last = 2 * math.cos(2 * math.pi * hertz / RATE), 0.0, 0.0
    for value in part:
        before, last = last, value + factor * last - before
    power = before * before + last * last - factor * before * last
    return 2 * math.sqrt(max(power, 0.0)) / len(part)


def write_tone(path: Path, hertz: float, length: float, amplitude: int = 6000) -> Path:
    """A WAV file of one tone."""
    values = (round(amplitude * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(round(length * RATE)))
    return write(path, array.array("h", values).tobytes())


def write(path: Path, content: bytes) -> Path:
    """A WAV file of these samples."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(content)
    return path
