"""How a customer leg is sent on its way: beside the agent's line or from it, and by the next trunk where one failed.

The Originate of a leg is sent here and nowhere else, once, after its placing was committed.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from telephony.model.attempt import AttemptEvent
from telephony.model.campaign import Mode
from telephony.model.outcomes import LegEnd
from telephony.model.reasons import Capacity, Outcome, Withdrawal
from telephony.pbx.port import (
    CustomerCall,
    DirectCall,
    OrderRefused,
    OrderUnsettled,
    PbxUnreachable,
    SwitchboardError,
    UnknownLeg,
)
from telephony.store import attempts
from telephony.store.agents import Line
from telephony.store.attempts import CallLeg
from telephony.store.grants import Full
from telephony.store.records import Attempt
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.call import Call
    from telephony.dialer.desk import Desk

log = logging.getLogger(__name__)


class Dialing:
    """The way out of one call."""

    def __init__(self, desk: Desk, call: Call) -> None:
        self._desk = desk
        self._call = call
        self._kept_back = False

    async def dial(self) -> None:
        """Send the leg on its way, in the manner of the campaign's mode."""
        line = self._desk.reservation.line
        if self._desk.recovery.put_off(self.dial):
            return
        if line is None:
            await self.not_placed(Outcome.AGENT_ENDED.value)
        elif self._call.settings.mode is Mode.PREVIEW_STANDARD:
            await self._dial_beside(line)
        else:
            await self._dial_from(line)

    async def _dial_from(self, line: Line) -> None:
        """Dial from the agent's leg: the agent hears the network itself; in direct the trunk says how long it rings."""
        settings = self._call.settings
        call = DirectCall(
            leg=self._call.leg.id,
            agent_leg=line.leg_id,
            dial=self._call.leg.dial,
            ring_limit=settings.ring_limit if settings.mode is Mode.PREVIEW else self._call.leg.max_ring,
            caller_id=self._call.leg.caller_id,
            recording=self._call.recording.file,
            keep=bool(self._desk.agent.browser_phone),
        )
        await self._order(lambda: self._desk.ground.board.call_from_agent(call))

    async def _dial_beside(self, line: Line) -> None:
        """Dial on a leg of its own: the agent hears ringing first, so that a fast answer finds the agent ready."""
        desk, settings = self._desk, self._call.settings
        call = CustomerCall(
            leg=self._call.leg.id,
            agent_leg=line.leg_id,
            dial=self._call.leg.dial,
            ring_limit=settings.ring_limit,
            caller_id=self._call.leg.caller_id,
            recording=self._call.recording.file,
            keep=bool(self._desk.agent.browser_phone),
            amd=settings.amd,
            amd_arguments=settings.amd_arguments(),
            abandon_sound=desk.ground.sound(self._call.leg.abandon_path) if self._call.leg.abandon_path else "",
        )
        try:
            await desk.ground.board.play_ringing(line.leg_id)
        except PbxUnreachable:
            await self.not_placed(Capacity.PBX_UNREACHABLE.value)
            return
        except UnknownLeg:
            await self._call.agent_vanished()
            return
        except SwitchboardError as error:
            log.warning("attempt %s: the agent's line did not take the ringing tone: %s", self._call.attempt.id, error)
            await self.not_placed(Outcome.CHANNEL_FAILURE.value)
            return
        await self._order(lambda: desk.ground.board.call_customer(call))

    async def _order(self, order: Callable[[], Awaitable[None]]) -> None:
        if self._call.cancel_waits:
            self._kept_back = True
            return
        self._call.leg.ordered_at = datetime.now(UTC)
        try:
            await order()
        except PbxUnreachable:
            await self.not_placed(Capacity.PBX_UNREACHABLE.value)
        except UnknownLeg:
            await self._call.agent_vanished()
        except OrderRefused as error:
            log.warning("attempt %s: refused by the PBX: %s", self._call.attempt.id, error)
            await self._call.ended(LegEnd(answered=False, rang=False), Outcome.CHANNEL_FAILURE)
        except OrderUnsettled:
            await self._call.link_lost()
            self._desk.ground.resync_wanted.set()

    async def settle_kept_back(self) -> bool:
        """Settle a call whose leg was not sent because a cancel had come; True where that was so."""
        if not self._kept_back:
            return False
        self._kept_back = False
        await self.not_placed(Outcome.AGENT_CANCELLED.value)
        return True

    async def not_placed(self, code: str) -> None:
        await self._call.ended(None, Outcome.NOT_PLACED, event=AttemptEvent.NOT_PLACED, code=code)

    async def next_trunk(self, end: LegEnd) -> bool:
        """Try another trunk after one that failed; True where that, or what forbids it, has settled the matter."""
        desk, old = self._desk, self._call.leg

        def transaction(work: Work) -> tuple[Attempt, CallLeg | Withdrawal | Full | None]:
            attempt = replace(self._call.attempt)
            return attempt, attempts.next_leg(work, desk.ground.place, desk.agent, attempt, old, end)

        self._call.attempt, found = await desk.ground.change(transaction, urgent=True)
        if isinstance(found, Withdrawal):
            # stopped, removed or closed meanwhile; nobody's phone rang, so the contact is as it was
            await self._call.ended(end, Outcome.NOT_PLACED, code=found.value)
            return True
        if not isinstance(found, CallLeg):
            return False
        desk.ground.owners.pop(old.id, None)
        desk.ground.settled.add(old.id)
        self._call.leg = found
        desk.ground.owners[found.id] = desk
        desk.next(self.dial)
        return True
