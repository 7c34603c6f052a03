"""Legs beside those of agent and customer: supervisors in a call, and third parties it may be handed to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, or_, select

from telephony.model.campaign import CampaignSettings
from telephony.model.ids import new_id
from telephony.model.outcomes import LegEnd
from telephony.model.reasons import Withdrawal
from telephony.store import grants, ways_out
from telephony.store.agents import leg_ended
from telephony.store.grants import Full, Need, Place
from telephony.store.paging import Row
from telephony.store.records import Attempt
from telephony.store.schema import agents, legs, users
from telephony.store.work import Work

MONITOR, THIRD = "monitor", "third"

MOST_SHOWN = 80
"""Characters of a name that a phone is shown."""


def open_monitor(work: Work, here: Place, attempt: Attempt, supervisor_id: str) -> str | Full:
    """A supervisor's leg with its channel of the cell; its id. Raises `LostCell`."""
    leg = new_id()
    full = grants.take(work, here, [Need(leg, grants.CELL, here.cell_id)])
    if full is not None:
        return full
    store(work, here, attempt, leg, kind=MONITOR, agent_id=supervisor_id)
    return leg


@dataclass(frozen=True, slots=True, kw_only=True)
class Third:
    """A third party's leg. `name`: as it is shown; `caller_name`: what is shown to them."""

    leg: str
    dial: str
    name: str
    caller_name: str = ""
    caller_id: str = ""
    agent_id: str | None = None
    trunk_id: str | None = None
    e164: str | None = None


def grant_colleague(work: Work, here: Place, attempt: Attempt, *, agent_id: str, endpoint: str) -> Third | Full:
    """A channel for a call to a colleague's phone, which shows who calls. Raises `LostCell`."""
    leg = new_id()
    full = grants.take(work, here, [Need(leg, grants.CELL, here.cell_id)])
    if full is not None:
        return full
    rows = work.conn.execute(select(users.c.id, users.c.name).where(users.c.id.in_((agent_id, attempt.agent_id))))
    names = {row.id: row.name for row in rows}
    caller = "".join(one for one in names[attempt.agent_id] if one.isprintable())[:MOST_SHOWN]
    return Third(leg=leg, dial=f"PJSIP/{endpoint}", name=names[agent_id], caller_name=caller, agent_id=agent_id)


def grant_number(
    work: Work,
    here: Place,
    attempt: Attempt,
    settings: CampaignSettings,
    e164: str,
    *,
    passed: frozenset[str] = frozenset(),
) -> Third | Full | Withdrawal:
    """Places for a call to a number, through the first trunk that takes it and has room. Raises `LostCell`.

    `passed`: trunks that have failed.
    """
    known = ways_out.usable_trunks(work, here, attempt.tenant_id)
    able = [trunk for trunk in known if ways_out.allows(trunk, e164) and trunk.id not in passed]
    if not able and known and not passed:
        return Withdrawal.NUMBER_NOT_ALLOWED
    leg = new_id()

    def needs(trunk: Any) -> list[Need]:
        return [Need(leg, grants.TRUNK, trunk.id), Need(leg, grants.CELL, here.cell_id)]

    trunk = ways_out.take_first(work, here, attempt.tenant_id, able, needs)
    if isinstance(trunk, Full):
        return trunk
    return Third(
        leg=leg,
        dial=ways_out.dial_of(trunk, e164),
        name=e164,
        caller_id=ways_out.caller_id_of(settings, trunk),
        trunk_id=trunk.id,
        e164=e164,
    )


def pass_on(
    work: Work,
    here: Place,
    attempt: Attempt,
    settings: CampaignSettings,
    old: Third,
    end: LegEnd,
    *,
    passed: frozenset[str],
) -> Third | Full | None:
    """The next trunk's turn to call a number that `old` failed to; None: there is none. Raises `LostCell`.

    `passed`: the trunks that have failed, that of `old` among them.
    """
    assert old.e164 is not None
    known = ways_out.usable_trunks(work, here, attempt.tenant_id)
    able = [trunk.id for trunk in known if ways_out.allows(trunk, old.e164) and trunk.id not in passed]
    if not able or len(passed) >= ways_out.MAX_LEGS:
        return None
    ways_out.lock(work, here, attempt.tenant_id, [*passed, *able])
    leg_ended(work, old.leg, "trunk_failed", cause=end.cause, sip=end.sip)
    found = grant_number(work, here, attempt, settings, old.e164, passed=passed)
    assert not isinstance(found, Withdrawal)
    return found


def third_of(work: Work, attempt_id: str) -> str | None:
    """The third party's leg of this call that has not ended."""
    mine = legs.c.attempt_id == attempt_id, legs.c.kind == THIRD, legs.c.ended_at.is_(None)
    return work.conn.scalars(select(legs.c.id).where(*mine)).first()


def colleagues(conn: Connection, agent_id: str) -> list[Row]:
    """Who of the same company and cell could take a call now, by name."""
    mine = select(agents.c.tenant_id, agents.c.cell_id).where(agents.c.id == agent_id).subquery()
    rests = and_(agents.c.state == "idle", agents.c.idle_reason.is_distinct_from("transfer"))
    rows = conn.execute(
        select(agents.c.id, users.c.name, agents.c.state)
        .join(users, users.c.id == agents.c.id)
        .join(mine, and_(mine.c.tenant_id == agents.c.tenant_id, mine.c.cell_id == agents.c.cell_id))
        .where(agents.c.id != agent_id, users.c.active, or_(agents.c.state == "available", rests))
        .order_by(users.c.name, agents.c.id)
    )
    return [dict(row._mapping) for row in rows]


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


def unended(conn: Connection, cell_id: str) -> list[tuple[str, datetime]]:
    """Those of a cell that have not ended, as far as is written, and when each was placed."""
    beside = legs.c.kind.in_((MONITOR, THIRD))
    up = select(legs.c.id, legs.c.placed_at).where(legs.c.cell_id == cell_id, legs.c.ended_at.is_(None), beside)
    return [(row.id, row.placed_at) for row in conn.execute(up)]
