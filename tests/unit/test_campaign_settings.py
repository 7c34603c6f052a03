"""A campaign's settings: every range of SPEC section 3 at both edges, and messages that name the field."""

from __future__ import annotations

from configparser import ConfigParser
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from telephony.model.campaign import CampaignSettings, DispositionRule, Mode
from telephony.model.reasons import Outcome

pytestmark = pytest.mark.unit


def refused(**values: Any) -> str:
    """The messages for these settings, each with the field's name before it."""
    with pytest.raises(ValidationError) as error:
        CampaignSettings.model_validate(values)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.value.errors())


def taken(**values: Any) -> CampaignSettings:
    return CampaignSettings.model_validate(values)


RANGES = [
    ("skip_retry_after", 1, 99_999),
    ("max_skips", 1, 100),
    ("ring_limit", 16, 80),
    ("reservation_ring_limit", 5, 60),
    ("wrap_up_limit", 0, 3600),
    ("max_attempts", 1, 100),
    ("offer_timeout", 10, 7200),  # with the action skip
]


@pytest.mark.parametrize(("name", "least", "most"), RANGES, ids=[name for name, _, _ in RANGES])
def test_a_range_ends_exactly_where_the_spec_says(name: str, least: int, most: int) -> None:
    for inside in (least, most):
        assert getattr(taken(**{name: inside}), name) == inside
    for outside in (least - 1, most + 1, "many", None):
        assert name in refused(**{name: outside})


