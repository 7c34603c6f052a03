"""The leg book: which of our legs are up on this Asterisk and what state they are in, kept from AMI events.

A leg's id is its channel's Uniqueid and account code, so a leg is recognised whoever ordered it: a service that was
just restarted goes on reporting the calls of its predecessor. Asterisk also takes the Uniqueid wherever an action
asks for a channel; so the book keeps no channel names.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from telephony.pbx.ami import Message
from telephony.pbx.port import (
    LegAbandoned,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegEvent,
    LegRang,
    LegsJoined,
    LegsParted,
    LiveLeg,
    MachineVerdict,
    MessagePlayed,
)

THIRD, MONITOR = "pd-third", "pd-monitor"
"""Where in the dialplan a third party's leg is, and a supervisor's."""

# Who of two in a bridge is the one that came to the other: an agent never does.
_RANK = {"pd-customer": 0, THIRD: 1, "pd-agent": 2}

LEG_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Asterisk's ast_channel_state, include/asterisk/channelstate.h
RINGING, UP = "5", "6"
# Q.850 "no answer from the user": what Asterisk puts on a leg whose ring limit ran out.
NO_ANSWER = 19
# In place of a DIALSTATUS, where the agent hung up while Dial() ran.
AGENT_GONE = "AGENT_GONE"
# Where in the dialplan a customer's leg waits for a message, or hears it.
_MESSAGE = {("pd-customer", "aside"): "waiting", ("pd-customer", "message"): "playing"}
_PARKED = {("pd-customer", "parked"), ("pd-customer", "parted")}
# Events of an ended leg come within milliseconds after its Hangup; this is minutes of calls.
ENDED_KEPT = 2000


@dataclass(slots=True)
class BookedLeg:
    """What is known of a leg. `bridge`: None while unknown, empty for none; `waits`: where in its own hold bridge.

    A parked customer `waits` in no bridge.
    """

    appeared: bool = False
    rang: bool = False
    answered: bool = False
    refused: bool = False
    context: str = ""
    dialed_by: str = ""  # the agent's leg whose Dial() made it
    dial_status: str = ""  # DIALSTATUS, once that Dial() is over
    channel: str = ""  # its channel's Uniqueid where that is not the leg's id
    bridge: str | None = None
    waits: str = ""
    message: str = ""  # as in LiveLeg, at the last survey
    parked: bool = False  # the same


class LegBook:
    """Turns AMI events into the port's events, for legs that are `expect`ed, found in a survey, or bear our account."""

    def __init__(self) -> None:
        self._legs: dict[str, BookedLeg] = {}
        self._bridges: dict[str, set[str]] = {}
        self._by_channel: dict[str, str] = {}  # legs that Dial() made, by their channels' Uniqueids
        self._untold: dict[str, tuple[str, LegEnded]] = {}  # ended while Dial() held them, by leg: dialed by, end
        self._ended: deque[str] = deque(maxlen=ENDED_KEPT)

    def expect(self, leg: str, *, dialed_by: str = "", context: str = "") -> None:
        """An Originate of this leg goes out now, or an agent's leg is about to dial it; `context`: where it will be."""
        self._legs[leg] = BookedLeg(dialed_by=dialed_by, context=context)

    def drop(self, leg: str) -> None:
        """The Originate of this leg did not go out, or was refused."""
        self._legs.pop(leg, None)

    def never_made(self, leg: str) -> None:
        """Asterisk could not make a channel for this leg: whatever it says of it later, it has ended."""
        self.drop(leg)
        self._ended.append(leg)

    def clear(self) -> None:
        """The link is lost: what happens from now on is not seen."""
        self._legs.clear()
        self._bridges.clear()
        self._by_channel.clear()
        self._untold.clear()

    def channel(self, leg: str) -> str:
        """What Asterisk takes for the leg's channel in an action."""
        booked = self._legs.get(leg)
        return (booked.channel if booked is not None else "") or leg

    def leg_of(self, channel: str) -> str:
        """The leg whose channel has this Uniqueid."""
        return self._by_channel.get(channel, channel)

    def unanswered(self, leg: str) -> bool:
        """True for a leg that is known not to be up."""
        booked = self._legs.get(leg)
        return booked is not None and not booked.answered

    def never_dialed(self, leg: str, at: float) -> list[LegEvent]:
        """The end of a leg that its agent's leg did not dial after all; nothing where it did."""
        if not self.awaited(leg):
            return []
        self.drop(leg)
        self._ended.append(leg)
        return [LegEnded(leg=leg, at=at, appeared=False, answered=False, rang=False)]

    def gone(self, leg: str, at: float) -> list[LegEvent]:
        """The end of a leg that Asterisk no longer knows and whose Hangup was never told."""
        if leg not in self._legs:
            return []
        events = self._leave(leg, at)
        booked = self._legs.pop(leg)
        self._by_channel.pop(booked.channel, None)
        self._ended.append(leg)
        end = LegEnded(leg=leg, at=at, appeared=booked.appeared, answered=booked.answered, rang=booked.rang)
        return [*events, end, *self._dialer_gone(leg, at)]

    def awaited(self, leg: str) -> bool:
        """True for a leg that was ordered and has not appeared."""
        booked = self._legs.get(leg)
        return booked is not None and not booked.appeared

    def knows(self, leg: str) -> bool:
        """True for a leg that has appeared and not ended."""
        booked = self._legs.get(leg)
        return booked is not None and booked.appeared

    def is_up(self, leg: str) -> bool:
        """True for a leg that was answered and has not ended."""
        booked = self._legs.get(leg)
        return booked is not None and booked.answered

    def waits(self, leg: str) -> str:
        """`hold` or `ringing` for an agent's leg in its own hold bridge, `parked` for a customer's, else empty."""
        booked = self._legs.get(leg)
        return booked.waits if booked is not None else ""

    def context(self, leg: str) -> str:
        """Where in the dialplan it is; empty where that is not known."""
        booked = self._legs.get(leg)
        return booked.context if booked is not None else ""

    def partners(self, leg: str) -> list[str]:
        """The legs this one talks to."""
        return [other for other in self._others(leg) if self._pair(leg, other)] if leg in self._legs else []

    def busy(self, leg: str) -> bool:
        """True for a leg that is known not to be waiting: not answered yet, or in a conversation."""
        booked = self._legs.get(leg)
        return booked is not None and (not booked.answered or self._partner(leg) is not None)

    def take(self, message: Message, at: float) -> list[LegEvent]:
        """What an event of Asterisk means to the dialer; mostly nothing or one event."""
        match message.event:
            case "Newchannel":
                return self._appear(message.text("Uniqueid"), at)
            case "Newstate":
                leg = self._ours(message, "Uniqueid", "AccountCode")
                state = message.text("ChannelState")
                return self._answer(leg, at) if state == UP else self._ring(leg, at) if state == RINGING else []
            case "DialState":
                # SIP 183 shows here only: the channel's state stays Down.
                leg = self._ours(message, "DestUniqueid", "DestAccountCode")
                return self._ring(leg, at) if message.text("DialStatus") in ("PROGRESS", "RINGING") else []
            case "DialEnd":
                leg = self._ours(message, "DestUniqueid", "DestAccountCode")
                if leg is not None:
                    self._legs[leg].refused = message.text("DialStatus") != "ANSWER"
                return []
            case "BridgeEnter":
                return self._enter(message, at)
            case "BridgeLeave":
                leg = self._ours(message, "Uniqueid", "AccountCode")
                return self._leave(leg, at) if leg is not None else []
            case "Hangup":
                return self._end(message, at)
            case "UserEvent":
                return self._told(message, at)
        return []

    # -- one leg -------------------------------------------------------------------------------------------------

    def _ours(self, message: Message, id_header: str, account_header: str) -> str | None:
        """The leg an event is about; one of ours that was not known yet is entered in the book."""
        leg = message.text(id_header)
        leg = self._by_channel.get(leg, leg)
        if leg in self._legs:
            self._legs[leg].appeared = True
            return leg
        if not LEG_ID.fullmatch(leg) or message.text(account_header) != leg or leg in self._ended:
            return None
        self._legs[leg] = BookedLeg(appeared=True)
        return leg

    def _appear(self, leg: str, at: float) -> list[LegEvent]:
        # Without account code yet: only legs that were ordered here are known to be ours.
        if not self.awaited(leg):
            return []
        self._legs[leg].appeared = True
        return [LegAppeared(leg=leg, at=at)]

    def _ring(self, leg: str | None, at: float) -> list[LegEvent]:
        if leg is None or self._legs[leg].rang or self._legs[leg].answered:
            return []
        self._legs[leg].rang = True
        return [LegRang(leg=leg, at=at)]

    def _answer(self, leg: str | None, at: float) -> list[LegEvent]:
        if leg is None or self._legs[leg].answered:
            return []
        self._legs[leg].answered = True
        return [LegAnswered(leg=leg, at=at)]

    def _end(self, message: Message, at: float) -> list[LegEvent]:
        leg = self._ours(message, "Uniqueid", "AccountCode")
        if leg is None:
            return []
        events = self._leave(leg, at)
        booked = self._legs.pop(leg)
        self._by_channel.pop(booked.channel, None)
        self._ended.append(leg)
        state, cause = message.text("ChannelState"), number(message.text("Cause"))
        answered = booked.answered or state == UP
        ended = LegEnded(
            leg=leg,
            at=at,
            appeared=True,
            answered=answered,
            rang=booked.rang or state == RINGING,
            cause=cause,
            sip=sip_code(message.text("TechCause")),
            # Tried on 22.10: the far end's own 480 and our Hangup both bring a DialEnd before, the ring limit does not.
            ring_limit_reached=cause == NO_ANSWER and not answered and not booked.refused,
        )
        if booked.dial_status:
            ended = replace(ended, ring_limit_reached=booked.dial_status == "NOANSWER" and not answered)
        elif booked.dialed_by and not answered:
            # Dial() ended it, or the agent hung up: which of the two is told by what the agent's leg does next
            self._untold[leg] = (booked.dialed_by, ended)
            return events
        return [*events, ended, *self._dialer_gone(leg, at)]

    def _dialer_gone(self, agent_leg: str, at: float) -> list[LegEvent]:
        """Ends of legs that this agent's leg dialed, or was about to dial: Dial() ends its channels before its own."""
        untold = [leg for leg, (dialed_by, _) in self._untold.items() if dialed_by == agent_leg]
        undialed = [leg for leg, kept in self._legs.items() if kept.dialed_by == agent_leg and not kept.appeared]
        for kept in self._legs.values():
            if kept.dialed_by == agent_leg and kept.appeared:
                kept.dial_status = kept.dial_status or AGENT_GONE  # its own Hangup may come after its dialer's
        events: list[LegEvent] = [self._untold.pop(leg)[1] for leg in untold]
        return events + [event for leg in undialed for event in self.never_dialed(leg, at)]

    def _dial_over(self, leg: str, status: str, at: float) -> list[LegEvent]:
        """Dial() is over and the agent's leg goes on."""
        if leg in self._untold:
            _, ended = self._untold.pop(leg)
            return [replace(ended, ring_limit_reached=status == "NOANSWER")]
        if leg in self._legs and not self.awaited(leg):
            self._legs[leg].dial_status = status  # its Hangup is still on its way
            return []
        return self.never_dialed(leg, at)

    def _told(self, message: Message, at: float) -> list[LegEvent]:
        leg = message.text("Leg")
        if message.text("UserEvent") == "PdDial":
            return self._dial_over(leg, message.text("Status"), at)
        if not LEG_ID.fullmatch(leg) or leg in self._ended:
            return []
        match message.text("UserEvent"):
            case "PdMessage":
                return [MessagePlayed(leg=leg, at=at, whole=message.text("Status") == "SUCCESS")]
            case "PdParked" if leg in self._legs:
                events = self._leave(leg, at)  # whose own event may come after this one
                self._legs[leg].waits = "parked"
                return events
            case "PdAbandon":
                return [LegAbandoned(leg=leg, at=at)]
            case "PdAmd":
                verdict, cause = message.text("Status"), message.text("Cause")
                return [MachineVerdict(leg=leg, at=at, verdict=verdict, cause=cause)]
            case "PdLeg" if self.awaited(leg):
                booked = self._legs[leg]
                booked.appeared, booked.channel = True, message.text("Uniqueid")
                self._by_channel[booked.channel] = leg
                return [LegAppeared(leg=leg, at=at)]
        return []

    # -- who hears whom ------------------------------------------------------------------------------------------

    def _enter(self, message: Message, at: float) -> list[LegEvent]:
        leg = self._ours(message, "Uniqueid", "AccountCode")
        if leg is None:
            return []
        events = self._leave(leg, at)
        booked = self._legs[leg]
        booked.answered = True
        booked.context = message.text("Context")
        booked.waits = message.text("Exten") if message.text("BridgeCreator") == "BridgeWait" else ""
        self._put(leg, message.text("BridgeUniqueid"))
        joined = (self._pair(leg, other) for other in self._others(leg))
        return [*events, *(LegsJoined(leg=pair[0], agent_leg=pair[1], at=at) for pair in joined if pair)]

    def _leave(self, leg: str, at: float) -> list[LegEvent]:
        pairs = [self._pair(leg, other) for other in self._others(leg)]
        if self._legs[leg].bridge:
            self._legs[leg].waits = ""
        self._put(leg, "")
        return [LegsParted(leg=pair[0], agent_leg=pair[1], at=at) for pair in pairs if pair]

    def _put(self, leg: str, bridge: str) -> None:
        booked = self._legs[leg]
        if booked.bridge:
            members = self._bridges[booked.bridge]
            members.discard(leg)
            if not members:
                del self._bridges[booked.bridge]
        booked.bridge = bridge
        if bridge:
            self._bridges.setdefault(bridge, set()).add(leg)

    def _others(self, leg: str) -> list[str]:
        bridge = self._legs[leg].bridge
        return [other for other in self._bridges[bridge] if other != leg] if bridge else []

    def _pair(self, one: str, other: str) -> tuple[str, str] | None:
        """(customer's, agent's) leg, or one of the two with a third party's in the other's place."""
        ranks = self._rank(one), self._rank(other)
        if None in ranks or ranks[0] == ranks[1]:
            return None
        return (one, other) if (ranks[0] or 0) < (ranks[1] or 0) else (other, one)

    def _rank(self, leg: str) -> int | None:
        booked = self._legs[leg]
        return 0 if booked.channel else _RANK.get(booked.context)

    def _partner(self, leg: str) -> str | None:
        return next((other for other in self._others(leg) if self._pair(leg, other)), None)

    # -- the survey ----------------------------------------------------------------------------------------------

    def merge(self, channels: Iterable[Message]) -> dict[str, LiveLeg]:
        """Enter the legs of a channel list, and return all that are up.

        Events that came meanwhile are newer than the list: what they said stands, and who ended stays ended. A leg
        whose appearance is still on its way as an event is not up yet.
        """
        rows = list(channels)
        self._find_dialed(rows)
        for row in rows:
            leg = None if self.awaited(row.text("Uniqueid")) else self._ours(row, "Uniqueid", "AccountCode")
            if leg is None:
                continue
            booked = self._legs[leg]
            booked.rang |= row.text("ChannelState") == RINGING
            booked.answered |= row.text("ChannelState") == UP
            booked.context = booked.context or row.text("Context")
            booked.message = _MESSAGE.get((row.text("Context"), row.text("Exten")), "")
            booked.parked = (row.text("Context"), row.text("Exten")) in _PARKED
            if booked.bridge is None:
                self._put(leg, row.text("BridgeId"))
        return {leg: self._live(leg, booked) for leg, booked in self._legs.items() if booked.appeared}

    def _find_dialed(self, rows: list[Message]) -> None:
        """Legs that an agent's leg dialed for a former service: their account code names them, not their Uniqueid."""
        own = {row.text("Uniqueid") for row in rows}
        for row in rows:
            leg, channel = row.text("AccountCode"), row.text("Uniqueid")
            fresh = leg not in own and leg not in self._legs and leg not in self._ended
            if LEG_ID.fullmatch(leg) and fresh and not LEG_ID.fullmatch(channel):
                self._legs[leg] = BookedLeg(appeared=True, channel=channel)
                self._by_channel[channel] = leg

    def _live(self, leg: str, booked: BookedLeg) -> LiveLeg:
        state = "up" if booked.answered else "ringing" if booked.rang else "placing"
        joined_to = self._partner(leg)
        parked = booked.parked and joined_to is None
        return LiveLeg(leg=leg, state=state, joined_to=joined_to, message=booked.message, parked=parked)


def number(text: str) -> int:
    """A header's number; 0 where there is none."""
    return int(text) if text.isascii() and text.isdigit() else 0


def sip_code(text: str) -> int | None:
    """A final SIP response code; None for none and for a provisional one."""
    code = number(text)
    return code if 200 <= code <= 699 else None
