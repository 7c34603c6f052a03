"""The phone in an agent's browser: what its page says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony.model.agent import AgentEvent, AgentState, IdleReason
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.desk import Desk

_CANNOT_SPEAK = frozenset({IdleReason.MICROPHONE_BLOCKED, IdleReason.MICROPHONE_MISSING})

_RING_FAILED = frozenset({IdleReason.RONA, IdleReason.DECLINED, IdleReason.AGENT_UNAVAILABLE})
"""What a call to a page that has no microphone may look like to Asterisk."""


class BrowserPhone:
    """One desk's phone in the browser."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def trouble(self, code: str, call: str | None) -> None:
        """Tell what the page says; who cannot speak is given no work. A call that is up goes on."""
        agent = self._desk.agent

        def told(work: Work) -> None:
            payload = {"agent": agent.id, "code": code, "call": call}
            work.tell(agent.tenant_id, "phone.trouble", payload, agent.id)

        await self._desk.ground.change(told)
        if code not in _CANNOT_SPEAK or not agent.browser_phone:
            return
        failed = agent.state is AgentState.IDLE and agent.idle_reason in _RING_FAILED
        if failed or agent.state in (AgentState.AVAILABLE, AgentState.RINGING):
            await self._desk.move(AgentEvent.GO_IDLE, idle_reason=code)
