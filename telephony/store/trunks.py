"""Trunks: the ways out, with what may go through them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, true

from telephony.store import inputs
from telephony.store.errors import unique, unreferenced
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.rows import add, alter, check_references, given, one
from telephony.store.schema import cells, tenants, trunk_cells, trunks


def _has_number(value: str) -> str:
    if value.count("{number}") != 1 or set(value.replace("{number}", "")) & set("{}"):
        raise ValueError("must name {number} exactly once, as in PJSIP/{number}@carrier")
    return value


# No comma, ampersand or semicolon: what goes into Originate must stay one channel without options.
DialTemplate = Annotated[
    str,
    StringConstraints(pattern=r"^PJSIP/[A-Za-z0-9_.:@/{}+-]{1,190}$"),
    AfterValidator(_has_number),
    Field(description="e.g. PJSIP/{number}@carrier; {number} is E.164 with its plus"),
]
Channels = Annotated[int, Field(ge=0, le=100_000, description="legs up at once; 0 lets nothing through")]
CallRate = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False, description="new legs a second")]
MaxRing = Annotated[int, Field(ge=20, le=180, description="seconds")]
Position = Annotated[int, Field(ge=1, le=1000, description="lower is tried first")]
Prefixes = Annotated[tuple[inputs.Prefix, ...], Field(max_length=500, description="empty: every number")]
CallerIds = Annotated[tuple[inputs.E164, ...], Field(max_length=500, description="the first one is the default")]
CellIds = Annotated[tuple[inputs.Reference, ...], Field(max_length=500)]


class NewTrunk(inputs.Input):
    name: inputs.Name
    tenant_id: inputs.Reference | None = Field(default=None, description="none: for every tenant")
    dial_template: DialTemplate
    max_channels: Channels
    max_calls_per_second: CallRate
    number_ranges: Prefixes = ()
    caller_ids: CallerIds = ()
    max_ring: MaxRing = 60
    position: Position = 1
    enabled: bool = True
    cell_ids: CellIds = ()


class TrunkChange(inputs.Input):
    name: inputs.Name | None = None
    tenant_id: inputs.Reference | None = None
    dial_template: DialTemplate | None = None
    max_channels: Channels | None = None
    max_calls_per_second: CallRate | None = None
    number_ranges: Prefixes | None = None
    caller_ids: CallerIds | None = None
    max_ring: MaxRing | None = None
    position: Position | None = None
    enabled: bool | None = None
    cell_ids: CellIds | None = None


_SHOWN = [column for column in trunks.c if column.name != "next_call_at"]


def _visible(tenant_id: str | None) -> ColumnElement[bool]:
    return true() if tenant_id is None else or_(trunks.c.tenant_id.is_(None), trunks.c.tenant_id == tenant_id)


def _with_cells(conn: Connection, rows: list[Row]) -> list[Row]:
    found: dict[str, list[str]] = {row["id"]: [] for row in rows}
    for trunk_id, cell_id in conn.execute(
        select(trunk_cells).where(trunk_cells.c.trunk_id.in_(list(found))).order_by(trunk_cells.c.cell_id)
    ):
        found[trunk_id].append(cell_id)
    return [row | {"cell_ids": found[row["id"]]} for row in rows]


def trunk(conn: Connection, tenant_id: str | None, id_: str) -> Row:
    """A trunk that the tenant may use; None: any."""
    row = one(conn, select(*_SHOWN).where(trunks.c.id == id_, _visible(tenant_id)), "trunk")
    return _with_cells(conn, [row])[0]


def trunks_page(conn: Connection, tenant_id: str | None, request: PageRequest) -> Page:
    """The trunks a tenant may use: its own and those for every tenant; None: all."""
    found = page(conn, select(*_SHOWN).where(_visible(tenant_id)), trunks.c.id, request)
    return Page(_with_cells(conn, found.items), found.next)


def create_trunk(conn: Connection, new: NewTrunk) -> Row:
    _check(conn, new.tenant_id, new.cell_ids)
    values = new.model_dump(exclude={"cell_ids"})
    with unique(conn, "name", f"a trunk {new.name!r} exists already"):
        id_ = add(conn, trunks, values)
    _set_cells(conn, id_, new.cell_ids)
    return trunk(conn, None, id_)


def change_trunk(conn: Connection, id_: str, change: TrunkChange) -> Row:
    values = given(change, "cell_ids", nullable=["tenant_id"])
    _check(conn, change.tenant_id, change.cell_ids or ())
    with unique(conn, "name", f"a trunk {change.name!r} exists already"):
        alter(conn, trunks, [trunks.c.id == id_], values, "trunk")
    if change.cell_ids is not None:
        conn.execute(delete(trunk_cells).where(trunk_cells.c.trunk_id == id_))
        _set_cells(conn, id_, change.cell_ids)
    return trunk(conn, None, id_)


def delete_trunk(conn: Connection, id_: str) -> None:
    trunk(conn, None, id_)
    with unreferenced(conn, "the trunk is still in use; set enabled to false instead"):
        conn.execute(delete(trunk_cells).where(trunk_cells.c.trunk_id == id_))
        conn.execute(delete(trunks).where(trunks.c.id == id_))


def _check(conn: Connection, tenant_id: str | None, cell_ids: tuple[str, ...]) -> None:
    if tenant_id is not None:
        check_references(conn, tenants, [tenant_id], "tenant_id", "tenant")
    check_references(conn, cells, cell_ids, "cell_ids", "cell")


def _set_cells(conn: Connection, id_: str, cell_ids: tuple[str, ...]) -> None:
    if cell_ids:
        conn.execute(insert(trunk_cells), [{"trunk_id": id_, "cell_id": one_} for one_ in dict.fromkeys(cell_ids)])
