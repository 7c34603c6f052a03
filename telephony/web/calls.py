"""A call under way, its wrap-up, and the list of calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from telephony.model.message_drop import When
from telephony.model.reasons import Outcome
from telephony.store import floor, inputs, views
from telephony.store.accounts import Role
from telephony.store.paging import MOST, Page, PageRequest
from telephony.store.views import CallFilter
from telephony.web.administration import tenant_of
from telephony.web.answers import CallPage
from telephony.web.exchange import Exchange
from telephony.web.problems import Problem
from telephony.web.routes import DESK, EVERYBODY, ID, Routes
from telephony.web.tables import csv_lines

routes = Routes("Calls")

COLUMNS = (
    "id", "campaign", "agent", "contact", "name", "e164", "mode", "amd", "state", "outcome", "code", "verdict", "cause",
    "verdict_after", "beep_after", "voicemail_left", "recording", "granted_at", "placed_at", "ringing_at",
    "answered_at", "joined_at", "transferred_at", "transferred_to", "ended_at", "wrapped_up_at", "disposition", "note",
)  # fmt: skip


CALLBACK_WITHIN = timedelta(days=731)
"""How far ahead a callback may be agreed; what is later is a slip."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far a callback "now" may lie back: the agent's clock is not ours, and the form was open for a while."""


def _in_reach(at: datetime) -> datetime:
    now = datetime.now(UTC)
    if at < now - CLOCKS_DIFFER:
        raise ValueError("is in the past")
    if at > now + CALLBACK_WITHIN:
        raise ValueError("is more than two years ahead")
    return at


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("has a character that cannot be stored")
    return text


class Callback(BaseModel):
    model_config = ConfigDict(extra="forbid")

    at: Annotated[inputs.Moment, AfterValidator(_in_reach)] = Field(
        description="when the customer wants to be called; not past, at most two years ahead"
    )
    mine: bool = Field(default=False, description="by me and nobody else")


class WrapUp(BaseModel):
    model_config = ConfigDict(extra="forbid")

    disposition: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$", description="code of one of the campaign's")]
    note: Annotated[str, Field(max_length=4000), AfterValidator(_storable)] = ""
    callback: Callback | None = None


class DropMessage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    when: When = Field(default=When.AUTO, description="auto: after the beep, or after silence; now: at once")


class CallQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: Literal["live", "ended"] | None = Field(default=None, description="live: calls in progress")
    campaign: Annotated[str, Field(pattern=f"^{ID}$")] | None = None
    agent: Annotated[str, Field(pattern=f"^{ID}$")] | None = None
    outcome: Outcome | None = None
    disposition: Annotated[str, Field(max_length=40)] | None = None
    since: inputs.Moment | None = Field(default=None, description="accepted at or after")
    until: inputs.Moment | None = Field(default=None, description="accepted before")


class CallPageQuery(CallQuery):
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    after: Annotated[str, Field(max_length=200)] | None = Field(default=None, description="`next` of the former page")


@routes.post(
    "/calls/{id}/cancel",
    "End a call that the customer has not answered",
    roles=DESK,
    status=204,
    errors=("CALL_ANSWERED", "ACTION_DISABLED", "NOT_AVAILABLE", "NO_DESK"),
)
async def cancel(exchange: Exchange, id: str) -> None:
    await exchange.floor.cancel(exchange.agent_id, id)


@routes.post("/calls/{id}/hang-up", "Hang up", roles=EVERYBODY, status=204, errors=("NOT_AVAILABLE", "NO_DESK"))
async def hang_up(exchange: Exchange, id: str) -> None:
    """Agents end their own call; supervisors also those of their teams' agents, administrators every one."""
    if exchange.caller.role is Role.AGENT:
        await exchange.floor.hang_up(exchange.agent_id, id)
        return
    tenant_id = await tenant_of(exchange)
    own, teams = exchange.caller.user_id, exchange.teams
    agent_id = await exchange.run(lambda conn: floor.agent_of_call(conn, tenant_id, id, teams, own=own))
    if agent_id == own:
        await exchange.floor.hang_up(own, id)
    else:
        await exchange.floor.supervision.hang_up(agent_id, id)