DEFAULTS = {
    "offer_timeout": 600,
    "offer_timeout_action": "skip",
    "disabled_actions": frozenset(),
    "skip_retry_after": 60,
    "max_skips": 5,
    "end_call_enabled": True,
    "ring_limit": 32,
    "reservation_ring_limit": 18,
    "keep_line": False,
    "amd": "off",
    "amd_treatment": "to_agent",
    "caller_id": None,
    "card_fields": (),
    "wrap_up_limit": 120,
    "max_attempts": 3,
    "holidays": frozenset(),
    "recording": "off",
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default_is_the_one_of_the_spec(name: str) -> None:
    assert getattr(taken(), name) == DEFAULTS[name]


def test_by_default_calls_are_made_from_8_to_21_every_day() -> None:
    assert taken().calling_hours == {
        day: ((time(8), time(21)),) for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    }


def test_after_any_outcome_the_contact_waits_60_minutes_unless_said_otherwise() -> None:
    given = taken(retry_after={"CUSTOMER_BUSY": 5})
    assert given.retry_minutes(Outcome.CUSTOMER_BUSY) == 5
    assert {taken().retry_minutes(outcome) for outcome in Outcome} == {60}
    assert given.retry_minutes(Outcome.NO_ANSWER_CUSTOMER) == 60


def test_retry_after_is_1_to_99999_minutes_for_an_outcome_that_exists() -> None:
    assert taken(retry_after={"CUSTOMER_BUSY": 1, "FAX": 99_999}).retry_minutes(Outcome.FAX) == 99_999
    assert "retry_after.CUSTOMER_BUSY" in refused(retry_after={"CUSTOMER_BUSY": 0})
    assert "retry_after.CUSTOMER_BUSY" in refused(retry_after={"CUSTOMER_BUSY": 100_000})
    assert "retry_after.ENGAGED" in refused(retry_after={"ENGAGED": 5})


@pytest.mark.parametrize("timeout", [0, 1, 9, 10, 7200])
def test_with_accept_the_timer_may_be_as_short_as_0(timeout: int) -> None:
    assert taken(offer_timeout=timeout, offer_timeout_action="accept").offer_timeout == timeout


@pytest.mark.parametrize("timeout", [-1, 7201])
def test_with_accept_the_timer_still_has_its_ends(timeout: int) -> None:
    assert "offer_timeout" in refused(offer_timeout=timeout, offer_timeout_action="accept")


@pytest.mark.parametrize("action", ["skip", "remove", "idle"])
def test_any_other_timer_action_needs_10_seconds_and_the_message_names_both_fields(action: str) -> None:
    assert taken(offer_timeout=10, offer_timeout_action=action).offer_timeout == 10
    for too_short in (0, 9):
        message = refused(offer_timeout=too_short, offer_timeout_action=action)
        assert "offer_timeout " in message
        assert "offer_timeout_action" in message
        assert "10-7200" in message


CHOICES = {
    "mode": ["preview", "preview_standard", "preview_direct"],
    "offer_timeout_action": ["accept", "skip", "remove", "idle"],
    "amd": ["off", "parallel", "inline"],
    "recording": ["off", "all", "on_demand"],
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_takes_the_spec_s_words_and_no_other(name: str) -> None:
    for word in CHOICES[name]:
        assert getattr(taken(**{name: word}), name) == word
    for wrong in ("", "OFF", "leave", 1):
        assert name in refused(**{name: wrong})


def test_skip_and_remove_can_be_disabled_leave_and_accept_cannot() -> None:
    assert taken(disabled_actions=["skip", "remove"]).disabled_actions == {"skip", "remove"}
    assert "disabled_actions" in refused(disabled_actions=["leave"])
    assert "disabled_actions" in refused(disabled_actions=["accept"])


@pytest.mark.parametrize("treatment", ["drop_message", "hang_up"])
def test_an_automatic_treatment_of_machines_needs_inline_detection(treatment: str) -> None:
    assert taken(amd="inline", amd_treatment=treatment).amd_treatment == treatment
    for amd in ("off", "parallel"):
        message = refused(amd=amd, amd_treatment=treatment)
        assert "amd_treatment" in message
        assert "amd 'inline'" in message


def test_inline_detection_keeps_the_customer_waiting_3500_ms_at_most() -> None:
    def time_of(amd: str, total: int) -> int:
        arguments = taken(amd=amd, amd_parameters={"total_analysis_time": total}).amd_arguments()
        return int(arguments.split(",")[3])

    assert time_of("inline", 10_000) == 3500
    assert time_of("inline", 2000) == 2000
    assert time_of("parallel", 10_000) == 10_000
    assert taken(amd="off").amd_arguments() == ""


AMD_RANGES = [
    ("initial_silence", 0, 10_000),
    ("greeting", 0, 10_000),
    ("after_greeting_silence", 0, 10_000),
    ("total_analysis_time", 500, 10_000),
    ("min_word_length", 0, 5_000),
    ("between_words_silence", 0, 5_000),
    ("maximum_number_of_words", 0, 100),
    ("silence_threshold", 0, 32_767),
    ("maximum_word_length", 0, 10_000),
]


@pytest.mark.parametrize(("name", "least", "most"), AMD_RANGES, ids=[name for name, _, _ in AMD_RANGES])
def test_machine_detection_takes_sane_values_only(name: str, least: int, most: int) -> None:
    for inside in (least, most):
        assert getattr(taken(amd_parameters={name: inside}).amd_parameters, name) == inside
    for outside in (least - 1, most + 1):
        assert f"amd_parameters.{name}" in refused(amd_parameters={name: outside})


def test_the_dialplan_and_the_service_have_the_same_defaults() -> None:
    kept = ConfigParser(comment_prefixes=(";",))
    kept.read(Path(__file__).parents[2] / "dialplan" / "amd.conf")
    assert {name: int(value) for name, value in kept["general"].items()} == taken().amd_parameters.model_dump()


def test_amd_is_given_its_arguments_in_asterisk_s_order() -> None:
    # AMD(initialSilence,greeting,afterGreetingSilence,totalAnalysisTime,minimumWordLength,betweenWordSilence,
    #     maximumNumberOfWords,silenceThreshold,maximumWordLength)
    in_order = {
        "initial_silence": 1001, "greeting": 1002, "after_greeting_silence": 1003, "total_analysis_time": 1004,
        "min_word_length": 1005, "between_words_silence": 1006, "maximum_number_of_words": 7,
        "silence_threshold": 1008, "maximum_word_length": 1009,
    }  # fmt: skip
    shuffled = dict(reversed(in_order.items()))
    assert taken(amd_parameters=shuffled).amd_parameters.arguments() == "1001,1002,1003,1004,1005,1006,7,1008,1009"


@pytest.mark.parametrize("number", ["+442079460000", "+1234567", "+123456789012345"])
def test_a_caller_id_is_e164(number: str) -> None:
    assert taken(caller_id=number).caller_id == number


@pytest.mark.parametrize(
    "number",
    [
        "",
        "442079460000",
        "+0442079460000",
        "+123456",
        "+1234567890123456",
        "+4420 7946",
        "+442079460000\n",
        "+44x\r\nA: b",
    ],
)
def test_a_caller_id_that_is_not_e164_is_refused(number: str) -> None:
    assert "caller_id" in refused(caller_id=number)


def test_calling_hours_are_windows_of_a_weekday() -> None:
    given = taken(calling_hours={"mon": [["09:00", "12:00"], ["14:00", "00:00"]]})
    assert given.calling_hours == {"mon": ((time(9), time(12)), (time(14), time(0)))}


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        ({"monday": [["09:00", "12:00"]]}, "unknown weekday 'monday'"),
        ({"tue": [["12:00", "09:00"]]}, "tue: 12:00 is not before 09:00"),
        ({"tue": [["12:00", "12:00"]]}, "tue: 12:00 is not before 12:00"),
        ({"wed": [["09:00+02:00", "12:00"]]}, "wed: give times without an offset"),
        ({"wed": [["09:00", "12:00Z"]]}, "wed: give times without an offset"),
        ({"thu": [["25:00", "12:00"]]}, "calling_hours.thu"),
        ({"fri": [["09:00"]]}, "calling_hours.fri"),
        ("all day", "calling_hours"),
    ],
)
def test_calling_hours_that_make_no_sense_are_named(hours: Any, says: str) -> None:
    message = refused(calling_hours=hours)
    assert "calling_hours" in message
    assert says in message


