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
    "offer_timeout_action": "asterisk/test_settings.py::test_the_timers_action_runs_also_where_agents_may_not",
    "disabled_actions": "asterisk/test_settings.py::test_the_timers_action_runs_also_where_agents_may_not",
    "skip_retry_after": "asterisk/test_calling_rules.py::test_what_becomes_of_a_contact_goes_by_the_settings",
    "max_skips": "asterisk/test_calling_rules.py::test_a_changed_setting_counts_for_the_next_offer",
    "end_call_enabled": "asterisk/test_preview_calls.py::test_a_cancel_is_not_allowed_where_the_campaign_says_so",
    "ring_limit": "asterisk/test_demo.py::test_the_scripted_demo_is_right_in_every_row",
    "reservation_ring_limit": "asterisk/test_agent_legs.py::RING_LIMIT",
    "keep_line": "asterisk/test_settings.py::test_a_kept_line_stays_up_through_the_wrap_up",
    "amd": "asterisk/test_preview_calls.py::test_an_agent_is_reserved_talks_wraps_up_and_gets_the_next",
    "amd_parameters": "asterisk/test_platform_calls.py::test_inline_detection_takes_its_arguments_from_the_campaign",
    "amd_treatment": "asterisk/test_mailbox.py::test_a_machine_is_hung_up_on_and_the_agent_gets_the_next_contact",
    "caller_id": "asterisk/test_settings.py::test_the_customer_sees_the_campaigns_number_where_the_trunk_allows_it",
    "card_fields": "asterisk/test_settings.py::test_the_card_has_the_campaigns_fields_once_the_agent_has_answered",
    "wrap_up_limit": "asterisk/test_calling_rules.py::test_what_becomes_of_a_contact_goes_by_the_settings",
    "dispositions": "asterisk/test_settings.py::test_a_disposition_of_the_campaign_decides_on_the_customer",
    "default_disposition": "asterisk/test_calling_rules.py::test_what_becomes_of_a_contact_goes_by_the_settings",
    "max_attempts": "asterisk/test_calling_rules.py::test_the_last_attempt_is_the_last",
    "retry_after": "asterisk/test_calling_rules.py::test_what_becomes_of_a_contact_goes_by_the_settings",
    "calling_hours": "asterisk/test_settings.py::test_outside_its_hours_nobody_is_rung_for_a_campaign",
    "holidays": "asterisk/test_calling_rules.py::test_at_the_claim_nobody_is_shown_or_called_who_may_not_be",
    "recording": "asterisk/test_recordings.py::recording",
}


def test_every_setting_has_its_line() -> None:
    assert set(SHOWN_BY) == set(CampaignSettings.model_fields)
    assert [name for name, test in SHOWN_BY.items() if not test.startswith("asterisk/")] == []  # with real phones


@pytest.mark.parametrize("setting", SHOWN_BY)
def test_the_test_is_there(setting: str) -> None:
    file, _, name = SHOWN_BY[setting].partition("::")
    text = (TESTS / file).read_text()
    assert f"def {name}(" in text or (not name.startswith("test_") and name in text)
