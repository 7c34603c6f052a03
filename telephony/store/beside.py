"""Legs beside those of agent and customer: supervisors in a call, and third parties it may be handed to."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from telephony.model.ids import new_id
from telephony.store import grants
from telephony.store.grants import Full, Need, Place
from telephony.store.records import Attempt
from telephony.store.schema import legs
from telephony.store.work import Work

MONITOR, THIRD = "monitor", "third"


def open_monitor(work: Work, here: Place, attempt: Attempt, supervisor_id: str) -> str | Full:
    """A supervisor's leg with its channel of the cell; its id. Raises `LostCell`."""
    leg = new_id()
    full = grants.take(work, here, [Need(leg, grants.CELL, here.cell_id)])
    if full is not None:
        return full
    store(work, here, attempt, leg, kind=MONITOR, agent_id=supervisor_id)
    return leg


def store(
    work: Work,
    here: Place,
    attempt: Attempt,
    leg: str,
    *,
    kind: str,
    agent_id: str | None,
    trunk_id: str | None = None,
    e164: str | None = None,
) -> None:
    """Write down a leg whose places are granted; it counts for its trunk's rate from now on."""
    work.conn.execute(
        insert(legs).values(
            id=leg,
            tenant_id=attempt.tenant_id,
            cell_id=here.cell_id,
            kind=kind,
            attempt_id=attempt.id,
            agent_id=agent_id,
            trunk_id=trunk_id,
            e164=e164,
            placed_at=work.now,
        )
    )


def unended(conn: Connection, cell_id: str) -> list[str]:
    """Those of a cell that have not ended, as far as is written."""
    beside = legs.c.kind.in_((MONITOR, THIRD))
    return list(conn.scalars(select(legs.c.id).where(legs.c.cell_id == cell_id, legs.c.ended_at.is_(None), beside)))
