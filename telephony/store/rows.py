"""Single rows: read one, write what a change names, and tell what is not there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Connection, Select, Table, insert, select, update

from telephony.model.ids import new_id
from telephony.store.errors import Invalid, NoSuch
from telephony.store.paging import Row
from telephony.store.prepared import Rows


def one(conn: Connection, statement: Select[Any], what: str) -> Row:
    """The only row; raises `NoSuch` where there is none."""
    row = conn.execute(statement).mappings().one_or_none()
    if row is None:
        raise NoSuch(what)
    return dict(row)


def found(rows: Rows, what: str) -> Row:
    """The only row of a prepared statement; raises `NoSuch` where there is none."""
    if not rows:
        raise NoSuch(what)
    return dict(rows[0]._asdict())


def add(conn: Connection, table: Table, values: Row) -> str:
    """Insert a row under a new id, which is returned."""
    made = new_id()
    conn.execute(insert(table).values(id=made, **values))
    return made


def alter(conn: Connection, table: Table, where: Iterable[ColumnElement[bool]], values: Row, what: str) -> None:
    """Write some columns of one row; raises `NoSuch` where there is none."""
    conditions = list(where)
    if values:
        if conn.execute(update(table).where(*conditions).values(**values)).rowcount == 0:
            raise NoSuch(what)
    elif conn.execute(select(table.c.id).where(*conditions)).first() is None:
        raise NoSuch(what)


def given(change: BaseModel, *but: str, nullable: Iterable[str] = ()) -> Row:
    """The values a change names, without those of `but`; null is refused where the column needs a value."""
    values = change.model_dump(include=change.model_fields_set, exclude=set(but))
    for name, value in values.items():
        if value is None and name not in nullable:
            raise Invalid(name, "must not be null; leave it out to keep it as it is")
    return values


def check_references(
    conn: Connection, table: Table, ids: Iterable[str], field: str, what: str, *where: ColumnElement[bool]
) -> None:
    """Raise `Invalid` for the first id that is no row of `table` under these conditions."""
    wanted = list(dict.fromkeys(ids))
    found = set(conn.execute(select(table.c.id).where(table.c.id.in_(wanted), *where)).scalars()) if wanted else set()
    for id_ in wanted:
        if id_ not in found:
            raise Invalid(field, f"there is no {what} {id_}")
