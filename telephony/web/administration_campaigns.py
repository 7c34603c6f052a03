"""Campaigns, their lists, the tenant's fields and dispositions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from telephony.model.campaign import CampaignSettings
from telephony.model.reasons import Capacity
from telephony.model.why import Hindrance, of_services, spelled_out
from telephony.store import abandonment, campaigns, due, fields, inputs, lists, why
from telephony.store.campaigns import CampaignChange, NewCampaign
from telephony.store.fields import FieldChange, NewField
from telephony.store.lists import ListChange, NewList
from telephony.store.paging import MOST, PageRequest, Row
from telephony.store.work import Work, change
from telephony.web.administration import PageQuery, campaign_of, tenant_of
from telephony.web.administration_answers import (
    Campaign,
    CampaignDetails,
    ContactField,
    ContactList,
    PageOf,
    TenantDisposition,
    WhyNot,
)
from telephony.web.exchange import Exchange
from telephony.web.routes import ADMINISTRATORS, SUPERVISORS, Routes

campaign_routes = Routes("Campaigns")
list_routes = Routes("Lists")
field_routes = Routes("Fields")

AT_ONCE = 25
"""Batches of contacts whose due times a change of calling hours works out within its request; upkeep does the rest."""


class ListQuery(PageQuery):
    campaign: inputs.Reference | None = None


@campaign_routes.get("/campaigns", "List campaigns", roles=SUPERVISORS, answer=PageOf[Campaign])
async def all_campaigns(exchange: Exchange, query: PageQuery) -> Any:
    """With the contacts of each state counted. Supervisors see those of their teams."""
    tenant_id = await tenant_of(exchange)
    return await exchange.run(
        lambda conn: campaigns.campaigns_page(conn, tenant_id, query.request, team_ids=exchange.teams)
    )


@campaign_routes.post(
    "/campaigns", "Create a campaign", roles=ADMINISTRATORS, answer=Campaign, status=201, errors=("ALREADY_EXISTS",)
)
async def create_campaign(exchange: Exchange, body: NewCampaign) -> Any:
    """It is stopped; settings that are left out have their defaults."""
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: campaigns.create_campaign(conn, tenant_id, body, now=exchange.now))


@campaign_routes.get("/campaigns/{id}", "Show a campaign", roles=SUPERVISORS, answer=CampaignDetails)
async def one_campaign(exchange: Exchange, id: str) -> Any:
    """With the rate of abandoned calls over the last 24 hours and 30 days."""
    found = await campaign_of(exchange, await tenant_of(exchange), id)
    return found | {"abandoned": await exchange.run(lambda conn: abandonment.rates(conn, [id], now=exchange.now))}


@campaign_routes.patch(
    "/campaigns/{id}", "Change a campaign", roles=ADMINISTRATORS, answer=Campaign, errors=("ALREADY_EXISTS",)
)
async def change_campaign(exchange: Exchange, id: str, body: CampaignChange) -> Any:
    """`settings` names only what changes; all count from the next offer on."""
    tenant_id = await tenant_of(exchange)
    changed = await exchange.run(lambda conn: campaigns.change_campaign(conn, tenant_id, id, body))
    for _ in range(AT_ONCE):
        if not await exchange.run(lambda conn: due.catch_up(conn, now=exchange.now)):
            break
    exchange.floor.wake()
    return changed


@campaign_routes.delete(
    "/campaigns/{id}",
    "Delete a campaign nobody was called for, with its contacts",
    roles=ADMINISTRATORS,
    status=204,
    errors=("IN_USE",),
)
async def delete_campaign(exchange: Exchange, id: str) -> None:
    tenant_id = await tenant_of(exchange)
    await exchange.run(lambda conn: campaigns.delete_campaign(conn, tenant_id, id))


@campaign_routes.post("/campaigns/{id}/start", "Start a campaign", roles=SUPERVISORS, answer=Campaign)
async def start_campaign(exchange: Exchange, id: str) -> Any:
    """Its contacts are offered to the available agents of its teams at once."""
    started = await _run(exchange, id, running=True)
    exchange.floor.wake()
    return started


@campaign_routes.post("/campaigns/{id}/stop", "Stop a campaign", roles=SUPERVISORS, answer=Campaign)
async def stop_campaign(exchange: Exchange, id: str) -> Any:
    """Open offers are withdrawn; calls that are up go on."""
    stopped = await _run(exchange, id, running=False)
    await exchange.floor.campaign_stopped(id)
    return stopped


async def _services(exchange: Exchange, cells: Sequence[why.Cell]) -> dict[str, Hindrance | Capacity | None]:
    """What each cell's service has in the way of a call, as it says itself, all asked at once; none where it can call.

    A cell without an address is this one: several have theirs, or nothing could be handed on between them.
    """
    own, neighbours = exchange.services.settings.cell.name, exchange.services.neighbours
    others = [cell for cell in cells if cell.url and cell.name != own]
    answers = await asyncio.gather(*(neighbours.in_the_way(cell.url) for cell in others))
    found: dict[str, Hindrance | Capacity | None] = {
        cell.name: code for cell, code in zip(others, answers, strict=True)
    }
    if len(others) < len(cells) or not cells:
        found[own] = None if exchange.floor.pbx_connected else Capacity.PBX_UNREACHABLE
    return found


@campaign_routes.get("/campaigns/{id}/why", "Why a campaign does not dial", roles=SUPERVISORS, answer=WhyNot)
async def why_not(exchange: Exchange, id: str) -> Any:
    """What is in the way of its calls, where each of its contacts stands, and the moment of the next call.

    `PBX_UNREACHABLE` and `SERVICE_DOWN` name the cells: they are told where no cell with an available agent can call.
    """
    found = await campaign_of(exchange, await tenant_of(exchange), id)
    services = of_services(await _services(exchange, await exchange.run(lambda conn: why.cells_of(conn, id))))
    now = exchange.now
    answer = await exchange.run(lambda conn: why.why(conn, id, now=now, services=services))
    return {
        "campaign": id,
        "name": found["name"],
        "running": found["running"],
        "at": now,
        **spelled_out(answer, exchange.language),
    }


async def _run(exchange: Exchange, id: str, *, running: bool) -> Row:
    tenant_id = await tenant_of(exchange)

    def run(work: Work) -> Row:
        campaigns.campaign(work.conn, tenant_id, id, team_ids=exchange.teams)  # one they may see
        return campaigns.run_campaign(work, tenant_id, id, running=running)

    return await change(exchange.services.store, run)


@campaign_routes.get(
    "/dispositions", "Dispositions of all campaigns", roles=SUPERVISORS, answer=list[TenantDisposition]
)
async def dispositions(exchange: Exchange) -> Any:
    """They are changed with the settings of a campaign."""
    tenant_id = await tenant_of(exchange)

    def read(conn: Connection) -> list[Row]:
        found: dict[tuple[str, str, str], list[str]] = {}
        shown = campaigns.campaigns_page(conn, tenant_id, PageRequest(limit=MOST), team_ids=exchange.teams)
        for campaign in shown.items:
            for one in CampaignSettings.model_validate(campaign["settings"]).dispositions:
                found.setdefault((one.code, one.label, one.rule.value), []).append(campaign["id"])
        return [
            {"code": code, "label": label, "rule": rule, "campaign_ids": ids}
            for (code, label, rule), ids in sorted(found.items())
        ]

    return await exchange.run(read)


@list_routes.get("/lists", "List contact lists", roles=SUPERVISORS, answer=PageOf[ContactList])
async def all_lists(exchange: Exchange, query: ListQuery) -> Any:
    tenant_id = await tenant_of(exchange)
    return await exchange.run(
        lambda conn: lists.lists_page(
            conn, tenant_id, query.request, campaign_id=query.campaign, team_ids=exchange.teams
        )
    )


@list_routes.post(
    "/lists", "Create a list", roles=ADMINISTRATORS, answer=ContactList, status=201, errors=("ALREADY_EXISTS",)
)
async def create_list(exchange: Exchange, body: NewList) -> Any:
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: lists.create_list(conn, tenant_id, body, now=exchange.now))


@list_routes.get("/lists/{id}", "Show a list", roles=ADMINISTRATORS, answer=ContactList)
async def one_list(exchange: Exchange, id: str) -> Any:
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: lists.list_(conn, tenant_id, id))


@list_routes.patch("/lists/{id}", "Change a list", roles=ADMINISTRATORS, answer=ContactList, errors=("ALREADY_EXISTS",))
async def change_list(exchange: Exchange, id: str, body: ListChange) -> Any:
    """Contacts of an inactive or expired list are not offered."""
    tenant_id = await tenant_of(exchange)
    changed = await exchange.run(lambda conn: lists.change_list(conn, tenant_id, id, body))
    exchange.floor.wake()
    return changed


@list_routes.delete("/lists/{id}", "Delete an empty list", roles=ADMINISTRATORS, status=204, errors=("IN_USE",))
async def delete_list(exchange: Exchange, id: str) -> None:
    tenant_id = await tenant_of(exchange)
    await exchange.run(lambda conn: lists.delete_list(conn, tenant_id, id))


@field_routes.get("/fields", "List the fields of contacts", roles=SUPERVISORS, answer=PageOf[ContactField])
async def all_fields(exchange: Exchange, query: PageQuery) -> Any:
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: fields.fields_page(conn, tenant_id, query.request))


@field_routes.post(
    "/fields", "Create a field", roles=ADMINISTRATORS, answer=ContactField, status=201, errors=("ALREADY_EXISTS",)
)
async def create_field(exchange: Exchange, body: NewField) -> Any:
    """Imports check the column of this name by its kind; a column without a field is text."""
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: fields.create_field(conn, tenant_id, body))


@field_routes.get("/fields/{id}", "Show a field", roles=ADMINISTRATORS, answer=ContactField)
async def one_field(exchange: Exchange, id: str) -> Any:
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: fields.field(conn, tenant_id, id))


@field_routes.patch("/fields/{id}", "Change a field's label", roles=ADMINISTRATORS, answer=ContactField)
async def change_field(exchange: Exchange, id: str, body: FieldChange) -> Any:
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: fields.change_field(conn, tenant_id, id, body))


@field_routes.delete("/fields/{id}", "Delete a field", roles=ADMINISTRATORS, status=204)
async def delete_field(exchange: Exchange, id: str) -> None:
    """Values that contacts have of it stay, as text."""
    tenant_id = await tenant_of(exchange)
    await exchange.run(lambda conn: fields.delete_field(conn, tenant_id, id))


routes = (*campaign_routes, *list_routes, *field_routes)
