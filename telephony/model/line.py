"""The agent's line where the phone is a browser: a reload ends the page's call, and not the line.

`held` is every line that is as it should be. A page that comes back without its call (CALL_LOST) is called anew for
the same reservation, while its customer waits; so is one that is there and whose leg ended for want of sound
(LEG_LOST). Whoever does not come back within `RECOVERY_WITHIN` is lost as one who hung up. UNWANTED: the work on this
line is over meanwhile, and it is to end.
"""

from __future__ import annotations

from enum import StrEnum

from telephony.model.table import Table

RECOVERY_WITHIN = 10.0
"""Seconds from the loss on that a customer waits for the agent's page. A reload takes a tenth of a second on a fast
machine and a few on a slow one; as long as that Asterisk waits for the sound of a killed browser (rtp_timeout)."""


class LineState(StrEnum):
    HELD = "held"
    LEAVING = "leaving"  # the dead leg is being ended
    CALLING = "calling"  # the page's new leg
    AWAY = "away"  # no leg: the page could not be called
    GIVEN_UP = "given_up"  # the last leg is being ended


class LineEvent(StrEnum):
    CALL_LOST = "call_lost"
    APPEARED = "appeared"  # its leg is there, whose end was asked for before
    LEG_LOST = "leg_lost"
    LEG_ENDED = "leg_ended"
    ANSWERED = "answered"
    TIME_UP = "time_up"
    UNWANTED = "unwanted"


class LineEffect(StrEnum):
    START_CLOCK = "start_clock"
    STOP_CLOCK = "stop_clock"
    PARK_CUSTOMER = "park_customer"
    END_LEG = "end_leg"
    CALL_PHONE = "call_phone"
    JOIN_CUSTOMER = "join_customer"
    LOSE_LINE = "lose_line"


_S, _E, _X = LineState, LineEvent, LineEffect

LINE = Table(
    "line",
    initial=_S.HELD,
    rows={
        (_S.HELD, _E.CALL_LOST): (_S.LEAVING, (_X.START_CLOCK, _X.PARK_CUSTOMER, _X.END_LEG)),
        (_S.HELD, _E.LEG_LOST): (_S.CALLING, (_X.START_CLOCK, _X.CALL_PHONE)),
        (_S.LEAVING, _E.CALL_LOST): (_S.LEAVING, ()),
        (_S.LEAVING, _E.LEG_ENDED): (_S.CALLING, (_X.CALL_PHONE,)),
        (_S.LEAVING, _E.APPEARED): (_S.LEAVING, (_X.END_LEG,)),
        (_S.LEAVING, _E.ANSWERED): (_S.LEAVING, (_X.END_LEG,)),
        (_S.LEAVING, _E.TIME_UP): (_S.GIVEN_UP, ()),
        (_S.LEAVING, _E.UNWANTED): (_S.HELD, (_X.STOP_CLOCK,)),
        (_S.CALLING, _E.CALL_LOST): (_S.LEAVING, (_X.END_LEG,)),
        (_S.CALLING, _E.ANSWERED): (_S.HELD, (_X.STOP_CLOCK, _X.JOIN_CUSTOMER)),
        (_S.CALLING, _E.LEG_ENDED): (_S.AWAY, ()),
        (_S.CALLING, _E.TIME_UP): (_S.GIVEN_UP, (_X.END_LEG,)),
        (_S.CALLING, _E.UNWANTED): (_S.HELD, (_X.STOP_CLOCK,)),
        (_S.AWAY, _E.CALL_LOST): (_S.CALLING, (_X.CALL_PHONE,)),
        (_S.AWAY, _E.TIME_UP): (_S.HELD, (_X.LOSE_LINE,)),
        (_S.AWAY, _E.UNWANTED): (_S.HELD, (_X.STOP_CLOCK, _X.LOSE_LINE)),
        (_S.GIVEN_UP, _E.CALL_LOST): (_S.GIVEN_UP, ()),
        (_S.GIVEN_UP, _E.LEG_ENDED): (_S.HELD, (_X.LOSE_LINE,)),
        (_S.GIVEN_UP, _E.APPEARED): (_S.GIVEN_UP, (_X.END_LEG,)),
        (_S.GIVEN_UP, _E.ANSWERED): (_S.GIVEN_UP, (_X.END_LEG,)),
        (_S.GIVEN_UP, _E.UNWANTED): (_S.HELD, (_X.STOP_CLOCK,)),
    },
)
