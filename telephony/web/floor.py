"""The floor as supervisors see it: agents now, progress of campaigns, and what refused calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from telephony.model import reasons
from telephony.store import floor, inputs
from telephony.web.administration import PageQuery, campaign_of, tenant_of, tenant_or_installation
from telephony.web.administration_answers import PageOf
from telephony.web.exchange import Exchange
from telephony.web.floor_answers import FloorAgent, Progress, RefusedLately
from telephony.web.me import WantedState
from telephony.web.routes import SUPERVISORS, Routes

routes = Routes("Floor")


class AgentQuery(PageQuery):
    id: Annotated[
        tuple[inputs.Reference, ...],
        BeforeValidator(inputs.as_list),
        Field(max_length=100, description="only these; repeat it for several"),
    ] = ()


class RefusedQuery(inputs.Input):
    minutes: Annotated[int, Field(ge=1, le=1440, description="how far back")] = 60


@routes.get("/agents", "Agents as they are now", roles=SUPERVISORS, answer=PageOf[FloorAgent])
async def all_agents(exchange: Exchange, query: AgentQuery) -> Any:
    """Who has a desk, with state, campaign, contact and call. Supervisors see their teams.

    Read it once, then follow `/live`: its `agent.state` brings the changes, `id` reads single agents again.
    """
    tenant_id = await tenant_of(exchange)
    return await exchange.run(
        lambda conn: floor.agents_page(conn, tenant_id, query.request, team_ids=exchange.teams, ids=query.id)
    )


@routes.get("/campaigns/{id}/progress", "How far a campaign is", roles=SUPERVISORS, answer=Progress)
async def progress(exchange: Exchange, id: str) -> Any:
    """Contacts by state, calls by outcome, and how many contacts become due in each of the next 24 hours."""
    await campaign_of(exchange, await tenant_of(exchange), id)
    return await exchange.run(lambda conn: floor.progress(conn, id, now=exchange.now))


@routes.get("/refusals", "What refused calls lately", roles=SUPERVISORS, answer=RefusedLately)
async def refused(exchange: Exchange, query: RefusedQuery) -> Any:
    """Accepts, transfers and other calls that found no room, by code and limit; supervisors see their teams'."""
    tenant_id = await tenant_or_installation(exchange)
    since = exchange.now - timedelta(minutes=query.minutes)
    found = await exchange.run(lambda conn: floor.refused(conn, tenant_id, since=since, team_ids=exchange.teams))
    return {"since": since, "items": [row | {"text": reasons.text(row["code"], exchange.language)} for row in found]}


@routes.post(
    "/agents/{id}/state",
    "Set an agent available, idle or offline",
    roles=SUPERVISORS,
    status=204,
    errors=("NOT_AVAILABLE", "PHONE_NOT_REGISTERED"),
)
async def set_state(exchange: Exchange, id: str, body: WantedState) -> None:
    """For supervisors of the agent's team. During a call and in wrap-up it is remembered and done after wrap-up.

    Idle without a reason is idle with the reason `supervisor`.
    """
    await _check(exchange, id)
    await exchange.floor.supervision.set_state(id, body.state, body.reason)


@routes.post("/agents/{id}/free", "Free a stuck agent", roles=SUPERVISORS, status=204)
async def free(exchange: Exchange, id: str) -> None:
    """Ends line, offer, call and wrap-up, in whatever state the agent is; idle with the reason `freed` from then on.

    An open offer's contact goes back untouched; a call ends as if hung up, one that was talked gets the campaign's
    default disposition. A customer who was handed to the agent goes with them; one who is not yet is the other agent's.
    """
    await _check(exchange, id)
    await exchange.floor.supervision.free(id)


async def _check(exchange: Exchange, agent_id: str) -> None:
    tenant_id, teams = await tenant_of(exchange), exchange.teams
    await exchange.run(lambda conn: floor.check_agent(conn, tenant_id, agent_id, teams))
