"""Silence and doubt count as a human; only a recorded greeting is a machine (SPEC section 2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.model.machine_detection import Verdict, verdict_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("status", "cause", "expected"),
    [
        ("HUMAN", "HUMAN-800-800", Verdict.HUMAN),
        ("MACHINE", "MAXWORDS-4-3", Verdict.MACHINE),
        ("MACHINE", "LONGGREETING-1500-1500", Verdict.MACHINE),
        ("MACHINE", "MAXWORDLENGTH-5020", Verdict.MACHINE),
        ("MACHINE", "INITIALSILENCE-2500-2500", Verdict.NO_AUDIO),
        ("NOTSURE", "TOOLONG-3500", Verdict.NOT_SURE),
        ("NOTSURE", "TIMEOUT", Verdict.NOT_SURE),
        ("FAX", "CED", Verdict.FAX),
        ("HANGUP", "", Verdict.NOT_SURE),
        ("", "", Verdict.NOT_SURE),
    ],
)
def test_what_asterisk_says_in_the_product_s_words(status: str, cause: str, expected: Verdict) -> None:
    assert verdict_of(status, cause) is expected


@given(status=st.text(max_size=12), cause=st.text(max_size=30))
def test_nothing_else_is_ever_called_a_machine(status: str, cause: str) -> None:
    assert verdict_of(status, cause) is not Verdict.MACHINE or status == "MACHINE"
