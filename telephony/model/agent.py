"""The agent's states (SPEC section 4).

In push modes the agent's line (the answered reservation call) is up in `reserved`, `previewing`, `dialing`
and `talking`; in pull mode only from `dialing` on. `LINE_LOST` is the end of that line while the service did
not ask for it. A wish to go idle or offline during a call is remembered and honoured after wrap-up, or at once
where the attempt fails. GIVE_BACK, END_LINE and END_ATTEMPT ask for nothing where there is no contact in hand, no
line up, no call. `FREED` is known everywhere: what is stuck may be left over in any state.
"""

from __future__ import annotations

from enum import StrEnum

from telephony.model.table import Table


class AgentState(StrEnum):
    OFFLINE = "offline"
    IDLE = "idle"
    AVAILABLE = "available"
    RINGING = "ringing"
    RESERVED = "reserved"
    PREVIEWING = "previewing"
    DIALING = "dialing"
    TALKING = "talking"
    WRAP_UP = "wrap_up"


class IdleReason(StrEnum):
    """Why an agent is idle, where the system said so; agents may give codes of their own."""

    SIGNED_IN = "signed_in"
    RONA = "rona"
    DECLINED = "declined"
    AGENT_BUSY = "agent_busy"
    AGENT_UNAVAILABLE = "agent_unavailable"
    CHANNEL_FAILURE = "channel_failure"
    INVALID_NUMBER = "invalid_number"
    LEFT_CAMPAIGN = "left_campaign"
    OFFER_TIMEOUT = "offer_timeout"
    HUNG_UP = "hung_up"
    DESKTOP_LOST = "desktop_lost"
    MICROPHONE_BLOCKED = "microphone_blocked"  # the browser was not allowed to use it
    MICROPHONE_MISSING = "microphone_missing"
    PHONE_LOST = "phone_lost"  # the phone in the browser did not come back in time
    SUPERVISOR = "supervisor"  # a supervisor's wish, who gave no reason
    FREED = "freed"  # a supervisor ended everything the agent was in
    TRANSFER = "transfer"  # a colleague's call was handed to them, or is about to be


class AgentEvent(StrEnum):
    GO_AVAILABLE = "go_available"
    GO_IDLE = "go_idle"
    GO_OFFLINE = "go_offline"
    DESKTOP_LOST = "desktop_lost"
    RESERVED = "reserved"  # a contact was claimed for this agent
    ANSWERED = "answered"  # the reservation call
    RING_FAILED = "ring_failed"  # the reservation call ended unanswered
    OFFERED = "offered"  # an offer is open on the line
    SHOWN = "shown"  # pull: an offer is open without a line
    NO_CONTACT = "no_contact"
    ACCEPTED = "accepted"
    CLOSED = "closed"  # the offer closed and the line stays for the next one
    CLOSED_OFF_LINE = "closed_off_line"  # pull: the offer closed, there was no line
    LEFT = "left"
    TIMED_OUT_IDLE = "timed_out_idle"
    JOINED = "joined"
    ATTEMPT_FAILED = "attempt_failed"
    ATTEMPT_FAILED_OFF_LINE = "attempt_failed_off_line"  # pull
    CALL_ENDED = "call_ended"
    CALL_ENDED_ON_LINE = "call_ended_on_line"  # keep_line: the line stays up through wrap-up
    MESSAGE_DROPPED = "message_dropped"  # the recorded message plays on without the agent
    MESSAGE_DROPPED_OFF_LINE = "message_dropped_off_line"  # pull
    WRAPPED_UP = "wrapped_up"
    WRAPPED_UP_ON_LINE = "wrapped_up_on_line"  # keep_line: the next offer comes on the same line
    WRAPPED_UP_IDLE = "wrapped_up_idle"  # a wish or a lost desktop was remembered
    WRAPPED_UP_OFFLINE = "wrapped_up_offline"
    LINE_LOST = "line_lost"
    PBX_LOST = "pbx_lost"  # Asterisk came back without this agent's line
    FREED = "freed"  # a supervisor ends everything the agent is in


class AgentEffect(StrEnum):
    FIND_CONTACT = "find_contact"
    RING_AGENT = "ring_agent"
    GIVE_BACK = "give_back"
    NEXT_OFFER = "next_offer"
    START_OFFER_TIMER = "start_offer_timer"
    STOP_OFFER_TIMER = "stop_offer_timer"
    CLOSE_OFFER_LEFT = "close_offer_left"
    END_LINE = "end_line"
    END_ATTEMPT = "end_attempt"
    START_WRAP_UP = "start_wrap_up"
    REMEMBER_WISH = "remember_wish"
    PAUSE_RESERVATION = "pause_reservation"


_S, _E, _X = AgentState, AgentEvent, AgentEffect

