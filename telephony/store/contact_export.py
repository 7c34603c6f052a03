"""A campaign's contacts as a table that an import takes back; columns with an underscore are for reading only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, cast, func, select, true

from telephony.store.contact_list import ContactFilter, contacts_page
from telephony.store.paging import MOST, PageRequest
from telephony.store.schema import contacts, numbers

READ_ONLY = ("_state", "_why", "_due_at", "_attempts", "_skips")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns the table has: as many numbers as any contact has, and every field that occurs."""

    numbers: int
    fields: tuple[str, ...]

    def header(self) -> list[str]:
        phones = [name for n in range(1, self.numbers + 1) for name in (f"number_{n}", f"label_{n}")]
        return ["external_id", "name", *phones, "zone", "consent", *self.fields, *READ_ONLY]


def columns(conn: Connection, tenant_id: str, campaign_id: str) -> Columns:
    mine = (contacts.c.tenant_id == tenant_id, contacts.c.campaign_id == campaign_id)
    most = conn.execute(
        select(func.max(numbers.c.position)).select_from(numbers.join(contacts)).where(*mine)
    ).scalar_one()
    if conn.dialect.name == "postgresql":
        key = func.json_object_keys(contacts.c.fields).label("key")
        names = conn.execute(select(key).where(*mine).distinct().order_by(cast(key, Text))).scalars()
    else:
        each = func.json_each(contacts.c.fields).table_valued("key")
        names = conn.execute(
            select(each.c.key).select_from(contacts.join(each, true())).where(*mine).distinct()
        ).scalars()
    return Columns(most or 1, tuple(sorted(names)))


def rows(
    conn: Connection, tenant_id: str, campaign_id: str, wanted: Columns, after: str | None
) -> tuple[list[list[Any]], str | None]:
    """The next 500 contacts as rows in the columns' order, and the cursor of those after them."""
    request = PageRequest(limit=MOST, after=after)
    found = contacts_page(conn, tenant_id, campaign_id, ContactFilter(), request)
    table = []
    for row in found.items:
        phones: list[Any] = [None] * (2 * wanted.numbers)
        for number in row["numbers"][: wanted.numbers]:
            place = 2 * (number["position"] - 1)
            phones[place : place + 2] = [number["e164"], number["label"]]
        table.append(
            [
                row["external_id"],
                row["name"],
                *phones,
                row["zone"],
                row["consent"],
                *(row["fields"].get(name) for name in wanted.fields),
                *(row[name.removeprefix("_")] for name in READ_ONLY),
            ]
        )
    return table, found.next
