"""What supervisors do on the floor: end a call, be in one, set an agent's state, free a stuck one.

Whether an agent is theirs is the web's to know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony.dialer import phones
from telephony.dialer.errors import NotFound
from telephony.dialer.monitoring import Monitoring
from telephony.model.agent import AgentState, IdleReason
from telephony.model.monitoring import MonitorMode

if TYPE_CHECKING:
    from telephony.dialer.floor import Floor


class Supervision:
    """Each raises `NotFound` for an agent of another cell."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.monitoring = Monitoring(floor)

    async def monitor(self, supervisor_id: str, name: str, agent_id: str, attempt_id: str, mode: MonitorMode) -> None:
        """Let the supervisor's own phone into an agent's call."""
        await self.monitoring.monitor(supervisor_id, name, agent_id, attempt_id, mode)

    async def leave(self, supervisor_id: str, attempt_id: str) -> None:
        """Take it out again."""
        await self.monitoring.leave(supervisor_id, attempt_id)

    async def hang_up(self, agent_id: str, attempt_id: str) -> None:
        """End a call, also one that goes on without its agent; the campaign's `end_call_enabled` is for agents."""
        desk = await self._floor.desk(agent_id)

        async def end() -> None:
            if desk.call is not None and desk.call.attempt.id == attempt_id:
                await desk.call.hang_up("supervisor")
                return
            if attempt_id in desk.handed_over:
                await desk.handed_over[attempt_id].hang_up("supervisor")
                return
            for message in desk.messages.values():
                if message.attempt_id == attempt_id:
                    await message.hang_up("supervisor")
                    return
            raise NotFound("call")

        await desk.ask(end)

    async def set_state(self, agent_id: str, state: str, reason: str | None) -> None:
        """As the agent would; kept for after the call where there is one. Raises `Refused` for a dead phone."""
        desk = await self._floor.desk(agent_id)
        if state == "available" and desk.agent.state in (AgentState.OFFLINE, AgentState.IDLE):
            await phones.check(self._floor.ground, agent_id)
        await desk.ask(lambda: desk.set_state(state, reason or IdleReason.SUPERVISOR.value))

    async def free(self, agent_id: str) -> None:
        """End line, offer, call and wrap-up of an agent, in whatever state; idle from now on.

        A customer who was handed to them goes with them; one who is not yet is the other agent's again.
        """
        desk = await self._floor.desk(agent_id)
        await desk.ask(desk.free)
        await self._floor.calls.take_from(agent_id)