AGENT = Table(
    "agent",
    initial=_S.OFFLINE,
    rows={
        (_S.OFFLINE, _E.GO_AVAILABLE): (_S.AVAILABLE, (_X.FIND_CONTACT,)),
        (_S.OFFLINE, _E.GO_IDLE): (_S.IDLE, ()),
        (_S.OFFLINE, _E.GO_OFFLINE): (_S.OFFLINE, ()),
        (_S.IDLE, _E.GO_AVAILABLE): (_S.AVAILABLE, (_X.FIND_CONTACT,)),
        (_S.IDLE, _E.GO_IDLE): (_S.IDLE, ()),
        (_S.IDLE, _E.GO_OFFLINE): (_S.OFFLINE, ()),
        (_S.AVAILABLE, _E.GO_AVAILABLE): (_S.AVAILABLE, ()),
        (_S.AVAILABLE, _E.GO_IDLE): (_S.IDLE, ()),
        (_S.AVAILABLE, _E.GO_OFFLINE): (_S.OFFLINE, ()),
        (_S.AVAILABLE, _E.DESKTOP_LOST): (_S.IDLE, ()),
        (_S.AVAILABLE, _E.RESERVED): (_S.RINGING, (_X.RING_AGENT,)),
        (_S.AVAILABLE, _E.SHOWN): (_S.PREVIEWING, (_X.START_OFFER_TIMER,)),
        (_S.RINGING, _E.ANSWERED): (_S.RESERVED, (_X.NEXT_OFFER,)),
        (_S.RINGING, _E.RING_FAILED): (_S.IDLE, (_X.GIVE_BACK,)),
        (_S.RINGING, _E.GO_IDLE): (_S.IDLE, (_X.END_LINE, _X.GIVE_BACK)),
        (_S.RINGING, _E.GO_OFFLINE): (_S.OFFLINE, (_X.END_LINE, _X.GIVE_BACK)),
        (_S.RINGING, _E.DESKTOP_LOST): (_S.IDLE, (_X.END_LINE, _X.GIVE_BACK)),
        (_S.RINGING, _E.PBX_LOST): (_S.AVAILABLE, (_X.GIVE_BACK, _X.FIND_CONTACT)),
        (_S.RESERVED, _E.OFFERED): (_S.PREVIEWING, (_X.START_OFFER_TIMER,)),
        (_S.RESERVED, _E.NO_CONTACT): (_S.AVAILABLE, (_X.END_LINE, _X.PAUSE_RESERVATION)),
        (_S.RESERVED, _E.LEFT): (_S.IDLE, (_X.END_LINE, _X.GIVE_BACK)),
        (_S.RESERVED, _E.GO_IDLE): (_S.IDLE, (_X.END_LINE, _X.GIVE_BACK)),
        (_S.RESERVED, _E.GO_OFFLINE): (_S.OFFLINE, (_X.END_LINE, _X.GIVE_BACK)),
        (_S.RESERVED, _E.DESKTOP_LOST): (_S.IDLE, (_X.END_LINE, _X.GIVE_BACK)),
        (_S.RESERVED, _E.LINE_LOST): (_S.IDLE, (_X.GIVE_BACK,)),
        (_S.RESERVED, _E.PBX_LOST): (_S.AVAILABLE, (_X.GIVE_BACK, _X.FIND_CONTACT)),
        (_S.PREVIEWING, _E.ACCEPTED): (_S.DIALING, (_X.STOP_OFFER_TIMER,)),
        (_S.PREVIEWING, _E.CLOSED): (_S.RESERVED, (_X.STOP_OFFER_TIMER, _X.NEXT_OFFER)),
        (_S.PREVIEWING, _E.CLOSED_OFF_LINE): (_S.AVAILABLE, (_X.STOP_OFFER_TIMER, _X.FIND_CONTACT)),
        (_S.PREVIEWING, _E.LEFT): (_S.IDLE, (_X.STOP_OFFER_TIMER, _X.END_LINE)),
        (_S.PREVIEWING, _E.TIMED_OUT_IDLE): (_S.IDLE, (_X.STOP_OFFER_TIMER, _X.END_LINE)),
        (_S.PREVIEWING, _E.GO_IDLE): (_S.IDLE, (_X.STOP_OFFER_TIMER, _X.CLOSE_OFFER_LEFT, _X.END_LINE)),
        (_S.PREVIEWING, _E.GO_OFFLINE): (_S.OFFLINE, (_X.STOP_OFFER_TIMER, _X.CLOSE_OFFER_LEFT, _X.END_LINE)),
        (_S.PREVIEWING, _E.DESKTOP_LOST): (_S.IDLE, (_X.STOP_OFFER_TIMER, _X.CLOSE_OFFER_LEFT, _X.END_LINE)),
        (_S.PREVIEWING, _E.LINE_LOST): (_S.IDLE, (_X.STOP_OFFER_TIMER, _X.CLOSE_OFFER_LEFT)),
        (_S.PREVIEWING, _E.PBX_LOST): (
            _S.AVAILABLE,
            (_X.STOP_OFFER_TIMER, _X.CLOSE_OFFER_LEFT, _X.FIND_CONTACT),
        ),
        (_S.DIALING, _E.JOINED): (_S.TALKING, ()),
        (_S.DIALING, _E.ATTEMPT_FAILED): (_S.RESERVED, (_X.NEXT_OFFER,)),
        (_S.DIALING, _E.ATTEMPT_FAILED_OFF_LINE): (_S.AVAILABLE, (_X.END_LINE, _X.FIND_CONTACT)),
        (_S.DIALING, _E.MESSAGE_DROPPED): (_S.RESERVED, (_X.NEXT_OFFER,)),
        (_S.DIALING, _E.LINE_LOST): (_S.IDLE, (_X.END_ATTEMPT,)),
        (_S.DIALING, _E.PBX_LOST): (_S.AVAILABLE, (_X.FIND_CONTACT,)),
        (_S.DIALING, _E.GO_IDLE): (_S.DIALING, (_X.REMEMBER_WISH,)),
        (_S.DIALING, _E.GO_OFFLINE): (_S.DIALING, (_X.REMEMBER_WISH,)),
        (_S.DIALING, _E.GO_AVAILABLE): (_S.DIALING, (_X.REMEMBER_WISH,)),
        (_S.DIALING, _E.DESKTOP_LOST): (_S.DIALING, (_X.REMEMBER_WISH,)),
        (_S.TALKING, _E.CALL_ENDED): (_S.WRAP_UP, (_X.END_LINE, _X.START_WRAP_UP)),
        (_S.TALKING, _E.CALL_ENDED_ON_LINE): (_S.WRAP_UP, (_X.START_WRAP_UP,)),
        (_S.TALKING, _E.MESSAGE_DROPPED): (_S.RESERVED, (_X.NEXT_OFFER,)),
        (_S.TALKING, _E.MESSAGE_DROPPED_OFF_LINE): (_S.AVAILABLE, (_X.END_LINE, _X.FIND_CONTACT)),
        (_S.TALKING, _E.LINE_LOST): (_S.WRAP_UP, (_X.END_ATTEMPT, _X.START_WRAP_UP)),
        (_S.TALKING, _E.PBX_LOST): (_S.WRAP_UP, (_X.START_WRAP_UP,)),
        (_S.TALKING, _E.GO_IDLE): (_S.TALKING, (_X.REMEMBER_WISH,)),
        (_S.TALKING, _E.GO_OFFLINE): (_S.TALKING, (_X.REMEMBER_WISH,)),
        (_S.TALKING, _E.GO_AVAILABLE): (_S.TALKING, (_X.REMEMBER_WISH,)),
        (_S.TALKING, _E.DESKTOP_LOST): (_S.TALKING, (_X.REMEMBER_WISH,)),
        (_S.WRAP_UP, _E.WRAPPED_UP): (_S.AVAILABLE, (_X.FIND_CONTACT,)),
        (_S.WRAP_UP, _E.WRAPPED_UP_ON_LINE): (_S.RESERVED, (_X.NEXT_OFFER,)),
        (_S.WRAP_UP, _E.WRAPPED_UP_IDLE): (_S.IDLE, (_X.END_LINE,)),
        (_S.WRAP_UP, _E.WRAPPED_UP_OFFLINE): (_S.OFFLINE, (_X.END_LINE,)),
        (_S.WRAP_UP, _E.LINE_LOST): (_S.WRAP_UP, ()),
        (_S.WRAP_UP, _E.PBX_LOST): (_S.WRAP_UP, ()),
        (_S.WRAP_UP, _E.GO_IDLE): (_S.WRAP_UP, (_X.REMEMBER_WISH,)),
        (_S.WRAP_UP, _E.GO_OFFLINE): (_S.WRAP_UP, (_X.REMEMBER_WISH,)),
        (_S.WRAP_UP, _E.GO_AVAILABLE): (_S.WRAP_UP, (_X.REMEMBER_WISH,)),
        (_S.WRAP_UP, _E.DESKTOP_LOST): (_S.WRAP_UP, (_X.REMEMBER_WISH,)),
        (_S.OFFLINE, _E.FREED): (_S.OFFLINE, (_X.END_ATTEMPT, _X.END_LINE)),
        (_S.IDLE, _E.FREED): (_S.IDLE, (_X.END_ATTEMPT, _X.END_LINE)),
        (_S.AVAILABLE, _E.FREED): (_S.IDLE, (_X.END_ATTEMPT, _X.END_LINE)),
        (_S.RINGING, _E.FREED): (_S.IDLE, (_X.END_LINE, _X.GIVE_BACK)),
        (_S.RESERVED, _E.FREED): (_S.IDLE, (_X.END_LINE, _X.GIVE_BACK)),
        (_S.PREVIEWING, _E.FREED): (_S.IDLE, (_X.STOP_OFFER_TIMER, _X.CLOSE_OFFER_LEFT, _X.END_LINE)),
        (_S.DIALING, _E.FREED): (_S.IDLE, (_X.END_ATTEMPT, _X.END_LINE)),
        (_S.TALKING, _E.FREED): (_S.IDLE, (_X.END_ATTEMPT, _X.END_LINE)),
        (_S.WRAP_UP, _E.FREED): (_S.IDLE, (_X.END_ATTEMPT, _X.END_LINE)),
    },
)

WITH_LINE = frozenset({_S.RESERVED, _S.PREVIEWING, _S.DIALING, _S.TALKING})
"""States in which a push-mode agent is held by an answered reservation call."""
