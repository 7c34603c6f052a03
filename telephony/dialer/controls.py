"""Hold, mute and digits: what an agent does with a customer they talk to.

Each is told when the PBX has done it, not before: the agent must be able to trust that whoever is not to hear what is
said now does not. What was done and not stored, because the service died in between, is found by the survey.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telephony.dialer.errors import DialerError, Refused
from telephony.dialer.orders import carried_out
from telephony.model.agent import AgentState
from telephony.model.attempt import AttemptState
from telephony.model.monitoring import MonitorMode
from telephony.model.reasons import Refusal
from telephony.model.transfer import TransferState
from telephony.pbx.port import LiveLeg
from telephony.store import controls
from telephony.store.agents import Line
from telephony.store.records import Attempt
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.call import Call
    from telephony.dialer.desk import Desk

log = logging.getLogger(__name__)


class CallControls:
    """Of one call."""

    def __init__(self, desk: Desk, call: Call) -> None:
        self._desk = desk
        self._call = call
        self._tape_rests = False  # a recording on demand that goes on after the hold

    @property
    def held(self) -> bool:
        return self._call.attempt.held_since is not None

    # What the agent asks

    async def hold(self, *, held: bool) -> None:
        """Put the customer on hold or take them back; the same again changes nothing."""
        line = self.talking()
        if self._call.transfer.under_way:
            raise Refused(Refusal.NOT_AVAILABLE, "The customer is on hold for the transfer: complete or cancel that")
        if self.held == held:
            return
        if held:
            await self.park()
        else:
            await self.take_back(line)

    async def mute(self, *, muted: bool) -> None:
        """Let nobody hear the agent, or do again; the same again changes nothing."""
        line = self.talking()
        if self._call.attempt.muted == muted:
            return
        await carried_out(self._desk, self._call, self._desk.ground.board.mute(line.leg_id, muted=muted))
        await self.change(muted=muted)

    async def leg_for_digits(self) -> str:
        """The leg of whom the agent talks to, where digits can be sent to it now."""
        self.talking()
        if self._call.transfer.state is TransferState.TALKING:
            return self._call.transfer.leg
        if self.held:
            raise Refused(Refusal.NOT_AVAILABLE, "The customer is on hold")
        return self._call.leg.id

    def talking(self) -> Line:
        """The agent's line; raises `Refused` where agent and customer are not in a conversation."""
        line = self._desk.reservation.line
        both = self._call.attempt.state is AttemptState.TALKING and self._desk.agent.state is AgentState.TALKING
        if not both or line is None or self._call.attempt.away:
            raise Refused(Refusal.NOT_AVAILABLE, "Only while you are in a call with the customer")
        return line

    # Hold and back

    async def park(self) -> None:
        """The customer hears that they wait, and nothing is recorded meanwhile."""
        self._tape_rests = await self._call.recording.rest()
        try:
            await carried_out(self._desk, self._call, self._desk.ground.board.park(self._call.leg.id))
        except DialerError:
            await self._tape_goes_on()
            raise
        since = datetime.now(UTC)
        await self._write(lambda work, attempt: controls.held(work, attempt, since=since))

    async def take_back(self, line: Line) -> None:
        """Agent and customer hear each other again; with an agent whose page is being called anew, when it is there."""
        if not self._call.attempt.away:
            await self._join(line)
        await self._write(lambda work, attempt: controls.held(work, attempt, since=None))
        await self._tape_goes_on()

    async def _join(self, line: Line) -> None:
        await carried_out(self._desk, self._call, self._desk.ground.board.join(self._call.leg.id, line.leg_id))

    async def _tape_goes_on(self) -> None:
        if not self._tape_rests:
            return
        self._tape_rests = False
        try:
            await self._call.recording.go_on()
        except DialerError as error:
            log.warning("attempt %s: not recorded any more: %s", self._call.attempt.id, error)

    # A supervisor in it

    async def monitored(self, mode: MonitorMode | None, name: str) -> None:
        """A supervisor is in it in this way from now on, or has left."""
        attempt = replace(self._call.attempt)
        changes = {"monitor_mode": mode.value if mode else None, "monitored_by": name if mode else None}
        await self._desk.ground.change(lambda work: controls.monitored(work, attempt, **changes))
        self._call.attempt = attempt

    def over(self) -> None:
        """The conversation has ended for this agent."""
        monitor = self._desk.ground.monitors.get(self._call.attempt.id)
        if monitor is not None:
            monitor.call_over()
        if self._call.attempt.muted:
            self._desk.next(self._desk.reservation.unmute)

    # What the survey found

    async def found(self, live: LiveLeg) -> None:
        """The customer is on hold, or is not, whatever was stored; one who waits for a page is not on hold."""
        waits = self._call.attempt.away or self._desk.recovery.owes_join
        if live.parked != self.held and not waits:
            since = datetime.now(UTC) if live.parked else None
            await self._write(lambda work, attempt: controls.held(work, attempt, since=since))
        if self._call.attempt.monitor_mode and self._call.attempt.id not in self._desk.ground.monitors:
            await self.monitored(None, "")

    # The books

    async def change(self, **changes: Any) -> None:
        await self._write(lambda work, attempt: changes)

    async def _write(self, changes: Any) -> None:
        def transaction(work: Work) -> Attempt:
            attempt = replace(self._call.attempt)
            controls.change(work, attempt, **changes(work, attempt))
            return attempt

        self._call.attempt = await self._desk.ground.change(transaction)
