"""The contact's states (SPEC section 4): where a person to call stands in a campaign.

A contact holds its number from the claim on; `in_attempt` is left only when the attempt has ended and, where
there was a call, its wrap-up has said what becomes of the contact: leaving frees the number for others.
"""

from __future__ import annotations

from enum import StrEnum

from telephony.model.table import Table


class ContactState(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    IN_ATTEMPT = "in_attempt"
    CALLBACK = "callback"
    DONE = "done"
    REMOVED = "removed"
    BLOCKED = "blocked"


class ContactEvent(StrEnum):
    CLAIM = "claim"
    GIVE_BACK = "give_back"
    GIVE_BACK_CALLBACK = "give_back_callback"  # it was claimed as a callback and stays one
    POSTPONE = "postpone"  # skipped; waits for its retry time
    SKIPPED_OUT = "skipped_out"  # skipped for the last time
    START_ATTEMPT = "start_attempt"
    RETRY = "retry"
    SCHEDULE_CALLBACK = "schedule_callback"
    CLOSE = "close"
    REMOVE = "remove"
    RESTORE = "restore"  # a supervisor undoes a removal
    BLOCK = "block"
    UNBLOCK = "unblock"
    REOPEN = "reopen"  # a supervisor wants a finished contact called again


class ContactEffect(StrEnum):
    TAKE_NUMBER = "take_number"
    FREE_NUMBER = "free_number"
    WITHDRAW_OFFER = "withdraw_offer"


_S, _E, _X = ContactState, ContactEvent, ContactEffect

CONTACT = Table(
    "contact",
    initial=_S.WAITING,
    rows={
        (_S.WAITING, _E.CLAIM): (_S.OFFERED, (_X.TAKE_NUMBER,)),
        (_S.WAITING, _E.REMOVE): (_S.REMOVED, ()),
        (_S.WAITING, _E.BLOCK): (_S.BLOCKED, ()),
        (_S.WAITING, _E.CLOSE): (_S.DONE, ()),
        (_S.CALLBACK, _E.CLAIM): (_S.OFFERED, (_X.TAKE_NUMBER,)),
        (_S.CALLBACK, _E.REMOVE): (_S.REMOVED, ()),
        (_S.CALLBACK, _E.BLOCK): (_S.BLOCKED, ()),
        (_S.CALLBACK, _E.CLOSE): (_S.DONE, ()),
        (_S.CALLBACK, _E.RETRY): (_S.WAITING, ()),
        (_S.OFFERED, _E.GIVE_BACK): (_S.WAITING, (_X.FREE_NUMBER,)),
        (_S.OFFERED, _E.GIVE_BACK_CALLBACK): (_S.CALLBACK, (_X.FREE_NUMBER,)),
        (_S.OFFERED, _E.POSTPONE): (_S.WAITING, (_X.FREE_NUMBER,)),
        (_S.OFFERED, _E.SKIPPED_OUT): (_S.DONE, (_X.FREE_NUMBER,)),
        (_S.OFFERED, _E.REMOVE): (_S.REMOVED, (_X.FREE_NUMBER, _X.WITHDRAW_OFFER)),
        (_S.OFFERED, _E.BLOCK): (_S.BLOCKED, (_X.FREE_NUMBER, _X.WITHDRAW_OFFER)),
        (_S.OFFERED, _E.START_ATTEMPT): (_S.IN_ATTEMPT, ()),
        (_S.IN_ATTEMPT, _E.GIVE_BACK): (_S.WAITING, (_X.FREE_NUMBER,)),
        (_S.IN_ATTEMPT, _E.GIVE_BACK_CALLBACK): (_S.CALLBACK, (_X.FREE_NUMBER,)),
        (_S.IN_ATTEMPT, _E.RETRY): (_S.WAITING, (_X.FREE_NUMBER,)),
        (_S.IN_ATTEMPT, _E.SCHEDULE_CALLBACK): (_S.CALLBACK, (_X.FREE_NUMBER,)),
        (_S.IN_ATTEMPT, _E.CLOSE): (_S.DONE, (_X.FREE_NUMBER,)),
        (_S.IN_ATTEMPT, _E.REMOVE): (_S.REMOVED, (_X.FREE_NUMBER,)),
        (_S.IN_ATTEMPT, _E.BLOCK): (_S.BLOCKED, (_X.FREE_NUMBER,)),
        (_S.REMOVED, _E.RESTORE): (_S.WAITING, ()),
        (_S.BLOCKED, _E.UNBLOCK): (_S.WAITING, ()),
        (_S.DONE, _E.REOPEN): (_S.WAITING, ()),
        (_S.DONE, _E.REMOVE): (_S.REMOVED, ()),
    },
)
