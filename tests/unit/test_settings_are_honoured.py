"""Which test shows that a setting of a campaign is honoured: the table, kept true. Ranges: test_campaign_settings.py.

A setting without a line here, or a line that names a test which is not there any more, fails.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony.model.campaign import CampaignSettings

pytestmark = pytest.mark.unit

TESTS = Path(__file__).parents[1]

SHOWN_BY = {
    "mode": "asterisk/test_preview_calls.py::test_failed_attempts_bring_the_next_offer_on_the_same_line",
    "offer_timeout": "asterisk/test_calling_rules.py::test_a_changed_setting_counts_for_the_next_offer",
    "offer_timeout_action": "unit/test_floor_preview.py::test_the_servers_timer_acts",
    "disabled_actions": "unit/test_floor_rules.py::test_a_disabled_action_still_is_the_timers",
    "skip_retry_after": "asterisk/test_calling_rules.py::test_what_becomes_of_a_contact_goes_by_the_settings",
    "max_skips": "asterisk/test_calling_rules.py::test_a_changed_setting_counts_for_the_next_offer",
    "end_call_enabled": "asterisk/test_preview_calls.py::test_a_cancel_is_not_allowed_where_the_campaign_says_so",
    "ring_limit": "asterisk/test_demo.py::test_the_scripted_demo_is_right_in_every_row",
    "reservation_ring_limit": "asterisk/test_agent_legs.py::RING_LIMIT",
    "keep_line": "unit/test_floor_preview.py::test_with_keep_line_the_next_offer_comes_without_a_new_ring",
    "amd": "asterisk/test_preview_calls.py::test_an_agent_is_reserved_talks_wraps_up_and_gets_the_next",
    "amd_parameters": "asterisk/test_platform_calls.py::test_inline_detection_takes_its_arguments_from_the_campaign",
    "amd_treatment": "unit/test_floor_message.py::amd_treatment",
    "caller_id": "unit/test_floor_preview.py::test_a_trunk_shows_no_number_it_does_not_allow",
    "card_fields": "unit/test_store_views.py::test_a_card_shows_the_configured_fields_in_their_order_and_what_was_noted"
    "_before",
    "wrap_up_limit": "asterisk/test_calling_rules.py::test_what_becomes_of_a_contact_goes_by_the_settings",
    "dispositions": "unit/test_floor_preview.py::test_do_not_call_in_the_wrap_up_keeps_the_number_from_every_campaign",
    "default_disposition": "asterisk/test_calling_rules.py::test_what_becomes_of_a_contact_goes_by_the_settings",
    "max_attempts": "asterisk/test_calling_rules.py::test_the_last_attempt_is_the_last",
    "retry_after": "asterisk/test_calling_rules.py::test_what_becomes_of_a_contact_goes_by_the_settings",
    "calling_hours": "unit/test_claim_rules.py::test_contacts_whose_hours_ended_are_passed_over_and_get_a_new_time",
    "holidays": "asterisk/test_calling_rules.py::test_at_the_claim_nobody_is_shown_or_called_who_may_not_be",
    "recording": "asterisk/test_recordings.py::recording",
}


def test_every_setting_has_its_line() -> None:
    assert set(SHOWN_BY) == set(CampaignSettings.model_fields)


@pytest.mark.parametrize("setting", SHOWN_BY)
def test_the_test_is_there(setting: str) -> None:
    file, _, name = SHOWN_BY[setting].partition("::")
    text = (TESTS / file).read_text()
    assert f"def {name}(" in text or (not name.startswith("test_") and name in text)
