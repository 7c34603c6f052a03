"""Every code of SPEC section 5 exists and says what it means in English and Spanish."""

from __future__ import annotations

from enum import StrEnum

import pytest

from telephony.model import reasons

pytestmark = pytest.mark.unit

SPEC_CODES: dict[type[StrEnum], str] = {
    reasons.Capacity: """
        TENANT_CALL_LIMIT DATA_CENTER_CALL_LIMIT TRUNK_CHANNEL_LIMIT CALL_RATE_LIMIT CELL_CHANNEL_LIMIT NO_TRUNK
        PBX_UNREACHABLE""",
    reasons.Withdrawal: """
        OUTSIDE_CALLING_HOURS ON_DO_NOT_CALL_LIST NUMBER_IN_USE MIN_GAP DAILY_CAP NUMBER_NOT_ALLOWED CONTACT_REMOVED
        CAMPAIGN_STOPPED""",
    reasons.Refusal: "ACTION_DISABLED OFFER_CLOSED NOT_AVAILABLE PHONE_NOT_REGISTERED CALL_ANSWERED",
    reasons.Outcome: """
        TALKED VOICEMAIL_LEFT MESSAGE_DROPPED MESSAGE_NOT_LEFT MACHINE_HUNG_UP CUSTOMER_BUSY NO_ANSWER_CUSTOMER
        CUSTOMER_UNAVAILABLE INVALID_NUMBER CUSTOMER_DECLINED CUSTOMER_LEFT FAX AGENT_CANCELLED AGENT_ENDED ABANDONED
        NOT_PLACED CHANNEL_FAILURE PBX_LOST SYSTEM_ERROR""",
    reasons.AgentLegOutcome: "RONA USER_DECLINED USER_BUSY USER_UNAVAILABLE CHANNEL_FAILURE INVALID_NUMBER",
}
EVERY_CODE = sorted({code for codes in SPEC_CODES.values() for code in codes.split()})


@pytest.mark.parametrize("kind", SPEC_CODES, ids=lambda kind: kind.__name__)
def test_the_codes_are_those_of_the_spec(kind: type[StrEnum]) -> None:
    assert sorted(one.value for one in kind) == sorted(SPEC_CODES[kind].split())
    assert all(one.name == one.value for one in kind)


@pytest.mark.parametrize("code", EVERY_CODE)
def test_each_code_has_an_english_and_a_spanish_sentence(code: str) -> None:
    english, spanish = reasons.text(code), reasons.text(code, "es")
    assert len(english) > 10
    assert len(spanish) > 10
    assert english != spanish
    assert "_" not in english + spanish
    assert (reasons.text(code, "es-MX"), reasons.text(code, "de")) == (spanish, english)


def test_no_text_is_left_over_and_no_two_codes_say_the_same() -> None:
    assert sorted(reasons.TEXTS) == EVERY_CODE
    for language in (0, 1):
        assert len({texts[language] for texts in reasons.TEXTS.values()}) == len(EVERY_CODE)


def test_an_unknown_code_is_an_error_not_an_empty_text() -> None:
    with pytest.raises(KeyError):
        reasons.text("NO_SUCH_CODE")
