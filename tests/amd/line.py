"""What a telephone line does to speech: noise, level, G.711 mu-law."""

from __future__ import annotations

from random import Random

import numpy as np

from tests.amd.voices import RATE, Samples

FULL = 32768.0
FRAME = 160
"""Samples of one RTP packet: 20 ms."""


def decibel(ratio: float) -> float:
    """The factor of an amplitude."""
    return float(10 ** (ratio / 20))


def at_level(samples: Samples, dbov: float) -> Samples:
    """Brought to an active speech level: RMS of the frames within 20 dB of the loudest, 0 dBov = full scale."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    rms = np.sqrt((frames**2).mean(axis=1))
    active = rms[rms > rms.max() * decibel(-20)]
    return samples * (FULL * decibel(dbov) / np.sqrt((active**2).mean()))


def noise(kind: str, length: int, dbov: float, *, random: Random, voices: list[Samples]) -> Samples:
    """`white`, `hum` (mains and its harmonics) or `babble` (people talking in the room, of `voices`)."""
    if kind == "white":
        made = np.random.default_rng(random.getrandbits(32)).normal(size=length)
    elif kind == "hum":
        at = np.arange(length) / RATE
        mains = random.choice((50.0, 60.0))
        made = sum(
            np.sin(2 * np.pi * mains * harmonic * at + random.uniform(0, 6.28)) / harmonic for harmonic in range(1, 12)
        ) + np.zeros(length)
    else:
        made = np.zeros(length)
        for voice in random.choices(voices, k=6):
            loop = np.resize(voice, length)
            made += np.roll(loop, random.randrange(length)) / np.sqrt((loop**2).mean())
    return made * (FULL * decibel(dbov) / np.sqrt((made**2).mean()))


_STEPS = np.array([0, 132, 396, 924, 1980, 4092, 8316, 16764], dtype=np.int64)


def to_mu_law(samples: Samples) -> bytes:
    """G.711 mu-law bytes of 16-bit samples; what is too loud is clipped."""
    value = np.clip(np.rint(samples), -32635, 32635).astype(np.int64)
    magnitude = np.abs(value) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int64) - 7
    mantissa = (magnitude >> (exponent + 3)) & 15
    code = ~(np.where(value < 0, 128, 0) | (exponent << 4) | mantissa) & 255
    return code.astype(np.uint8).tobytes()


def from_mu_law(data: bytes) -> Samples:
    """The 16-bit samples that G.711 mu-law bytes stand for."""
    code = ~np.frombuffer(data, dtype=np.uint8).astype(np.int64) & 255
    exponent = (code >> 4) & 7
    magnitude = _STEPS[exponent] + ((code & 15) << (exponent + 3))
    return np.where(code & 128, -magnitude, magnitude).astype(np.float64)


def levels(data: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The mean magnitude of each 20 ms packet, as Asterisk's silence detector (dsp.c) takes it."""
    samples = np.abs(from_mu_law(data))
    return (samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).mean(axis=1)).astype(np.int64)
