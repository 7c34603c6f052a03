"""`python -m tests.ears [--write]`: try the ears on generated beeps and on speech, print the table (RESULTS.md).

The thresholds in telephony/ears were chosen with `--seed 1` and the English recorded prompts; the table is of seed 2
and of prompts in other languages, which nobody had listened to before. Needs espeak-ng and sox, and for the recorded
prompts the Debian packages of `RECORDED`; without these that line is missing.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from telephony.ears.hearing import Hearing
from tests.ears import sounds
from tests.ears.trial import PACKET, ends_of_speech, false_beeps, find_beeps, seeded
from tests.ears.worker_load import core_share

TUNING, TEST = 1, 2
SPEECH, BEEPS, GREETINGS, VOWELS = range(1, 5)
SILENCE_AT_END = 3.0
RESULTS = Path(__file__).with_name("RESULTS.md")
RECORDED = {
    "fr": "asterisk-core-sounds-fr-gsm",
    "es": "asterisk-core-sounds-es-gsm",
    "it": "asterisk-core-sounds-it-gsm",
}
PROMPTS = Path("/usr/share/asterisk/sounds")


def recorded() -> Iterator[bytes]:
    """Recorded prompts of real speakers, half a second of silence after each; the recorded beep is left out."""
    for language in RECORDED:
        for file in sorted(PROMPTS.glob(f"{language}_*/**/*.gsm")):
            if file.name != "beep.gsm":
                command = ["sox", file, "-t", "raw", "-r", "8000", "-c", "1", "-b", "16", "-e", "signed", "-"]
                yield subprocess.run(command, check=True, capture_output=True).stdout + bytes(8000)


def rows(count: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """(what, measured, wanted)"""
    speech = seeded(seed, SPEECH, sounds.spoken, count)
    rngs = [np.random.default_rng([seed, BEEPS, number]) for number in range(count)]
    quiet = np.zeros(0)
    made = (sounds.beep(rng, speech[number] if number % 2 else quiet) for number, rng in enumerate(rngs))
    trial = find_beeps(made)
    yield "beeps found, half of them after speech", str(trial.found), "at least 95 %"
    middle, late, last = (1000 * value for value in np.percentile(trial.delays, [50, 95, 100]))
    told = f"{middle:.0f} ms (median), {late:.0f} ms (95 %), {last:.0f} ms (latest)"
    yield "told after the tone's end", told, "at most 150 ms"
    yield "told beside them", str(trial.wrong), ""
    greetings = [
        sounds.greeting(np.random.default_rng([seed, GREETINGS, number]), one) for number, one in enumerate(speech)
    ]
    spoken = [sounds.mu_law(sound) for sound in greetings]
    minutes = sum(map(len, spoken)) / 16000 / 60
    yield f"speech-only greetings heard to beep ({minutes:.0f} min)", str(false_beeps(spoken)), "at most 2 %"
    vowels = seeded(seed, VOWELS, lambda rng: sounds.greeting(rng, sounds.vowels(rng)), count)
    yield "held vowels and hums heard to beep", str(false_beeps(map(sounds.mu_law, vowels))), ""
    prompts = list(recorded())
    if prompts:
        minutes = sum(map(len, prompts)) / 16000 / 60
        yield f"recorded prompts heard to beep ({minutes:.0f} min)", str(false_beeps(prompts)), ""
    once, after = ends_of_speech((sound, len(sound) / sounds.RATE - SILENCE_AT_END) for sound in greetings)
    yield "greetings told to be over, once and not before", str(once), ""
    early, middle, late = np.percentile(after, [5, 50, 95])
    yield "that long after their end", f"{early:.2f} to {late:.2f} s (90 %), {middle:.2f} s (median)", "2 s"
    yield "a core's time for a call's sums", f"{_sums(spoken[:100]):.2%}", "below 1 %"
    yield "the same in the worker, 40 calls over AudioSocket", f"{core_share(spoken, calls=40):.2%}", "below 1 %"


def _sums(spoken: list[bytes]) -> float:
    began = time.process_time()
    for linear in spoken:
        hearing = Hearing()
        for first in range(0, len(linear), PACKET):
            hearing.take(linear[first : first + PACKET])
    return (time.process_time() - began) / (sum(map(len, spoken)) / 16000)


def table(count: int, seed: int) -> str:
    lines = [f"| of {count}, seed {seed} | measured (95 % interval) | wanted |", "|---|---|---|"]
    for what, measured, wanted in rows(count, seed):
        print(f"{what}: {measured}", file=sys.stderr, flush=True)
        lines.append(f"| {what} | {measured} | {wanted} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.ears", description="The ears, tried on beeps and speech.")
    parser.add_argument("--count", type=int, default=300, help="beeps, greetings and rows of vowels (300)")
    parser.add_argument(
        "--seed", type=int, default=TEST, help=f"{TUNING}: for choosing thresholds; {TEST}: for the table"
    )
    parser.add_argument("--write", action="store_true", help=f"also into {RESULTS.name}")
    given = parser.parse_args()
    made = table(given.count, given.seed)
    print(made)
    if given.write:
        where = f"{os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}"
        RESULTS.write_text(f"# What the ears hear\n\n`make ears` writes this table. {where}.\n\n{made}\n\n{ABOUT}")


ABOUT = """Beeps: 80-1000 ms, 350-1400 Hz, half of them two pitches at least 40 Hz apart, white or falling noise 15 dB
below, mu-law. Greetings: espeak-ng in English, Spanish and German, 17 voices, 110-230 words a minute, noise 15-45 dB
below. Vowels: harmonics of a voice of 85-330 Hz that glides and trembles, through formants, held for 0.1-0.9 s.
Recorded prompts: Debian's asterisk-core-sounds in French, Spanish and Italian, real people. The thresholds were chosen
with seed 1 and the English prompts, whose speaker also speaks the Spanish ones. An end of speech comes earlier than
after 2 s where the last syllable fades into the line's noise.
"""


if __name__ == "__main__":
    main()
