"""The flight recorder's rows, as Asterisk 22.10 wrote them."""

from __future__ import annotations

import pytest

from telephony.pbx.ami import Message
from telephony.pbx.asterisk_survey import recorded_ends
from telephony.pbx.port import RecordedEnd

pytestmark = pytest.mark.unit

LEG = "0197a000-0000-7000-8000-00000000000c"


def read(value: str, key: str = f"/pd-legs/{LEG}") -> dict[str, RecordedEnd]:
    return recorded_ends([Message({"key": key, "val": value})])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "1|Up|16|200||1795354472.432|1795354473.014|HUMAN|HUMAN-800-800",
            RecordedEnd(
                leg=LEG,
                answered=True,
                rang=True,
                cause=16,
                sip=200,
                answered_at=1795354472.432,
                ended_at=1795354473.014,
                amd_verdict="HUMAN",
                amd_cause="HUMAN-800-800",
            ),
        ),
        # talked with the agent, without machine detection
        (
            "1|Up|16|||1795354472.432|1795354473.014|||join",
            RecordedEnd(
                leg=LEG,
                answered=True,
                rang=True,
                cause=16,
                sip=None,
                answered_at=1795354472.432,
                ended_at=1795354473.014,
                joined=True,
            ),
        ),
        (
            "1|Ringing|17|486|||1795354259.970||",
            RecordedEnd(leg=LEG, answered=False, rang=True, cause=17, sip=486, ended_at=1795354259.970),
        ),
        # the ring limit: the last response was the 180
        (
            "1|Ringing|19|180|||1795354157.940||",
            RecordedEnd(leg=LEG, answered=False, rang=True, cause=19, sip=None, ended_at=1795354157.940),
        ),
        # early media, and the ring limit
        (
            "1|Down|19|183|||1795354152.303||",
            RecordedEnd(leg=LEG, answered=False, rang=True, cause=19, sip=None, ended_at=1795354152.303),
        ),
        # nobody answered the INVITE at all
        (
            "1|Down|19||||1795354264.388||",
            RecordedEnd(leg=LEG, answered=False, rang=False, cause=19, sip=None, ended_at=1795354264.388),
        ),
    ],
)
def test_a_row(value: str, expected: RecordedEnd) -> None:
    assert read(value) == {LEG: expected}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("/pd-legs/", "1|Up|16|200||||||"),
        ("/pd-legs/not-a-leg", "1|Up|16|200|||||"),
        (f"/pd-legs/{LEG}", "2|Up|16|200|||||"),
        (f"/pd-legs/{LEG}", "1|Up"),
        (f"/pd-legs/{LEG}", ""),
    ],
)
def test_a_row_that_is_none_of_ours_is_left_out(key: str, value: str) -> None:
    assert read(value, key) == {}


def test_a_row_with_nonsense_in_it_is_read_as_far_as_it_makes_sense() -> None:
    end = read("1|Down|x|y|z|a|nan||")[LEG]
    assert (end.answered, end.cause, end.sip, end.answered_at) == (False, 0, None, 0.0)
