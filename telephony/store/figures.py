"""Counts for /metrics: what is up now, over all tenants."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, select

from telephony.model.reasons import Outcome
from telephony.store.abandonment import SPANS
from telephony.store.prepared import Prepared
from telephony.store.schema import agents, attempts


def agents_by_state(conn: Connection) -> dict[str, int]:
    """How many agents are in each state."""
    rows = conn.execute(select(agents.c.state, func.count()).group_by(agents.c.state))
    return {row[0]: row[1] for row in rows}


def calls_by_state(conn: Connection) -> dict[str, int]:
    """How many attempts are in each state that is not ended."""
    live = select(attempts.c.state, func.count()).where(attempts.c.state != "ended").group_by(attempts.c.state)
    return {row[0]: row[1] for row in conn.execute(live)}


_ABANDONED = func.sum(case((attempts.c.outcome == Outcome.ABANDONED.value, 1), else_=0))
_CONNECTED = func.sum(case((attempts.c.joined_at.is_not(None), 1), else_=0))
_BY_CAMPAIGN = Prepared(
    select(attempts.c.campaign_id, _ABANDONED, _CONNECTED)
    .where(attempts.c.granted_at >= bindparam("since"))
    .group_by(attempts.c.campaign_id)
)


def abandoned_rates(conn: Connection, now: datetime) -> dict[str, float]:
    """The abandoned among all customers who answered in the last 24 hours, 0-1, of each campaign that called."""
    rows = _BY_CAMPAIGN(conn, {"since": now - SPANS["hours_24"]})
    return {id_: abandoned / max(1, abandoned + connected) for id_, abandoned, connected in rows}
