"""A tenant's own fields of contacts: what a column of an import means."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints
from sqlalchemy import Connection, delete, select

from telephony.store import inputs
from telephony.store.errors import unique
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.rows import add, alter, given, one
from telephony.store.schema import fields


class FieldKind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"


FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class NewField(inputs.Input):
    name: FieldName
    label: inputs.Label
    kind: FieldKind = FieldKind.TEXT


class FieldChange(inputs.Input):
    """The kind stays: values already stored were checked by it."""

    label: inputs.Label | None = None


_SHOWN = (fields.c.id, fields.c.name, fields.c.label, fields.c.kind)


def field(conn: Connection, tenant_id: str, id_: str) -> Row:
    return one(conn, select(*_SHOWN).where(fields.c.id == id_, fields.c.tenant_id == tenant_id), "field")


def fields_page(conn: Connection, tenant_id: str, request: PageRequest) -> Page:
    return page(conn, select(*_SHOWN).where(fields.c.tenant_id == tenant_id), fields.c.id, request)


def kinds(conn: Connection, tenant_id: str) -> dict[str, FieldKind]:
    """The kind of each field by its name."""
    rows = conn.execute(select(fields.c.name, fields.c.kind).where(fields.c.tenant_id == tenant_id))
    return {row.name: FieldKind(row.kind) for row in rows}


def described(conn: Connection, tenant_id: str) -> dict[str, tuple[str, str]]:
    """Label and kind of each field by its name."""
    rows = conn.execute(select(fields.c.name, fields.c.label, fields.c.kind).where(fields.c.tenant_id == tenant_id))
    return {row.name: (row.label, row.kind) for row in rows}


def create_field(conn: Connection, tenant_id: str, new: NewField) -> Row:
    with unique(conn, "name", f"a field {new.name!r} exists already"):
        id_ = add(conn, fields, {"tenant_id": tenant_id, **new.model_dump(mode="json")})
    return field(conn, tenant_id, id_)


def change_field(conn: Connection, tenant_id: str, id_: str, change: FieldChange) -> Row:
    alter(conn, fields, [fields.c.id == id_, fields.c.tenant_id == tenant_id], given(change), "field")
    return field(conn, tenant_id, id_)


def delete_field(conn: Connection, tenant_id: str, id_: str) -> None:
    """Forget a field's kind and label; values that contacts have of it stay and count as text."""
    field(conn, tenant_id, id_)
    conn.execute(delete(fields).where(fields.c.id == id_))
