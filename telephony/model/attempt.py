"""The attempt's states (SPEC section 4): one try to reach one contact.

`cancelling` is left only by the end of the leg: a customer who answers there is hung up, never joined. A
cancel in `answered` or `talking` is not in the table: the caller is told CALL_ANSWERED and the call goes on.
A call that was handed over lives on as `transferred` without its agent, who wraps it up meanwhile.
`unknown` is entered when the link to Asterisk is lost and left when the flight recorder and the channel list
have told what really happened; a leg's end that arrives while they are being read settles it as well.
"""

from __future__ import annotations

from enum import StrEnum

from telephony.model.table import Table


class AttemptState(StrEnum):
    GRANTED = "granted"
    CALLING_AGENT = "calling_agent"  # pull only
    PLACING = "placing"
    RINGING = "ringing"
    ANSWERED = "answered"
    TALKING = "talking"
    MESSAGE = "message"
    TRANSFERRED = "transferred"  # the customer talks to whom the agent handed the call to
    CANCELLING = "cancelling"
    UNKNOWN = "unknown"
    ENDED = "ended"


class AttemptEvent(StrEnum):
    CALL_AGENT = "call_agent"
    AGENT_FAILED = "agent_failed"
    PLACE = "place"
    NOT_PLACED = "not_placed"  # the checks in the placing transaction said no
    NEXT_LEG = "next_leg"  # the former trunk failed before the customer's phone rang
    APPEARED = "appeared"  # the leg's channel exists
    RANG = "rang"
    ANSWERED = "answered"
    JOINED = "joined"
    CANCEL = "cancel"
    HANG_UP = "hang_up"
    AGENT_GONE = "agent_gone"
    DROP_MESSAGE = "drop_message"
    HAND_OVER = "hand_over"
    LEG_ENDED = "leg_ended"
    LINK_LOST = "link_lost"
    FOUND_PLACING = "found_placing"
    FOUND_RINGING = "found_ringing"
    FOUND_ANSWERED = "found_answered"
    FOUND_TALKING = "found_talking"
    FOUND_MESSAGE = "found_message"
    FOUND_TRANSFERRED = "found_transferred"
    FOUND_UNWANTED = "found_unwanted"  # alive although its end was already asked for
    FOUND_ENDED = "found_ended"


class AttemptEffect(StrEnum):
    RING_AGENT = "ring_agent"
    PLACE_LEG = "place_leg"
    END_LEG = "end_leg"
    ABANDON = "abandon"
    PLAY_MESSAGE = "play_message"
    SETTLE = "settle"  # give back the grant, close the books on the contact, free the agent


_S, _E, _X = AttemptState, AttemptEvent, AttemptEffect

