"""The demo's table is strict: whatever differs from the row is named, and only a right row is ok."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from telephony.demo.report import Seen, problems, summary, table
from telephony.demo.table import ROWS, AgentDoes, Row, Way

pytestmark = pytest.mark.unit


def row(suffix: str, way: Way, agent: AgentDoes | None = None) -> Row:
    """The first of these rows; of a mailbox, where nothing is said of the agent, the one that is spoken to."""
    return next(one for one in ROWS if one.suffix == suffix and one.way is way and agent in (None, one.agent))


def seen(suffix: str, way: Way = Way.PARALLEL, agent: AgentDoes | None = None, **call: Any) -> Seen:
    """A call as the API lists it: at noon, second by second, nothing but what is given."""
    moments = ("granted_at", "placed_at", "ringing_at", "answered_at", "joined_at", "ended_at")
    given = {"outcome": None, "verdict": None, "cause": None, "beep_after": None}
    times = {name: None if call.get(name) is None else f"2026-06-17T12:00:{call[name]:06.3f}Z" for name in moments}
    wanted = {**given, **call, **times}
    return Seen(row=row(suffix, way, agent), number=f"+120155501{suffix}", told=wanted["verdict"], call=wanted)


def talked(**changes: Any) -> Seen:
    right = {
        "outcome": "TALKED", "verdict": "HUMAN", "granted_at": 0, "placed_at": 0, "ringing_at": 0.02,
        "answered_at": 4.02, "joined_at": 4.03, "ended_at": 8,
    }  # fmt: skip
    return seen("00", **{**right, **changes})


def test_a_right_row_is_ok() -> None:
    assert problems(talked()) == []
    assert table([talked()]).splitlines()[1].endswith("0.020 s  0.010 s  ok")
    assert summary([talked()]) == "1 of 1 rows are as the table says"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"outcome": "CUSTOMER_LEFT"}, "outcome CUSTOMER_LEFT, wanted TALKED"),
        ({"verdict": "MACHINE", "cause": "MACHINE MAXWORDS"}, "verdict MACHINE (MACHINE MAXWORDS), wanted HUMAN"),
        ({"verdict": None}, "verdict None"),
        ({"beep_after": 3.0}, "a beep where there is none"),
        ({"joined_at": None}, "never joined"),
        ({"joined_at": 5.12}, "joined 1.10 s after the answer"),
    ],
)
def test_a_wrong_row_is_named_and_counted(changes: dict[str, Any], named: str) -> None:
    wrong = talked(**changes)
    assert any(named in one for one in problems(wrong))
    lines = table([wrong]).splitlines()
    assert lines[1].endswith("WRONG")
    assert named in lines[2]
    assert summary([talked(), wrong]) == "1 of 2 rows are as the table says"


def test_a_contact_that_was_never_called_is_wrong() -> None:
    missing = Seen(row=row("10", Way.OFF))
    missing.trouble.append("nothing came for 60 s; the agent was ringing")
    assert problems(missing) == ["nothing came for 60 s; the agent was ringing", "no call was made"]


def test_a_customer_who_is_held_by_inline_detection_may_wait_for_the_verdict_only() -> None:
    held = {"outcome": "TALKED", "verdict": "NO_AUDIO", "answered_at": 4, "ended_at": 9}
    assert problems(seen("08", Way.INLINE, joined_at=7.51, **held)) == []
    assert problems(seen("08", Way.INLINE, joined_at=8.6, **held)) == ["joined 4.60 s after the answer, at most 4.5 s"]


def test_ringing_for_ever_ends_at_the_ring_limit() -> None:
    assert problems(seen("02", outcome="NO_ANSWER_CUSTOMER", placed_at=1, ended_at=17)) == []
    assert problems(seen("02", outcome="NO_ANSWER_CUSTOMER", placed_at=1, ended_at=33)) != []


def test_a_customer_who_hangs_up_at_once_was_joined_or_was_not() -> None:
    assert problems(seen("09", outcome="CUSTOMER_LEFT", answered_at=2, ended_at=2.1)) == []
    assert problems(seen("09", outcome="TALKED", answered_at=2, joined_at=2.01, ended_at=2.1)) == []
    assert problems(seen("09", outcome="TALKED", answered_at=2, ended_at=2.1)) == ["never joined"]
    assert problems(seen("09", outcome="TALKED", answered_at=2, joined_at=2.01, ended_at=3.2)) != []


def test_a_voicemail_needs_its_beep_only_where_somebody_listens() -> None:
    left = {"outcome": "VOICEMAIL_LEFT", "answered_at": 2, "joined_at": 2.01, "ended_at": 8}
    assert problems(seen("05", Way.PARALLEL, verdict="MACHINE", beep_after=4.2, **left)) == []
    assert problems(seen("05", Way.PARALLEL, verdict="MACHINE", **left)) == ["no beep heard"]
    assert problems(seen("05", Way.OFF, **left)) == []


def test_the_agent_is_told_the_verdict_that_is_stored() -> None:
    told_nothing = talked()
    told_nothing.told = None
    assert problems(told_nothing) == ["the agent was told None, the verdict is HUMAN"]


def test_where_the_table_leaves_the_verdict_open_any_is_right() -> None:
    heard_out = {"outcome": "TALKED", "answered_at": 2, "joined_at": 2.01, "ended_at": 27}
    for verdict in ("HUMAN", "MACHINE", None):
        assert problems(seen("12", verdict=verdict, **heard_out)) == []


def test_a_screened_call_must_not_be_cut_off() -> None:
    assert problems(seen("12", Way.PULL, outcome="TALKED", answered_at=2, joined_at=2.01, ended_at=9)) == [
        "cut off after 7.0 s"
    ]


def test_a_dropped_message_begins_after_the_beep_or_the_silence_and_is_whole() -> None:
    dropped = {"outcome": "MESSAGE_DROPPED", "verdict": "MACHINE", "answered_at": 2, "joined_at": 2.01}
    for suffix, beep, right in (("05", 4.2, 9.7), ("07", None, 25.7)):
        drop = partial(seen, suffix, agent=AgentDoes.DROP_MESSAGE, beep_after=beep, **dropped)
        assert problems(drop(ended_at=right)) == []
        (wrong,) = problems(drop(ended_at=right - 5))
        assert "the message was over after" in wrong


def test_a_call_is_cancelled_while_it_rings() -> None:
    assert problems(seen("02", Way.DIRECT, outcome="AGENT_CANCELLED", ringing_at=1, ended_at=3)) == []
    assert problems(seen("02", Way.DIRECT, outcome="AGENT_CANCELLED", ended_at=3)) == ["never rang"]


def test_from_the_agents_own_leg_a_hasty_customer_is_always_joined() -> None:
    at_once = {"answered_at": 2, "ended_at": 2.1}
    assert problems(seen("09", Way.DIRECT, outcome="TALKED", joined_at=2.01, **at_once)) == []
    assert problems(seen("09", Way.DIRECT, outcome="CUSTOMER_LEFT", **at_once)) != []


def test_every_behaviour_is_called_every_way_and_a_beep_is_dropped_on_too() -> None:
    played = {(row.suffix, row.way) for row in ROWS}
    assert played == {(f"{behaviour:02}", way) for behaviour in range(14) for way in Way}
    drops = {(row.suffix, row.way) for row in ROWS if row.agent is AgentDoes.DROP_MESSAGE}
    assert drops == {(suffix, way) for suffix in ("05", "06", "07") for way in (Way.OFF, Way.PARALLEL, Way.INLINE)}
