"""The attempt at a desk: one try to reach one customer, from the stored placing to its settled end.

How a leg is sent is in dialing.py, what a lost link leads to in settlement.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telephony.dialer.controls import CallControls
from telephony.dialer.dialing import Dialing
from telephony.dialer.errors import DialerError, Refused
from telephony.dialer.message import drop_message
from telephony.dialer.recording import CallRecording
from telephony.dialer.settlement import Settlement
from telephony.dialer.transfer import Transfer
from telephony.model.agent import AgentEffect, AgentEvent, AgentState, IdleReason
from telephony.model.attempt import ATTEMPT, AttemptEffect, AttemptEvent, AttemptState
from telephony.model.campaign import Amd, AmdTreatment, CampaignSettings, Mode
from telephony.model.machine_detection import Verdict, verdict_of
from telephony.model.message_drop import When
from telephony.model.outcomes import LegEnd, customer_outcome, trunk_failed
from telephony.model.reasons import Capacity, Outcome, Refusal, Withdrawal
from telephony.pbx.port import (
    ABANDON,
    DIAL,
    END,
    JOIN,
    LISTEN_AFTER,
    MESSAGE,
    BeepHeard,
    LegAbandoned,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegEvent,
    LegRang,
    LegsJoined,
    MachineVerdict,
    Survey,
    SwitchboardError,
)
from telephony.store import agents, attempts, pull, wrap_up
from telephony.store.agents import Line
from telephony.store.attempts import CallLeg, Placed
from telephony.store.records import Agent, Attempt
from telephony.store.steps import step_attempt
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.desk import Desk

log = logging.getLogger(__name__)

_BY_WHOM = {
    "agent": Outcome.AGENT_CANCELLED,
    "line": Outcome.AGENT_ENDED,
    "supervisor": Outcome.AGENT_CANCELLED,
    "machine": Outcome.MACHINE_HUNG_UP,
}

BY_SUPERVISOR = "SUPERVISOR"
"""Code of an attempt that a supervisor ended."""

_UNWANTED: dict[type[LegEvent], AttemptEvent] = {
    LegAppeared: AttemptEvent.APPEARED,
    LegAnswered: AttemptEvent.ANSWERED,
    LegsJoined: AttemptEvent.JOINED,
}

_UNANSWERED = frozenset({AttemptState.PLACING, AttemptState.RINGING})


class Call:
    """One attempt and its present customer leg."""

    def __init__(self, desk: Desk, placed: Placed) -> None:
        self._desk = desk
        self.attempt = placed.attempt
        self.leg: CallLeg = placed.leg
        self.settings: CampaignSettings = placed.settings
        self.agent_was_lost = False
        self.cancel_waits = False  # one has come and is not decided yet: what is not dialed by now is not dialed
        self.deaf = False  # found ringing: who would have listened from the answer on is gone
        self.at_fault = False  # an error of our own came between; what it left undone is not undone by anybody else
        self.stash: list[LegEvent] = []  # what came while the attempt was unknown, for after the survey
        self.unsure_since: datetime | None = None  # while the attempt is unknown: a survey from before tells nothing
        self._ending = False  # its leg was to be hung up
        self._answered_at: float | None = None  # monotonic
        self._beep_at: float | None = None  # monotonic
        self._amd: tuple[str, str] | None = None  # status and cause, as told last
        self._dialing = Dialing(desk, self)
        self._settlement = Settlement(desk, self)
        self.recording = CallRecording(desk, self)
        self.controls = CallControls(desk, self)
        self.transfer = Transfer(desk, self, placed.third)

    @property
    def live(self) -> bool:
        return self.attempt.state is not AttemptState.ENDED

    @property
    def keeps_line(self) -> bool:
        """True where the agent's line is to stay up after this call; one that was called for it alone is not."""
        return self.settings.keep_line and self.settings.mode is not Mode.PREVIEW

    async def move(
        self, event: AttemptEvent, also: Callable[[Work, Agent], tuple[AgentEffect, ...]] | None = None, **changes: Any
    ) -> None:
        """One step of the attempt, and of the agent with it where `also` makes one."""
        desk = self._desk

        def transaction(work: Work) -> tuple[Attempt, Agent, tuple[AttemptEffect, ...], tuple[AgentEffect, ...]]:
            attempt, agent = replace(self.attempt), replace(desk.agent)
            effects = step_attempt(work, attempt, event, **changes).effects
            return attempt, agent, effects, also(work, agent) if also else ()

        self.attempt, desk.agent, effects, agent_effects = await desk.ground.change(transaction, urgent=True)
        desk.carry_out(agent_effects)
        if AttemptEffect.END_LEG in effects:
            desk.next(self._end_leg)

    async def dial(self) -> None:
        """Send the present leg on its way."""
        await self._dialing.dial()

    async def agent_answered(self, line: Line) -> None:
        """The agent, called first, picked up: dial the customer, where that is still allowed."""
        desk = self._desk

        def transaction(work: Work) -> tuple[Attempt, Capacity | Withdrawal | None]:
            attempt = replace(self.attempt)
            agents.line_answered(work, line)
            return attempt, pull.place(work, desk.ground.place, desk.agent, attempt, self.leg)

        self.attempt, refused = await desk.ground.change(transaction, urgent=True)
        line.answered = True
        if refused is not None:
            await self._dialing.not_placed(refused.value)
        else:
            desk.next(self.dial)

    async def agent_failed(
        self, event: AgentEvent, close: Callable[[Work, Agent], None], *, code: str, **changes: Any
    ) -> None:
        """The agent, called first, did not come to the phone: the contact goes back, as if nothing had been."""

        def free(work: Work, agent: Agent) -> tuple[AgentEffect, ...]:
            close(work, agent)
            return self._desk.step(work, agent, event, **changes)

        await self.ended(None, Outcome.NOT_PLACED, event=AttemptEvent.AGENT_FAILED, code=code, free=free)

    async def agent_vanished(self) -> None:
        """The agent's line is gone before anything was dialed from it; its end is told in a moment."""

        def free(work: Work, agent: Agent) -> tuple[AgentEffect, ...]:
            if agent.state is AgentState.DIALING and agent.attempt_id == self.attempt.id:
                return self._desk.step(work, agent, AgentEvent.LINE_LOST, idle_reason=IdleReason.HUNG_UP.value)
            return ()

        code = Outcome.AGENT_ENDED.value
        await self.ended(None, Outcome.NOT_PLACED, event=AttemptEvent.NOT_PLACED, code=code, free=free)

    async def _end_leg(self) -> None:
        self._ending = True
        await self._desk.end_leg(self.leg.id)

    def _unwanted(self, event: AttemptEvent) -> None:
        """A cancelled leg goes on: its cancel is stored, nothing else changes, so its end waits for no transaction."""
        if AttemptEffect.END_LEG in ATTEMPT.step(self.attempt.state, event).effects:
            self._desk.next(self._end_leg)

    # What the agent asks

    def foresee_cancel(self) -> None:
        """A cancel has come. It is decided in its turn, but nobody's phone begins to ring meanwhile."""
        self.cancel_waits = self.settings.end_call_enabled

    async def cancel(self, by: str = "agent") -> None:
        """The agent, or a supervisor, no longer wants this call; refused once the customer has answered."""
        self.cancel_waits = False
        if by == "agent" and not self.settings.end_call_enabled:
            raise Refused(Refusal.ACTION_DISABLED)
        if self.attempt.state is AttemptState.CANCELLING:
            return
        if await self._dialing.settle_kept_back():
            return
        if not self.live:
            raise Refused(Refusal.NOT_AVAILABLE, "The call has already ended")
        if not ATTEMPT.knows(self.attempt.state, AttemptEvent.CANCEL):
            raise Refused(Refusal.CALL_ANSWERED)
        if self.attempt.state is AttemptState.CALLING_AGENT:
            code = Outcome.AGENT_CANCELLED.value if by == "agent" else BY_SUPERVISOR
            await self.ended(None, Outcome.NOT_PLACED, event=AttemptEvent.CANCEL, code=code)
        else:
            await self.move(AttemptEvent.CANCEL, cancelled_by=by)

    async def hang_up(self, by: str = "agent") -> None:
        """End the call the agent is in; before the answer this is a cancel."""
        self.cancel_waits = False
        if ATTEMPT.knows(self.attempt.state, AttemptEvent.CANCEL):
            await self.cancel(by)
        elif self.attempt.transferred_at is not None and by == "agent":
            raise Refused(Refusal.NOT_AVAILABLE, "The call is somebody else's now")
        elif self.live and ATTEMPT.knows(self.attempt.state, AttemptEvent.HANG_UP):
            await self.move(AttemptEvent.HANG_UP, cancelled_by=by)
        elif self.live and self.attempt.state is not AttemptState.CANCELLING:
            raise Refused(Refusal.NOT_AVAILABLE)

    async def freed(self) -> None:
        """A supervisor took its agent away. Who has answered and was not joined yet is a customer without an agent."""
        if self.attempt.state is AttemptState.ANSWERED:
            await self.agent_gone()
        elif self.attempt.state is not AttemptState.UNKNOWN:  # the survey will tell, and finds the agent gone
            self.agent_was_lost = True
            await self.hang_up("supervisor")

    async def voicemail_left(self) -> None:
        """The agent says a message was spoken after the beep."""
        if self.attempt.state is not AttemptState.TALKING:
            raise Refused(Refusal.NOT_AVAILABLE, "A voicemail can be marked only while joined with the other side")
        await self._annotate("call.voicemail_left", {}, voicemail_left=True)

    async def drop_message(self, when: When) -> None:
        """Leave the campaign's message in the mailbox the agent talks to."""
        both = self.attempt.state is AttemptState.TALKING and self._desk.agent.state is AgentState.TALKING
        if not both:  # an agent who has just hung up has something to wrap up
            raise Refused(Refusal.NOT_AVAILABLE, "A message can be left only while joined with the other side")
        await drop_message(self._desk, self, when)

    async def agent_gone(self) -> None:
        """The agent's line ended during the attempt."""
        self.agent_was_lost = True
        if await self._dialing.settle_kept_back():
            return
        if ATTEMPT.knows(self.attempt.state, AttemptEvent.AGENT_GONE):
            changes: dict[str, Any] = {"cancelled_by": "line"} if self.attempt.state in _UNANSWERED else {}
            await self.move(AttemptEvent.AGENT_GONE, **changes)
        await self.transfer.call_over()

    # What the PBX tells

    async def gate(self, verdict: str, cause: str) -> str:
        """An answered leg asks before it is joined."""
        if not self.live or self.attempt.cancelled_by is not None:
            return END
        if self.attempt.state in _UNANSWERED:
            await self.answered()
        if verdict:
            await self.verdict(verdict, cause)
        if self.attempt.amd_verdict == Verdict.FAX:
            return END
        if self.attempt.amd_verdict == Verdict.MACHINE and (treated := await self._treat_machine()) is not None:
            return treated
        if self._desk.reservation.line is None:
            self.agent_was_lost = True
        return ABANDON if self.agent_was_lost else JOIN

    async def _treat_machine(self) -> str | None:
        """What the campaign wants done with a machine; None: it goes to the agent, as does a message not agreed to."""
        if self.attempt.state is not AttemptState.ANSWERED:
            return None  # after a start or a lost link: the survey has not told yet how things stand
        match self.settings.amd_treatment:
            case AmdTreatment.HANG_UP:
                await self.move(AttemptEvent.HANG_UP, cancelled_by="machine")
                return END
            case AmdTreatment.DROP_MESSAGE:
                try:
                    await drop_message(self._desk, self, When.AUTO)
                except DialerError as error:
                    log.info("attempt %s: the machine goes to the agent: %s", self.attempt.id, error)
                    return None
                self._desk.next(self._back_to_hold)
                return MESSAGE
            case _:
                return None

    def guard(self) -> str:
        """The agent's leg asks before it dials: only what is granted and still wanted is dialed."""
        wanted = self.attempt.state is AttemptState.PLACING and not self.cancel_waits
        return DIAL if wanted else END

    async def leg_event(self, event: LegEvent) -> None:
        state = self.attempt.state
        if state is AttemptState.UNKNOWN and not isinstance(event, LegEnded):
            self.stash.append(event)
            return
        match event:
            case LegEnded():
                if self.live:
                    await self._leg_ended(event)
            case LegAppeared() | LegAnswered() | LegsJoined() if state is AttemptState.CANCELLING:
                self._unwanted(_UNWANTED[type(event)])
            case LegRang() if state is AttemptState.PLACING:
                await self._rang()
            case LegAnswered() if state in _UNANSWERED:
                await self.answered()
            case LegsJoined() if event.agent_leg == self.transfer.leg:
                await self.transfer.customer_joined()
            case LegsJoined() if state in _UNANSWERED | {AttemptState.ANSWERED}:
                if state in _UNANSWERED:
                    await self.answered()
                await self.joined()
            case MachineVerdict() if self.live:
                await self.verdict(event.verdict, event.cause)
            case BeepHeard() if self.live:
                await self.beep()
            case LegAbandoned():
                self.agent_was_lost = True
            case _:
                pass  # news that changes nothing, such as a second 180

    async def _rang(self) -> None:
        desk = self._desk

        def transaction(work: Work) -> Attempt:
            attempt = replace(self.attempt)
            attempts.rang(work, attempt, self.leg.id)
            return attempt

        self.attempt = await desk.ground.change(transaction, urgent=True)

    async def answered(self) -> None:
        self._answered_at = asyncio.get_running_loop().time()
        if self.deaf:
            asyncio.get_running_loop().call_later(LISTEN_AFTER, self._desk.post, self.hear_again)

        def transaction(work: Work) -> Attempt:
            attempt = replace(self.attempt)
            agents.leg_answered(work, self.leg.id)
            step_attempt(work, attempt, AttemptEvent.ANSWERED, answered_at=work.now)
            return attempt

        self.attempt = await self._desk.ground.change(transaction, urgent=True)

    async def hear_again(self) -> None:
        """After a start or a lost link: beeps are told again where the campaign has them listened for."""
        if not self.live or Amd(self.attempt.amd) is not Amd.PARALLEL:
            return
        try:
            await self._desk.ground.board.listen(self.leg.id)
        except SwitchboardError as error:
            log.warning("attempt %s: nobody listens for the beep: %s", self.attempt.id, error)

    async def joined(self) -> None:
        await self.move(AttemptEvent.JOINED, self.agent_joins, joined_at=datetime.now(UTC))
        self._desk.next(self._desk.recovery.line_free)

    def agent_joins(self, work: Work, agent: Agent) -> tuple[AgentEffect, ...]:
        self.recording.joined(work)
        if agent.state is AgentState.DIALING and agent.attempt_id == self.attempt.id:
            return self._desk.step(work, agent, AgentEvent.JOINED)
        return ()

    def _since_answer(self) -> float:
        if self._answered_at is None:
            return 0.0
        return round(asyncio.get_running_loop().time() - self._answered_at, 3)

    async def verdict(self, status: str, cause: str) -> None:
        if self._amd == (status, cause):
            return  # `inline` tells it twice, by an event and with its question at the gate
        self._amd = status, cause
        after, verdict = self._since_answer(), verdict_of(status, cause)
        raw = f"{status} {cause}".strip()[:120]
        await self._annotate(
            "call.amd",
            {"verdict": verdict.value, "cause": raw, "after": after},
            amd_verdict=verdict.value,
            amd_cause=raw,
            amd_after=after,
        )

    async def beep(self) -> None:
        after, self._beep_at = self._since_answer(), asyncio.get_running_loop().time()
        await self._annotate("call.beep", {"after": after}, beep_after=after)

    @property
    def beep_age(self) -> float | None:
        """Seconds since the last beep; None where none was heard."""
        return None if self._beep_at is None else asyncio.get_running_loop().time() - self._beep_at

    async def _annotate(self, kind: str, payload: dict[str, Any], **changes: Any) -> None:
        def transaction(work: Work) -> Attempt:
            attempt = replace(self.attempt)
            attempts.annotate(work, attempt, kind, payload, **changes)
            return attempt

        self.attempt = await self._desk.ground.change(transaction, urgent=True)

    # The end

    async def _leg_ended(self, event: LegEnded) -> None:
        if self.attempt.state is AttemptState.UNKNOWN and any(isinstance(one, LegsJoined) for one in self.stash):
            await self._settlement.found_talking(datetime.now(UTC))  # and it is over before the survey could tell
        elif self._heard_by_agent:
            await self.joined()
        end = LegEnd(
            answered=event.answered,
            rang=event.rang,
            sip=event.sip,
            cause=event.cause,
            ring_limit_reached=event.ring_limit_reached,
            missing_endpoint=event.missing_endpoint,
        )
        if self.attempt.state is AttemptState.PLACING and trunk_failed(end) and await self._dialing.next_trunk(end):
            return
        if not event.appeared and (why := self._never_dialed) is not None:
            await self.ended(end, Outcome.NOT_PLACED, code=why)
        else:
            await self.ended(end, self.outcome(end))

    @property
    def _heard_by_agent(self) -> bool:
        """Answered to the agent's own leg: heard at once, also by who hangs up before the PBX says they were joined."""
        own_leg = self.settings.mode is not Mode.PREVIEW_STANDARD and self._desk.reservation.line is not None
        return own_leg and self.attempt.state is AttemptState.ANSWERED and not self.agent_was_lost

    @property
    def _never_dialed(self) -> str | None:
        """Of a call that never had a channel: the code of what kept it from being dialed, if anything did."""
        by = self.attempt.cancelled_by
        if by is not None:
            return BY_SUPERVISOR if by == "supervisor" else _BY_WHOM[by].value
        # the agent's line was gone before it could dial
        return Outcome.AGENT_ENDED.value if self.settings.mode is not Mode.PREVIEW_STANDARD else None

    def outcome(self, end: LegEnd) -> Outcome:
        attempt = self.attempt
        if attempt.joined_at is not None:
            return Outcome.VOICEMAIL_LEFT if attempt.voicemail_left else Outcome.TALKED
        if attempt.amd_verdict == Verdict.FAX:
            return Outcome.FAX
        if attempt.cancelled_by is not None:
            return _BY_WHOM[attempt.cancelled_by]
        if attempt.answered_at is not None or end.answered:
            return Outcome.ABANDONED if self.agent_was_lost else Outcome.CUSTOMER_LEFT
        if end.ring_limit_reached:
            return Outcome.NO_ANSWER_CUSTOMER
        return customer_outcome(end)

    async def ended(
        self,
        end: LegEnd | None,
        outcome: Outcome,
        *,
        event: AttemptEvent = AttemptEvent.LEG_ENDED,
        code: str | None = None,
        free: Callable[[Work, Agent], tuple[AgentEffect, ...]] | None = None,
    ) -> None:
        """Settle the attempt, and in the same transaction let its agent go on: by `free`, or as its state demands."""
        desk = self._desk
        if code is None and self.attempt.cancelled_by == "supervisor":
            code = BY_SUPERVISOR

        def transaction(work: Work) -> tuple[Attempt, Agent, bool, tuple[AgentEffect, ...]]:
            attempt, agent = replace(self.attempt), replace(desk.agent)
            to_wrap = attempts.end(work, agent, attempt, self.leg.id, end, outcome, event=event, code=code)
            agent_effects = (free or self.free_agent)(work, agent)
            if to_wrap and (agent.state is not AgentState.WRAP_UP or agent.attempt_id != attempt.id):
                if attempt.wrapped_up_at is not None:
                    wrap_up.as_said(work, attempt, self.settings)
                else:
                    # the agent was gone before it was known that they talked: nobody is left to say more
                    default = self.settings.disposition(self.settings.default_disposition)
                    assert default is not None
                    wrap_up.wrap_up(work, attempt, self.settings, default)
                to_wrap = False
            return attempt, agent, to_wrap, agent_effects

        self.attempt, desk.agent, to_wrap, effects = await desk.ground.change(transaction, urgent=True)
        desk.ground.owners.pop(self.leg.id, None)
        desk.ground.settled.add(self.leg.id)
        desk.ground.work_wanted.set()  # a place is free
        self.recording.over()
        desk.next(desk.recovery.line_free)
        self.controls.over()
        desk.handed_over.pop(self.attempt.id, None)
        desk.next(self.transfer.call_over)
        if not to_wrap and desk.call is self:
            desk.call = None
            if AgentEffect.NEXT_OFFER in effects and self.settings.mode is Mode.PREVIEW_STANDARD:
                desk.next(self._back_to_hold)
        desk.carry_out(effects)

    async def _back_to_hold(self) -> None:
        """The ringing tone stops when there is nobody to be rung."""
        desk = self._desk
        if desk.reservation.line is None:
            return
        try:
            await desk.ground.board.hold(desk.reservation.line.leg_id)
        except SwitchboardError as error:
            log.warning("leg %s: not put on hold: %s", desk.reservation.line.leg_id, error)

    def free_agent(self, work: Work, agent: Agent) -> tuple[AgentEffect, ...]:
        """The agent goes on, to the next contact or to the wrap-up; nothing where they are in something else."""
        desk = self._desk
        if agent.attempt_id != self.attempt.id:
            return ()
        if agent.state is AgentState.DIALING:
            pulled = self.settings.mode is Mode.PREVIEW
            return desk.step(work, agent, AgentEvent.ATTEMPT_FAILED_OFF_LINE if pulled else AgentEvent.ATTEMPT_FAILED)
        if agent.state is AgentState.TALKING:
            until = agents.wrap_up_until(work.now, self.settings.wrap_up_limit)
            stays = self.keeps_line and desk.reservation.line is not None and agent.wish is None
            event = AgentEvent.CALL_ENDED_ON_LINE if stays else AgentEvent.CALL_ENDED
            return desk.step(work, agent, event, wrap_up_until=until)
        return ()

    # After a start or a lost link

    async def link_lost(self) -> None:
        if await self._dialing.settle_kept_back():
            return
        if self.live and ATTEMPT.knows(self.attempt.state, AttemptEvent.LINK_LOST):
            self.unsure_since = datetime.now(UTC)
            await self.move(AttemptEvent.LINK_LOST)

    def settles(self, survey: Survey, asked: datetime) -> bool:
        """Whether this survey is to tell what became of the call. A leg that was hung up and is there is again."""
        if self.attempt.state is AttemptState.UNKNOWN:
            return self.unsure_since is None or asked >= self.unsure_since  # else the next one is on its way
        if self._ending and self.leg.id in survey.live:
            self._desk.next(self._end_leg)
        return False

    async def reconcile(self, survey: Survey, asked: datetime) -> None:
        """Settle an unknown attempt by the survey; `asked`: when it began."""
        await self._settlement.reconcile(survey, asked)
