"""The rows of the flight recorder: how the legs ended that ended while nobody listened."""

from __future__ import annotations

import math
from collections.abc import Iterable

from telephony.pbx.ami import Message
from telephony.pbx.asterisk_book import LEG_ID, number, sip_code
from telephony.pbx.port import RecordedEnd

FAMILY = "pd-legs"


def recorded_ends(rows: Iterable[Message]) -> dict[str, RecordedEnd]:
    """The legs in the rows of a DBGetTree; a row that is not ours, or of a version we do not know, is left out."""
    ends: dict[str, RecordedEnd] = {}
    for row in rows:
        leg = row.text("Key").rpartition("/")[2]
        fields = row.text("Val").split("|")
        if LEG_ID.fullmatch(leg) and fields[0] == "1" and len(fields) >= 9:
            ends[leg] = _recorded_end(leg, fields)
    return ends


def _recorded_end(leg: str, fields: list[str]) -> RecordedEnd:
    """version|state|hangup cause|SIP code|started|answered|ended|AMD status|AMD cause|stage."""
    _, state, cause, sip, _, answered_at, ended_at, amd_verdict, amd_cause = fields[:9]
    return RecordedEnd(
        leg=leg,
        answered=state == "Up" or seconds(answered_at) > 0,
        # Of a leg that was not answered the recorder keeps the last response: 180 or 183 where no final one came.
        rang=state in ("Ringing", "Up") or sip in ("180", "183"),
        cause=number(cause),
        sip=sip_code(sip),
        answered_at=seconds(answered_at),
        ended_at=seconds(ended_at),
        amd_verdict=amd_verdict,
        amd_cause=amd_cause,
        joined=fields[9:10] in (["join"], ["parked"]),
        abandoned=fields[9:10] == ["abandon"],
        message_left=fields[9:10] == ["left"],
    )


def seconds(text: str) -> float:
    """A time of Asterisk's; 0 where there is none."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0


def listeners_of(channels: Iterable[Message], leg: str) -> list[str]:
    """Uniqueids of the channels that listen to a leg, from the rows of CoreShowChannels."""
    return [row.text("Uniqueid") for row in channels if row.text("AccountCode") == f"listen-{leg}"]
