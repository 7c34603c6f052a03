"""Recordings of calls: one row for each file, from its begin to what became of it.

`recording` and `paused` while it runs, `stopped` once it ended on demand; when the file was looked at, `kept` or
`failed` with the reason; `removed` by an administrator or by age. The row stays, the file does not. A recording from
the join on has the id of its leg, so that it can be found again by a service that was not there when it began.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, insert, or_, select, update

from telephony.store import grants
from telephony.store.errors import InUse
from telephony.store.grants import Full, Need, Place
from telephony.store.paging import Row
from telephony.store.records import Attempt
from telephony.store.rows import one
from telephony.store.schema import attempts, campaigns, recordings, team_members
from telephony.store.work import Work

DEMAND_CHANNELS = 2
"""Channels of a cell that a recording on demand holds: a listening pair."""

RUNNING = ("recording", "paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A recording that ended and whose file was not looked at yet.

    `expected`: seconds it should last; `closed_at`: when the PBX had nothing more to write.
    """

    id: str
    tenant_id: str
    attempt_id: str
    agent_id: str
    paused: bool
    expected: float
    ended_at: datetime
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was found of a recording; `error` empty: all is well."""

    error: str = ""
    seconds: float | None = None
    size: int | None = None
    sha256: str | None = None


def begin(
    work: Work, place: Place, attempt: Attempt, recording_id: str, *, on_demand: bool, at: datetime
) -> Full | None:
    """Note that a recording begins at `at`; again changes nothing. `Full`: the cell has no channels for it."""
    if work.conn.execute(select(recordings.c.id).where(recordings.c.id == recording_id)).first() is not None:
        return None
    if on_demand:
        full = grants.take(work, place, [Need(recording_id, grants.CELL, place.cell_id, DEMAND_CHANNELS)])
        if full is not None:
            return full
    work.conn.execute(
        insert(recordings).values(
            id=recording_id,
            tenant_id=attempt.tenant_id,
            cell_id=place.cell_id,
            campaign_id=attempt.campaign_id,
            attempt_id=attempt.id,
            agent_id=attempt.agent_id,
            on_demand=on_demand,
            state="recording",
            started_at=at,
        )
    )
    _tell(work, attempt, recording_id, "recording")
    return None


def running(conn: Connection, attempt_id: str) -> str | None:
    """The recording of this call that runs, if there is one."""
    running_one = recordings.c.attempt_id == attempt_id, recordings.c.state.in_(RUNNING)
    return conn.scalars(select(recordings.c.id).where(*running_one)).first()


def pause(work: Work, attempt: Attempt, recording_id: str, *, paused: bool) -> None:
    """The PBX pauses it, or goes on; to say so again changes nothing."""
    before, after = RUNNING if paused else RUNNING[::-1]
    values: dict[str, Any] = {"state": after, **({"paused": True} if paused else {})}
    moved = work.conn.execute(
        update(recordings).where(recordings.c.id == recording_id, recordings.c.state == before).values(values)
    )
    if moved.rowcount:
        _tell(work, attempt, recording_id, after)


def stop(work: Work, attempt: Attempt, recording_id: str) -> None:
    """It ended while the call goes on: on demand, or because the customer is alone from now on."""
    moved = work.conn.execute(
        update(recordings)
        .where(recordings.c.id == recording_id, recordings.c.state.in_(RUNNING))
        .values(state="stopped", ended_at=work.now)
    )
    if moved.rowcount:
        _tell(work, attempt, recording_id, "stopped")


def due(work: Work, cell_id: str) -> list[Due]:
    """Recordings of a cell that ended, by themselves or with their call."""
    over = attempts.c.state == "ended"
    ended = or_(
        and_(recordings.c.state == "stopped", or_(recordings.c.on_demand, over)),
        and_(recordings.c.state.in_(RUNNING), over),
    )
    rows = work.conn.execute(
        select(recordings, attempts.c.ended_at.label("call_ended_at"), attempts.c.held_since, attempts.c.held_for)
        .join(attempts, attempts.c.id == recordings.c.attempt_id)
        .where(recordings.c.cell_id == cell_id, ended)
        .order_by(recordings.c.id)
    )
    return [
        Due(
            id=row.id,
            tenant_id=row.tenant_id,
            attempt_id=row.attempt_id,
            agent_id=row.agent_id,
            paused=row.paused,
            expected=_expected(row),
            ended_at=row.ended_at or row.call_ended_at,
            closed_at=(row.on_demand and row.ended_at) or row.call_ended_at,
        )
        for row in rows
    ]


def _expected(row: Any) -> float:
    """A customer on hold is not recorded from the join on; a recording on demand ends with the begin of a hold."""
    ended = row.ended_at or row.call_ended_at
    lasted: float = (ended - row.started_at).total_seconds()
    if not row.on_demand:
        lasted -= row.held_for + ((ended - row.held_since).total_seconds() if row.held_since else 0.0)
    return max(0.0, lasted)


def settle(work: Work, one: Due, kept: Kept) -> None:
    """Write down what was found, give the channels back and tell it; a failed one marks its call for good."""
    grants.release(work, [one.id])
    state = "failed" if kept.error else "kept"
    work.conn.execute(
        update(recordings)
        .where(recordings.c.id == one.id)
        .values(
            state=state,
            error=kept.error or None,
            ended_at=one.ended_at,
            seconds=kept.seconds,
            size=kept.size,
            sha256=kept.sha256,
        )
    )
    over = attempts.c.recording.is_distinct_from("failed") if state == "kept" else attempts.c.id.is_not(None)
    rests = ~exists().where(
        recordings.c.attempt_id == one.attempt_id, recordings.c.state.in_(RUNNING), recordings.c.id != one.id
    )
    work.conn.execute(update(attempts).where(attempts.c.id == one.attempt_id, over, rests).values(recording=state))
    payload = {"call": one.attempt_id, "recording": one.id, "state": state, "error": kept.error or None}
    work.tell(one.tenant_id, "call.recording", {**payload, "seconds": kept.seconds}, one.agent_id)


def _tell(work: Work, attempt: Attempt, recording_id: str, state: str) -> None:
    work.conn.execute(update(attempts).where(attempts.c.id == attempt.id).values(recording=state))
    payload = {"call": attempt.id, "recording": recording_id, "state": state, "error": None, "seconds": None}
    work.tell(attempt.tenant_id, "call.recording", payload, attempt.agent_id)


# -- listening and removing ---------------------------------------------------------------------------------------

_SHOWN = (
    recordings.c.id, recordings.c.attempt_id.label("call"), recordings.c.agent_id.label("agent"), recordings.c.state,
    recordings.c.error, recordings.c.on_demand, recordings.c.paused, recordings.c.started_at, recordings.c.ended_at,
    recordings.c.seconds, recordings.c.size, recordings.c.sha256, recordings.c.removed_by,
)  # fmt: skip


def of_call(conn: Connection, tenant_id: str, attempt_id: str, team_ids: tuple[str, ...] | None) -> list[Row]:
    """A call's recordings in their order; raises `NoSuch` for a call that this user may not see."""
    seen = select(attempts.c.id).where(attempts.c.id == attempt_id, attempts.c.tenant_id == tenant_id)
    one(conn, seen.where(*_of_teams(attempts.c.agent_id, team_ids)), "call")
    rows = conn.execute(
        select(*_SHOWN).where(recordings.c.attempt_id == attempt_id).order_by(recordings.c.started_at)
    ).mappings()
    return [dict(row) for row in rows]


