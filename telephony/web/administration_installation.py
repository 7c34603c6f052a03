"""Tenants, data centers, cells, trunks and limits: what the installation consists of."""

from __future__ import annotations

from typing import Any

from telephony.store import infrastructure, tenants, trunks, views
from telephony.store.errors import NoSuch
from telephony.store.infrastructure import CellChange, DataCenterChange, NewCell, NewDataCenter
from telephony.store.tenants import NewTenant, TenantChange
from telephony.store.trunks import NewTrunk, TrunkChange
from telephony.web.administration import PageQuery, tenant_or_installation
from telephony.web.administration_answers import Cell, DataCenter, Limit, PageOf, Tenant, Trunk
from telephony.web.exchange import Exchange
from telephony.web.routes import ADMINISTRATORS, INSTALLATION, SUPERVISORS, Routes

tenant_routes = Routes("Tenants")
center_routes = Routes("Data centers")
cell_routes = Routes("Cells")
trunk_routes = Routes("Trunks")
limit_routes = Routes("Limits")


@tenant_routes.get("/tenants", "List tenants", roles=INSTALLATION, answer=PageOf[Tenant])
async def all_tenants(exchange: Exchange, query: PageQuery) -> Any:
    return await exchange.run(lambda conn: tenants.tenants_page(conn, query.request))


@tenant_routes.post(
    "/tenants", "Create a tenant", roles=INSTALLATION, answer=Tenant, status=201, errors=("ALREADY_EXISTS",)
)
async def create_tenant(exchange: Exchange, body: NewTenant) -> Any:
    return await exchange.run(lambda conn: tenants.create_tenant(conn, body, now=exchange.now))


@tenant_routes.get("/tenants/{id}", "Show a tenant", roles=ADMINISTRATORS, answer=Tenant)
async def one_tenant(exchange: Exchange, id: str) -> Any:
    """A tenant's administrator sees the own one."""
    if exchange.caller.tenant_id not in (None, id):
        raise NoSuch("tenant")
    return await exchange.run(lambda conn: tenants.tenant(conn, id))


@tenant_routes.patch("/tenants/{id}", "Change a tenant", roles=INSTALLATION, answer=Tenant, errors=("ALREADY_EXISTS",))
async def change_tenant(exchange: Exchange, id: str, body: TenantChange) -> Any:
    """A limit below what is up lets running calls go on."""
    changed = await exchange.run(lambda conn: tenants.change_tenant(conn, id, body))
    exchange.floor.wake()
    return changed


@tenant_routes.delete("/tenants/{id}", "Delete an empty tenant", roles=INSTALLATION, status=204, errors=("IN_USE",))
async def delete_tenant(exchange: Exchange, id: str) -> None:
    await exchange.run(lambda conn: tenants.delete_tenant(conn, id))


@center_routes.get("/data-centers", "List data centers", roles=INSTALLATION, answer=PageOf[DataCenter])
async def all_centers(exchange: Exchange, query: PageQuery) -> Any:
    return await exchange.run(lambda conn: infrastructure.data_centers_page(conn, query.request))


@center_routes.post(
    "/data-centers",
    "Create a data center",
    roles=INSTALLATION,
    answer=DataCenter,
    status=201,
    errors=("ALREADY_EXISTS",),
)
async def create_center(exchange: Exchange, body: NewDataCenter) -> Any:
    return await exchange.run(lambda conn: infrastructure.create_data_center(conn, body))


@center_routes.get("/data-centers/{id}", "Show a data center", roles=INSTALLATION, answer=DataCenter)
async def one_center(exchange: Exchange, id: str) -> Any:
    return await exchange.run(lambda conn: infrastructure.data_center(conn, id))


@center_routes.patch(
    "/data-centers/{id}", "Change a data center", roles=INSTALLATION, answer=DataCenter, errors=("ALREADY_EXISTS",)
)
async def change_center(exchange: Exchange, id: str, body: DataCenterChange) -> Any:
    changed = await exchange.run(lambda conn: infrastructure.change_data_center(conn, id, body))
    exchange.floor.wake()
    return changed


