"""Admission: who holds how much of which limit (SPEC section 6).

A grant is taken by locking the rows of `usage` it needs, in one order for everybody, and counting only then:
no interleaving of processes can exceed a limit, not for a moment. It belongs to an owner (an attempt or a leg)
and is given back exactly once: only the row that is still unreleased takes its units off the count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, exists, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from telephony.model.reasons import Capacity
from telephony.store.prepared import Prepared
from telephony.store.schema import cells, data_centers, grants, legs, tenants, trunks, usage
from telephony.store.work import Work

RATE_WINDOW = timedelta(seconds=1)

WAY_TO_THE_WIRE = timedelta(seconds=0.3)
"""How much later than its grant a call may go out: 0.1 s was seen in a burst of accepts, more on a busy machine.

What was granted so long before the window may go out in it and counts too: the carrier's limit comes before our speed.
"""

TENANT, DATA_CENTER, TRUNK, CELL = "tenant", "data_center", "trunk", "cell"

REFUSAL = {
    TENANT: Capacity.TENANT_CALL_LIMIT,
    DATA_CENTER: Capacity.DATA_CENTER_CALL_LIMIT,
    TRUNK: Capacity.TRUNK_CHANNEL_LIMIT,
    CELL: Capacity.CELL_CHANNEL_LIMIT,
}


class LostCell(Exception):
    """Another process drives this cell now: this one must not grant or place anything any more."""


@dataclass(frozen=True, slots=True)
class Place:
    """The cell a process drives, with the epoch it took it over in."""

    cell_id: str
    data_center_id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Need:
    """Units of one limit for one owner."""

    owner_id: str
    scope: str
    scope_id: str
    units: int = 1


@dataclass(frozen=True, slots=True)
class Full:
    """The limit that said no: how many are up, and how many may be."""

    code: Capacity
    scope_id: str
    used: int
    limit: int


_LIMIT = case(
    (usage.c.scope == TENANT, tenants.c.max_calls),
    (usage.c.scope == DATA_CENTER, data_centers.c.max_calls),
    (usage.c.scope == TRUNK, trunks.c.max_channels),
    else_=cells.c.max_channels,
)


@cache
def _usage(scopes: int) -> Prepared:
    """Use and limit of so many scopes, the parameters `scope0`, `id0`, `scope1` ..."""
    wanted = [
        and_(usage.c.scope == bindparam(f"scope{n}"), usage.c.scope_id == bindparam(f"id{n}")) for n in range(scopes)
    ]
    statement = (
        select(usage.c.scope, usage.c.scope_id, usage.c.used, _LIMIT.label("limit"))
        .select_from(
            usage.outerjoin(tenants, tenants.c.id == usage.c.scope_id)
            .outerjoin(data_centers, data_centers.c.id == usage.c.scope_id)
            .outerjoin(trunks, trunks.c.id == usage.c.scope_id)
            .outerjoin(cells, cells.c.id == usage.c.scope_id)
        )
        .where(or_(*wanted))
        .order_by(usage.c.scope, usage.c.scope_id)
    )
    return Prepared(statement.with_for_update(of=usage))


_ADD = Prepared(
    update(usage)
    .where(usage.c.scope == bindparam("key_scope"), usage.c.scope_id == bindparam("key_id"))
    .values(used=usage.c.used + bindparam("units"))
)
_EPOCH = Prepared(select(cells.c.epoch).where(cells.c.id == bindparam("cell")).with_for_update(read=True))
_RECENT = Prepared(
    select(func.count()).where(legs.c.trunk_id == bindparam("trunk"), legs.c.placed_at > bindparam("since"))
)


@cache
def _releasing(owners: int) -> Prepared:
    """Give back what so many owners hold, the parameters `owner0`, `owner1` ..."""
    among: list[Any] = [bindparam(f"owner{n}") for n in range(owners)]
    return Prepared(
        update(grants)
        .where(grants.c.owner_id.in_(among), grants.c.released_at.is_(None))
        .values(released_at=bindparam("now"))
        .returning(grants.c.scope, grants.c.scope_id, grants.c.units)
    )


def check_place(work: Work, place: Place) -> None:
    """Raise `LostCell` where another process has taken the cell over; from here to the commit nobody can."""
    if _EPOCH(work.conn, {"cell": place.cell_id}).scalar_one_or_none() != place.epoch:
        raise LostCell(place.cell_id)


def take(work: Work, place: Place, needs: Sequence[Need], *, rate: tuple[str, float] | None = None) -> Full | None:
    """Grant all the needs, or none: then the limit in the way. Raises `LostCell`.

    `rate`: a trunk among the needs and its calls per second; the leg it is for counts from this moment on.
    """
    check_place(work, place)
    totals: dict[tuple[str, str], int] = {}
    for need in needs:
        key = (need.scope, need.scope_id)
        totals[key] = totals.get(key, 0) + need.units
    rows = locked(work, totals)
    # the widest limit is named first: a full tenant is told as such even where the trunk is full too
    for scope in (TENANT, DATA_CENTER, TRUNK, CELL):
        for key, units in totals.items():
            if key[0] == scope:
                used, limit = rows[key]
                if used + units > limit:
                    return Full(REFUSAL[scope], key[1], used, limit)
    # counted after the trunk's row is locked: no other process places through it meanwhile
    if rate is not None and (full := _rate_full(work, *rate)) is not None:
        return full
    _count(work, totals)
    _INSERT.many(
        work.conn,
        [
            {
                "owner_id": need.owner_id,
                "scope": need.scope,
                "scope_id": need.scope_id,
                "cell_id": place.cell_id,
                "epoch": place.epoch,
                "units": need.units,
                "granted_at": work.now,
            }
            for need in needs
        ],
    )
    return None


_INSERT = Prepared(insert(grants))
_HOLDS = Prepared(
    select(
        exists().where(
            grants.c.owner_id == bindparam("owner"),
            grants.c.scope == bindparam("scope"),
            grants.c.released_at.is_(None),
        )
    )
)


def holds(work: Work, owner: str, scope: str) -> bool:
    """Whether this owner has a grant of such a limit that it has not given back."""
    return bool(_HOLDS(work.conn, {"owner": owner, "scope": scope}).scalar_one())


def take_rate(work: Work, place: Place, trunk_id: str, calls_per_second: float) -> Full | None:
    """For a leg whose places were granted before: may it go out through this trunk now? Raises `LostCell`."""
    check_place(work, place)
    locked(work, [(TRUNK, trunk_id)])
    return _rate_full(work, trunk_id, calls_per_second)


def _rate_full(work: Work, trunk_id: str, calls_per_second: float) -> Full | None:
    rate = recent_calls(work.conn, trunk_id, calls_per_second, now=work.now - WAY_TO_THE_WIRE)
    return Full(Capacity.CALL_RATE_LIMIT, trunk_id, rate.used, rate.limit) if rate.used >= rate.limit else None


@dataclass(frozen=True, slots=True)
class Rate:
    """Legs placed through a trunk within the last `seconds`, and how many may be."""

    used: int
    limit: int
    seconds: float


def recent_calls(conn: Connection, trunk_id: str, calls_per_second: float, *, now: datetime) -> Rate:
    """How much of a trunk's rate is used; less than one a second is one in as many seconds as that takes."""
    window = RATE_WINDOW / min(1.0, calls_per_second)
    recent = _RECENT(conn, {"trunk": trunk_id, "since": now - window}).scalar_one()
    return Rate(recent, max(1, int(calls_per_second)), window.total_seconds())


