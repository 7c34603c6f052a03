"""Supervisors in a conversation: they listen, whisper to the agent, or talk to both.

A supervisor's leg belongs to no desk. It is a channel of the cell like any other, stored before it is ordered, and ends
with the conversation. After a start of the service those of its predecessor are ended: who monitors is at the page and
can ask again.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from telephony.dialer import phones
from telephony.dialer.call import Call
from telephony.dialer.errors import Elsewhere, NoCapacity, NotFound, Refused
from telephony.dialer.ground import Ground, LegOwner
from telephony.dialer.requests import call_of
from telephony.dialer.settlement import LOOK_AGAIN_AFTER, may_be_on_its_way
from telephony.model.agent import AgentState
from telephony.model.monitoring import MonitorMode
from telephony.model.reasons import Capacity, Refusal
from telephony.pbx.port import (
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegEvent,
    MonitorCall,
    OrderRefused,
    OrderUnsettled,
    Survey,
    SwitchboardError,
    UnknownLeg,
)
from telephony.store import agents, attempts, beside
from telephony.store.engine import StoreUnavailable
from telephony.store.grants import Full
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.desk import Desk
    from telephony.dialer.floor import Floor

log = logging.getLogger(__name__)

RING_LIMIT = 20
"""Seconds a supervisor's phone rings: whoever asked is at it."""


@dataclass(slots=True, kw_only=True)
class Monitor:
    """One supervisor in one call. `mode`: as wanted; `ordered`: as the PBX has it."""

    floor: Floor
    leg: str
    desk: Desk
    attempt_id: str
    supervisor_id: str
    name: str
    mode: MonitorMode
    ordered: MonitorMode
    ordered_at: datetime | None = None
    answered: bool = False
    ending: bool = False

    def leg_event(self, event: LegEvent) -> None:
        """In the floor's order; what it leads to is carried out beside."""
        monitoring = self.floor.supervision.monitoring
        match event:
            case LegAppeared() | LegAnswered() if self.ending:
                self.floor.ground.spawn(monitoring.hang_up(self))
            case LegAnswered():
                self.answered = True
                self.floor.ground.spawn(monitoring.as_wanted(self))
            case LegEnded():
                self.floor.ground.spawn(monitoring.ended(self))
            case _:
                pass

    def call_over(self) -> None:
        """The conversation has ended, or goes on without this agent."""
        self.ending = True
        self.floor.ground.spawn(self.floor.supervision.monitoring.hang_up(self))


