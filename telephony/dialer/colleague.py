"""An agent to whom a colleague hands a call: idle with the reason `transfer` from the ring to the end of that call.

Only who is available or idle can be called so, and goes back to what they were; what they wish to be meanwhile, offline
too, is kept for afterwards: their phone is in a call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telephony.dialer.errors import Refused
from telephony.model.agent import AgentEvent, AgentState, IdleReason
from telephony.model.reasons import Refusal
from telephony.store.records import Agent
from telephony.store.steps import step_agent
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.desk import Desk


class Colleague:
    """The side of one desk that takes others' calls."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def busy(self) -> bool:
        agent = self._desk.agent
        return agent.state is AgentState.IDLE and agent.idle_reason == IdleReason.TRANSFER

    async def take(self) -> None:
        """Be kept free for a call; raises `Refused` for whoever is at work."""
        agent, desk = self._desk.agent, self._desk
        rests = agent.state in (AgentState.AVAILABLE, AgentState.IDLE) and not self.busy
        if not rests or desk.reservation.line is not None or desk.call is not None:
            raise Refused(Refusal.NOT_AVAILABLE, "This colleague is not free now")
        await self._write(wish=agent.state.value, wish_reason=agent.idle_reason)

    async def remember(self, state: str, reason: str | None) -> None:
        """What they want to be when the call is over."""
        await self._write(wish=state, wish_reason=reason or IdleReason.SIGNED_IN.value)

    async def _write(self, **wish: str | None) -> None:
        def transaction(work: Work) -> Agent:
            agent = replace(self._desk.agent)
            step_agent(work, agent, AgentEvent.GO_IDLE, idle_reason=IdleReason.TRANSFER.value, **wish)
            return agent

        self._desk.agent = await self._desk.ground.change(transaction)

    async def back(self) -> None:
        """The call is over, or did not come."""
        if not self.busy:
            return
        agent = self._desk.agent
        if agent.wish == AgentState.AVAILABLE:
            await self._desk.move(AgentEvent.GO_AVAILABLE, wish=None, wish_reason=None)
        elif agent.wish == AgentState.OFFLINE:
            await self._desk.move(AgentEvent.GO_OFFLINE)
        else:
            await self._desk.move(AgentEvent.GO_IDLE, idle_reason=agent.wish_reason or IdleReason.SIGNED_IN.value)
