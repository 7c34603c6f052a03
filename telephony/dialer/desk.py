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
from datetime import UTC, datetime
from typing import Any, TypeVar

from telephony.dialer.call import LOOK_AGAIN_AFTER, Call, may_be_on_its_way
from telephony.dialer.errors import DialerError, Refused
from telephony.dialer.ground import Ground
from telephony.dialer.preview import Preview
from telephony.dialer.stored import Stored
from telephony.model.agent import AGENT, WITH_LINE, AgentEffect, AgentEvent, AgentState, IdleReason
from telephony.model.outcomes import IDLE_REASON, LegEnd, agent_leg_outcome
from telephony.model.reasons import Refusal
from telephony.pbx.port import (
    AgentCall,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegEvent,
    OrderRefused,
    OrderUnsettled,
    PbxUnreachable,
    Survey,
    SwitchboardError,
    UnknownLeg,
)
from telephony.store import agents, claims, offers
from telephony.store.agents import Line
from telephony.store.claims import Claim
from telephony.store.engine import StoreUnavailable
from telephony.store.grants import Full, LostCell
from telephony.store.records import Agent
from telephony.store.steps import step_agent
from telephony.store.work import Work

log = logging.getLogger(__name__)
T = TypeVar("T")
Job = Callable[[], Awaitable[None]]

NEW_RING_PAUSE = 5.0
"""Seconds before an agent is rung again after the last contact of a line was gone (SPEC section 2)."""

