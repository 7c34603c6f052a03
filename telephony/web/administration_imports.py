"""Imports of contacts: the upload, and what became of it."""

from __future__ import annotations

from typing import Any

from telephony.store import imports, inputs
from telephony.store.import_run import run_import
from telephony.store.imports import NewImport
from telephony.web.administration import PageQuery, campaign_of, tenant_of
from telephony.web.administration_answers import Import, PageOf, RejectedRow
from telephony.web.exchange import Exchange
from telephony.web.routes import SUPERVISORS, Routes

routes = Routes("Imports")

MOST_BYTES = 1024**3
"""Of one upload: some ten million contacts; it streams, so memory is no reason for less."""

JSON_TYPES = ("application/json", "application/x-ndjson")


class UploadQuery(inputs.Input):
    list: inputs.Name = "Contacts"
    source: inputs.Note = ""


class ImportQuery(PageQuery):
    campaign: inputs.Reference | None = None


@routes.post(
    "/campaigns/{id}/contacts",
    "Import contacts",
    roles=SUPERVISORS,
    answer=Import,
    status=201,
    takes=("text/csv", *JSON_TYPES),
    errors=("INVALID",),
)
async def upload(exchange: Exchange, id: str, query: UploadQuery) -> Any:
    """CSV with a header row, a JSON array, or one JSON object a line; streamed, of any length.

    Columns: external_id, name, number (or number_1 to number_10 with label_1 to label_10), zone, consent; any other
    is a field. A known external_id is updated. Rows that cannot be taken are kept with the reason and stop nothing.
    """
    tenant_id, by = await tenant_of(exchange), exchange.caller.user_id
    await campaign_of(exchange, tenant_id, id)
    total = exchange.request.content_length or 0
    new = NewImport(campaign_id=id, list=query.list, source=query.source, total_bytes=total)
    begun = await exchange.run(lambda conn: imports.begin(conn, tenant_id, new, started_by=by, now=exchange.now))
    return await run_import(
        exchange.services.store,
        tenant_id,
        begun["id"],
        exchange.chunks(MOST_BYTES),
        json=exchange.request.content_type in JSON_TYPES,
        stored=exchange.floor.wake,
    )


@routes.get("/imports", "List imports, the newest first", roles=SUPERVISORS, answer=PageOf[Import])
async def all_imports(exchange: Exchange, query: ImportQuery) -> Any:
    """One that is running shows how far it is."""
    tenant_id = await tenant_of(exchange)
    return await exchange.run(
        lambda conn: imports.imports_page(conn, tenant_id, query.campaign, query.request, team_ids=exchange.teams)
    )


@routes.get("/imports/{id}", "Show an import", roles=SUPERVISORS, answer=Import)
async def one_import(exchange: Exchange, id: str) -> Any:
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: imports.import_(conn, tenant_id, id, team_ids=exchange.teams))


@routes.get("/imports/{id}/rejections", "Rows an import could not take", roles=SUPERVISORS, answer=PageOf[RejectedRow])
async def rejections(exchange: Exchange, id: str, query: PageQuery) -> Any:
    tenant_id = await tenant_of(exchange)
    return await exchange.run(
        lambda conn: imports.rejections_page(conn, tenant_id, id, query.request, team_ids=exchange.teams)
    )
