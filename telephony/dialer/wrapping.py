"""Wrap-up at a desk: the time for it, and what the agent says the result was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telephony.dialer.call import Call
from telephony.dialer.errors import NotFound, Refused
from telephony.model.agent import AgentEffect, AgentEvent, AgentState
from telephony.model.campaign import Disposition, DispositionRule
from telephony.model.reasons import Refusal
from telephony.store import attempts, wrap_up
from telephony.store.records import Agent, Attempt
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.desk import Desk

LEG_ENDS_WITHIN = 0.5
"""Seconds between two looks whether the customer's leg is gone, where the wrap-up time is over before it is."""


class WrapUp:
    """The wrap-up clock of one desk, and the result."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._timer: asyncio.TimerHandle | None = None

    async def start_timer(self) -> None:
        """Run until `wrap_up_until`; then the campaign's default disposition is stored. None: no limit."""
        self.stop_timer()
        until = self._desk.agent.wrap_up_until
        if until is not None and self._desk.call is not None:
            self._look_in(max(0.0, (until - datetime.now(UTC)).total_seconds()))

    def _look_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._desk.post, self._time_is_up)

    def stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _time_is_up(self) -> None:
        call = self._desk.call
        if self._desk.agent.state is not AgentState.WRAP_UP or call is None:
            return
        if not _to_wrap(call):
            self._look_in(LEG_ENDS_WITHIN)  # the customer's leg is still on its way out
            return
        await self._save(call, self._disposition(call, call.settings.default_disposition, None))

    async def save(
        self,
        attempt_id: str,
        code: str,
        *,
        note: str = "",
        callback_at: datetime | None = None,
        callback_mine: bool = False,
    ) -> None:
        """Store the disposition and let the agent go on; the same one again changes nothing.

        Raises `ValueError` (its text begins with the field) for a disposition that is not the campaign's or lacks its
        callback, `Refused` while the call is up or after another disposition, `NotFound`.
        """
        call = self._desk.call
        if call is None or call.attempt.id != attempt_id:
            await self._saved_before(attempt_id, code)
            return
        disposition = self._disposition(call, code, callback_at)
        if self._desk.agent.state is not AgentState.WRAP_UP or not _to_wrap(call):
            raise Refused(Refusal.NOT_AVAILABLE, "The call is still up: hang up first")
        await self._save(call, disposition, note=note, callback_at=callback_at, callback_mine=callback_mine)

    async def _saved_before(self, attempt_id: str, code: str) -> None:
        stored = await self._desk.ground.change(
            lambda work: attempts.disposition_of(work, attempt_id, self._desk.agent.id)
        )
        if stored is None:
            agent_id = self._desk.agent.id
            if await self._desk.ground.store.run(lambda conn: attempts.belongs_to(conn, attempt_id, agent_id)):
                raise Refused(Refusal.NOT_AVAILABLE, "This call takes no result")
            raise NotFound("call")
        if stored != code:
            raise Refused(Refusal.NOT_AVAILABLE, f"This call was wrapped up as '{stored}' already")

    def by_default(self, work: Work, call: Call) -> Attempt:
        """Inside a transaction: nobody is left to say what the result of an ended or handed-over call was."""
        attempt = replace(call.attempt)
        if attempt.wrapped_up_at is None:
            disposition = self._disposition(call, call.settings.default_disposition, None)
            wrap_up.wrap_up(work, attempt, call.settings, disposition)
        return attempt

    def let_go(self, call: Call, attempt: Attempt) -> None:
        """The agent has nothing more to do with this call, which may live on with somebody else."""
        self.stop_timer()
        call.attempt = attempt
        self._desk.call = None
        if call.live:
            self._desk.handed_over[attempt.id] = call

    def _disposition(self, call: Call, code: str, callback_at: datetime | None) -> Disposition:
        disposition = call.settings.disposition(code)
        if disposition is None:
            known = ", ".join(one.code for one in call.settings.dispositions)
            raise ValueError(f"disposition: '{code}' is not one of this campaign's: {known}")
        if disposition.rule is DispositionRule.CALLBACK and callback_at is None:
            raise ValueError(f"callback: the disposition '{code}' needs the time of the callback")
        return disposition

    async def _save(
        self,
        call: Call,
        disposition: Disposition,
        *,
        note: str = "",
        callback_at: datetime | None = None,
        callback_mine: bool = False,
    ) -> None:
        desk = self._desk

        def transaction(work: Work) -> tuple[Attempt, Agent, tuple[AgentEffect, ...]]:
            attempt, agent = replace(call.attempt), replace(desk.agent)
            wrap_up.wrap_up(
                work,
                attempt,
                call.settings,
                disposition,
                note=note,
                callback_at=callback_at,
                callback_agent_id=agent.id if callback_mine else None,
            )
            return attempt, agent, self._go_on(work, agent, keep_line=call.keeps_line)

        attempt, desk.agent, effects = await desk.ground.change(transaction)
        self.let_go(call, attempt)
        desk.carry_out(effects)

    def _go_on(self, work: Work, agent: Agent, *, keep_line: bool) -> tuple[AgentEffect, ...]:
        desk = self._desk
        after: dict[str, Any] = {"wrap_up_until": None, "wish": None, "wish_reason": None, "attempt_id": None}
        wish, reason = agent.wish, agent.wish_reason
        if wish == "offline":
            event = AgentEvent.WRAPPED_UP_OFFLINE
        elif wish == "idle":
            event, after["idle_reason"] = AgentEvent.WRAPPED_UP_IDLE, reason
        elif keep_line and desk.reservation.keeps_line:
            event = AgentEvent.WRAPPED_UP_ON_LINE
        else:
            event = AgentEvent.WRAPPED_UP
        return desk.step(work, agent, event, **after)


def _to_wrap(call: Call) -> bool:
    """Whether the agent's part of it is over."""
    return not call.live or call.attempt.transferred_at is not None
