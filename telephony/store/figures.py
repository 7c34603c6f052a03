"""Counts for /metrics: what is up now, over all tenants."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from telephony.store.schema import agents, attempts


def agents_by_state(conn: Connection) -> dict[str, int]:
    """How many agents are in each state."""
    rows = conn.execute(select(agents.c.state, func.count()).group_by(agents.c.state))
    return {row[0]: row[1] for row in rows}


def calls_by_state(conn: Connection) -> dict[str, int]:
    """How many attempts are in each state that is not ended."""
    live = select(attempts.c.state, func.count()).where(attempts.c.state != "ended").group_by(attempts.c.state)
    return {row[0]: row[1] for row in conn.execute(live)}