class Monitoring:
    """All of a cell, by the call."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._one_at_a_time = asyncio.Lock()  # requests, and there are few

    def busy(self, supervisor_id: str) -> bool:
        """Whether this supervisor's phone is in somebody's call."""
        return any(one.supervisor_id == supervisor_id for one in self._floor.ground.monitors.values())

    async def monitor(self, supervisor_id: str, name: str, agent_id: str, attempt_id: str, mode: MonitorMode) -> None:
        """Ring the supervisor's phone and let it into this agent's call, or change how it is in it already.

        Raises `Refused` where the call is no conversation, the supervisor is at work or another one is in it,
        `NoCapacity`, `NotFound`.
        """
        async with self._one_at_a_time:
            one = self._floor.ground.monitors.get(attempt_id)
            if one is not None and one.supervisor_id == supervisor_id and not one.ending:
                one.mode = mode
                if one.answered:
                    await self.as_wanted(one)
                return
            if one is not None:
                raise Refused(Refusal.NOT_AVAILABLE, f"{one.name} is in this call already")
            await self._begin(supervisor_id, name, agent_id, attempt_id, mode)

    async def _begin(self, supervisor_id: str, name: str, agent_id: str, attempt_id: str, mode: MonitorMode) -> None:
        ground = self._floor.ground
        desk = await self._floor.desk(agent_id)  # first: another cell's is asked there
        if self.busy(supervisor_id):
            raise Refused(Refusal.NOT_AVAILABLE, "You are in another call: leave that first")
        try:
            own = await self._floor.desk(supervisor_id)
        except Elsewhere:
            raise Refused(Refusal.NOT_AVAILABLE, "Your phone is at another telephone system than this call") from None
        if own.agent.state not in (AgentState.OFFLINE, AgentState.IDLE):
            raise Refused(Refusal.NOT_AVAILABLE, "Go idle first: your own phone is needed for it")
        phone = await phones.check(ground, supervisor_id)

        async def place() -> tuple[str, str]:
            call = call_of(desk, attempt_id)
            line = call.controls.talking()

            def transaction(work: Work) -> str | Full:
                leg = beside.open_monitor(work, ground.place, call.attempt, supervisor_id)
                if isinstance(leg, Full):
                    attempts.refuse_agent(work, own.agent, call.attempt.campaign_id, leg)
                return leg

            leg = await ground.change(transaction)
            if isinstance(leg, Full):
                raise NoCapacity(leg.code, scope_id=leg.scope_id, used=leg.used, limit=leg.limit)
            return leg, line.leg_id

        leg, agent_leg = await desk.ask(place)
        one = Monitor(
            floor=self._floor,
            leg=leg,
            desk=desk,
            attempt_id=attempt_id,
            supervisor_id=supervisor_id,
            name=name,
            mode=mode,
            ordered=mode,
        )
        ground.monitors[attempt_id] = ground.owners[leg] = one
        order = MonitorCall(
            leg=leg,
            phone=phone.called,
            agent_leg=agent_leg,
            mode=mode,
            ring_limit=RING_LIMIT,
            in_browser=bool(phone.browser),
        )
        one.ordered_at = datetime.now(UTC)
        try:
            await ground.board.monitor(order)
        except OrderUnsettled:
            ground.resync_wanted.set()
        except SwitchboardError as error:
            await self.ended(one)
            raise NoCapacity(Capacity.PBX_UNREACHABLE) from error

    async def leave(self, supervisor_id: str, attempt_id: str) -> None:
        """Take the supervisor out of this call; who is in none is out of it already."""
        await self._floor.desk(supervisor_id)  # it can only be in a call of the own cell
        one = self._floor.ground.monitors.get(attempt_id)
        if one is not None and one.supervisor_id == supervisor_id:
            one.ending = True
            await self.hang_up(one)

    async def as_wanted(self, one: Monitor) -> None:
        """Bring the PBX to what was asked last, and tell it when that is so."""
        try:
            while one.mode is not one.ordered:
                wanted = one.mode
                await self._floor.ground.board.change_monitor(one.leg, wanted)
                one.ordered = wanted
        except OrderRefused:
            return  # it has just ended, and is told so
        except SwitchboardError as error:
            raise NoCapacity(Capacity.PBX_UNREACHABLE) from error
        await self._tell(one, one.ordered)

    async def hang_up(self, one: Monitor) -> None:
        try:
            await self._floor.ground.board.hang_up(one.leg)
        except UnknownLeg:
            pass  # not there yet (it is ended when it appears) or no more
        except SwitchboardError as error:
            log.warning("leg %s: hang-up not confirmed: %s", one.leg, error)
            self._floor.ground.resync_in(LOOK_AGAIN_AFTER)

    async def ended(self, one: Monitor) -> None:
        """The leg is gone: the books, and whoever watches."""
        ground = self._floor.ground
        await _close(ground, one.leg, "ended")
        ground.owners.pop(one.leg, None)
        ground.settled.add(one.leg)
        if ground.monitors.get(one.attempt_id) is one:
            del ground.monitors[one.attempt_id]
        if one.answered:
            await self._tell(one, None)

    async def _tell(self, one: Monitor, mode: MonitorMode | None) -> None:
        async def write() -> None:
            call = _still(one)
            if call is not None:
                await call.controls.monitored(mode, one.name)

        await one.desk.ask(write)

    async def reconcile(self, survey: Survey, asked: datetime) -> None:
        """After a start or a lost link: end what is not ours to go on with, and settle what is gone.

        `asked`: when the survey began; it knows nothing of a leg that was placed since.
        """
        ground = self._floor.ground
        for leg, placed_at in await ground.store.run(lambda conn: beside.unended(conn, ground.place.cell_id)):
            owner = ground.owners.get(leg)
            if leg in survey.live:
                if owner is None or isinstance(owner, Leftover):
                    ground.owners[leg] = Leftover(ground=ground, leg=leg)
                    ground.spawn(self._end_leftover(leg))
                elif isinstance(owner, Monitor) and owner.ending:
                    ground.spawn(self.hang_up(owner))  # the last time without an answer
            elif leg not in survey.ended and may_be_on_its_way(_ordered(owner) or placed_at, survey, asked):
                ground.resync_in(LOOK_AGAIN_AFTER)
            elif owner is None or isinstance(owner, Leftover):
                await _close(ground, leg, "lost")
                ground.owners.pop(leg, None)
            elif isinstance(owner, Monitor):
                await self.ended(owner)

    async def _end_leftover(self, leg: str) -> None:
        log.warning("leg %s is of a service that is gone: ended", leg)
        with suppress(SwitchboardError):
            await self._floor.ground.board.hang_up(leg)


@dataclass(slots=True, kw_only=True)
class Leftover:
    """A leg that a former service was the last to know."""

    ground: Ground
    leg: str

    def leg_event(self, event: LegEvent) -> None:
        if isinstance(event, LegEnded):
            self.ground.spawn(self._ended())

    async def _ended(self) -> None:
        await _close(self.ground, self.leg, "ended")
        self.ground.owners.pop(self.leg, None)
        self.ground.settled.add(self.leg)


async def _close(ground: Ground, leg: str, how: str) -> None:
    """Write down that a leg is gone; what cannot be stored now is by the next survey."""
    try:
        await ground.change(lambda work: agents.leg_ended(work, leg, how))
    except StoreUnavailable:
        ground.resync_wanted.set()
        raise


def _ordered(owner: LegOwner | None) -> datetime | None:
    """When a supervisor's leg was ordered, which may be seconds after it was stored."""
    return owner.ordered_at if isinstance(owner, Monitor) else None


def _still(one: Monitor) -> Call | None:
    """The call, while it is at its desk."""
    try:
        return call_of(one.desk, one.attempt_id)
    except NotFound:
        return None