def test_holidays_are_dates() -> None:
    assert taken(holidays=["2026-12-25"]).holidays == {date(2026, 12, 25)}
    assert "holidays" in refused(holidays=["2026-02-30"])


def test_the_given_set_of_dispositions_has_one_of_each_rule() -> None:
    rules = {one.rule for one in taken().dispositions}
    assert rules == set(DispositionRule)
    assert {rule.value for rule in DispositionRule} == {"close", "retry", "callback", "do_not_call"}


def test_a_disposition_is_found_by_its_code() -> None:
    sold = {"code": "sold", "label": "Sold", "rule": "close"}
    given = taken(dispositions=[sold], default_disposition="sold")
    found = given.disposition("sold")
    assert found is not None
    assert (found.label, found.rule.value) == ("Sold", "close")
    assert given.disposition("success") is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": ""}, "dispositions.0.code"),
        ({"code": "Sold out"}, "dispositions.0.code"),
        ({"code": "x" * 41}, "dispositions.0.code"),
        ({"label": ""}, "dispositions.0.label"),
        ({"label": "x" * 81}, "dispositions.0.label"),
        ({"rule": "forget"}, "dispositions.0.rule"),
        ({"retry_after": 0}, "dispositions.0.retry_after"),
        ({"retry_after": 100_000}, "dispositions.0.retry_after"),
    ],
)
def test_a_bad_disposition_is_named(change: dict[str, Any], field: str) -> None:
    sold = {"code": "sold", "label": "Sold", "rule": "close"}
    assert field in refused(dispositions=[{**sold, **change}], default_disposition="sold")


def test_the_default_disposition_is_one_of_them_and_no_code_comes_twice() -> None:
    sold = {"code": "sold", "label": "Sold", "rule": "close"}
    assert "default_disposition 'none'" in refused(dispositions=[sold])
    assert "dispositions: a code is given twice" in refused(dispositions=[sold, sold], default_disposition="sold")
    assert "dispositions" in refused(dispositions=[])


def test_the_default_disposition_needs_nothing_that_only_an_agent_can_say() -> None:
    assert "default_disposition 'callback' asks for a time" in refused(default_disposition="callback")


def test_a_card_shows_named_fields_in_their_order() -> None:
    fields = [{"name": "city", "label": "City"}, {"name": "age", "label": "Age"}]
    assert [one.name for one in taken(card_fields=fields).card_fields] == ["city", "age"]
    assert "card_fields.0.name" in refused(card_fields=[{"name": "", "label": "City"}])
    assert "card_fields.0.label" in refused(card_fields=[{"name": "city", "label": "x" * 121}])


@pytest.mark.parametrize("text", ["Ci\0ty", "Ci\nty", "\x1b[31m", "Ci\u2028ty"])
def test_labels_and_names_are_one_line_without_control_characters(text: str) -> None:
    assert "card_fields.0.label" in refused(card_fields=[{"name": "city", "label": text}])
    assert "card_fields.0.name" in refused(card_fields=[{"name": text, "label": "City"}])
    disposition = {"code": "none", "label": text, "rule": "close"}
    assert "dispositions.0.label" in refused(dispositions=[disposition])


def test_a_setting_nobody_knows_is_named_and_refused() -> None:
    assert "ring_limits" in refused(ring_limits=30)
    assert "amd_parameters.words" in refused(amd_parameters={"words": 3})


def test_every_fault_is_told_at_once() -> None:
    message = refused(ring_limit=5, max_skips=0, mode="power")
    assert all(name in message for name in ("ring_limit", "max_skips", "mode"))


def test_settings_survive_being_stored_and_cannot_be_altered() -> None:
    given = taken(mode="preview_direct", holidays=["2026-12-25"], retry_after={"FAX": 7}, disabled_actions=["skip"])
    assert CampaignSettings.model_validate_json(given.model_dump_json()) == given
    with pytest.raises(ValidationError):
        given.mode = Mode.PREVIEW
