"""Imports: where each stands, what it did, and the rows it could not take with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Connection, insert, select, update

from telephony.store import inputs
from telephony.store.campaigns import in_teams
from telephony.store.contact_row import ContactRow
from telephony.store.contacts import Target, upsert
from telephony.store.errors import NoSuch
from telephony.store.fields import kinds
from telephony.store.import_file import column_names
from telephony.store.import_shape import AS_USUAL, Shape
from telephony.store.lists import named_list
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.rows import add, one
from telephony.store.schema import campaigns, import_rejections, imports
from telephony.store.work import Work

MOST_KEPT = 10_000
"""Rejected rows kept with their values; above it they are only counted."""

SILENCE = timedelta(minutes=10)
"""After this long without a batch a running import has lost its process."""


class NewImport(inputs.Input):
    campaign_id: inputs.Reference
    list: inputs.Name = "Contacts"
    source: Annotated[inputs.Note, Field(description="name of the file")] = ""
    total_bytes: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not taken: where in the file, which field, why, and what it said."""

    place: int
    field: str
    reason: str
    values: dict[str, str]


_SHOWN = tuple(column for column in imports.c if column.name not in ("tenant_id", "progress_at"))


def import_(conn: Connection, tenant_id: str, id_: str, *, team_ids: tuple[str, ...] | None = None) -> Row:
    """An import; with `team_ids` only into a campaign that one of these teams works on."""
    mine = (imports.c.tenant_id == tenant_id, in_teams(team_ids, imports.c.campaign_id))
    return one(conn, select(*_SHOWN).where(imports.c.id == id_, *mine), "import")


def imports_page(
    conn: Connection,
    tenant_id: str,
    campaign_id: str | None,
    request: PageRequest,
    *,
    team_ids: tuple[str, ...] | None = None,
) -> Page:
    """A tenant's imports, the newest first; `team_ids` as above."""
    mine = (imports.c.tenant_id == tenant_id, in_teams(team_ids, imports.c.campaign_id))
    statement = select(*_SHOWN).where(*mine)
    if campaign_id is not None:
        statement = statement.where(imports.c.campaign_id == campaign_id)
    return page(conn, statement, imports.c.id, request, newest_first=True)


def rejections_page(
    conn: Connection, tenant_id: str, id_: str, request: PageRequest, *, team_ids: tuple[str, ...] | None = None
) -> Page:
    """The rejected rows of an import by their place in the file; the first 10,000 are kept."""
    import_(conn, tenant_id, id_, team_ids=team_ids)
    table = import_rejections
    shown = select(table.c.row, table.c.field, table.c.reason, table.c["values"]).where(table.c.import_id == id_)
    return page(conn, shown, table.c.row, request)


def begin(
    conn: Connection,
    tenant_id: str,
    new: NewImport,
    *,
    shape: Shape = AS_USUAL,
    started_by: str | None,
    now: datetime,
) -> Row:
    """Start an import into a list of the campaign, made where there is none of that name; raises `NoSuch`.

    Columns named by `shape` that cannot do raise `BadFile` before anything is made for them.
    """
    if shape.column:
        column_names(shape.column, list(kinds(conn, tenant_id)), mapped=True)
    known = select(campaigns.c.id).where(campaigns.c.id == new.campaign_id, campaigns.c.tenant_id == tenant_id)
    if conn.execute(known).first() is None:
        raise NoSuch("campaign")
    into = named_list(conn, tenant_id, new.campaign_id, new.list, now=now)
    values: dict[str, Any] = {
        "tenant_id": tenant_id,
        "campaign_id": new.campaign_id,
        "list_id": into["id"],
        "state": "running",
        "source": new.source,
        "total_bytes": new.total_bytes,
        "started_by": started_by,
        "started_at": now,
        "progress_at": now,
    }
    return import_(conn, tenant_id, add(conn, imports, values))


def take(work: Work, id_: str, rows: Sequence[ContactRow], rejected: Sequence[Rejection], *, read_bytes: int) -> None:
    """Take one batch in: contacts, rejections and the import's counts in one transaction."""
    conn = work.conn
    row = conn.execute(select(imports).where(imports.c.id == id_).with_for_update()).one()
    target = Target(tenant_id=row.tenant_id, campaign_id=row.campaign_id, list_id=row.list_id)
    added = updated = 0
    if rows:
        taken = upsert(work, target, rows)
        added, updated = taken.added, taken.updated
    kept = rejected[: max(0, MOST_KEPT - row.rejected)]
    if kept:
        conn.execute(
            insert(import_rejections),
            [
                {
                    "import_id": id_,
                    "row": one_.place,
                    "field": one_.field[:64],
                    "reason": one_.reason[:300],
                    "values": one_.values,
                }
                for one_ in kept
            ],
        )
    conn.execute(
        update(imports)
        .where(imports.c.id == id_)
        .values(
            read_bytes=read_bytes,
            added=imports.c.added + added,
            updated=imports.c.updated + updated,
            rejected=imports.c.rejected + len(rejected),
            progress_at=work.now,
        )
    )


def finish(conn: Connection, id_: str, *, error: str | None, now: datetime) -> None:
    """Close a running import as done, or as failed with a sentence why."""
    conn.execute(
        update(imports)
        .where(imports.c.id == id_, imports.c.state == "running")
        .values(state="failed" if error else "done", error=error, ended_at=now)
    )


def fail_silent(conn: Connection, *, now: datetime) -> int:
    """Close imports whose process is gone; how many. What they took in stays."""
    stopped = "the service stopped during the import; send the file again, nothing is doubled"
    return conn.execute(
        update(imports)
        .where(imports.c.state == "running", imports.c.progress_at < now - SILENCE)
        .values(state="failed", error=stopped, ended_at=now)
    ).rowcount
