"""The rules of a message drop: what each cue leads to, and how it ends."""

from __future__ import annotations

import pytest

from telephony.model.message_drop import MessageDrop, NotLeft, When

pytestmark = pytest.mark.unit


@pytest.fixture
def drop() -> MessageDrop:
    """Waiting for its first cue."""
    made = MessageDrop(When.AUTO)
    assert not made.begin(beep_age=None)
    return made


@pytest.mark.parametrize(("age", "at_once"), [(0.0, True), (9.9, True), (10.0, False), (None, False)])
def test_a_beep_already_heard_starts_it_at_once_while_it_is_fresh(age: float | None, at_once: bool) -> None:
    assert MessageDrop(When.AUTO).begin(beep_age=age) is at_once


def test_now_means_now() -> None:
    assert MessageDrop(When.NOW).begin(beep_age=None)


def test_it_waits_for_the_beep(drop: MessageDrop) -> None:
    assert drop.beep()
    drop.played(whole=True)
    assert drop.not_left is None


def test_it_takes_silence_after_speech_for_a_mailbox_without_a_beep(drop: MessageDrop) -> None:
    assert drop.speech_ended()
    drop.played(whole=True)
    assert drop.not_left is None


def test_without_a_cue_it_is_given_up_and_stays_so(drop: MessageDrop) -> None:
    assert drop.patience_over()
    assert not drop.beep()
    assert drop.not_left is NotLeft.NO_BEEP


def test_once_it_plays_patience_has_nothing_to_say(drop: MessageDrop) -> None:
    assert drop.beep()
    assert not drop.patience_over()
    assert drop.not_left is NotLeft.CUT


def test_two_tones_begin_it_again_a_third_does_not(drop: MessageDrop) -> None:
    assert [drop.beep() for _ in range(4)] == [True, True, False, False]


def test_a_greeting_that_only_paused_begins_it_again_by_its_beep_or_its_end() -> None:
    for then in (MessageDrop.beep, MessageDrop.speech_ended):
        drop = MessageDrop(When.AUTO)
        assert drop.speech_ended()
        assert then(drop)
        assert not then(drop)


@pytest.mark.parametrize("when", list(When))
def test_silence_begins_nothing_again_that_a_beep_or_the_agent_began(when: When) -> None:
    drop = MessageDrop(when)
    assert drop.begin(beep_age=1.0)
    assert not drop.speech_ended()
    assert drop.beep()  # but the mailbox that beeps now has not recorded yet


def test_hung_up_in_the_middle_it_was_not_left_also_the_second_time(drop: MessageDrop) -> None:
    assert drop.beep()
    assert drop.beep()
    assert drop.not_left is NotLeft.CUT


def test_whole_is_whole_whatever_is_heard_after_it(drop: MessageDrop) -> None:
    assert drop.beep()
    drop.played(whole=True)
    assert not drop.beep()
    assert drop.not_left is None


def test_a_sound_that_cannot_be_played_is_named_as_that(drop: MessageDrop) -> None:
    assert drop.beep()
    drop.played(whole=False)
    assert not drop.beep()
    assert drop.not_left is NotLeft.NOT_PLAYED


def test_one_found_playing_after_a_start_is_not_begun_again(drop: MessageDrop) -> None:
    drop.found_playing()
    assert not drop.beep()
    assert not drop.patience_over()
    drop.played(whole=True)
    assert drop.not_left is None
