"""The desk of one agent: everything that concerns the agent, in one order.

Requests, timers and what the PBX tells come into one inbox and are worked off one by one. Each is decided in
one transaction (the tables say what it leads to); what must be done in the world is carried out only after
that commit, and after the caller has its answer. So an action and an event can never overlap at one desk, and
the order in which the cell consumed them is the order in which they count.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from telephony.dialer.browser_phone import BrowserPhone
from telephony.dialer.call import Call
from telephony.dialer.colleague import Colleague
from telephony.dialer.errors import DialerError, Refused
from telephony.dialer.ground import Ground
from telephony.dialer.message import MessageCall
from telephony.dialer.preview import Preview
from telephony.dialer.recovery import Recovery
from telephony.dialer.reservation import NEW_RING_PAUSE, Reservation
from telephony.dialer.settlement import LOOK_AGAIN_AFTER
from telephony.dialer.stored import Stored
from telephony.dialer.wrapping import WrapUp
from telephony.model.agent import AGENT, AgentEffect, AgentEvent, AgentState, IdleReason
from telephony.model.reasons import Refusal
from telephony.pbx.port import (
    LegEvent,
    Survey,
    SwitchboardError,
    UnknownLeg,
)
from telephony.store import agents, claims, offers
from telephony.store.attempts import Placed
from telephony.store.engine import StoreUnavailable
from telephony.store.errors import StoreError
from telephony.store.grants import LostCell
from telephony.store.records import Agent, Attempt
from telephony.store.steps import step_agent
from telephony.store.work import Work

log = logging.getLogger(__name__)
T = TypeVar("T")
Job = Callable[[], Awaitable[None]]

MAKE_SURE_AFTER = 0.5
"""Seconds after a failed job until the desk reads again what is stored: a database that restarts takes about one."""

LEFT_OVER_AFTER = 3.0
"""Seconds after an agent was freed until a leg whose end was not told is looked for; usual are milliseconds."""

_GO = {
    "available": AgentEvent.GO_AVAILABLE,
    "idle": AgentEvent.GO_IDLE,
    "offline": AgentEvent.GO_OFFLINE,
}


class Desk:
    """One agent's actor; create it with the agent's stored record, then `open()` it."""

    def __init__(self, ground: Ground, stored: Stored, *, present: Callable[[str], bool]) -> None:
        self.ground = ground
        self.preview = Preview(self)
        self.wrap_up = WrapUp(self)
        self.browser_phone = BrowserPhone(self)
        self.colleague = Colleague(self)
        self.recovery = Recovery(self)
        self._present = present
        self._inbox: asyncio.Queue[Job] = asyncio.Queue()
        self._todo: list[Job] = []
        self._task: asyncio.Task[None] | None = None
        self._unsure = False
        self._freed = False  # by a supervisor, whose call is still to be ended
        self._at_fault = False  # by an error of our own, not for want of the database
        self._sure_timer: asyncio.TimerHandle | None = None
        self._restore(stored)

    def _restore(self, stored: Stored) -> None:
        """Take over what is unfinished; the survey tells what became of it."""
        self.agent = stored.agent
        self.recovery.reset()
        self.reservation = Reservation(self, stored)
        self.call: Call | None = Call(self, stored.placed) if stored.placed is not None else None
        self.messages = {placed.leg.id: MessageCall(self, Call(self, placed)) for placed in stored.messages}
        self.handed_over = {placed.attempt.id: Call(self, placed) for placed in stored.handed_over}
        calls = [*self.handed_over.values(), *([self.call] if self.call is not None else [])]
        self.thirds = {call.transfer.leg: call.transfer for call in calls if call.transfer.leg}
        self.preview.offer = stored.offer
        if self.reservation.line is not None:
            self.ground.owners[self.reservation.line.leg_id] = self
        legs = [*self.messages, *self.thirds, *(call.leg.id for call in calls)]
        self.ground.owners.update((leg, self) for leg in legs)

    @property
    def unfinished(self) -> bool:
        """True while a line or a call is up, or is thought to be."""
        beside = self.messages or self.handed_over or self.thirds
        return self.reservation.line is not None or self.call is not None or bool(beside)

    def hears_message(self, attempt_id: str) -> bool:
        """Whether this call goes on without the agent, to hear a recorded message."""
        return any(one.attempt_id == attempt_id for one in self.messages.values())

    def _stop_timers(self) -> None:
        self.preview.stop_timer()
        self.wrap_up.stop_timer()
        self.recovery.stop_timer()
        for message in self.messages.values():
            message.stop_timer()

    # The inbox

    def open(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work(), name=f"desk {self.agent.id}")

    async def retire(self) -> None:
        """Close once everything that was asked so far has its answer."""
        await self.ask(self.link_lost)
        await self.close()

    async def close(self) -> None:
        """Stop working; the stored state stays as it is for the next start."""
        self._stop_timers()
        if self._sure_timer is not None:
            self._sure_timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            job = await self._inbox.get()
            try:
                await job()
                while self._todo:
                    await self._todo.pop(0)()
            except LostCell:
                self.ground.lost_cell.set()
                self._todo.clear()
            except Exception as error:
                # one failed job must not end the desk
                if isinstance(error, StoreUnavailable):
                    log.error("desk %s: a job failed: %s", self.agent.id, error)
                else:
                    log.error("desk %s: a job failed", self.agent.id, exc_info=error)
                    self._at_fault = True
                self._todo.clear()
                self._unsure = True
                if self._sure_timer is not None:
                    self._sure_timer.cancel()
                self._sure_timer = asyncio.get_running_loop().call_later(MAKE_SURE_AFTER, self.post, self._be_sure)

    def post(self, job: Job) -> None:
        """Put a job at the end of the inbox."""

        async def sure() -> None:
            await self._be_sure()
            await job()

        self._inbox.put_nowait(sure)

    async def _be_sure(self) -> None:
        """After a failure: begin anew with what is stored, and let the survey settle it.

        Whether the transaction that failed was stored after all cannot be known from its error, and what should
        have followed it was not done. It is the same as after a start of the service, for this desk alone.
        """
        if not self._unsure:
            return
        stored = await self.ground.change(self._reload)
        self._stop_timers()
        for leg in [leg for leg, owner in self.ground.owners.items() if owner is self]:
            del self.ground.owners[leg]
        self._restore(stored)
        if self.call is not None:
            self.call.at_fault = self._at_fault
        self._at_fault = False
        self._unsure = False
        await self.link_lost()  # what happened meanwhile may have been missed
        self.ground.resync_wanted.set()

    def _reload(self, work: Work) -> Stored:
        agent = agents.load(work, self.agent.id)
        assert agent is not None
        return Stored(work, agent)

    def next(self, job: Job) -> None:
        """Carry something out right after the present job and its answer."""
        self._todo.append(job)

    async def ask(self, job: Callable[[], Awaitable[T]]) -> T:
        """Run a request at this desk in its turn; its answer, or what it raised."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def answered() -> None:
            try:
                await self._be_sure()
                result = await job()
            except Exception as error:
                if not answer.done():
                    answer.set_exception(error)
                if not isinstance(error, (DialerError, StoreError, ValueError)):
                    raise  # not the caller's mistake
            else:
                if not answer.done():
                    answer.set_result(result)

        self._inbox.put_nowait(answered)
        return await answer

    def leg_event(self, event: LegEvent) -> None:
        """Told by the floor, in the order in which the cell consumed the events."""

        async def handle() -> None:
            line = self.reservation.line
            if line is not None and event.leg == line.leg_id:
                await self.reservation.line_event(event)
            elif self.call is not None and event.leg == self.call.leg.id:
                await self.call.leg_event(event)
            elif event.leg in self.messages:
                await self.messages[event.leg].leg_event(event)
            elif event.leg in self.thirds:
                await self.thirds[event.leg].third_event(event)
            else:
                for call in [one for one in self.handed_over.values() if one.leg.id == event.leg]:
                    await call.leg_event(event)

        self.post(handle)

    # The agent's state

    async def move(self, event: AgentEvent, also: Callable[[Work, Agent], None] | None = None, **changes: Any) -> None:
        """One step of the agent, with what else must become true in the same transaction."""

        def transaction(work: Work) -> tuple[Agent, tuple[AgentEffect, ...]]:
            agent = replace(self.agent)
            if also is not None:
                also(work, agent)
            return agent, self.step(work, agent, event, **changes)

        self.agent, effects = await self.ground.change(transaction, urgent=True)
        self.carry_out(effects)

    def step(self, work: Work, agent: Agent, event: AgentEvent, **changes: Any) -> tuple[AgentEffect, ...]:
        """The agent's step inside a transaction, with those effects that belong into it."""
        after, effects = (step := AGENT.step(agent.state, event)).state, step.effects
        if AgentEffect.REMEMBER_WISH in effects:
            changes = agents.remember_wish(agent, changes.get("wished"), changes.get("idle_reason"))
        elif after in (AgentState.IDLE, AgentState.OFFLINE):
            changes |= {"wish": None, "wish_reason": None}
        changes.pop("wished", None)
        step_agent(work, agent, event, **changes)
        if AgentEffect.GIVE_BACK in effects and self.reservation.claim is not None:
            contact = offers.contact_of(work, self.reservation.claim.contact.id)
            if contact.state.value == "offered" and contact.holder_id == agent.id:
                offers.give_back(work, contact, agent_id=agent.id)
        if AgentEffect.CLOSE_OFFER_LEFT in effects:
            self.preview.leave(work)
        return effects

    def carry_out(self, effects: tuple[AgentEffect, ...]) -> None:
        """Queue what a stored step leads to in the world."""
        doing: dict[AgentEffect, Job] = {
            AgentEffect.FIND_CONTACT: self.reservation.find_contact,
            AgentEffect.RING_AGENT: self.reservation.ring,
            AgentEffect.NEXT_OFFER: self.next_offer,
            AgentEffect.END_LINE: self.reservation.end,
            AgentEffect.END_ATTEMPT: self._end_attempt,
            AgentEffect.START_WRAP_UP: self.wrap_up.start_timer,
            AgentEffect.START_OFFER_TIMER: self.preview.start_timer,
        }
        for effect in effects:
            if effect is AgentEffect.GIVE_BACK:
                self.reservation.claim = None
            elif effect is AgentEffect.STOP_OFFER_TIMER:
                self.preview.stop_timer()
            elif effect is AgentEffect.PAUSE_RESERVATION:
                self.reservation.rest(NEW_RING_PAUSE)
            elif effect in doing:
                self.next(doing[effect])

    async def set_state(self, state: str, reason: str | None) -> None:
        """The agent's own wish; kept until after the wrap-up of a call, or until one handed to them is over."""
        if self.colleague.busy:
            await self.colleague.remember(state, reason)
            return
        event = _GO[state]
        if not AGENT.knows(self.agent.state, event):
            if state == "available":
                return  # reserved and previewing agents are what they ask to be
            raise Refused(Refusal.NOT_AVAILABLE)
        if state == "available":
            await self.ground.store.run(lambda conn: agents.read_phone(conn, self.agent))
        await self.move(event, wished=state, idle_reason=(reason or IdleReason.SIGNED_IN) if state == "idle" else None)

    async def free(self) -> None:
        """A supervisor ends whatever this agent is in: line, offer, call and wrap-up; idle from now on.

        What the PBX does not know any more is found by a survey, a moment later.
        """
        call = self.call
        over = call if call is not None and (not call.live or call.attempt.transferred_at is not None) else None
        wrapped: list[Attempt] = []

        def close(work: Work, _agent: Agent) -> None:
            if over is not None:
                wrapped[:] = [self.wrap_up.by_default(work, over)]

        nothing = {"attempt_id": None, "offer_id": None, "wrap_up_until": None}
        reason = None if self.agent.state is AgentState.OFFLINE else IdleReason.FREED.value
        self._freed = call is not None
        await self.move(AgentEvent.FREED, close, idle_reason=reason, **nothing)
        self.wrap_up.stop_timer()
        if over is not None:
            self.wrap_up.let_go(over, wrapped[0])
        asyncio.get_running_loop().call_later(LEFT_OVER_AFTER, self.post, self._look_for_what_is_left)

    async def _look_for_what_is_left(self) -> None:
        if self.agent.idle_reason == IdleReason.FREED and (self.reservation.line is not None or self.call is not None):
            await self.link_lost()  # as far as these legs go
            self.ground.resync_wanted.set()

    async def set_phone(self, phone: str) -> None:
        self._check_resting()
        await self.ground.change(lambda work: agents.set_phone(work, self.agent, phone))

    async def use_browser(self) -> None:
        self._check_resting()
        await self.ground.change(lambda work: agents.use_browser(work, self.agent))

    def _check_resting(self) -> None:
        if self.agent.state not in (AgentState.OFFLINE, AgentState.IDLE, AgentState.AVAILABLE):
            raise Refused(Refusal.NOT_AVAILABLE, "The phone can be changed only while no call is up")

    @property
    def at_rest(self) -> bool:
        """Only then an agent is moved to another cell."""
        return self.agent.state in (AgentState.OFFLINE, AgentState.IDLE) and not self.unfinished

    async def was_moved(self) -> bool:
        """True where the agent, who rests, belongs to another cell now, or has worked in one meanwhile."""
        if not self.at_rest:
            return False
        stored = await self.ground.change(lambda work: agents.load(work, self.agent.id))
        return stored is None or (stored.cell_id, stored.state) != (self.ground.place.cell_id, self.agent.state)

    async def desktop_lost(self) -> None:
        if AGENT.knows(self.agent.state, AgentEvent.DESKTOP_LOST):
            await self.move(AgentEvent.DESKTOP_LOST, wished="idle", idle_reason=IdleReason.DESKTOP_LOST.value)

    @property
    def present(self) -> bool:
        return self._present(self.agent.id)

    async def honour_wish(self) -> bool:
        """Go where the agent wished to be meanwhile; True where that ends the work on this line."""
        wish = self.agent.wish
        if wish not in ("idle", "offline"):
            return False
        event = AgentEvent.GO_OFFLINE if wish == "offline" else AgentEvent.GO_IDLE
        reason = self.agent.wish_reason if wish == "idle" else None
        await self.move(event, wish=None, wish_reason=None, idle_reason=reason)
        return True

    async def end_leg(self, leg: str) -> None:
        try:
            await self.ground.board.hang_up(leg)
        except UnknownLeg:
            pass  # not there yet (it is ended when it appears) or no more (its end is on the way)
        except SwitchboardError as error:
            log.warning("leg %s: hang-up not confirmed: %s", leg, error)
            self.ground.resync_in(LOOK_AGAIN_AFTER)  # what is still up then is ended again

    # Offers and calls

    async def next_offer(self) -> None:
        """The next contact on the same line; without one the reservation ends."""
        if self.agent.state is not AgentState.RESERVED or await self.honour_wish():
            return
        line = self.reservation.line

        def transaction(work: Work) -> tuple[Agent, Any, tuple[AgentEffect, ...]]:
            agent = replace(self.agent)
            claim = claims.claim(work, self.ground.place, agent)
            offer = self.preview.open(work, agent, line, claim)
            if offer is None:
                return agent, None, self.step(work, agent, AgentEvent.NO_CONTACT)
            return agent, offer, ()

        self.agent, offer, effects = await self.ground.change(transaction)
        if offer is not None:
            self.preview.opened(offer)
        self.carry_out(effects)

    async def _end_attempt(self) -> None:
        freed, self._freed = self._freed, False
        if self.call is not None:
            await (self.call.freed() if freed else self.call.agent_gone())

    def foresee_cancel(self, attempt_id: str) -> None:
        """A cancel of this attempt will be asked in a moment; said at once, not in its turn."""
        if self.call is not None and self.call.attempt.id == attempt_id:
            self.call.foresee_cancel()

    def take_call(self, placed: Placed) -> None:
        """Dial what was accepted, from the line that is up or by calling the agent's phone first."""
        self.call = Call(self, placed)
        self.ground.owners[placed.leg.id] = self
        if placed.line is not None:
            self.reservation.call_phone(placed.line)
        else:
            self.next(self.call.dial)

    # After a start or a lost link

    async def link_lost(self) -> None:
        for one in (self.call, *self.handed_over.values(), *self.messages.values()):
            if one is not None:
                await one.link_lost()

    async def reconcile(self, survey: Survey, asked: datetime) -> None:
        """Settle line and call by what really is and was; `asked`: when the survey began."""
        # the call first: an agent who talked and hung up since has something to wrap up
        for one in (self.call, *self.handed_over.values(), *self.messages.values()):
            if one is not None:
                await one.reconcile(survey, asked)
        for third in list(self.thirds.values()):
            await third.reconcile(survey, asked)
        if self.reservation.line is not None:
            await self.reservation.reconcile(self.reservation.line, survey, asked)
            await self.recovery.reconcile(survey)
        if self.agent.state is AgentState.RESERVED:
            self.next(self.next_offer)
        elif self.agent.state is AgentState.AVAILABLE:
            self.next(self.reservation.find_contact)
        elif self.agent.state is AgentState.WRAP_UP:
            self.next(self.wrap_up.start_timer)
        elif self.agent.state is AgentState.PREVIEWING:
            self.next(self.preview.start_timer)