@routes.post(
    "/calls/{id}/voicemail-left",
    "Say that I spoke a message on the answering machine",
    roles=DESK,
    status=204,
    errors=("NOT_AVAILABLE", "NO_DESK"),
)
async def voicemail_left(exchange: Exchange, id: str) -> None:
    await exchange.floor.voicemail_left(exchange.agent_id, id)


@routes.post(
    "/calls/{id}/drop-message",
    "Leave the campaign's recorded message in the mailbox",
    roles=DESK,
    status=204,
    errors=("NOT_AVAILABLE", "CELL_CHANNEL_LIMIT", "NO_DESK"),
)
async def drop_message(exchange: Exchange, id: str, body: DropMessage) -> None:
    """The agent is free at once, without a wrap-up; the same request again changes nothing.

    `auto` plays it at once where a beep was heard less than 10 s ago, else after the beep, or after 2 s of silence that
    follows speech; without either for 30 s the outcome is MESSAGE_NOT_LEFT (no_beep). The campaign needs a message, the
    contact its consent flag, unless the tenant needs no consent; the card's `message` says so beforehand.
    """
    await exchange.floor.drop_message(exchange.agent_id, id, body.when)


@routes.post(
    "/calls/{id}/wrap-up",
    "Say what the result was",
    roles=DESK,
    status=204,
    errors=("NOT_AVAILABLE", "NO_DESK"),
)
async def wrap_up(exchange: Exchange, id: str, body: WrapUp) -> None:
    try:
        await exchange.floor.wrap_up(
            exchange.agent_id,
            id,
            disposition=body.disposition,
            note=body.note,
            callback_at=body.callback.at if body.callback else None,
            callback_mine=body.callback.mine if body.callback else False,
        )
    except ValueError as error:  # a value the campaign does not know, as "field: what is wrong"
        field, _, message = str(error).partition(": ")
        raise Problem("INVALID", errors=[{"field": field, "message": message}]) from error


@routes.get("/calls", "List calls, the newest first", roles=EVERYBODY, answer=CallPage)
async def calls(exchange: Exchange, query: CallPageQuery) -> Any:
    """Agents see their own, supervisors their teams', administrators the tenant's."""
    return await _page(exchange, _filter(exchange, query), PageRequest(limit=query.limit, after=query.after))


@routes.get("/calls.csv", "All calls of a filter as a table", roles=EVERYBODY, answer_type="text/csv")
async def calls_csv(exchange: Exchange, query: CallQuery) -> web.StreamResponse:
    """Cells that a spreadsheet would run as a formula begin with an apostrophe."""
    wanted = _filter(exchange, query)
    page = await _page(exchange, wanted, PageRequest(limit=MOST))
    answer = web.StreamResponse(headers={"Content-Disposition": 'attachment; filename="calls.csv"'})
    answer.content_type, answer.charset = "text/csv", "utf-8"
    await answer.prepare(exchange.request)
    await answer.write(csv_lines([COLUMNS]))
    while True:
        await answer.write(csv_lines([_cells(row) for row in page.items]))
        if page.next is None:
            break
        page = await _page(exchange, wanted, PageRequest(limit=MOST, after=page.next))
    await answer.write_eof()
    return answer


def _filter(exchange: Exchange, query: CallQuery) -> CallFilter:
    agent = exchange.caller.user_id if exchange.caller.role is Role.AGENT else query.agent
    return CallFilter(
        live=None if query.state is None else query.state == "live",
        campaign_id=query.campaign,
        agent_id=agent,
        outcome=query.outcome,
        disposition=query.disposition,
        since=query.since,
        until=query.until,
        team_ids=exchange.teams,
    )


async def _page(exchange: Exchange, wanted: CallFilter, request: PageRequest) -> Page:
    tenant_id = await tenant_of(exchange)
    quiet = exchange.caller.role is not Role.AGENT

    def read(conn: Connection) -> Page:
        return views.calls(conn, tenant_id, wanted, request, quiet=quiet)

    return await exchange.run(read)


def _cells(row: dict[str, Any]) -> list[Any]:
    return [row[name]["name"] if name in ("campaign", "agent") else row[name] for name in COLUMNS]