ATTEMPT = Table(
    "attempt",
    initial=_S.GRANTED,
    final=frozenset({_S.ENDED}),
    rows={
        (_S.GRANTED, _E.PLACE): (_S.PLACING, (_X.PLACE_LEG,)),
        (_S.GRANTED, _E.CALL_AGENT): (_S.CALLING_AGENT, (_X.RING_AGENT,)),
        (_S.GRANTED, _E.NOT_PLACED): (_S.ENDED, (_X.SETTLE,)),
        (_S.GRANTED, _E.CANCEL): (_S.ENDED, (_X.SETTLE,)),
        (_S.GRANTED, _E.AGENT_GONE): (_S.ENDED, (_X.SETTLE,)),
        (_S.CALLING_AGENT, _E.PLACE): (_S.PLACING, (_X.PLACE_LEG,)),
        (_S.CALLING_AGENT, _E.NOT_PLACED): (_S.ENDED, (_X.SETTLE,)),
        (_S.CALLING_AGENT, _E.AGENT_FAILED): (_S.ENDED, (_X.SETTLE,)),
        (_S.CALLING_AGENT, _E.CANCEL): (_S.ENDED, (_X.SETTLE,)),
        (_S.CALLING_AGENT, _E.LINK_LOST): (_S.UNKNOWN, ()),
        (_S.PLACING, _E.APPEARED): (_S.PLACING, ()),
        (_S.PLACING, _E.NEXT_LEG): (_S.PLACING, (_X.PLACE_LEG,)),
        (_S.PLACING, _E.RANG): (_S.RINGING, ()),
        (_S.PLACING, _E.ANSWERED): (_S.ANSWERED, ()),
        (_S.PLACING, _E.CANCEL): (_S.CANCELLING, (_X.END_LEG,)),
        (_S.PLACING, _E.AGENT_GONE): (_S.CANCELLING, (_X.END_LEG,)),
        (_S.PLACING, _E.LEG_ENDED): (_S.ENDED, (_X.SETTLE,)),
        (_S.PLACING, _E.NOT_PLACED): (_S.ENDED, (_X.SETTLE,)),
        (_S.PLACING, _E.LINK_LOST): (_S.UNKNOWN, ()),
        (_S.RINGING, _E.RANG): (_S.RINGING, ()),
        (_S.RINGING, _E.ANSWERED): (_S.ANSWERED, ()),
        (_S.RINGING, _E.CANCEL): (_S.CANCELLING, (_X.END_LEG,)),
        (_S.RINGING, _E.AGENT_GONE): (_S.CANCELLING, (_X.END_LEG,)),
        (_S.RINGING, _E.LEG_ENDED): (_S.ENDED, (_X.SETTLE,)),
        (_S.RINGING, _E.LINK_LOST): (_S.UNKNOWN, ()),
        (_S.ANSWERED, _E.JOINED): (_S.TALKING, ()),
        (_S.ANSWERED, _E.DROP_MESSAGE): (_S.MESSAGE, (_X.PLAY_MESSAGE,)),
        (_S.ANSWERED, _E.HANG_UP): (_S.ANSWERED, (_X.END_LEG,)),
        (_S.ANSWERED, _E.AGENT_GONE): (_S.ANSWERED, (_X.ABANDON,)),
        (_S.ANSWERED, _E.LEG_ENDED): (_S.ENDED, (_X.SETTLE,)),
        (_S.ANSWERED, _E.LINK_LOST): (_S.UNKNOWN, ()),
        (_S.TALKING, _E.HANG_UP): (_S.TALKING, (_X.END_LEG,)),
        (_S.TALKING, _E.AGENT_GONE): (_S.TALKING, (_X.END_LEG,)),
        (_S.TALKING, _E.DROP_MESSAGE): (_S.MESSAGE, (_X.PLAY_MESSAGE,)),
        (_S.TALKING, _E.LEG_ENDED): (_S.ENDED, (_X.SETTLE,)),
        (_S.TALKING, _E.LINK_LOST): (_S.UNKNOWN, ()),
        (_S.MESSAGE, _E.HANG_UP): (_S.MESSAGE, (_X.END_LEG,)),
        (_S.MESSAGE, _E.LEG_ENDED): (_S.ENDED, (_X.SETTLE,)),
        (_S.MESSAGE, _E.LINK_LOST): (_S.UNKNOWN, ()),
        (_S.TALKING, _E.HAND_OVER): (_S.TRANSFERRED, ()),
        (_S.TRANSFERRED, _E.HANG_UP): (_S.TRANSFERRED, (_X.END_LEG,)),
        (_S.TRANSFERRED, _E.LEG_ENDED): (_S.ENDED, (_X.SETTLE,)),
        (_S.TRANSFERRED, _E.LINK_LOST): (_S.UNKNOWN, ()),
        (_S.CANCELLING, _E.APPEARED): (_S.CANCELLING, (_X.END_LEG,)),
        (_S.CANCELLING, _E.RANG): (_S.CANCELLING, ()),
        (_S.CANCELLING, _E.ANSWERED): (_S.CANCELLING, (_X.END_LEG,)),
        (_S.CANCELLING, _E.JOINED): (_S.CANCELLING, (_X.END_LEG,)),
        (_S.CANCELLING, _E.AGENT_GONE): (_S.CANCELLING, ()),
        (_S.CANCELLING, _E.LEG_ENDED): (_S.ENDED, (_X.SETTLE,)),
        (_S.CANCELLING, _E.LINK_LOST): (_S.UNKNOWN, ()),
        (_S.UNKNOWN, _E.LINK_LOST): (_S.UNKNOWN, ()),
        (_S.UNKNOWN, _E.LEG_ENDED): (_S.ENDED, (_X.SETTLE,)),
        (_S.UNKNOWN, _E.FOUND_PLACING): (_S.PLACING, ()),
        (_S.UNKNOWN, _E.FOUND_RINGING): (_S.RINGING, ()),
        (_S.UNKNOWN, _E.FOUND_ANSWERED): (_S.ANSWERED, ()),
        (_S.UNKNOWN, _E.FOUND_TALKING): (_S.TALKING, ()),
        (_S.UNKNOWN, _E.FOUND_MESSAGE): (_S.MESSAGE, ()),
        (_S.UNKNOWN, _E.FOUND_TRANSFERRED): (_S.TRANSFERRED, ()),
        (_S.UNKNOWN, _E.FOUND_UNWANTED): (_S.CANCELLING, (_X.END_LEG,)),
        (_S.UNKNOWN, _E.FOUND_ENDED): (_S.ENDED, (_X.SETTLE,)),
    },
)

LIVE = frozenset(_S) - {_S.ENDED}
"""States in which an attempt holds its contact, its number and its grant."""
