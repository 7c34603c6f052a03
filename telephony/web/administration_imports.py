"""Imports of contacts: the upload, and what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from functools import partial
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from telephony.store import imports, inputs
from telephony.store.import_preview import PREVIEW_BYTES
from telephony.store.import_preview import preview as preview_of
from telephony.store.import_run import run_import
from telephony.store.import_shape import Shape, for_json
from telephony.store.imports import NewImport
from telephony.store.paging import MOST, Page, PageRequest, Row
from telephony.web.administration import PageQuery, campaign_of, tenant_of
from telephony.web.administration_answers import Import, PageOf, Preview, RejectedRow
from telephony.web.exchange import Exchange
from telephony.web.routes import SUPERVISORS, Routes
from telephony.web.sentences import said
from telephony.web.tables import csv_lines

routes = Routes("Imports")

MOST_BYTES = 1024**3
"""Of one upload: some ten million contacts; it streams, so memory is no reason for less."""

JSON_TYPES = ("application/json", "application/x-ndjson")


class UploadQuery(Shape):
    list: inputs.Name = "Contacts"
    source: Annotated[inputs.Note, Field(description="name of the file")] = ""


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
    is a field. Where the header of a CSV says something else, or there is none, `column` says what each one is.
    A known external_id is updated. Rows that cannot be taken are kept with the reason and stop nothing.
    """
    tenant_id, by = await tenant_of(exchange), exchange.caller.user_id
    await campaign_of(exchange, tenant_id, id)
    as_json = _is_json(exchange, query)
    shape = Shape.model_validate(query.model_dump(include=set(Shape.model_fields)))
    total = exchange.request.content_length or 0
    new = NewImport(campaign_id=id, list=query.list, source=query.source, total_bytes=total)
    begun = await exchange.run(
        lambda conn: imports.begin(conn, tenant_id, new, shape=shape, started_by=by, now=exchange.now)
    )
    return await run_import(
        exchange.services.store,
        tenant_id,
        begun["id"],
        exchange.chunks(MOST_BYTES),
        json=as_json,
        shape=shape,
        stored=exchange.floor.wake,
    )


@routes.post(
    "/campaigns/{id}/contacts/preview",
    "See how a file would be imported",
    roles=SUPERVISORS,
    answer=Preview,
    takes=("text/csv", *JSON_TYPES),
    errors=("INVALID",),
)
async def preview(exchange: Exchange, id: str, query: Shape) -> Any:
    """Takes the beginning of a file, 256 KB at the most, and answers with its first ten rows; nothing is taken in.

    Encoding and delimiter are found out, columns guessed by their headings, unless the query says them. Give what it
    answers, or what a person made of it, with the import.
    """
    tenant_id = await tenant_of(exchange)
    await campaign_of(exchange, tenant_id, id)
    as_json = _is_json(exchange, query)
    head = b"".join([chunk async for chunk in exchange.chunks(PREVIEW_BYTES)])
    found = await exchange.run(lambda conn: preview_of(conn, tenant_id, head, query, json=as_json))
    for problem in (found["problem"], *(row["problem"] for row in found["rows"])):
        if problem is not None:
            problem["message"] = said(problem["message"], exchange.language)
    return found


def _is_json(exchange: Exchange, shape: Shape) -> bool:
    as_json = exchange.request.content_type in JSON_TYPES
    if as_json:
        for_json(shape)
    return as_json


@routes.get("/imports", "List imports, the newest first", roles=SUPERVISORS, answer=PageOf[Import])
async def all_imports(exchange: Exchange, query: ImportQuery) -> Any:
    """One that is running shows how far it is."""
    tenant_id = await tenant_of(exchange)
    found = await exchange.run(
        lambda conn: imports.imports_page(conn, tenant_id, query.campaign, query.request, team_ids=exchange.teams)
    )
    return Page([_worded(exchange, row, "error") for row in found.items], found.next)


@routes.get("/imports/{id}", "Show an import", roles=SUPERVISORS, answer=Import)
async def one_import(exchange: Exchange, id: str) -> Any:
    tenant_id = await tenant_of(exchange)
    found = await exchange.run(lambda conn: imports.import_(conn, tenant_id, id, team_ids=exchange.teams))
    return _worded(exchange, found, "error")


def _worded(exchange: Exchange, row: Row, name: str) -> Row:
    """With the sentence of that name in the caller's language."""
    return row | {name: said(row[name], exchange.language)} if row[name] else row


@routes.get("/imports/{id}/rejections", "Rows an import could not take", roles=SUPERVISORS, answer=PageOf[RejectedRow])
async def rejections(exchange: Exchange, id: str, query: PageQuery) -> Any:
    tenant_id = await tenant_of(exchange)
    found = await exchange.run(
        lambda conn: imports.rejections_page(conn, tenant_id, id, query.request, team_ids=exchange.teams)
    )
    return Page([_worded(exchange, row, "reason") for row in found.items], found.next)


@routes.get(
    "/imports/{id}/rejections.csv",
    "Rows an import could not take, as a table",
    roles=SUPERVISORS,
    answer_type="text/csv",
)
async def rejections_csv(exchange: Exchange, id: str) -> web.StreamResponse:
    """In our own columns, with row, field and reason before them: mend it and import it again.

    Values are shortened as in the list of rejections.
    """
    tenant_id = await tenant_of(exchange)
    names: dict[str, None] = {}
    async for rows in _rejected(exchange, tenant_id, id):
        names |= dict.fromkeys(name for row in rows for name in row["values"])
    answer = web.StreamResponse(headers={"Content-Disposition": 'attachment; filename="rejected.csv"'})
    answer.content_type, answer.charset = "text/csv", "utf-8"
    await answer.prepare(exchange.request)
    await answer.write(csv_lines([("_row", "_field", "_reason", *names)]))
    async for rows in _rejected(exchange, tenant_id, id):
        await answer.write(csv_lines(_told(row, names) for row in rows))
    await answer.write_eof()
    return answer


async def _rejected(exchange: Exchange, tenant_id: str, id: str) -> AsyncIterator[list[Row]]:
    request: PageRequest | None = PageRequest(limit=MOST)
    while request is not None:
        read = partial(imports.rejections_page, tenant_id=tenant_id, id_=id, request=request, team_ids=exchange.teams)
        found = await exchange.run(read)
        yield [_worded(exchange, row, "reason") for row in found.items]
        request = PageRequest(limit=MOST, after=found.next) if found.next else None


def _told(row: Row, names: Iterable[str]) -> list[Any]:
    return [row["row"], row["field"], row["reason"], *(row["values"].get(name) for name in names)]