@center_routes.delete(
    "/data-centers/{id}", "Delete an empty data center", roles=INSTALLATION, status=204, errors=("IN_USE",)
)
async def delete_center(exchange: Exchange, id: str) -> None:
    await exchange.run(lambda conn: infrastructure.delete_data_center(conn, id))


@cell_routes.get("/cells", "List cells", roles=INSTALLATION, answer=PageOf[Cell])
async def all_cells(exchange: Exchange, query: PageQuery) -> Any:
    return await exchange.run(lambda conn: infrastructure.cells_page(conn, query.request))


@cell_routes.post("/cells", "Create a cell", roles=INSTALLATION, answer=Cell, status=201, errors=("ALREADY_EXISTS",))
async def create_cell(exchange: Exchange, body: NewCell) -> Any:
    return await exchange.run(lambda conn: infrastructure.create_cell(conn, body))


@cell_routes.get("/cells/{id}", "Show a cell", roles=INSTALLATION, answer=Cell)
async def one_cell(exchange: Exchange, id: str) -> Any:
    return await exchange.run(lambda conn: infrastructure.cell(conn, id))


@cell_routes.patch("/cells/{id}", "Change a cell", roles=INSTALLATION, answer=Cell, errors=("ALREADY_EXISTS",))
async def change_cell(exchange: Exchange, id: str, body: CellChange) -> Any:
    changed = await exchange.run(lambda conn: infrastructure.change_cell(conn, id, body))
    exchange.floor.wake()
    return changed


@cell_routes.delete("/cells/{id}", "Delete an unused cell", roles=INSTALLATION, status=204, errors=("IN_USE",))
async def delete_cell(exchange: Exchange, id: str) -> None:
    await exchange.run(lambda conn: infrastructure.delete_cell(conn, id))


@trunk_routes.get("/trunks", "List trunks", roles=ADMINISTRATORS, answer=PageOf[Trunk])
async def all_trunks(exchange: Exchange, query: PageQuery) -> Any:
    """A tenant sees its own and those that every tenant may use."""
    tenant_id = await tenant_or_installation(exchange)
    return await exchange.run(lambda conn: trunks.trunks_page(conn, tenant_id, query.request))


@trunk_routes.post(
    "/trunks", "Create a trunk", roles=INSTALLATION, answer=Trunk, status=201, errors=("ALREADY_EXISTS",)
)
async def create_trunk(exchange: Exchange, body: NewTrunk) -> Any:
    made = await exchange.run(lambda conn: trunks.create_trunk(conn, body))
    exchange.floor.wake()
    return made


@trunk_routes.get("/trunks/{id}", "Show a trunk", roles=ADMINISTRATORS, answer=Trunk)
async def one_trunk(exchange: Exchange, id: str) -> Any:
    tenant_id = await tenant_or_installation(exchange)
    return await exchange.run(lambda conn: trunks.trunk(conn, tenant_id, id))


@trunk_routes.patch("/trunks/{id}", "Change a trunk", roles=INSTALLATION, answer=Trunk, errors=("ALREADY_EXISTS",))
async def change_trunk(exchange: Exchange, id: str, body: TrunkChange) -> Any:
    changed = await exchange.run(lambda conn: trunks.change_trunk(conn, id, body))
    exchange.floor.wake()
    return changed


@trunk_routes.delete("/trunks/{id}", "Delete a trunk", roles=INSTALLATION, status=204, errors=("IN_USE",))
async def delete_trunk(exchange: Exchange, id: str) -> None:
    await exchange.run(lambda conn: trunks.delete_trunk(conn, id))


@limit_routes.get("/limits", "Limits and how much of each is in use", roles=SUPERVISORS, answer=list[Limit])
async def limits(exchange: Exchange) -> Any:
    """A tenant sees its own, those of the trunks it may use and of the cells and data centers its agents are in.

    The installation's administrator sees all. A trunk has two: `trunk` for its channels, `call_rate` for the calls
    placed within the last `seconds`.
    """
    tenant_id = await tenant_or_installation(exchange)
    return await exchange.run(lambda conn: views.limits(conn, tenant_id, now=exchange.now))


routes = (*tenant_routes, *center_routes, *cell_routes, *trunk_routes, *limit_routes)
