"""What agents ask about a call under way, beyond placing and ending it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telephony.dialer.call import Call
from telephony.dialer.errors import NoCapacity, NotFound, Refused
from telephony.model.reasons import Capacity, Refusal
from telephony.pbx.port import OrderRefused, SwitchboardError

if TYPE_CHECKING:
    from telephony.dialer.desk import Desk
    from telephony.dialer.floor import Floor


def call_of(desk: Desk, attempt_id: str) -> Call:
    """The call at a desk; raises `NotFound` for any other."""
    if desk.call is None or desk.call.attempt.id != attempt_id:
        raise NotFound("call")
    return desk.call


class CallRequests:
    """Each raises `NotFound` for a call that is not this agent's present one, and what the call itself raises."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    async def hold(self, agent_id: str, attempt_id: str, *, held: bool) -> None:
        desk = await self._floor.desk(agent_id)
        await desk.ask(lambda: call_of(desk, attempt_id).controls.hold(held=held))

    async def mute(self, agent_id: str, attempt_id: str, *, muted: bool) -> None:
        desk = await self._floor.desk(agent_id)
        await desk.ask(lambda: call_of(desk, attempt_id).controls.mute(muted=muted))

    async def send_digits(self, agent_id: str, attempt_id: str, digits: str) -> None:
        """Returns when they were sent, 0.22 s each; the desk does not wait for that."""
        desk = await self._floor.desk(agent_id)
        leg = await desk.ask(lambda: call_of(desk, attempt_id).controls.leg_for_digits())
        try:
            await self._floor.ground.board.send_digits(leg, digits)
        except OrderRefused as error:
            raise Refused(Refusal.NOT_AVAILABLE, "The call has just ended") from error
        except SwitchboardError as error:
            raise NoCapacity(Capacity.PBX_UNREACHABLE) from error
