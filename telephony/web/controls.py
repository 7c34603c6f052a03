"""What an agent does in a call, and a supervisor in somebody else's."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from telephony.dialer.requests import Target
from telephony.model.agent import AgentState
from telephony.model.monitoring import MonitorMode
from telephony.model.transfer import TransferEvent, TransferState
from telephony.store import beside, floor
from telephony.store.accounts import Role
from telephony.store.do_not_call import AnyNumber
from telephony.web.administration import tenant_of
from telephony.web.exchange import Exchange
from telephony.web.routes import DESK, ID, Routes

routes = Routes("Calls")

SUPERVISING = frozenset({Role.SUPERVISOR})
"""Who has teams and a phone of their own."""

FULL = ("TRUNK_CHANNEL_LIMIT", "CALL_RATE_LIMIT", "CELL_CHANNEL_LIMIT")
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


class TransferTo(BaseModel):
    """One of the two."""

    model_config = ConfigDict(extra="forbid")

    agent: Annotated[str, Field(pattern=f"^{ID}$")] | None = Field(
        default=None, description="a colleague, see `GET /me/colleagues`"
    )
    number: AnyNumber | None = Field(default=None, description="through one of the trunks that take it")

    @model_validator(mode="after")
    def _one(self) -> TransferTo:
        if (self.agent is None) == (self.number is None):
            raise ValueError("name a colleague or a number")
        return self


class Handing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    action: Literal["blind", "consult", "complete", "cancel"] = Field(
        description="blind: the customer is joined to them as soon as they answer; consult: I talk to them first; "
        "complete: hand the customer over; cancel: take the customer back"
    )
    to: TransferTo | None = Field(default=None, description="with blind and consult")

    @model_validator(mode="after")
    def _to_whom(self) -> Handing:
        if (self.to is not None) != (self.action in ("blind", "consult")):
            raise ValueError("`to` belongs to blind and consult, and to them alone")
        return self


class ColleagueNow(BaseModel):
    id: str
    name: str
    state: AgentState


class Handed(BaseModel):
    state: Literal["ringing", "talking", "transferred", "none"] = Field(
        description="their phone is called; I talk to them; the customer does; no transfer is under way"
    )


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
    "/calls/{id}/transfer",
    "Hand the customer over to a colleague or a number",
    roles=DESK,
    answer=Handed,
    errors=(*IN_CALL, "PHONE_NOT_REGISTERED", "NUMBER_NOT_ALLOWED", *FULL),
)
async def transfer(exchange: Exchange, id: str, body: Handing) -> Any:
    """The customer is on hold meanwhile. Once handed over my part ends and I wrap the call up, while it lives on.

    What fails (busy, no answer, no room) brings me and the customer back together; `call.transfer_failed` tells why:
    busy, no_answer, declined, unavailable, invalid, failure, hung_up or freed. A colleague must be available or idle
    and is idle with the reason `transfer` for as long as it lasts. Calling hours and the do-not-call list are about
    customers, not about whom they are handed to.
    """
    to = Target(agent_id=body.to.agent, number=body.to.number or "") if body.to is not None else None
    state = await exchange.floor.calls.transfer(exchange.agent_id, id, TransferEvent(body.action), to)
    return {"state": _TRANSFER_SHOWN[state]}


_TRANSFER_SHOWN = {
    TransferState.NONE: "none",
    TransferState.BLIND: "ringing",
    TransferState.CONSULT: "ringing",
    TransferState.TALKING: "talking",
    TransferState.PASSING: "ringing",
    TransferState.HANDED_OVER: "transferred",
}


@routes.get("/me/colleagues", "To whom I can hand a call", roles=DESK, answer=list[ColleagueNow], errors=("NO_DESK",))
async def colleagues(exchange: Exchange) -> Any:
    """Who of my company and cell is available or idle, by name."""
    agent_id = exchange.agent_id
    return await exchange.run(lambda conn: beside.colleagues(conn, agent_id))


@routes.post(
    "/calls/{id}/do-not-call", "This customer wants no more calls", roles=DESK, status=204, errors=("NO_DESK",)
)
async def no_more_calls(exchange: Exchange, id: str) -> None:
    """Puts the number on the tenant's list and blocks the contact at once; the call goes on. Also after its wrap-up."""
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
