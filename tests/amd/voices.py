"""Speech from Debian's own packages: formant voices (espeak-ng), recorded-unit voices (flite), recorded people.

What the parameters are chosen by and what they are tested on have no voice in common.
"""

from __future__ import annotations

import hashlib
import subprocess
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np

from telephony.demo.host import cache_folder, need_packages

RATE = 8000
"""Samples per second of everything here."""

Samples = np.ndarray[Any, np.dtype[np.float64]]

_RECORDED = Path("/usr/share/asterisk/sounds")
_PROGRAMS = {
    "espeak-ng": "espeak-ng",
    "flite": "flite",
    "sox": "sox",
    **{
        str(_RECORDED / folder / "beep.gsm"): f"asterisk-core-sounds-{language}-gsm"
        for language, folder in (
            ("en", "en_US_f_Allison"),
            ("es", "es_MX_f_Allison"),
            ("fr", "fr_CA_f_June"),
            ("it", "it_IT_m_Carlo"),
        )
    },
}

HELLOS = {
    "en": ("Hello?", "Hello", "Yes?", "Yes, hello?", "Hi.", "Speaking.", "Good morning.", "Hello, Smith here.",
           "Miller.", "Hi, it's Anna.", "Yes, please?", "Who is this?", "Hello, hello?", "Johnson residence.",
           "This is Peter.", "Mary Brown."),
    "de": ("Hallo?", "Ja?", "Ja, hallo?", "Müller.", "Schmidt, guten Tag.", "Ja bitte?", "Hallo, Weber hier.",
           "Anna Becker.", "Guten Tag."),
    "es": ("¿Diga?", "¿Sí?", "¿Bueno?", "¿Hola?", "Sí, dígame.", "¿Aló?", "¿Quién es?", "Buenos días."),
    "fr": ("Allô?", "Oui?", "Oui, allô?", "Bonjour.", "Oui, j'écoute.", "Martin, bonjour."),
    "it": ("Pronto?", "Sì?", "Sì, pronto?", "Chi parla?", "Buongiorno."),
}  # fmt: skip
"""What people say who pick up a phone."""

GREETINGS = {
    "en": (
        ("Hi.", "Hello.", "Hello, you have reached Peter Miller.", "Hi, this is Anna.",
         "You've reached 5 5 5, 0 1 2 3.", "Thank you for calling Miller and Sons.",
         "Hey, it's Mike.", "The person you are calling is not available."),
        ("I can't come to the phone right now.", "We are not at home at the moment.",
         "I am busy or away from my phone.", "Nobody is able to take your call.",
         "Our office is closed until Monday morning, nine o'clock."),
        ("Please leave a message after the tone.", "Leave your name and number and I will call you back.",
         "After the beep, please record your message. When you are finished, hang up."),
    ),
    "de": (
        ("Hallo.", "Guten Tag, Sie haben den Anschluss von Familie Schmidt erreicht.",
         "Hier ist die Mailbox von Anna Weber.", "Praxis Doktor Becker."),
        ("Wir sind im Moment nicht zu Hause.", "Der Teilnehmer ist zurzeit nicht erreichbar.",
         "Leider können wir Ihren Anruf gerade nicht annehmen."),
        ("Bitte hinterlassen Sie eine Nachricht nach dem Signalton.", "Sprechen Sie nach dem Ton, wir rufen zurück."),
    ),
    "es": (
        ("Hola.", "Ha llamado usted a la familia García.", "Este es el buzón de voz de Ana."),
        ("En este momento no podemos atenderle.", "Ahora no estoy en casa."),
        ("Por favor, deje su mensaje después de la señal.", "Deje su nombre y su número y le llamaré."),
    ),
    "fr": (
        ("Bonjour.", "Vous êtes bien chez la famille Martin.", "Vous êtes sur la messagerie de Claire."),
        ("Je ne suis pas disponible pour le moment.", "Nous sommes absents."),
        ("Merci de laisser un message après le bip.", "Laissez vos coordonnées et je vous rappellerai."),
    ),
    "it": (
        ("Salve.", "Risponde la segreteria telefonica della famiglia Rossi."),
        ("In questo momento non siamo in casa.", "Non posso rispondere."),
        ("Lasciate un messaggio dopo il segnale acustico.", "Lasciate il vostro nome e numero."),
    ),
}  # fmt: skip
"""What machines say: an opening, a reason, a wish. Recorded people say prompts of their own."""