MAKE_SURE_AFTER = 0.5
"""Seconds after a failed job until the desk reads again what is stored: a database that restarts takes about one."""

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
        self._present = present
        self._inbox: asyncio.Queue[Job] = asyncio.Queue()
        self._todo: list[Job] = []
        self._rest_until = 0.0
        self._wrap_timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._unsure = False
        self._sure_timer: asyncio.TimerHandle | None = None
        self._restore(stored)

    def _restore(self, stored: Stored) -> None:
        """Take over what is unfinished; the survey tells what became of it."""
        self.agent = stored.agent
        self.line: Line | None = stored.line
        self.claim: Claim | None = stored.claim
        self.call: Call | None = Call(self, stored.placed) if stored.placed is not None else None
        self.preview.offer = stored.offer
        self._line_since = self.agent.state_since
        self._line_ending = False
        if self.line is not None:
            self.ground.owners[self.line.leg_id] = self
        if self.call is not None:
            self.ground.owners[self.call.leg.id] = self

    # The inbox

    def open(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work(), name=f"desk {self.agent.id}")

    async def close(self) -> None:
        """Stop working; the stored state stays as it is for the next start."""
        self.preview.stop_timer()
        self._stop_wrap_timer()
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
                unavailable = isinstance(error, StoreUnavailable)
                log.error("desk %s: a job failed: %s", self.agent.id, error, exc_info=None if unavailable else error)
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
        self.preview.stop_timer()
        self._stop_wrap_timer()
        for leg in [leg for leg, owner in self.ground.owners.items() if owner is self]:
            del self.ground.owners[leg]
        self._restore(stored)
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
                if not isinstance(error, (DialerError, ValueError)):
                    raise  # not the caller's mistake
            else:
                if not answer.done():
                    answer.set_result(result)

        self._inbox.put_nowait(answered)
        return await answer

    def leg_event(self, event: LegEvent) -> None:
        """Told by the floor, in the order in which the cell consumed the events."""

        async def handle() -> None:
            if self.line is not None and event.leg == self.line.leg_id:
                await self._line_event(event)
            elif self.call is not None and event.leg == self.call.leg.id:
                await self.call.leg_event(event)

        self.post(handle)

    # The agent's state

    async def move(self, event: AgentEvent, also: Callable[[Work, Agent], None] | None = None, **changes: Any) -> None:
        """One step of the agent, with what else must become true in the same transaction."""

        def transaction(work: Work) -> tuple[Agent, tuple[AgentEffect, ...]]:
            agent = replace(self.agent)
            if also is not None:
                also(work, agent)
            return agent, self.step(work, agent, event, **changes)

        self.agent, effects = await self.ground.change(transaction)
        self.carry_out(effects)

    def step(self, work: Work, agent: Agent, event: AgentEvent, **changes: Any) -> tuple[AgentEffect, ...]:
        """The agent's step inside a transaction, with those effects that belong into it."""
        effects = AGENT.step(agent.state, event).effects
        if AgentEffect.REMEMBER_WISH in effects:
            changes = agents.remember_wish(agent, changes.get("wished"), changes.get("idle_reason"))
        changes.pop("wished", None)
        step_agent(work, agent, event, **changes)
        if AgentEffect.GIVE_BACK in effects and self.claim is not None:
            contact = offers.contact_of(work, self.claim.contact.id)
            if contact.state.value == "offered" and contact.holder_id == agent.id:
                offers.give_back(work, contact, agent_id=agent.id)
        if AgentEffect.CLOSE_OFFER_LEFT in effects:
            self.preview.leave(work)
        return effects

    def carry_out(self, effects: tuple[AgentEffect, ...]) -> None:
        """Queue what a stored step leads to in the world."""
        doing: dict[AgentEffect, Job] = {
            AgentEffect.FIND_CONTACT: self.find_contact,
            AgentEffect.RING_AGENT: self._ring,
            AgentEffect.NEXT_OFFER: self.next_offer,
            AgentEffect.END_LINE: self._end_line,
            AgentEffect.END_ATTEMPT: self._end_attempt,
            AgentEffect.START_WRAP_UP: self._start_wrap_timer,
            AgentEffect.START_OFFER_TIMER: self.preview.start_timer,
        }
        for effect in effects:
            if effect is AgentEffect.GIVE_BACK:
                self.claim = None
            elif effect is AgentEffect.STOP_OFFER_TIMER:
                self.preview.stop_timer()
            elif effect is AgentEffect.PAUSE_RESERVATION:
                self.rest(NEW_RING_PAUSE)
            elif effect in doing:
                self.next(doing[effect])

    async def set_state(self, state: str, reason: str | None) -> None:
        """The agent's own wish; during a call it is kept until after wrap-up."""
        event = _GO[state]
        if not AGENT.knows(self.agent.state, event):
            if state == "available":
                return  # reserved and previewing agents are what they ask to be
            raise Refused(Refusal.NOT_AVAILABLE)
        if state == "available" and not self.agent.phone:
            raise Refused(Refusal.PHONE_NOT_REGISTERED, "No phone is set: set one with PUT /me/phone")
        await self.move(event, wished=state, idle_reason=(reason or IdleReason.SIGNED_IN) if state == "idle" else None)

    async def set_phone(self, phone: str) -> None:
        if self.agent.state not in (AgentState.OFFLINE, AgentState.IDLE, AgentState.AVAILABLE):
            raise Refused(Refusal.NOT_AVAILABLE, "The phone can be changed only while no call is up")
        await self.ground.change(lambda work: agents.set_phone(work, self.agent, phone))

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

    # The line: a reservation call

    def rest(self, seconds: float) -> None:
        """No new ring before that; then look again."""
        loop = asyncio.get_running_loop()
        self._rest_until = loop.time() + seconds
        loop.call_later(seconds, self.post, self.find_contact)

    async def find_contact(self) -> None:
        """Claim a contact for an available agent and ring the agent's phone for it."""
        if self.agent.state is not AgentState.AVAILABLE or not self.ground.board.connected:
            return
        if self.line is not None or not self.agent.phone or not self.present:
            return  # the end of the old line, a phone or a desktop bring us back here
        if self.call is not None:
            return  # the customer's leg of the last call is still ending; its end wakes whoever waits
        if asyncio.get_running_loop().time() < self._rest_until:
            return

        def transaction(work: Work) -> tuple[Agent, Line, Claim] | None:
            agent = replace(self.agent)
            found = claims.claim(work, self.ground.place, agent)
            if found is None:
                return None
            line = agents.reserve(work, self.ground.place, agent, found)
            if isinstance(line, Full):
                offers.give_back(work, found.contact, agent_id=None)
                return None
            return agent, line, found

        made = await self.ground.change(transaction)
        if made is not None:
            self.agent, self.line, self.claim = made
            self._line_ending = False
            self._line_since = self.agent.state_since
            self.ground.owners[self.line.leg_id] = self
            self.next(self._ring)

    async def _ring(self) -> None:
        line = self.line
        if line is None or self._line_ending:
            return
        call = AgentCall(leg=line.leg_id, phone=self.agent.phone, ring_limit=line.ring_limit)
        now = asyncio.get_running_loop().time()
        try:
            await self.ground.board.ring_agent(call)
        except PbxUnreachable:
            await self._line_never_was()
        except OrderRefused:
            await self._line_event(LegEnded(leg=line.leg_id, at=now, appeared=False, answered=False, rang=False))
        except OrderUnsettled:
            self.ground.resync_wanted.set()

    async def _line_event(self, event: LegEvent) -> None:
        if isinstance(event, LegAppeared) and self._line_ending:
            await self._end_line()
        elif isinstance(event, LegAnswered) and self.agent.state is AgentState.RINGING:
            await self._line_answered()
        elif isinstance(event, LegEnded):
            await self._line_ended(event)

    async def _line_answered(self) -> None:
        line, claim = self.line, self.claim
        assert line is not None

        def transaction(work: Work) -> tuple[Agent, Any]:
            agent = replace(self.agent)
            agents.line_answered(work, line)
            step_agent(work, agent, AgentEvent.ANSWERED)
            return agent, self.preview.open(work, agent, line, claim)

        self.agent, offer = await self.ground.change(transaction)
        line.answered = True
        self.claim = None
        if offer is not None:
            self.preview.opened(offer)
        else:
            self.next(self.next_offer)

    async def _line_ended(self, event: LegEnded) -> None:
        line = self.line
        assert line is not None
        end = LegEnd(
            answered=event.answered,
            rang=event.rang,
            sip=event.sip,
            cause=event.cause,
            ring_limit_reached=event.ring_limit_reached,
            missing_endpoint=event.missing_endpoint,
        )
        ringing = self.agent.state is AgentState.RINGING and not event.answered
        outcome = agent_leg_outcome(end) if ringing else None
        how = outcome.value if outcome else ("ended" if self._line_ending else "agent_hung_up")

        def close(work: Work, _agent: Agent | None = None) -> None:
            agents.line_ended(work, line, how, cause=event.cause, sip=event.sip)

        if outcome is not None:
            await self._drop_line(AgentEvent.RING_FAILED, close, idle_reason=IDLE_REASON[outcome].value)
        elif self.agent.state is AgentState.RINGING:
            # answered and gone before we heard of the answer
            await self._drop_line(AgentEvent.RING_FAILED, close, idle_reason=IdleReason.HUNG_UP.value)
        elif self.agent.state in WITH_LINE and not self._line_ending:
            until = agents.wrap_up_until(datetime.now(UTC), self.call.settings.wrap_up_limit) if self.call else None
            changes: dict[str, Any] = {}
            if self.agent.state is AgentState.TALKING:
                changes["wrap_up_until"] = until
            else:
                changes["idle_reason"] = IdleReason.HUNG_UP.value
            await self._drop_line(AgentEvent.LINE_LOST, close, **changes)
        else:
            await self.ground.change(close)
            self._forget_line()
            self.next(self.find_contact)

    async def _drop_line(self, event: AgentEvent, close: Callable[[Work, Agent], None], **changes: Any) -> None:
        await self.move(event, close, **changes)
        self._forget_line()

    def _forget_line(self) -> None:
        if self.line is not None:
            self.ground.owners.pop(self.line.leg_id, None)
            self.ground.settled.add(self.line.leg_id)
        self.line = None
        self._line_ending = False

    async def _line_never_was(self) -> None:
        """The reservation call could not be sent: as if nobody had been reserved."""
        line = self.line
        assert line is not None
        await self._drop_line(
            AgentEvent.PBX_LOST, lambda work, _agent: agents.line_ended(work, line, "PBX_UNREACHABLE")
        )

    async def _end_line(self) -> None:
        """End the agent's call; where its channel is not there yet, again when it appears."""
        if self.line is None:
            return
        self._line_ending = True
        await self.end_leg(self.line.leg_id)

    async def end_leg(self, leg: str) -> None:
        try:
            await self.ground.board.hang_up(leg)
        except UnknownLeg:
            pass  # not there yet (it is ended when it appears) or no more (its end is on the way)
        except SwitchboardError as error:
            log.warning("leg %s: hang-up not confirmed: %s", leg, error)
            self.ground.resync_wanted.set()

    # Offers and calls

    async def next_offer(self) -> None:
        """The next contact on the same line; without one the reservation ends."""
        if self.agent.state is not AgentState.RESERVED or await self.honour_wish():
            return
        line = self.line

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
        if self.call is not None:
            await self.call.agent_gone()

    def take_call(self, call: Call) -> None:
        self.call = call
        self.ground.owners[call.leg.id] = self
        self.next(call.dial)

    # Wrap-up's clock

    async def _start_wrap_timer(self) -> None:
        self._stop_wrap_timer()
        until = self.agent.wrap_up_until
        if until is not None and self.call is not None:
            left = max(0.0, (until - datetime.now(UTC)).total_seconds())
            self._wrap_timer = asyncio.get_running_loop().call_later(left, self.post, self._wrap_up_over)

    def _stop_wrap_timer(self) -> None:
        if self._wrap_timer is not None:
            self._wrap_timer.cancel()
            self._wrap_timer = None

    async def _wrap_up_over(self) -> None:
        call = self.call
        if self.agent.state is not AgentState.WRAP_UP or call is None:
            return
        if call.live:
            # the customer's leg is still on its way out; its end is certain, so look again shortly
            self._wrap_timer = asyncio.get_running_loop().call_later(0.5, self.post, self._wrap_up_over)
            return
        await call.wrap_up(call.settings.default_disposition)

    @property
    def keeps_line(self) -> bool:
        """True while the agent's line is up and nobody has asked for its end."""
        return self.line is not None and self.line.answered and not self._line_ending

    def wrapped_up(self) -> None:
        self._stop_wrap_timer()
        self.call = None

    # After a start or a lost link

    async def link_lost(self) -> None:
        if self.call is not None:
            await self.call.link_lost()

    async def reconcile(self, survey: Survey, asked: datetime) -> None:
        """Settle line and call by what really is and was; `asked`: when the survey began."""
        # the call first: an agent who talked and hung up since has something to wrap up
        if self.call is not None:
            await self.call.reconcile(survey, asked)
        if self.line is not None:
            await self._reconcile_line(self.line, survey, asked)
        if self.agent.state is AgentState.RESERVED:
            self.next(self.next_offer)
        elif self.agent.state is AgentState.AVAILABLE:
            self.next(self.find_contact)
        elif self.agent.state is AgentState.WRAP_UP:
            self.next(self._start_wrap_timer)
        elif self.agent.state is AgentState.PREVIEWING:
            self.next(self.preview.start_timer)

    async def _reconcile_line(self, line: Line, survey: Survey, asked: datetime) -> None:
        now = asyncio.get_running_loop().time()
        live, ended = survey.live.get(line.leg_id), survey.ended.get(line.leg_id)
        if live is not None:
            kept = self.agent.state is AgentState.WRAP_UP and self.call is not None and self.call.settings.keep_line
            if self._line_ending or not (kept or self.agent.state in WITH_LINE | {AgentState.RINGING}):
                self.next(self._end_line)
            elif live.state == "up" and self.agent.state is AgentState.RINGING:
                await self._line_answered()
            return
        if ended is not None:
            await self._line_ended(
                LegEnded(
                    leg=line.leg_id,
                    at=now,
                    appeared=True,
                    answered=ended.answered,
                    rang=ended.rang,
                    cause=ended.cause,
                    sip=ended.sip,
                )
            )
        elif may_be_on_its_way(self._line_since, survey, asked):
            asyncio.get_running_loop().call_later(LOOK_AGAIN_AFTER, self.ground.resync_wanted.set)
        elif AGENT.knows(self.agent.state, AgentEvent.PBX_LOST):
            changes: dict[str, Any] = {}
            if self.agent.state is AgentState.TALKING and self.call is not None:
                changes["wrap_up_until"] = agents.wrap_up_until(datetime.now(UTC), self.call.settings.wrap_up_limit)
            await self._drop_line(
                AgentEvent.PBX_LOST, lambda work, _agent: agents.line_ended(work, line, "PBX_LOST"), **changes
            )
        else:
            await self.ground.change(lambda work: agents.line_ended(work, line, "PBX_LOST"))
            self._forget_line()
