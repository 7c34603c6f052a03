"""Handing a customer over to somebody else (a colleague, or a number): what leads to what.

The customer is on hold from the start. `blind`: they are joined to the third party as soon as that answers;
`consult`: the agent talks to the third party first, and completes the transfer or takes the customer back. A transfer
that comes to nothing brings agent and customer together again, whatever went wrong. When agent or customer hang up the
call ends as ever, and the transfer with it.
"""

from __future__ import annotations

from enum import StrEnum

from telephony.model.table import Table


class TransferState(StrEnum):
    NONE = "none"
    BLIND = "blind"  # the third party's phone rings
    CONSULT = "consult"  # it rings, and the agent wants to talk to them first
    TALKING = "talking"  # agent and third party talk
    PASSING = "passing"  # customer and third party are being joined
    HANDED_OVER = "handed_over"


class TransferEvent(StrEnum):
    BLIND = "blind"
    CONSULT = "consult"
    ANSWERED = "answered"
    COMPLETE = "complete"
    CANCEL = "cancel"
    JOINED = "joined"  # customer and third party hear each other
    NOT_JOINED = "not_joined"
    THIRD_ENDED = "third_ended"
    CALL_ENDED = "call_ended"  # the customer, or the agent, is gone


class TransferEffect(StrEnum):
    HOLD_CUSTOMER = "hold_customer"
    CALL_THIRD = "call_third"
    END_THIRD = "end_third"
    JOIN_AGENT = "join_agent"
    HAND_OVER = "hand_over"
    FREE_AGENT = "free_agent"
    TAKE_BACK = "take_back"


_S, _E, _X = TransferState, TransferEvent, TransferEffect

TRANSFER = Table(
    "transfer",
    initial=_S.NONE,
    final=frozenset({_S.HANDED_OVER}),
    rows={
        (_S.NONE, _E.BLIND): (_S.BLIND, (_X.HOLD_CUSTOMER, _X.CALL_THIRD)),
        (_S.NONE, _E.CONSULT): (_S.CONSULT, (_X.HOLD_CUSTOMER, _X.CALL_THIRD)),
        (_S.BLIND, _E.ANSWERED): (_S.PASSING, (_X.HAND_OVER,)),
        (_S.BLIND, _E.CANCEL): (_S.NONE, (_X.END_THIRD, _X.TAKE_BACK)),
        (_S.BLIND, _E.THIRD_ENDED): (_S.NONE, (_X.TAKE_BACK,)),
        (_S.BLIND, _E.CALL_ENDED): (_S.NONE, (_X.END_THIRD,)),
        (_S.CONSULT, _E.ANSWERED): (_S.TALKING, (_X.JOIN_AGENT,)),
        (_S.CONSULT, _E.COMPLETE): (_S.BLIND, ()),
        (_S.CONSULT, _E.CANCEL): (_S.NONE, (_X.END_THIRD, _X.TAKE_BACK)),
        (_S.CONSULT, _E.THIRD_ENDED): (_S.NONE, (_X.TAKE_BACK,)),
        (_S.CONSULT, _E.CALL_ENDED): (_S.NONE, (_X.END_THIRD,)),
        (_S.TALKING, _E.COMPLETE): (_S.PASSING, (_X.HAND_OVER,)),
        (_S.TALKING, _E.CANCEL): (_S.NONE, (_X.END_THIRD, _X.TAKE_BACK)),
        (_S.TALKING, _E.NOT_JOINED): (_S.NONE, (_X.END_THIRD, _X.TAKE_BACK)),
        (_S.TALKING, _E.THIRD_ENDED): (_S.NONE, (_X.TAKE_BACK,)),
        (_S.TALKING, _E.CALL_ENDED): (_S.NONE, (_X.END_THIRD,)),
        (_S.PASSING, _E.JOINED): (_S.HANDED_OVER, (_X.FREE_AGENT,)),
        (_S.PASSING, _E.NOT_JOINED): (_S.NONE, (_X.END_THIRD, _X.TAKE_BACK)),
        (_S.PASSING, _E.THIRD_ENDED): (_S.NONE, (_X.TAKE_BACK,)),
        (_S.PASSING, _E.CALL_ENDED): (_S.NONE, (_X.END_THIRD,)),
    },
)
