"""Pages of rows, by the key of the last row seen: no row is shown twice or left out when others come and go."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select

from telephony.store.errors import Invalid

LIMIT = 50
MOST = 500
"""Rows of one page at the most: about 300 kB of JSON for contacts with many fields."""

Row = dict[str, Any]

_TEXT_KEY = re.compile(r"[0-9a-f-]{36}|\+[0-9]{1,15}")
"""Ids and telephone numbers."""

_NUMBER_KEY = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """`limit` 1-500 rows, after the row that the cursor `after` of the former page names."""

    limit: int = LIMIT
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order; `next` is the cursor of the next page, None on the last."""

    items: list[Row]
    next: str | None


def page(
    conn: Connection,
    statement: Select[Any],
    key: ColumnElement[Any],
    request: PageRequest,
    *,
    newest_first: bool = False,
) -> Page:
    """A page of `statement`, ordered by its unique column `key`, which must be one of the selected ones."""
    if request.after is not None:
        after = _key(request.after, key.type.python_type)
        statement = statement.where(key < after if newest_first else key > after)
    limit = max(1, min(request.limit, MOST))
    rows = conn.execute(statement.order_by(key.desc() if newest_first else key).limit(limit + 1)).mappings().all()
    items = [dict(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items, str(rows[limit - 1][key.key]) if more and key.key else None)


def _key(cursor: str, kind: type) -> int | str:
    if not (_NUMBER_KEY if kind is int else _TEXT_KEY).fullmatch(cursor):
        raise Invalid("after", "is not a cursor of this list; leave it out, or give `next` of the former page")
    return int(cursor) if kind is int else cursor
