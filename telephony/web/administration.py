"""Administration: every subject's routes, and what their handlers share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from telephony.store import inputs, tenants
from telephony.store.campaigns import campaign
from telephony.store.paging import MOST, PageRequest, Row
from telephony.web.exchange import Exchange


class PageQuery(inputs.Input):
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    after: Annotated[str, Field(max_length=200, description="`next` of the former page")] | None = None

    @property
    def request(self) -> PageRequest:
        return PageRequest(limit=self.limit, after=self.after)


async def tenant_of(exchange: Exchange) -> str:
    """The tenant a request is about; one that an administrator of the installation names must exist."""
    tenant_id = exchange.tenant_id
    if exchange.caller.tenant_id is None:
        await exchange.run(lambda conn: tenants.tenant(conn, tenant_id))
    return tenant_id


async def tenant_or_installation(exchange: Exchange) -> str | None:
    """As `tenant_of`; None where an administrator of the installation names no tenant."""
    if exchange.caller.tenant_id is None and "tenant" not in exchange.request.query:
        return None
    return await tenant_of(exchange)


async def campaign_of(exchange: Exchange, tenant_id: str, id_: str) -> Row:
    """A campaign the caller may see: a supervisor those of their teams."""
    return await exchange.run(lambda conn: campaign(conn, tenant_id, id_, team_ids=exchange.teams))
