"""The table of reason codes is complete and true to the code and to the tests it names."""

from __future__ import annotations

import pytest

from telephony.model.reason_table import GROUPS, document
from tests.reasons import FILE, provoked

pytestmark = pytest.mark.unit

CODES = [row.code for _, rows in GROUPS for row in rows]


def test_reasons_md_is_what_code_and_tests_say_today() -> None:
    assert FILE.read_text(encoding="utf-8") == document(provoked()), "run: make docs"


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_provoked_on_a_real_asterisk(code: str) -> None:
    assert code in provoked(), "mark the test that provokes it: @pytest.mark.reason(...)"


def test_no_test_claims_a_code_there_is_none_of() -> None:
    assert set(provoked()) <= set(CODES)
