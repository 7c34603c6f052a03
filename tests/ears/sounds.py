"""What the ears are tried on: generated beeps, and greetings that are speech only. Every sound comes from its seed.

Speech is Debian's espeak-ng (formant and Klatt voices of several languages, sexes, pitches and speeds), cut as the
simulated customers' is. `vowels` needs no program: held vowels and hums, which come nearest to a beep.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 8000
Sound = NDArray[np.float64]
"""Samples, full scale 1."""

NOISE_BELOW = 10.0 ** (-15 / 20)
"""Noise is 15 dB below a tone."""

TEXTS = (
    "Hello?",
    "Hello, this is Maria Miller speaking.",
    "Hi, you have reached the Miller family. Please leave a message after the tone.",
    "Nobody is able to take your call right now. Please call back between nine and five.",
    "You are connected to the mailbox of seven, oh, two, two, five, nine. Record your message now.",
    "Yes? Who is there? I am in the garden, hold on a moment please.",
    "Good morning, Green Moon Tool Rooms, how may I help you?",
    "Ooooh no. Mmmm. Well, you know who to call. Noon or soon will do.",
    "We moved to a new home in June. Leave your name and number and we will phone you.",
    "All our agents are busy. You are number two in the queue.",
)
SPANISH = (
    "Hola, ha llamado a la familia Moreno. Deje su mensaje despues de la senal.",
    "Diga? Quien es?",
    "En este momento no podemos atender su llamada. Uno, dos, tres, gracias.",
)
GERMAN = (
    "Guten Tag, Sie sind verbunden mit der Familie Schulze. Bitte sprechen Sie nach dem Ton.",
    "Ja hallo, wer ist denn da?",
)
VARIANTS = (
    "",
    *(f"+m{n}" for n in range(1, 8)),
    *(f"+f{n}" for n in range(1, 6)),
    "+klatt",
    "+klatt2",
    "+klatt3",
    "+croak",
)
VOICES = (("en-us", TEXTS), ("en-gb", TEXTS), ("es", SPANISH), ("de", GERMAN))


@dataclass(frozen=True, slots=True)
class Beep:
    """A sound with one beep in it, from `begins` to `ends`, in seconds."""

    sound: Sound
    begins: float
    ends: float
    pitches: tuple[float, ...]


def mu_law(sound: Sound) -> bytes:
    """As it comes from a mu-law line: 16-bit signed linear, little-endian, with the line's own rounding (G.711)."""
    linear = np.clip(np.round(sound * 32767), -32635, 32635)
    magnitude = np.abs(linear) + 132
    exponent = np.floor(np.log2(magnitude)).astype(int) - 7
    step = 2.0 ** (exponent + 3)
    coded = np.floor(magnitude / step) * step + step / 2 - 132
    return bytes((np.sign(linear) * coded).astype("<i2").tobytes())


def noise(rng: np.random.Generator, length: int) -> Sound:
    """Noise of power 1: white, or falling with frequency as a room's does."""
    flat = np.fft.rfft(rng.standard_normal(length))
    if rng.random() < 0.5:
        flat /= np.sqrt(np.maximum(np.fft.rfftfreq(length, 1 / RATE), 50.0))
    made = np.fft.irfft(flat, length)
    return made / np.sqrt(np.mean(made**2))


def beep(rng: np.random.Generator, before: Sound) -> Beep:
    """After what was said and a pause of 0.1-1.5 s: 80-1000 ms of one or two pitches of 350-1400 Hz in noise."""
    seconds = float(np.exp(rng.uniform(np.log(0.08), np.log(1.0))))
    length = round(seconds * RATE)
    times = np.arange(length) / RATE
    pitches = [rng.uniform(350, 1400)]
    tone = np.sin(2 * np.pi * (pitches[0] * times + rng.random()))
    if rng.random() < 0.5:
        pitches.append(_other_pitch(rng, pitches[0]))
        share = 10 ** (rng.uniform(-6, 0) / 20)
        tone += share * np.sin(2 * np.pi * (pitches[1] * times + rng.random()))
    edge = round(rng.uniform(0.001, 0.01) * RATE)
    slope = np.minimum(1.0, np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)) / edge)
    strength = 10 ** (rng.uniform(-33, -9) / 20)  # of the tone, RMS
    tone *= slope * strength / np.sqrt(np.mean(tone**2))
    pause = round(rng.uniform(0.1, 1.5) * RATE)
    start = len(before) + pause
    whole = np.zeros(start + length + RATE)
    whole[: len(before)] = before * strength * rng.uniform(0.7, 2)
    whole[start : start + length] += tone
    whole += noise(rng, len(whole)) * strength * NOISE_BELOW
    return Beep(np.clip(whole, -1, 1), start / RATE, (start + length) / RATE, tuple(pitches))


