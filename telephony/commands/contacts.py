"""Bringing contacts in and out. Talks to the database itself, so it works whether the service runs or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from telephony.commands import tenancy
from telephony.commands.setup import Setup, everything, named

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from telephony.store.engine import Store

PIECE = 256 * 1024
"""Bytes read from the file at once."""

SHOWN = 20
"""Rejected rows written to the terminal; all are in the file that --rejected names."""


@click.group()
def contacts() -> None:
    """Import and export the people a campaign calls."""


@contacts.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--campaign", required=True, help="Name of the campaign the contacts are for.")
@click.option("--list", "list_name", default="Contacts", show_default=True, help="List they go into; made if needed.")
@click.option("--rejected", type=click.Path(dir_okay=False, path_type=Path), help="Write rejected rows to this CSV.")
@tenancy.option
@click.pass_obj
def import_(
    setup: Setup, file: Path, campaign: str, list_name: str, rejected: Path | None, tenant_name: str | None
) -> None:
    """Import contacts from FILE: CSV with a header row, a JSON array, or one JSON object a line.

    Columns: external_id, name, number (or number_1, number_2, ...), label_1, ..., zone, consent; every other
    column becomes a field of the card. A contact whose external_id the campaign knows is updated, not doubled.
    Rows that are not right are rejected with the reason, the others are taken.

    Exit code 0: every row was taken; 1: some were rejected.
    """
    with setup.database() as store:
        size = file.stat().st_size
        tenant_id, found = asyncio.run(_import(store, file, size, campaign, list_name, tenant_name))
        click.echo(f"added {found['added']}, updated {found['updated']}, rejected {found['rejected']}")
        if found["rejected"]:
            _tell_rejected(store, tenant_id, found, rejected)
            raise SystemExit(1)


async def _import(
    store: Store, file: Path, size: int, campaign: str, list_name: str, tenant_name: str | None
) -> tuple[str, dict[str, Any]]:
    from telephony.store import imports
    from telephony.store.import_run import run_import

    now = datetime.now(UTC)

    def begin(conn: Connection) -> tuple[str, dict[str, Any]]:
        tenant_id, campaign_id = _campaign(conn, campaign, tenant_name)
        new = imports.NewImport(campaign_id=campaign_id, list=list_name, source=file.name[:200], total_bytes=size)
        return tenant_id, imports.begin(conn, tenant_id, new, started_by=None, now=now)

    tenant_id, begun = await store.run(begin)
    with file.open("rb") as opened, click.progressbar(length=size, label=file.name, show_pos=False) as bar:
        as_json = file.suffix.lower() in (".json", ".jsonl", ".ndjson")
        chunks = _pieces(opened, bar)
        return tenant_id, await run_import(store, tenant_id, begun["id"], chunks, json=as_json)


async def _pieces(opened: BinaryIO, bar: Any) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(opened.read, PIECE):
        yield piece
        bar.update(len(piece))


def _tell_rejected(store: Store, tenant_id: str, found: dict[str, Any], into: Path | None) -> None:
    from telephony.store import imports
    from telephony.store.paging import PageRequest
    from telephony.web.tables import csv_lines

    def read(conn: Connection) -> list[dict[str, Any]]:
        return list(
            everything(
                lambda after: imports.rejections_page(conn, tenant_id, found["id"], PageRequest(limit=500, after=after))
            )
        )

    rows = store.transact(read)
    for row in rows[:SHOWN]:
        click.echo(f"row {row['row']}: {row['field'] + ': ' if row['field'] else ''}{row['reason']}", err=True)
    if len(rows) > SHOWN:
        click.echo(f"... and {found['rejected'] - SHOWN} more; --rejected FILE writes them all", err=True)
    if into is not None:
        names = list(dict.fromkeys(name for row in rows for name in row["values"]))
        lines = [[row["row"], row["field"], row["reason"], *(row["values"].get(n) for n in names)] for row in rows]
        into.write_bytes(csv_lines([["_row", "_field", "_reason", *names], *lines]))


@contacts.command()
@click.option("--campaign", required=True, help="Name of the campaign.")
@click.option("--output", type=click.File("wb", lazy=True), default="-", help="File to write; default: the terminal.")
@tenancy.option
@click.pass_obj
def export(setup: Setup, campaign: str, output: BinaryIO, tenant_name: str | None) -> None:
    """Write a campaign's contacts as CSV that an import takes back.

    Columns that begin with an underscore (state, calls so far) are for reading; an import passes over them.
    """
    from telephony.store import contact_export
    from telephony.web.tables import csv_lines

    with setup.database() as store:
        tenant_id, campaign_id = store.transact(lambda conn: _campaign(conn, campaign, tenant_name))
        columns = store.transact(lambda conn: contact_export.columns(conn, tenant_id, campaign_id))
        output.write(csv_lines([columns.header()]))
        after: str | None = None
        while True:
            read = partial(
                contact_export.rows, tenant_id=tenant_id, campaign_id=campaign_id, wanted=columns, after=after
            )
            rows, after = store.transact(read)
            output.write(csv_lines(rows))
            if after is None:
                return


def _campaign(conn: Connection, name: str, tenant_name: str | None) -> tuple[str, str]:
    from telephony.store import campaigns
    from telephony.store.paging import PageRequest

    tenant_id: str = tenancy.chosen(conn, tenant_name)["id"]
    rows = everything(lambda after: campaigns.campaigns_page(conn, tenant_id, PageRequest(after=after)))
    return tenant_id, named(rows, name, "campaign")["id"]
