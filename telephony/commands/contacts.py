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
from telephony.commands.setup import Setup, checked, everything, named

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from telephony.store.engine import Store
    from telephony.store.import_shape import Shape

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}

_ENCODINGS = ("utf-8", "utf-16", "windows-1252")

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
@click.option(
    "--column", "columns", multiple=True, help='What a column is, once for each in their order; "" passes over one.'
)
@click.option("--no-header", is_flag=True, help="There is no header row; --column names the columns.")
@click.option("--delimiter", type=click.Choice([*_DELIMITERS]), help="Between the columns; default: found out.")
@click.option("--encoding", type=click.Choice([*_ENCODINGS]), help="Of the file; default: utf-8.")
@click.option("--guess", is_flag=True, help="Find out the encoding, and what each column is by its heading.")
@click.option("--preview", is_flag=True, help="Only show how the first rows would be taken, with --guess.")
@tenancy.option
@click.pass_obj
def import_(
    setup: Setup,
    file: Path,
    campaign: str,
    list_name: str,
    rejected: Path | None,
    tenant_name: str | None,
    columns: tuple[str, ...],
    no_header: bool,
    delimiter: str | None,
    encoding: str | None,
    guess: bool,
    preview: bool,
) -> None:
    """Import contacts from FILE: CSV with a header row, a JSON array, or one JSON object a line.

    Columns: external_id, name, number (or number_1, number_2, ...), label_1, ..., zone, consent; every other
    column becomes a field of the card. Where the header of a CSV says something else, --column or --guess say what
    each one is, by the rules of the supervisor's page; --preview shows it beforehand.

    A contact whose external_id the campaign knows is updated, not doubled. Rows that are not right are rejected
    with the reason, the others are taken.

    Exit code 0: every row was taken; 1: some were rejected, or the columns do not do.
    """
    shape = _shape(columns, no_header=no_header, delimiter=delimiter, encoding=encoding)
    with setup.database() as store:
        tenant_id, campaign_id = store.transact(lambda conn: _campaign(conn, campaign, tenant_name))
        if preview or guess:
            found = _look(store, tenant_id, file, shape)
            if preview:
                raise SystemExit(_tell_preview(found))
            shape = _as_found(shape, found)
        new = {"campaign_id": campaign_id, "list": list_name, "source": file.name[:200]}
        found = asyncio.run(_import(store, tenant_id, new, file, file.stat().st_size, shape))
        click.echo(f"added {found['added']}, updated {found['updated']}, rejected {found['rejected']}")
        if found["rejected"]:
            _tell_rejected(store, tenant_id, found, rejected)
            raise SystemExit(1)


def _shape(columns: tuple[str, ...], *, no_header: bool, delimiter: str | None, encoding: str | None) -> Shape:
    from telephony.store.import_shape import Shape

    if no_header and not columns:
        raise click.UsageError("without a header row --column must say what each column is")
    with checked():
        return Shape.model_validate(
            {
                "column": columns,
                "header": not no_header,
                "delimiter": _DELIMITERS.get(delimiter or ""),
                "encoding": encoding,
            }
        )


def _is_json(file: Path) -> bool:
    return file.suffix.lower() in (".json", ".jsonl", ".ndjson")


def _look(store: Store, tenant_id: str, file: Path, shape: Shape) -> dict[str, Any]:
    """What the beginning of the file looks like."""
    from telephony.store.import_preview import PREVIEW_BYTES, preview
    from telephony.store.import_shape import for_json

    as_json = _is_json(file)
    if as_json:
        for_json(shape)
    with file.open("rb") as opened:
        head = opened.read(PREVIEW_BYTES)
    return store.transact(lambda conn: preview(conn, tenant_id, head, shape, json=as_json))


def _as_found(shape: Shape, found: dict[str, Any]) -> Shape:
    if not found["columns"]:
        return shape  # JSON
    column = tuple(one["column"] for one in found["columns"])
    return shape.model_copy(update={"column": column, "encoding": found["encoding"], "delimiter": found["delimiter"]})


def _tell_preview(found: dict[str, Any]) -> int:
    """Write it to the terminal; the exit code, 1 where the columns do not do."""
    if found["columns"]:
        names = {sign: name for name, sign in _DELIMITERS.items()}
        click.echo(f"{found['encoding']}, delimiter {names.get(found['delimiter'], found['delimiter'])}")
        wide = max(len(one["heading"]) for one in found["columns"])
        for one in found["columns"]:
            click.echo(f"  {one['heading']:{wide}}  {one['column'] or '(passed over)'}")
    for row in found["rows"]:
        problem = row["problem"]
        said = f"  <- {problem['field']}: {problem['message']}" if problem else ""
        click.echo(f"row {row['row']}: {' | '.join(map(str, row['cells']))}{said}")
    if found["problem"] is None:
        return 0
    click.echo(f"{found['problem']['field']}: {found['problem']['message']}", err=True)
    return 1


async def _import(
    store: Store, tenant_id: str, new: dict[str, Any], file: Path, size: int, shape: Shape
) -> dict[str, Any]:
    from telephony.store import imports
    from telephony.store.import_run import run_import
    from telephony.store.import_shape import for_json

    as_json, now = _is_json(file), datetime.now(UTC)
    if as_json:
        for_json(shape)

    def begin(conn: Connection) -> str:
        wanted = imports.NewImport(**new, total_bytes=size)
        return str(imports.begin(conn, tenant_id, wanted, shape=shape, started_by=None, now=now)["id"])

    begun = await store.run(begin)
    with file.open("rb") as opened, click.progressbar(length=size, label=file.name, show_pos=False) as bar:
        return await run_import(store, tenant_id, begun, _pieces(opened, bar), json=as_json, shape=shape)


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
