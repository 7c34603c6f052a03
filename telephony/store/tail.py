"""The outbox read for fan-out: every tenant's new events in one statement, payloads as the JSON text they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, bindparam, cast, select

from telephony.store.prepared import Prepared
from telephony.store.schema import events, team_members

_COLUMNS = (
    events.c.id,
    events.c.tenant_id,
    events.c.agent_id,
    events.c.kind,
    cast(events.c.payload, Text).label("payload"),
    events.c.at,
)
_AFTER = Prepared(
    select(*_COLUMNS).where(events.c.id > bindparam("after")).order_by(events.c.id).limit(bindparam("most"))
)
_BETWEEN = Prepared(
    select(*_COLUMNS)
    .where(
        events.c.id > bindparam("after"),
        events.c.id <= bindparam("last"),
        events.c.tenant_id == bindparam("tenant"),
    )
    .order_by(events.c.id)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Line:
    """One event as it goes out; `payload` is JSON text."""

    id: int
    tenant_id: str
    agent_id: str | None
    kind: str
    payload: str
    at: datetime


def after(conn: Connection, cursor: int, *, most: int) -> list[Line]:
    """Events of all tenants after a cursor, oldest first."""
    return _lines(_AFTER(conn, {"after": cursor, "most": most}))


def between(conn: Connection, cursor: int, last: int, *, tenant_id: str, most: int) -> list[Line]:
    """A tenant's events after a cursor up to and with `last`, oldest first."""
    return _lines(_BETWEEN(conn, {"after": cursor, "last": last, "tenant": tenant_id, "most": most}))


def members(conn: Connection, team_ids: Iterable[str]) -> frozenset[str]:
    """The users of these teams."""
    wanted = select(team_members.c.user_id).where(team_members.c.team_id.in_(list(team_ids)))
    return frozenset(conn.execute(wanted).scalars())


def _lines(rows: Iterable[Any]) -> list[Line]:
    return [Line(*row) for row in rows]
