"""The reservation: the call that holds an agent on the line, from the ring to its end.

A reservation call is placed only with a contact already claimed for it; whatever goes wrong before an offer opens
gives that contact back untouched.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telephony.dialer.settlement import LOOK_AGAIN_AFTER, may_be_on_its_way
from telephony.dialer.stored import Stored
from telephony.model.agent import AGENT, WITH_LINE, AgentEvent, AgentState, IdleReason
from telephony.model.attempt import AttemptState
from telephony.model.outcomes import IDLE_REASON, LegEnd, agent_leg_outcome
from telephony.model.reasons import Capacity, Outcome
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
)
from telephony.store import agents, claims, offers
from telephony.store.agents import Line
from telephony.store.claims import Claim
from telephony.store.grants import Full
from telephony.store.records import Agent
from telephony.store.steps import step_agent
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.call import Call
    from telephony.dialer.desk import Desk

log = logging.getLogger(__name__)

NEW_RING_PAUSE = 5.0
"""Seconds before an agent is rung again after the last contact of a line was gone (SPEC section 2)."""


class Reservation:
    """The line of one desk. `claim`: the contact it was placed with, until its offer opens."""

    def __init__(self, desk: Desk, stored: Stored) -> None:
        self._desk = desk
        self.line: Line | None = stored.line
        self.claim: Claim | None = stored.claim
        self.ending = False
        self._since = stored.agent.state_since
        self._rest_until = 0.0

    def rest(self, seconds: float) -> None:
        """No new ring before that; then look again."""
        loop = asyncio.get_running_loop()
        self._rest_until = loop.time() + seconds
        loop.call_later(seconds, self._desk.post, self.find_contact)

    async def find_contact(self) -> None:
        """Claim a contact for an available agent and ring the agent's phone for it."""
        if self._desk.agent.state is not AgentState.AVAILABLE or await self._desk.honour_wish():
            return
        if not self._desk.ground.board.connected:
            return
        if self.line is not None or not self._desk.agent.endpoint or not self._desk.present:
            return  # the end of the old line, a phone or a desktop bring us back here
        if self._desk.call is not None:
            return  # the customer's leg of the last call is still ending; its end wakes whoever waits
        if asyncio.get_running_loop().time() < self._rest_until:
            return

        def transaction(work: Work) -> tuple[Agent, Line, Claim] | None:
            agent = replace(self._desk.agent)
            found = claims.claim(work, self._desk.ground.place, agent)
            if found is None:
                return None
            line = agents.reserve(work, self._desk.ground.place, agent, found)
            if isinstance(line, Full):
                offers.give_back(work, found.contact, agent_id=None)
                return None
            return agent, line, found

        made = await self._desk.ground.change(transaction)
        if made is not None:
            self._desk.agent, line, self.claim = made
            self.call_phone(line)

    def call_phone(self, line: Line) -> None:
        """Ring the agent's phone for a line that was stored just now."""
        self.line = line
        self.ending = False
        self._since = self._desk.agent.state_since
        self._desk.ground.owners[line.leg_id] = self._desk
        self._desk.next(self.ring)

    async def ring(self) -> None:
        line = self.line
        if line is None or self.ending:
            return
        agent = self._desk.agent
        call = AgentCall(
            leg=line.leg_id, phone=agent.endpoint, ring_limit=line.ring_limit, in_browser=bool(agent.browser_phone)
        )
        now = asyncio.get_running_loop().time()
        self.is_ordered()
        try:
            await self._desk.ground.board.ring_agent(call)
        except PbxUnreachable:
            await self._never_was()
        except OrderRefused:
            await self.line_event(LegEnded(leg=line.leg_id, at=now, appeared=False, answered=False, rang=False))
        except OrderUnsettled:
            self._desk.ground.resync_wanted.set()

    async def line_event(self, event: LegEvent) -> None:
        if await self._desk.recovery.leg_event(event):
            pass
        elif isinstance(event, LegAppeared) and self.ending:
            await self.end()
        elif isinstance(event, LegAnswered):
            await self._answered()
        elif isinstance(event, LegEnded):
            await self._ended(event)

    @property
    def _for_call(self) -> Call | None:
        """The call that waits for this agent's phone (pull); None: it rings for a reservation."""
        call = self._desk.call
        return call if call is not None and call.attempt.state is AttemptState.CALLING_AGENT else None

    async def _answered(self) -> None:
        line, claim = self.line, self.claim
        assert line is not None
        if self._for_call is not None:
            await self._for_call.agent_answered(line)
            return
        if self._desk.agent.state is not AgentState.RINGING:
            return

        def transaction(work: Work) -> tuple[Agent, Any]:
            agent = replace(self._desk.agent)
            agents.line_answered(work, line)
            step_agent(work, agent, AgentEvent.ANSWERED)
            return agent, self._desk.preview.open(work, agent, line, claim)

        self._desk.agent, offer = await self._desk.ground.change(transaction)
        line.answered = True
        self.claim = None
        if offer is not None:
            self._desk.preview.opened(offer)
        else:
            self._desk.next(self._desk.next_offer)

    async def _ended(self, event: LegEnded) -> None:
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
        rings = self._desk.agent.state is AgentState.RINGING or self._for_call is not None
        outcome = agent_leg_outcome(end) if rings and not event.answered else None
        how = outcome.value if outcome else ("ended" if self.ending else "agent_hung_up")

        def close(work: Work, _agent: Agent | None = None) -> None:
            agents.line_ended(work, line, how, cause=event.cause, sip=event.sip)

        if rings:
            # answered: and gone before we heard of the answer
            reason = IDLE_REASON[outcome] if outcome is not None else IdleReason.HUNG_UP
            failed = AgentEvent.RING_FAILED if self._for_call is None else AgentEvent.LINE_LOST
            code = outcome.value if outcome is not None else Outcome.AGENT_ENDED.value
            await self._drop(failed, close, code=code, idle_reason=reason.value)
        else:
            await self._gone(close, IdleReason.HUNG_UP)

    async def lost(self, reason: IdleReason) -> None:
        """The line is over whose last leg has ended before; `reason` to be idle for."""
        line = self.line
        if line is not None:
            await self._gone(lambda work, _agent=None: agents.line_ended(work, line, reason.value), reason)

    async def _gone(self, close: Callable[..., None], reason: IdleReason) -> None:
        """An answered line is over, asked for or not."""
        if self._desk.agent.state not in WITH_LINE or self.ending:
            await self._desk.ground.change(close)
            self._forget()
            self._desk.next(self.find_contact)
            return
        changes: dict[str, Any] = {"idle_reason": reason.value}
        if self._desk.agent.state is AgentState.TALKING:
            limit = self._desk.call.settings.wrap_up_limit if self._desk.call else 0
            changes = {"wrap_up_until": agents.wrap_up_until(datetime.now(UTC), limit)}
        await self._drop(AgentEvent.LINE_LOST, close, **changes)

    def has_leg(self, leg: str) -> None:
        """The line goes on with another leg, which was stored just now."""
        assert self.line is not None
        self._desk.ground.owners.pop(self.line.leg_id, None)
        self._desk.ground.settled.add(self.line.leg_id)
        self.line.leg_id = leg
        self._since = datetime.now(UTC)
        self._desk.ground.owners[leg] = self._desk

    def is_ordered(self) -> None:
        """Now: a survey from before does not know the leg."""
        self._since = datetime.now(UTC)

    async def _drop(
        self, event: AgentEvent, close: Callable[[Work, Agent], None], *, code: str = "PBX_LOST", **changes: Any
    ) -> None:
        """The line is gone, and with it the call that waited for it: not placed, by `code`."""
        if self._for_call is not None:
            await self._for_call.agent_failed(event, close, code=code, **changes)
        else:
            await self._desk.move(event, close, **changes)
        self._forget()

    def _forget(self) -> None:
        if self.line is not None:
            self._desk.ground.owners.pop(self.line.leg_id, None)
            self._desk.ground.settled.add(self.line.leg_id)
        self.line = None
        self.ending = False
        self._desk.recovery.reset()

    async def _never_was(self) -> None:
        """The reservation call could not be sent: as if nobody had been reserved."""
        line = self.line
        assert line is not None
        code = Capacity.PBX_UNREACHABLE.value
        await self._drop(AgentEvent.PBX_LOST, lambda work, _agent: agents.line_ended(work, line, code), code=code)

    async def end(self) -> None:
        """End the agent's call; where its channel is not there yet, again when it appears."""
        if self.line is None:
            return
        self.ending = True
        await self._desk.end_leg(self.line.leg_id)
        await self._desk.recovery.unwanted()

    async def unmute(self) -> None:
        """The next customer on this line is to hear the agent, who may have been muted for the last one."""
        if self.line is None or not self.keeps_line:
            return
        try:
            await self._desk.ground.board.mute(self.line.leg_id, muted=False)
        except SwitchboardError as error:
            log.warning("leg %s: not unmuted: %s", self.line.leg_id, error)

    @property
    def keeps_line(self) -> bool:
        """True while the agent's line is up and nobody has asked for its end."""
        return self.line is not None and self.line.answered and not self.ending

    async def reconcile(self, line: Line, survey: Survey, asked: datetime) -> None:
        if self._desk.recovery.has_no_leg:
            return
        now = asyncio.get_running_loop().time()
        live, ended = survey.live.get(line.leg_id), survey.ended.get(line.leg_id)
        if live is not None:
            kept = (
                self._desk.agent.state is AgentState.WRAP_UP
                and self._desk.call is not None
                and self._desk.call.keeps_line
            )
            if self.ending or not (kept or self._desk.agent.state in WITH_LINE | {AgentState.RINGING}):
                self._desk.next(self.end)
            elif live.state == "up" and (not line.answered or self._desk.recovery.awaits_answer):
                await self.line_event(LegAnswered(leg=line.leg_id, at=now))
            elif self._desk.agent.state is not AgentState.TALKING:
                self._desk.next(self.unmute)
            return
        if ended is not None:
            await self.line_event(
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
        elif may_be_on_its_way(self._since, survey, asked):
            self._desk.ground.resync_in(LOOK_AGAIN_AFTER)
        elif self._desk.call is not None and self._desk.call.attempt.away:
            await self.lost(IdleReason.PHONE_LOST)  # never sent: the service ended while it brought the page back
        elif AGENT.knows(self._desk.agent.state, AgentEvent.PBX_LOST):
            changes: dict[str, Any] = {}
            if self._desk.agent.state is AgentState.TALKING and self._desk.call is not None:
                changes["wrap_up_until"] = agents.wrap_up_until(
                    datetime.now(UTC), self._desk.call.settings.wrap_up_limit
                )
            await self._drop(
                AgentEvent.PBX_LOST, lambda work, _agent: agents.line_ended(work, line, "PBX_LOST"), **changes
            )
        else:
            await self._desk.ground.change(lambda work: agents.line_ended(work, line, "PBX_LOST"))
            self._forget()