def recording(conn: Connection, tenant_id: str, recording_id: str, team_ids: tuple[str, ...] | None) -> Row:
    """One recording; raises `NoSuch` where this user may not hear it."""
    own = recordings.c.id == recording_id, recordings.c.tenant_id == tenant_id
    return one(conn, select(*_SHOWN).where(*own, *_of_teams(recordings.c.agent_id, team_ids)), "recording")


def _of_teams(agent: ColumnElement[str], team_ids: tuple[str, ...] | None) -> list[ColumnElement[bool]]:
    if team_ids is None:
        return []
    return [exists().where(team_members.c.user_id == agent, team_members.c.team_id.in_(team_ids))]


def remove(work: Work, tenant_id: str, recording_id: str, *, by: str) -> None:
    """Mark for removal; the cell that has the file deletes it. Raises `NoSuch`, `InUse` while it is recorded."""
    if recording(work.conn, tenant_id, recording_id, None)["state"] in (*RUNNING, "stopped"):
        raise InUse("The recording is not complete yet; wait for the end of the call")
    ended = recordings.c.id == recording_id, recordings.c.state.in_(("kept", "failed"))
    _mark_removed(work, *ended, by=by)


def remove_older(work: Work, cell_id: str, before: datetime) -> int:
    """Mark a cell's recordings that ended before a moment; how many."""
    old = recordings.c.cell_id == cell_id, recordings.c.state.in_(("kept", "failed")), recordings.c.ended_at < before
    return _mark_removed(work, *old, by=None)


def _mark_removed(work: Work, *which: ColumnElement[bool], by: str | None) -> int:
    marked = work.conn.execute(
        update(recordings).where(*which).values(state="removed", removed_by=by).returning(recordings.c.attempt_id)
    )
    calls = sorted(set(marked.scalars()))
    for call in calls:
        left = exists().where(recordings.c.attempt_id == call, recordings.c.state != "removed")
        work.conn.execute(update(attempts).where(attempts.c.id == call, ~left).values(recording="removed"))
    return len(calls)


def to_delete(conn: Connection, cell_id: str) -> list[str]:
    """Recordings marked for removal whose file this cell still has."""
    marked = recordings.c.cell_id == cell_id, recordings.c.state == "removed", recordings.c.removed_at.is_(None)
    return list(conn.scalars(select(recordings.c.id).where(*marked)))


def deleted(work: Work, recording_id: str) -> None:
    work.conn.execute(update(recordings).where(recordings.c.id == recording_id).values(removed_at=work.now))


def wanted(conn: Connection) -> bool:
    """Whether any campaign records."""
    return any(row.get("recording", "off") != "off" for row in conn.scalars(select(campaigns.c.settings)))
