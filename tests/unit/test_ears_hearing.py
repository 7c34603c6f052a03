"""What the ears find in sounds: the short form of `python -m tests.ears`, and the rules one by one."""

from __future__ import annotations

import numpy as np
import pytest

from telephony.ears.finds import SILENCE_AFTER_SPEECH, Find
from telephony.ears.hearing import Hearing
from tests.ears.sounds import RATE, Sound, beep, greeting, mu_law, noise, vowels
from tests.ears.trial import TOLD_WITHIN, false_beeps, find_beeps, heard

pytestmark = pytest.mark.unit

SEED = 3
BEEP, SPEECH_ENDED = Find.BEEP, Find.SPEECH_ENDED


def rng(number: int) -> np.random.Generator:
    return np.random.default_rng([SEED, number])


def tone(pitch: float, seconds: float) -> Sound:
    return 0.2 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)


def silence(seconds: float) -> Sound:
    return noise(rng(0), round(seconds * RATE)) * 0.002


def speech(seconds: float) -> Sound:
    """Vowels as somebody speaks them, cut to length."""
    made = np.concatenate([vowels(rng(number)) for number in range(20)])
    return 0.1 * made[: round(seconds * RATE)]


def told(*parts: Sound) -> list[tuple[Find, float]]:
    return [(find, round(at, 1)) for find, at in heard(mu_law(np.concatenate(parts)))]


def test_beeps_are_found_soon_after_their_end_and_nothing_else_is() -> None:
    trial = find_beeps(beep(rng(n), vowels(rng(n)) if n % 2 else np.zeros(0)) for n in range(60))
    assert trial.found.part >= 57, trial
    assert trial.wrong <= 1
    assert max(trial.delays) < TOLD_WITHIN


def test_held_vowels_are_no_beeps() -> None:
    assert false_beeps(mu_law(greeting(rng(n), vowels(rng(n)))) for n in range(60)).part <= 1


def test_each_of_several_tones_is_told_once() -> None:
    assert [find for find, _ in told(silence(1), tone(440, 0.3), silence(0.2), tone(1000, 0.2), silence(1))] == [
        BEEP
    ] * 2


def test_one_lost_packet_spoils_no_beep() -> None:
    whole = tone(825, 0.6)  # 20 ms are 16.5 of its waves
    cut = np.concatenate([whole[: 2 * RATE // 10], whole[2 * RATE // 10 + 160 :]])
    assert told(silence(1), cut, silence(1)) == [(BEEP, 1.6)]


@pytest.mark.parametrize(("pitch", "seconds"), [(2100, 0.5), (1750, 0.5), (200, 0.5), (440, 3.0), (1000, 0.03)])
def test_a_fax_a_hum_a_ringing_tone_and_a_click_are_no_beeps(pitch: float, seconds: float) -> None:
    assert BEEP not in dict(told(silence(1), tone(pitch, seconds), silence(1)))


def test_speech_is_over_after_two_seconds_of_silence_once_for_each_stretch() -> None:
    assert SILENCE_AFTER_SPEECH == 2.0
    found = told(silence(0.5), speech(2), silence(4), speech(1), silence(1), speech(1), silence(4))
    assert [find for find, _ in found] == [SPEECH_ENDED] * 2
    assert found[0][1] == pytest.approx(4.5, abs=0.3)
    assert found[1][1] == pytest.approx(11.5, abs=0.3)


def test_silence_without_speech_before_is_nothing() -> None:
    click = np.full(400, 0.3)
    assert told(silence(3), click, silence(4)) == []


def test_a_beep_between_speech_and_silence_is_told_alone() -> None:
    assert [find for find, _ in told(silence(0.5), speech(2), silence(0.5), tone(1000, 0.4), silence(4))] == [BEEP]


def test_a_line_that_sends_nothing_is_silent() -> None:
    hearing = Hearing()
    assert hearing.take(mu_law(np.concatenate([silence(0.5), speech(2)]))) == []
    found = [find for _ in range(25) for find in hearing.take_silence(0.1)]
    assert found == [SPEECH_ENDED]
    assert hearing.still_silent() == [SPEECH_ENDED]
    hearing.take(mu_law(speech(0.5)))
    assert hearing.still_silent() == []


def test_it_does_not_matter_in_what_pieces_the_sound_comes() -> None:
    linear = mu_law(np.concatenate([silence(0.5), speech(2), silence(0.5), tone(700, 0.3), silence(1)]))
    hearing, found = Hearing(), []
    for first in range(0, len(linear), 333):
        found += hearing.take(linear[first : first + 333])
    assert found == [find for find, _ in heard(linear)] == [BEEP]
