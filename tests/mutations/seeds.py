"""The thirty faults: in which file of telephony/model, which text becomes which."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """`before` occurs exactly once in the file; `tables` faults are shown to the property tests too."""

    name: str
    module: str
    before: str
    after: str

    @property
    def tables(self) -> bool:
        return self.module in ("agent", "offer", "attempt", "contact", "table")


MUTATIONS = (
    Mutation(
        "a failed reservation call is not known",
        "agent",
        "        (_S.RINGING, _E.RING_FAILED): (_S.IDLE, (_X.GIVE_BACK,)),\n",
        "",
    ),
    Mutation(
        "a failed reservation call keeps the contact",
        "agent",
        "(_S.RINGING, _E.RING_FAILED): (_S.IDLE, (_X.GIVE_BACK,))",
        "(_S.RINGING, _E.RING_FAILED): (_S.IDLE, ())",
    ),
    Mutation(
        "the line stays up after a call",
        "agent",
        "(_S.TALKING, _E.CALL_ENDED): (_S.WRAP_UP, (_X.END_LINE, _X.START_WRAP_UP))",
        "(_S.TALKING, _E.CALL_ENDED): (_S.WRAP_UP, (_X.START_WRAP_UP,))",
    ),
    Mutation(
        "a lost desktop leaves its offer open",
        "agent",
        "(_S.PREVIEWING, _E.DESKTOP_LOST): (_S.IDLE, (_X.STOP_OFFER_TIMER, _X.CLOSE_OFFER_LEFT, _X.END_LINE))",
        "(_S.PREVIEWING, _E.DESKTOP_LOST): (_S.IDLE, (_X.STOP_OFFER_TIMER, _X.END_LINE))",
    ),
    Mutation(
        "the agent hangs up and the customer rings on",
        "agent",
        "(_S.DIALING, _E.LINE_LOST): (_S.IDLE, (_X.END_ATTEMPT,))",
        "(_S.DIALING, _E.LINE_LOST): (_S.IDLE, ())",
    ),
    Mutation(
        "wrap-up ends in idle",
        "agent",
        "(_S.WRAP_UP, _E.WRAPPED_UP): (_S.AVAILABLE, (_X.FIND_CONTACT,))",
        "(_S.WRAP_UP, _E.WRAPPED_UP): (_S.IDLE, ())",
    ),
    Mutation(
        "a failed attempt brings no next offer",
        "agent",
        "(_S.DIALING, _E.ATTEMPT_FAILED): (_S.RESERVED, (_X.NEXT_OFFER,))",
        "(_S.DIALING, _E.ATTEMPT_FAILED): (_S.RESERVED, ())",
    ),
    Mutation(
        "the offer timer runs on after accept",
        "agent",
        "(_S.PREVIEWING, _E.ACCEPTED): (_S.DIALING, (_X.STOP_OFFER_TIMER,))",
        "(_S.PREVIEWING, _E.ACCEPTED): (_S.DIALING, ())",
    ),
    Mutation(
        "a wish during a call is carried out at once",
        "agent",
        "(_S.TALKING, _E.GO_IDLE): (_S.TALKING, (_X.REMEMBER_WISH,))",
        "(_S.TALKING, _E.GO_IDLE): (_S.IDLE, ())",
    ),
    Mutation(
        "leave keeps the contact",
        "offer",
        "(_S.OPEN, _E.LEAVE): (_S.LEFT, (_X.GIVE_BACK_CONTACT,))",
        "(_S.OPEN, _E.LEAVE): (_S.LEFT, ())",
    ),
    Mutation(
        "a skipped offer stays open",
        "offer",
        "(_S.OPEN, _E.SKIP): (_S.SKIPPED, (_X.POSTPONE_CONTACT,))",
        "(_S.OPEN, _E.SKIP): (_S.OPEN, (_X.POSTPONE_CONTACT,))",
    ),
    Mutation(
        "the timer's remove skips",
        "offer",
        "(_S.OPEN, _E.TIMER_REMOVE): (_S.TIMED_OUT, (_X.REMOVE_CONTACT,))",
        "(_S.OPEN, _E.TIMER_REMOVE): (_S.TIMED_OUT, (_X.POSTPONE_CONTACT,))",
    ),
    Mutation(
        "the timer's refused accept dials all the same",
        "offer",
        "(_S.OPEN, _E.TIMER_ACCEPT_REFUSED): (_S.TIMED_OUT, (_X.PAUSE_CONTACT,))",
        "(_S.OPEN, _E.TIMER_ACCEPT_REFUSED): (_S.TIMED_OUT, (_X.DIAL,))",
    ),
    Mutation(
        "no grant is given back when a ringing leg ends",
        "attempt",
        "(_S.RINGING, _E.LEG_ENDED): (_S.ENDED, (_X.SETTLE,))",
        "(_S.RINGING, _E.LEG_ENDED): (_S.ENDED, ())",
    ),
    Mutation(
        "a grant is given back twice on cancel",
        "attempt",
        "(_S.GRANTED, _E.CANCEL): (_S.ENDED, (_X.SETTLE,))",
        "(_S.GRANTED, _E.CANCEL): (_S.ENDED, (_X.SETTLE, _X.SETTLE))",
    ),
    Mutation(
        "the cancelled leg is not hung up when its channel appears",
        "attempt",
        "(_S.CANCELLING, _E.APPEARED): (_S.CANCELLING, (_X.END_LEG,))",
        "(_S.CANCELLING, _E.APPEARED): (_S.CANCELLING, ())",
    ),
    Mutation(
        "a customer who answers a cancelled call is joined",
        "attempt",
        "(_S.CANCELLING, _E.ANSWERED): (_S.CANCELLING, (_X.END_LEG,))",
        "(_S.CANCELLING, _E.ANSWERED): (_S.ANSWERED, ())",
    ),
    Mutation(
        "what ended while the link was lost keeps its grant",
        "attempt",
        "(_S.UNKNOWN, _E.FOUND_ENDED): (_S.ENDED, (_X.SETTLE,))",
        "(_S.UNKNOWN, _E.FOUND_ENDED): (_S.ENDED, ())",
    ),
    Mutation(
        "a call that is talking does not notice the lost link",
        "attempt",
        "        (_S.TALKING, _E.LINK_LOST): (_S.UNKNOWN, ()),\n",
        "",
    ),
    Mutation(
        "the number stays taken after an attempt",
        "contact",
        "(_S.IN_ATTEMPT, _E.RETRY): (_S.WAITING, (_X.FREE_NUMBER,))",
        "(_S.IN_ATTEMPT, _E.RETRY): (_S.WAITING, ())",
    ),
    Mutation(
        "a claimed callback does not take its number",
        "contact",
        "(_S.CALLBACK, _E.CLAIM): (_S.OFFERED, (_X.TAKE_NUMBER,))",
        "(_S.CALLBACK, _E.CLAIM): (_S.OFFERED, ())",
    ),
    Mutation(
        "a removed contact stays on the agent's screen",
        "contact",
        "(_S.OFFERED, _E.REMOVE): (_S.REMOVED, (_X.FREE_NUMBER, _X.WITHDRAW_OFFER))",
        "(_S.OFFERED, _E.REMOVE): (_S.REMOVED, (_X.FREE_NUMBER,))",
    ),
    Mutation(
        "a closed offer can be decided again",
        "table",
        "        found = self._rows.get((state, event))\n",
        "        found = self._rows.get((state, event)) or self._rows.get((self.initial, event))\n",
    ),
    Mutation("a decline counts as busy", "outcomes", "    603: DECLINED,", "    603: BUSY,"),
    Mutation(
        "the next trunk is tried although the phone rang",
        "outcomes",
        "    if end.answered or end.rang:",
        "    if end.answered:",
    ),
    Mutation("the closing minute is still open", "hours", "clock < closes or", "clock <= closes or"),
    Mutation(
        "one open zone of several is enough",
        "hours",
        "bool(found) and all(",
        "bool(found) and any(",
    ),
    Mutation(
        "the fifteenth day is not looked at",
        "hours",
        "range(SEARCH_DAYS + 1):\n            starts",
        "range(SEARCH_DAYS):\n            starts",
    ),
    Mutation(
        "a timer of 9 seconds may skip",
        "campaign",
        "if self.offer_timeout < 10 and",
        "if self.offer_timeout < 9 and",
    ),
    Mutation(
        "a machine may be hung up on without inline detection",
        "campaign",
        "if self.amd is not Amd.INLINE and self.amd_treatment is not AmdTreatment.TO_AGENT:",
        "if False:",
    ),
)
