"""Customers who answered and found no agent: their numbers rest, and how often it happens is counted.

The rate is what regulators ask for: of all calls in which a customer answered and waited for an agent, the share in
which there was none. Answering machines that a campaign treats without an agent are in neither number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from telephony.model.reasons import Outcome
from telephony.store.paging import Row
from telephony.store.prepared import Prepared
from telephony.store.records import Attempt
from telephony.store.schema import attempts, number_pauses
from telephony.store.work import Work

PAUSE = timedelta(hours=72)
"""How long a number rests after an abandoned call, unless an agent is reserved for it (SPEC section 4)."""

SPANS = {"hours_24": timedelta(hours=24), "days_30": timedelta(days=30)}
"""What the rate is told over (SPEC section 4)."""


def pause(work: Work, attempt: Attempt) -> None:
    """Let the number of an abandoned call rest, for the whole tenant."""
    values = {
        "tenant_id": attempt.tenant_id,
        "e164": attempt.e164,
        "until": work.now + PAUSE,
        "why": Outcome.ABANDONED.value,
    }
    _PAUSE[work.conn.dialect.name](work.conn, values)


def _pausing(insert: Any) -> Prepared:
    statement = insert(number_pauses)
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "e164"],
            set_={"until": statement.excluded.until, "why": statement.excluded.why},
        )
    )


_PAUSE = {"sqlite": _pausing(sqlite_insert), "postgresql": _pausing(pg_insert)}

_COUNTS = Prepared(
    select(
        func.sum(case((attempts.c.outcome == Outcome.ABANDONED.value, 1), else_=0)).label("abandoned"),
        func.sum(case((attempts.c.joined_at.is_not(None), 1), else_=0)).label("connected"),
    ).where(attempts.c.campaign_id == bindparam("campaign"), attempts.c.granted_at >= bindparam("since"))
)


def rates(conn: Connection, campaign_ids: Sequence[str], *, now: datetime) -> dict[str, Row]:
    """Of these campaigns together, by span: `abandoned` and `connected` calls, and `rate`, the abandoned among both.

    The rate is 0-1, and 0 where nobody waited.
    """
    return {name: _counted(conn, campaign_ids, now - span) for name, span in SPANS.items()}


def _counted(conn: Connection, campaign_ids: Sequence[str], since: datetime) -> Row:
    rows = [_COUNTS(conn, {"campaign": id_, "since": since}).one() for id_ in campaign_ids]
    abandoned, connected = sum(row.abandoned or 0 for row in rows), sum(row.connected or 0 for row in rows)
    waited = abandoned + connected
    return {"abandoned": abandoned, "connected": connected, "rate": round(abandoned / waited, 4) if waited else 0.0}
