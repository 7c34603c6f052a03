"""The offer's states (SPEC section 4): one contact, one agent, one winner.

`timed_out` keeps the timer's action beside it, `withdrawn` its reason code. Nothing leaves a closed offer.
"""

from __future__ import annotations

from enum import StrEnum

from telephony.model.table import Table


class OfferState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    SKIPPED = "skipped"
    REMOVED = "removed"
    LEFT = "left"
    TIMED_OUT = "timed_out"
    WITHDRAWN = "withdrawn"


class OfferEvent(StrEnum):
    ACCEPT = "accept"
    SKIP = "skip"
    REMOVE = "remove"
    LEAVE = "leave"
    TIMER_ACCEPT = "timer_accept"
    TIMER_ACCEPT_REFUSED = "timer_accept_refused"  # no capacity for the timer's accept
    TIMER_SKIP = "timer_skip"
    TIMER_REMOVE = "timer_remove"
    TIMER_IDLE = "timer_idle"
    WITHDRAW = "withdraw"  # hours, do-not-call, removal, campaign stop ...


class OfferEffect(StrEnum):
    DIAL = "dial"
    POSTPONE_CONTACT = "postpone_contact"  # retry after the skip time, or done after max_skips
    REMOVE_CONTACT = "remove_contact"
    GIVE_BACK_CONTACT = "give_back_contact"
    PAUSE_CONTACT = "pause_contact"  # back, but not for the next 30 s


_S, _E, _X = OfferState, OfferEvent, OfferEffect

OFFER = Table(
    "offer",
    initial=_S.OPEN,
    final=frozenset(_S) - {_S.OPEN},
    rows={
        (_S.OPEN, _E.ACCEPT): (_S.ACCEPTED, (_X.DIAL,)),
        (_S.OPEN, _E.SKIP): (_S.SKIPPED, (_X.POSTPONE_CONTACT,)),
        (_S.OPEN, _E.REMOVE): (_S.REMOVED, (_X.REMOVE_CONTACT,)),
        (_S.OPEN, _E.LEAVE): (_S.LEFT, (_X.GIVE_BACK_CONTACT,)),
        (_S.OPEN, _E.TIMER_ACCEPT): (_S.TIMED_OUT, (_X.DIAL,)),
        (_S.OPEN, _E.TIMER_ACCEPT_REFUSED): (_S.TIMED_OUT, (_X.PAUSE_CONTACT,)),
        (_S.OPEN, _E.TIMER_SKIP): (_S.TIMED_OUT, (_X.POSTPONE_CONTACT,)),
        (_S.OPEN, _E.TIMER_REMOVE): (_S.TIMED_OUT, (_X.REMOVE_CONTACT,)),
        (_S.OPEN, _E.TIMER_IDLE): (_S.TIMED_OUT, (_X.GIVE_BACK_CONTACT,)),
        (_S.OPEN, _E.WITHDRAW): (_S.WITHDRAWN, (_X.GIVE_BACK_CONTACT,)),
    },
)
