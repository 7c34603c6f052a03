"""The outbox of the live feed: events written in the transaction that made them true.

Readers follow the ids. On PostgreSQL ids could become visible out of order, and a reader would miss the late
one; so writers there take one lock just before they write and hold it until their commit. Whoever writes does
so as the last thing of the transaction: then no row lock is awaited while this lock is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, text

from telephony.store.prepared import Prepared
from telephony.store.schema import events

_WRITE = Prepared(insert(events))
_LOCK = text("SELECT pg_advisory_xact_lock(7201)")
_READ = (
    select(events.c.id, events.c.kind, events.c.payload, events.c.agent_id, events.c.at)
    .where(events.c.id > bindparam("after"), events.c.tenant_id == bindparam("tenant"))
    .order_by(events.c.id)
    .limit(bindparam("most"))
)
_READ_ONE_AGENT = _READ.where(or_(events.c.agent_id == bindparam("agent"), events.c.agent_id.is_(None)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something a desktop may show. `agent_id`: whose; none: the whole tenant's."""

    tenant_id: str
    kind: str
    payload: dict[str, Any]
    agent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it is read back; `id` grows with the order of commits."""

    id: int
    kind: str
    payload: dict[str, Any]
    agent_id: str | None
    at: datetime


def write(conn: Connection, told: list[Event], now: datetime) -> None:
    """Append events; must be the transaction's last statement."""
    if not told:
        return
    if conn.dialect.name == "postgresql":
        conn.execute(_LOCK)
    _WRITE.many(
        conn,
        [
            {"tenant_id": e.tenant_id, "agent_id": e.agent_id, "kind": e.kind, "payload": e.payload, "at": now}
            for e in told
        ],
    )


def read(conn: Connection, *, after: int, tenant_id: str, agent_id: str | None = None, most: int = 500) -> list[Told]:
    """Events of a tenant after a cursor, oldest first; with `agent_id` only that agent's and the whole tenant's."""
    values: dict[str, Any] = {"after": after, "tenant": tenant_id, "most": most}
    if agent_id is not None:
        values["agent"] = agent_id
    rows = conn.execute(_READ if agent_id is None else _READ_ONE_AGENT, values)
    return [Told(*row) for row in rows]


def latest(conn: Connection) -> int:
    """The newest event's id, 0 where there is none."""
    return int(conn.execute(select(func.coalesce(func.max(events.c.id), 0))).scalar_one())


def oldest(conn: Connection) -> int:
    """The oldest kept event's id, 0 where there is none: a cursor before it has a gap."""
    return int(conn.execute(select(func.coalesce(func.min(events.c.id), 0))).scalar_one())


def prune(conn: Connection, before: datetime) -> int:
    """Delete events older than `before`; how many."""
    return conn.execute(delete(events).where(events.c.at < before)).rowcount
