"""The transfer of one call: a third party is called, and the customer handed over to them or taken back.

What leads to what is the table in model/transfer.py. The third party's leg is stored with its places before it is
ordered, belongs to the desk of the agent who called it, and outlives the call's time at that desk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telephony.dialer.errors import ContactWithdrawn, DialerError, NoCapacity, Refused
from telephony.dialer.settlement import LOOK_AGAIN_AFTER, may_be_on_its_way
from telephony.model.agent import AgentEffect, AgentState
from telephony.model.attempt import AttemptEvent, AttemptState
from telephony.model.outcomes import NO_ANSWER, LegEnd, kind_of, trunk_failed
from telephony.model.reasons import Capacity, Refusal, Withdrawal
from telephony.model.transfer import TRANSFER, TransferEffect, TransferEvent, TransferState
from telephony.pbx.port import (
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegEvent,
    OrderRefused,
    OrderUnsettled,
    Survey,
    SwitchboardError,
    ThirdCall,
    UnknownLeg,
)
from telephony.store import agents, attempts, beside, controls
from telephony.store.beside import Third
from telephony.store.grants import Full
from telephony.store.records import Agent, Attempt
from telephony.store.steps import step_attempt
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.call import Call
    from telephony.dialer.desk import Desk

log = logging.getLogger(__name__)

Grant = Callable[[Work, Attempt], Third | Full | Withdrawal]
"""Takes the places for a call to the third party."""

FREED = "freed"
"""Why a transfer came to nothing whose third party a supervisor took away."""

_RINGING = frozenset({TransferState.BLIND, TransferState.CONSULT})


class Transfer:
    """Of one call. `leg`: the third party's, while it is up or may be."""

    def __init__(self, desk: Desk, call: Call, leg: str) -> None:
        self._desk = desk
        self._call = call
        self.leg = leg
        self._third: Third | None = None  # who was called; by a former service: not known
        self._failed: frozenset[str] = frozenset()  # trunks that could not reach them
        self._since: datetime | None = None  # when it was ordered; by a former service: None
        self._stash: list[LegEvent] = []  # what came while the call was unknown, for after the survey

    @property
    def state(self) -> TransferState:
        attempt = self._call.attempt
        if attempt.transferred_at is not None:
            return TransferState.HANDED_OVER
        return TransferState(attempt.transfer_state or TransferState.NONE)

    @property
    def under_way(self) -> bool:
        return self.state not in (TransferState.NONE, TransferState.HANDED_OVER)

    @property
    def colleague(self) -> str | None:
        """The agent whose phone is called, or who has the call now."""
        return self._call.attempt.transfer_agent_id

    # What the agent asks

    async def begin(self, event: TransferEvent, grant: Grant) -> None:
        """Put the customer on hold and call the third party.

        Raises `Refused`, `NoCapacity`, `ContactWithdrawn` (no trunk may call the number); the customer is then with the
        agent as before.
        """
        self._call.controls.talking()
        if self.under_way:
            raise Refused(Refusal.NOT_AVAILABLE, "A transfer is under way already")
        if self.leg in self._desk.thirds:
            raise Refused(Refusal.NOT_AVAILABLE, "The last call to somebody else is still ending: try again")

        def transaction(work: Work) -> tuple[Attempt, Third | Full | Withdrawal]:
            attempt = replace(self._call.attempt)
            third = grant(work, attempt)
            if isinstance(third, Third):
                self._store(work, attempt, third)
                self._write(work, attempt, event, transfer_to=third.name, transfer_agent_id=third.agent_id)
            elif isinstance(third, Full):
                attempts.refuse_agent(work, self._desk.agent, attempt.campaign_id, third)
            return attempt, third

        self._call.attempt, third = await self._desk.ground.change(transaction)
        if isinstance(third, Full):
            raise NoCapacity(third.code, scope_id=third.scope_id, used=third.used, limit=third.limit)
        if isinstance(third, Withdrawal):
            raise ContactWithdrawn(third)
        self._failed = frozenset()
        self._take(third)
        try:
            if not self._call.controls.held:
                await self._call.controls.park()
        except DialerError:
            await self._close("not_placed")
            await self._step(TransferEvent.CALL_ENDED)
            raise
        await self._call_third(third)

    def _store(self, work: Work, attempt: Attempt, third: Third) -> None:
        beside.store(
            work,
            self._desk.ground.place,
            attempt,
            third.leg,
            kind=beside.THIRD,
            agent_id=third.agent_id,
            trunk_id=third.trunk_id,
            e164=third.e164,
        )

    def _take(self, third: Third) -> None:
        """This leg is stored, and told of here from now on."""
        self._third, self.leg = third, third.leg
        self._desk.thirds[third.leg] = self
        self._desk.ground.owners[third.leg] = self._desk

    async def _call_third(self, third: Third) -> None:
        settings = self._call.settings
        limit = settings.reservation_ring_limit if third.agent_id else settings.ring_limit
        order = ThirdCall(
            leg=third.leg,
            dial=third.dial,
            ring_limit=limit,
            caller_id=third.caller_id,
            caller_name=third.caller_name,
        )
        self._since = datetime.now(UTC)
        try:
            await self._desk.ground.board.call_third(order)
        except OrderUnsettled:
            self._desk.ground.resync_wanted.set()
        except SwitchboardError as error:
            log.warning("attempt %s: the third party was not called: %s", self._call.attempt.id, error)
            await self._desk.ground.change(self._refused)
            await self._close("not_placed")
            await self._step(TransferEvent.THIRD_ENDED)
            raise NoCapacity(Capacity.PBX_UNREACHABLE) from error

    def _refused(self, work: Work) -> None:
        nobody = Full(Capacity.PBX_UNREACHABLE, "", 0, 0)
        attempts.refuse_agent(work, self._desk.agent, self._call.attempt.campaign_id, nobody)

    async def complete(self) -> None:
        """Hand the customer over, now or as soon as the third party answers; the same again changes nothing."""
        if self.state in (TransferState.BLIND, TransferState.PASSING, TransferState.HANDED_OVER):
            return
        await self._asked(TransferEvent.COMPLETE)

    async def cancel(self) -> None:
        """Take the customer back; where no transfer is under way they are with the agent already."""
        if self.state is not TransferState.NONE:
            await self._asked(TransferEvent.CANCEL)

    async def colleague_freed(self) -> None:
        """A supervisor takes the third party out of it: the customer is the agent's again, or the call is over."""
        if TRANSFER.knows(self.state, TransferEvent.CANCEL):
            await self._step(TransferEvent.CANCEL, why=FREED)
        elif self.state is TransferState.HANDED_OVER and self._call.attempt.state is AttemptState.TRANSFERRED:
            await self._call.hang_up("supervisor")
        else:
            await self._desk.end_leg(self.leg)

    async def _asked(self, event: TransferEvent) -> None:
        if not TRANSFER.knows(self.state, event):
            raise Refused(Refusal.NOT_AVAILABLE, "No transfer is under way that this could be done with")
        await self._step(event)

    # What the PBX tells

    async def third_event(self, event: LegEvent) -> None:
        if self._call.attempt.state is AttemptState.UNKNOWN:
            self._stash.append(event)
            return
        match event:
            case LegAppeared() if not self.under_way:
                await self._desk.end_leg(self.leg)
            case LegAnswered():
                await self._desk.ground.change(lambda work: agents.leg_answered(work, self.leg))
                if TRANSFER.knows(self.state, TransferEvent.ANSWERED):
                    await self._step(TransferEvent.ANSWERED)
                elif self.state is TransferState.NONE:
                    await self._desk.end_leg(self.leg)
            case LegEnded():
                await self._third_ended(event)
            case _:
                pass  # that it rings, and whom it is joined to: the orders tell

    async def _third_ended(self, event: LegEnded) -> None:
        why = "hung_up"
        if not event.answered:
            end = LegEnd(
                answered=False,
                rang=event.rang,
                sip=event.sip,
                cause=event.cause,
                missing_endpoint=event.missing_endpoint,
            )
            why = NO_ANSWER if event.ring_limit_reached else kind_of(end)
            if self.state in _RINGING and trunk_failed(end) and await self._next_trunk(end):
                return
        await self._close(why, cause=event.cause, sip=event.sip)
        if TRANSFER.knows(self.state, TransferEvent.THIRD_ENDED):
            await self._step(TransferEvent.THIRD_ENDED, why=why)

    async def _next_trunk(self, end: LegEnd) -> bool:
        """Call a number by the next trunk after one that failed before anything rang; False where there is none."""
        call, place, old = self._call, self._desk.ground.place, self._third
        if old is None or old.trunk_id is None:
            return False
        failed = self._failed | {old.trunk_id}

        def transaction(work: Work) -> Third | Full | None:
            found = beside.pass_on(work, place, call.attempt, call.settings, old, end, passed=failed)
            if isinstance(found, Third):
                self._store(work, call.attempt, found)
            elif isinstance(found, Full):
                attempts.refuse_agent(work, self._desk.agent, call.attempt.campaign_id, found)
            return found

        found = await self._desk.ground.change(transaction)
        if not isinstance(found, Third):
            return False
        self._failed = failed
        self._forget(old.leg)
        self._take(found)
        with suppress(NoCapacity):  # told as a transfer that failed
            await self._call_third(found)
        return True

    async def _close(self, how: str, *, cause: int = 0, sip: int | None = None) -> None:
        """The third party's leg is gone, or was never there."""
        leg, desk = self.leg, self._desk
        await desk.ground.change(lambda work: agents.leg_ended(work, leg, how, cause=cause, sip=sip))
        self._forget(leg)
        if self.colleague is not None:
            desk.ground.free_colleague(self.colleague)

    def _forget(self, leg: str) -> None:
        self._desk.thirds.pop(leg, None)
        self._desk.ground.owners.pop(leg, None)
        self._desk.ground.settled.add(leg)

    async def call_over(self) -> None:
        """Customer or agent is gone; a third party whom the customer talked to goes with the customer."""
        if TRANSFER.knows(self.state, TransferEvent.CALL_ENDED):
            await self._step(TransferEvent.CALL_ENDED)
        elif self.leg in self._desk.thirds:
            await self._desk.end_leg(self.leg)

    async def customer_joined(self) -> None:
        """The PBX says that the customer hears the third party."""
        if self.state is TransferState.PASSING:
            await self.handed_over()

    # Steps and what they lead to

    async def _step(self, event: TransferEvent, *, why: str = "") -> None:
        """One step: stored first, then carried out."""
        before = self.state
        effects = TRANSFER.step(before, event).effects

        def transaction(work: Work) -> Attempt:
            attempt = replace(self._call.attempt)
            self._write(work, attempt, event)
            if why or event is TransferEvent.NOT_JOINED:
                payload = {"call": attempt.id, "to": attempt.transfer_to, "why": why or "failure"}
                work.tell(attempt.tenant_id, "call.transfer_failed", payload, attempt.agent_id)
            return attempt

        self._call.attempt = await self._desk.ground.change(transaction)
        for effect in effects:
            match effect:
                case TransferEffect.END_THIRD:
                    await self._end_third(with_agent=before is TransferState.TALKING)
                case TransferEffect.JOIN_AGENT:
                    await self._join_agent()
                case TransferEffect.HAND_OVER:
                    await self._hand_over(with_agent=before is TransferState.TALKING)
                case TransferEffect.TAKE_BACK:
                    await self._take_back()
                case _:
                    pass  # the first two are begin's, the last one handed_over's

    def _write(self, work: Work, attempt: Attempt, event: TransferEvent, **changes: Any) -> None:
        before = TransferState(attempt.transfer_state or TransferState.NONE)
        after = TRANSFER.step(before, event).state
        work.stepped("transfer", attempt.id, before, event, after)
        state = after.value if after is not TransferState.NONE else None
        controls.change(work, attempt, transfer_state=state, **changes)

    async def _end_third(self, *, with_agent: bool) -> None:
        if self.leg not in self._desk.thirds:
            return
        if with_agent:
            await self._part()
        await self._desk.end_leg(self.leg)

    async def _part(self) -> None:
        """Third party and agent no longer hear each other, and each waits."""
        try:
            await self._desk.ground.board.park(self.leg)
        except SwitchboardError as error:
            log.info("leg %s: not parted from the agent: %s", self.leg, error)

    async def _join_agent(self) -> None:
        line = self._desk.reservation.line
        if line is None or self._call.attempt.away:
            return  # and with it the call, in a moment; or it is on its way back, and then they are joined
        try:
            await self._desk.ground.board.join(self.leg, line.leg_id)
        except UnknownLeg:
            pass  # one of the two has ended, and is told so
        except OrderRefused:
            await self._step(TransferEvent.NOT_JOINED)
        except SwitchboardError:
            await self._unsure()

    async def _hand_over(self, *, with_agent: bool) -> None:
        if with_agent:
            await self._part()
        try:
            await self._desk.ground.board.join(self._call.leg.id, self.leg)
        except UnknownLeg:
            return  # one of the two has ended, and is told so
        except OrderRefused:
            await self._step(TransferEvent.NOT_JOINED)
            return
        except SwitchboardError:
            await self._unsure()
            return
        await self.customer_joined()

    async def handed_over(self, event: AttemptEvent = AttemptEvent.HAND_OVER) -> None:
        """Customer and third party talk: the agent's part is over, and there is something to wrap up."""
        desk, call = self._desk, self._call

        def transaction(work: Work) -> tuple[Attempt, Agent, tuple[AgentEffect, ...]]:
            attempt, agent = replace(call.attempt), replace(desk.agent)
            held = controls.held(work, attempt, since=None)
            step_attempt(work, attempt, event, transferred_at=work.now, transfer_state=None, **held)
            controls.tell(work, attempt)
            call.recording.alone(work)
            return attempt, agent, call.free_agent(work, agent)

        call.attempt, desk.agent, effects = await desk.ground.change(transaction)
        call.controls.over()
        desk.carry_out(effects)

    async def _take_back(self) -> None:
        """Agent and customer are together again, where both are still there."""
        call, line = self._call, self._desk.reservation.line
        both = call.attempt.state is AttemptState.TALKING and self._desk.agent.state is AgentState.TALKING
        if line is None or not both:
            return
        try:
            await call.controls.take_back(line)
        except DialerError as error:
            log.warning("attempt %s: the customer stays on hold: %s", call.attempt.id, error)

    async def _unsure(self) -> None:
        await self._call.link_lost()
        self._desk.ground.resync_wanted.set()

    # After a start or a lost link

    async def reconcile(self, survey: Survey, asked: datetime) -> None:
        """Go on with what really is, where the call itself is settled. `asked`: when the survey began."""
        if self._call.attempt.state is AttemptState.UNKNOWN:
            return
        known = self.leg in survey.live or self.leg in survey.ended
        if known or self._since is None or not may_be_on_its_way(self._since, survey, asked):
            await self._go_on(survey)
        else:  # nothing is known of it yet
            self._desk.ground.resync_in(LOOK_AGAIN_AFTER)
        stash, self._stash = self._stash, []
        for event in stash:
            await self.third_event(event)

    async def _go_on(self, survey: Survey) -> None:
        live = survey.live.get(self.leg)
        if live is None:
            end = survey.ended.get(self.leg)
            await self._third_ended(
                LegEnded(
                    leg=self.leg,
                    at=asyncio.get_running_loop().time(),
                    appeared=end is not None,
                    answered=end is not None and end.answered,
                    rang=end is not None and end.rang,
                    cause=end.cause if end is not None else 0,
                    sip=end.sip if end is not None else None,
                )
            )
        elif not self._call.live or self.state is TransferState.NONE:
            await self._desk.end_leg(self.leg)
        elif self.state in _RINGING and live.state == "up":
            await self.third_event(LegAnswered(leg=self.leg, at=asyncio.get_running_loop().time()))
        elif self.state is TransferState.PASSING:
            await self._step(TransferEvent.NOT_JOINED)
        elif self.state is TransferState.TALKING and live.joined_to is None:
            await self._join_agent()