def _other_pitch(rng: np.random.Generator, first: float) -> float:
    """One that is told apart from the first; closer than 40 Hz is one tone that trembles."""
    while True:
        other = float(rng.uniform(350, 1400))
        if abs(other - first) >= 40:
            return other


def spoken(rng: np.random.Generator) -> Sound:
    """A greeting by espeak-ng, of RMS 1."""
    language, texts = VOICES[rng.choice(len(VOICES), p=(0.45, 0.2, 0.2, 0.15))]
    text = texts[rng.integers(len(texts))]
    variant = VARIANTS[rng.integers(len(VARIANTS))]
    speed, pitch = int(rng.integers(110, 230)), int(rng.integers(15, 95))
    command = ["espeak-ng", "-v", language + variant, "-s", str(speed), "-p", str(pitch), "--stdout", text]
    wave = subprocess.run(command, check=True, capture_output=True).stdout
    return _unit(_to_telephone(np.frombuffer(wave[44:], "<i2") / 32768, 22050))


def _to_telephone(sound: Sound, rate: int) -> Sound:
    """8 kHz and 300-3400 Hz, by its spectrum; without the silence at both ends."""
    length = round(len(sound) * RATE / rate)
    spectrum = np.fft.rfft(sound)
    pitches = np.fft.rfftfreq(len(sound), 1 / rate)
    # a telephone's own slope below 300 Hz: 0.1 at 100 Hz
    spectrum *= np.minimum(1.0, np.maximum(pitches, 1) / 300) ** 2 * (pitches < 3400)
    made = np.fft.irfft(spectrum[: length // 2 + 1], length) * length / len(sound)
    loud = np.nonzero(np.abs(made) > 0.01 * np.abs(made).max())[0]
    return made[loud[0] : loud[-1] + 1]


def _unit(sound: Sound) -> Sound:
    return sound / np.sqrt(np.mean(sound**2))


FORMANTS = (
    (300, 870, 2240),
    (730, 1090, 2440),
    (270, 2290, 3010),
    (530, 1840, 2480),
    (570, 840, 2410),
    (250, 600, 2300),
)
"""Of u, a, i, e, o and a hum, in Hz (Peterson and Barney 1952; the last: a closed mouth)."""


def vowels(rng: np.random.Generator) -> Sound:
    """One to six held vowels of one voice, 0.1-0.9 s each, of RMS 1: harmonics of a moving pitch, through formants."""
    voice = float(np.exp(rng.uniform(np.log(85), np.log(330))))
    parts: list[Sound] = []
    for _ in range(int(rng.integers(1, 7))):
        length = round(rng.uniform(0.1, 0.9) * RATE)
        times = np.arange(length) / RATE
        # a voice's pitch glides, and trembles by about one percent, even where its owner holds a note
        glide = rng.uniform(-0.15, 0.1) * times + 0.01 * np.sin(2 * np.pi * rng.uniform(3, 7) * times)
        jitter = np.cumsum(rng.standard_normal(length)) * 0.0002
        phase = 2 * np.pi * np.cumsum(voice * (1 + glide + jitter)) / RATE
        formants = np.array(FORMANTS[rng.integers(len(FORMANTS))]) * rng.uniform(0.9, 1.2)
        made = np.zeros(length)
        for number in range(1, int(3400 / voice) + 1):
            pitch = number * voice
            gain = sum(1 / np.hypot(1, (pitch - formant) / 60) for formant in formants)
            made += gain / number * np.cos(number * phase + rng.uniform(0, 2 * np.pi))
        edge = round(0.02 * RATE)
        made *= np.minimum(1.0, np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)) / edge)
        parts += [_unit(made), np.zeros(round(rng.choice((0.0, 0.05, 0.3)) * RATE))]
    return _unit(np.concatenate(parts))


def greeting(rng: np.random.Generator, speech: Sound) -> Sound:
    """A speech-only greeting on a line with noise 15-45 dB below it, and silence for 3 s after it."""
    strength = 10 ** (rng.uniform(-30, -14) / 20)
    begins = round(rng.uniform(0.1, 1.0) * RATE)
    whole = np.zeros(begins + len(speech) + 3 * RATE)
    whole[begins : begins + len(speech)] = speech * strength
    whole += noise(rng, len(whole)) * strength * 10 ** (-rng.uniform(15, 45) / 20)
    return np.clip(whole, -1, 1)