_FORMANT = {
    "tune": ("en-us", "en-us+f2", "en-us+m2", "en-gb", "en-gb+f4", "en-gb-scotland+m5", "de", "de+f1",
             "es", "es+f3", "fr", "fr+f5", "it+m4", "en-us+Andrea", "en-gb+grandma", "en-us+whisper"),
    "test": ("en-us+f1", "en-us+m3", "en-us+m7", "en-us+f5", "en-gb+m1", "en-gb-x-rp+f3", "en-gb-scotland",
             "de+m3", "de+f4", "es-419", "es-419+f2", "fr+m6", "fr+f2", "it", "it+f1",
             "en-us+Gene", "en-gb+grandpa", "en-us+whisperf"),
}  # fmt: skip
_UNITS = {"tune": ("kal16", "rms"), "test": ("slt", "awb")}
_PEOPLE = {"tune": ("en_US_f_Allison", "es_MX_f_Allison"), "test": ("fr_CA_f_June", "it_IT_m_Carlo")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Somebody who speaks; `speed` in words a minute and `pitch` (0-99) are espeak-ng's alone."""

    kind: str  # formant, units, person
    name: str
    speed: int = 165
    pitch: int = 50

    @property
    def language(self) -> str:
        return self.name[:2] if self.kind != "units" else "en"


def draw_voice(random: Random, part: str) -> Voice:
    """A voice of the part `tune` or `test`: half formant voices, a quarter recorded units, a quarter people."""
    kind = random.choice(("formant", "formant", "units", "person"))
    if kind == "formant":
        return Voice(
            kind=kind,
            name=random.choice(_FORMANT[part]),
            speed=random.randint(130, 210),
            pitch=random.randint(15, 85),
        )
    return Voice(kind=kind, name=random.choice((_UNITS if kind == "units" else _PEOPLE)[part]))


def hello(random: Random, voice: Voice) -> Samples:
    """A short word or two; of a recorded person any prompt of that length."""
    if voice.kind == "person":
        return _heard(random.choice(_prompts(voice.name, 0.35, 1.3)))
    return _said(voice, random.choice(HELLOS[voice.language]))


def sentences(random: Random, voice: Voice) -> list[Samples]:
    """What a machine says, sentence by sentence."""
    if voice.kind == "person":
        return [_heard(path) for path in random.sample(_prompts(voice.name, 1.0, 8.0), 3)]
    return [_said(voice, random.choice(part)) for part in GREETINGS[voice.language]]


async def prepare() -> None:
    """Install what speaks. Raises SetupError naming the packages where that is not possible."""
    await need_packages(_PROGRAMS, say=print)


@cache
def _prompts(person: str, shortest: float, longest: float) -> list[Path]:
    """A person's recorded prompts by length in seconds: GSM is 33 bytes for 20 ms."""
    files = sorted((_RECORDED / person).rglob("*.gsm"))
    lengths = {path: path.stat().st_size / 33 * 0.02 for path in files if "beep" not in path.name}
    return [path for path, seconds in lengths.items() if shortest <= seconds <= longest]


def _heard(path: Path) -> Samples:
    return _trimmed(_samples(_out(("sox", "-D", str(path), *_TO_RAW))))


def _said(voice: Voice, text: str) -> Samples:
    key = hashlib.sha256(f"{voice}|{text}".encode()).hexdigest()[:24]
    folder = cache_folder() / "voices"
    kept = folder / f"{key}.raw"
    if not kept.exists():
        folder.mkdir(exist_ok=True)
        if voice.kind == "units":
            with NamedTemporaryFile(suffix=".wav") as spoken:
                subprocess.run(("flite", "-voice", voice.name, "-t", text, "-o", spoken.name), check=True)
                raw = _out(("sox", "-D", spoken.name, *_TO_RAW))
        else:
            how = ("-v", voice.name, "-s", str(voice.speed), "-p", str(voice.pitch), "--stdout", text)
            raw = _out(("sox", "-D", "-t", "wav", "-", *_TO_RAW), given=_out(("espeak-ng", *how)))
        fresh = kept.with_suffix(f".{threading.get_ident()}")
        fresh.write_bytes(raw)
        fresh.replace(kept)
    return _trimmed(_samples(kept.read_bytes()))


# A telephone's band: what a line lets through.
_TO_RAW = ("-r", "8000", "-c", "1", "-b", "16", "-e", "signed-integer", "-t", "raw", "-", "sinc", "300-3400")


def _out(command: tuple[str, ...], *, given: bytes = b"") -> bytes:
    return subprocess.run(command, check=True, input=given, capture_output=True).stdout


def _samples(raw: bytes) -> Samples:
    return np.frombuffer(raw, dtype="<i2").astype(np.float64)


def _trimmed(samples: Samples) -> Samples:
    """Without the silence at both ends: what is below 2 % of the peak for 10 ms."""
    blocks = np.abs(samples[: len(samples) // 80 * 80]).reshape(-1, 80).max(axis=1)
    loud = np.flatnonzero(blocks > 0.02 * blocks.max())
    return samples[loud[0] * 80 : (loud[-1] + 1) * 80]
