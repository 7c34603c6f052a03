"""A mailbox that is a real telephone: a softphone that answers with a greeting and keeps what it hears and says.

What it heard is compared with what was to be said by cross-correlation, piece by piece: one piece that is missing or
late shows.
"""

from __future__ import annotations

import asyncio
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telephony.demo.softphone import Softphone

RATE = 8000
Sound = NDArray[np.float64]

PIECE = 0.2
"""Seconds of the pieces that are looked for one by one."""

ALIKE = 0.8
"""Least normalised correlation of a piece that is there: mu-law leaves 0.99 of speech, another piece has below 0.3."""


def speech(seconds: float, *, seed: int) -> Sound:
    """Noise of a voice's band in syllables, unlike any other stretch of itself; full scale 1."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal(round(seconds * RATE))
    spectrum = np.fft.rfft(noise)
    pitches = np.fft.rfftfreq(len(noise), 1 / RATE)
    spectrum[(pitches < 200) | (pitches > 3000)] = 0
    voice = np.fft.irfft(spectrum, len(noise))
    times = np.arange(len(noise)) / RATE
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4.3 * times)
    return 0.12 * voice / voice.std() * syllables


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE))


def tone(seconds: float, hertz: float = 1000.0) -> Sound:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def write(path: Path, sound: Sound) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def read(path: Path) -> Sound:
    data = path.read_bytes()
    # by hand: a softphone that was ended has not written the length into the header
    return np.frombuffer(data[44 : len(data) - len(data) % 2], "<i2") / 32768.0


@dataclass(frozen=True, slots=True)
class Found:
    """Where a sound begins in another, seconds; `whole`: each of its pieces is there, in its place."""

    at: float
    whole: bool
    worst: float


def find(wanted: Sound, heard: Sound) -> Found:
    """The place where it fits best, and whether it is whole there."""
    size = 1 << (len(wanted) + len(heard)).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    best = int(np.fft.irfft(product, size)[: max(1, len(heard) - len(wanted) // 2)].argmax())
    step, worst = round(PIECE * RATE), 1.0
    slack = round(0.02 * RATE)  # a jitter buffer may shift a packet by its 20 ms
    for start in range(0, len(wanted) - step + 1, step):
        piece = wanted[start : start + step]
        if piece.std() < 0.01:
            continue
        worst = min(worst, max(alike(piece, heard, best + start + shift) for shift in range(-slack, slack + 1, 2)))
    return Found(at=best / RATE, whole=worst >= ALIKE, worst=float(worst))


def alike(piece: Sound, heard: Sound, at: int) -> float:
    there = heard[max(0, at) : max(0, at) + len(piece)]
    if at < 0 or len(there) < len(piece) or there.std() == 0:
        return 0.0
    return float(np.corrcoef(piece, there)[0, 1])


async def tapes(phone: Softphone) -> tuple[Sound, Sound]:
    """What a phone said and heard in its first call, from the answer on; waits for the call's end."""
    await phone.wait_for("CALL_CLOSED", within=5.0)
    await asyncio.sleep(0.2)  # it closes its files after it has told
    (said,), (heard,) = [await asyncio.to_thread(_files, phone.heard, kind) for kind in ("enc", "dec")]
    return await asyncio.to_thread(read, said), await asyncio.to_thread(read, heard)


def later(said: Sound, heard: Sound, last_wait: float = 0.0) -> float:
    """Seconds by which the tape of what was heard begins after that of what was said.

    Each begins with the first packet of its direction, and on a busy machine they begin half a second apart; what they
    have in common is the call's end. `last_wait`: seconds at the end in which nothing was sent to the phone.
    """
    return (len(said) - len(heard)) / RATE - last_wait


def _files(folder: Path, kind: str) -> list[Path]:
    return sorted(folder.glob(f"dump-*-{kind}.wav"))