def release(work: Work, owners: Collection[str]) -> None:
    """Give back what these owners still hold; who holds nothing is passed over."""
    totals: dict[tuple[str, str], int] = {}
    values = {f"owner{n}": owner for n, owner in enumerate(owners)}
    for scope, scope_id, units in _releasing(len(values))(work.conn, {"now": work.now, **values}):
        totals[(scope, scope_id)] = totals.get((scope, scope_id), 0) - units
    if totals:
        _count(work, totals)


def _count(work: Work, units: dict[tuple[str, str], int]) -> None:
    """Add to the use of these scopes, in the one order for all."""
    _ADD.many(
        work.conn,
        [{"key_scope": scope, "key_id": scope_id, "units": more} for (scope, scope_id), more in sorted(units.items())],
    )
    for key, more in units.items():
        if key in work.limits:
            used, limit = work.limits[key]
            work.limits[key] = used + more, limit


def locked(work: Work, scopes: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
    """(used, limit) of each scope, locked until this transaction ends; rows are made where they are missing.

    Everybody takes what is shared in one order, or two transactions wait for each other until PostgreSQL ends one
    of them a second later: the limits, by scope, then the counts of contacts, then the outbox.
    """
    wanted = sorted(scopes)
    if all(key in work.limits for key in wanted):
        return {key: work.limits[key] for key in wanted}
    rows = _read(work, wanted)
    missing = [key for key in wanted if key not in rows]
    if missing:
        dialect: Any = pg_insert if work.conn.dialect.name == "postgresql" else sqlite_insert
        work.conn.execute(
            dialect(usage).on_conflict_do_nothing(),
            [{"scope": scope, "scope_id": scope_id, "used": 0} for scope, scope_id in missing],
        )
        rows = _read(work, wanted)
    work.limits.update(rows)
    return rows


def _read(work: Work, wanted: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
    values: dict[str, str] = {}
    for n, (scope, scope_id) in enumerate(wanted):
        values |= {f"scope{n}": scope, f"id{n}": scope_id}
    rows = _usage(len(wanted))(work.conn, values)
    return {(row.scope, row.scope_id): (row.used, row.limit) for row in rows}
