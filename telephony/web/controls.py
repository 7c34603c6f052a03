"""What an agent does in a call, and a supervisor in somebody else's."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from telephony.model.monitoring import MonitorMode
from telephony.store import floor
from telephony.store.accounts import Role
from telephony.web.administration import tenant_of
from telephony.web.exchange import Exchange
from telephony.web.routes import DESK, Routes

routes = Routes("Calls")

SUPERVISING = frozenset({Role.SUPERVISOR})
"""Who has teams and a phone of their own."""

IN_CALL = ("NOT_AVAILABLE", "PBX_UNREACHABLE", "NO_DESK")


class Hold(BaseModel):
    model_config = ConfigDict(extra="forbid")

    held: bool


class Mute(BaseModel):
    model_config = ConfigDict(extra="forbid")

    muted: bool


class Digits(BaseModel):
    model_config = ConfigDict(extra="forbid")

    digits: Annotated[str, Field(pattern=r"^[0-9A-D*#]{1,32}$", description="0-9, A-D, * and #")]


@routes.post("/calls/{id}/hold", "Put the customer on hold, or take them back", roles=DESK, status=204, errors=IN_CALL)
async def hold(exchange: Exchange, id: str, body: Hold) -> None:
    """The customer hears two short tones every ten seconds and is not recorded meanwhile; 30 minutes at most.

    Who hangs up on hold ends the call, as in the conversation. The same request again changes nothing.
    """
    await exchange.floor.calls.hold(exchange.agent_id, id, held=body.held)


@routes.post("/calls/{id}/mute", "Let nobody hear me, or do again", roles=DESK, status=204, errors=IN_CALL)
async def mute(exchange: Exchange, id: str, body: Mute) -> None:
    """Done by the telephone system, whatever phone I have; over with the call at the latest.

    The customer hears silence. A supervisor who is in the call still hears me.
    """
    await exchange.floor.calls.mute(exchange.agent_id, id, muted=body.muted)


@routes.post("/calls/{id}/dtmf", "Send digits to the other side", roles=DESK, status=204, errors=IN_CALL)
async def dtmf(exchange: Exchange, id: str, body: Digits) -> None:
    """Answers when the last one was sent, after 0.22 s a digit; requests are carried out one after the other."""
    await exchange.floor.calls.send_digits(exchange.agent_id, id, body.digits)


@routes.post(
    "/calls/{id}/do-not-call", "This customer wants no more calls", roles=DESK, status=204, errors=("NO_DESK",)
)
async def no_more_calls(exchange: Exchange, id: str) -> None:
    """Puts the number on the tenant's list and blocks the contact at once; the call goes on, until its wrap-up."""
    await exchange.floor.calls.do_not_call(exchange.agent_id, id)


class Monitoring(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mode: MonitorMode = Field(
        description="listen: I hear both and am heard by nobody; whisper: the agent hears me; barge: both do"
    )


@routes.post(
    "/calls/{id}/monitor",
    "Be in an agent's call",
    roles=SUPERVISING,
    status=204,
    errors=(*IN_CALL, "CELL_CHANNEL_LIMIT", "PHONE_NOT_REGISTERED"),
)
async def monitor(exchange: Exchange, id: str, body: Monitoring) -> None:
    """Rings my own phone, which must be free: I am idle or offline. Again with another mode changes it in the call.

    For supervisors of the agent's team, one at a time. It ends with the conversation. Who only listens is not shown to
    the agent; `call.monitored` tells supervisors when it begins, changes and ends.
    """
    supervisor, name, teams = exchange.agent_id, exchange.caller.name, exchange.teams
    tenant_id = await tenant_of(exchange)
    agent_id = await exchange.run(lambda conn: floor.agent_of_call(conn, tenant_id, id, teams, own=""))
    await exchange.floor.supervision.monitor(supervisor, name, agent_id, id, body.mode)


@routes.delete("/calls/{id}/monitor", "Leave an agent's call", roles=SUPERVISING, status=204, errors=("NO_DESK",))
async def leave(exchange: Exchange, id: str) -> None:
    """Who is in none is out of it already."""
    await exchange.floor.supervision.leave(exchange.agent_id, id)
