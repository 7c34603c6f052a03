"""Ways out: the trunks a tenant may use from a cell, in their order, and the first of them that has room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import bindparam, exists, or_, select

from telephony.model.campaign import CampaignSettings
from telephony.model.reasons import Capacity
from telephony.store import grants
from telephony.store.grants import Full, Need, Place
from telephony.store.prepared import Prepared
from telephony.store.schema import trunk_cells, trunks
from telephony.store.work import Work

MAX_LEGS = 3
"""Trunks tried for one call at the most (SPEC section 4)."""

_TRUNKS = Prepared(
    select(trunks)
    .where(
        trunks.c.enabled,
        or_(trunks.c.tenant_id.is_(None), trunks.c.tenant_id == bindparam("tenant")),
        exists().where(trunk_cells.c.trunk_id == trunks.c.id, trunk_cells.c.cell_id == bindparam("cell")),
    )
    .order_by(trunks.c.position, trunks.c.name)
)


def usable_trunks(work: Work, place: Place, tenant_id: str) -> list[Any]:
    """The trunks a tenant may use from this cell, first choice first."""
    return list(_TRUNKS(work.conn, {"cell": place.cell_id, "tenant": tenant_id}))


def allows(trunk: Any, e164: str) -> bool:
    """True where the trunk takes this number: one of its prefixes, or no prefix given."""
    ranges: list[str] = trunk.number_ranges
    return not ranges or any(e164.startswith(prefix) for prefix in ranges)


def caller_id_of(settings: CampaignSettings, trunk: Any) -> str:
    """The campaign's, where this trunk allows it; else the trunk's own first one."""
    allowed: list[str] = trunk.caller_ids
    if settings.caller_id is not None and (not allowed or settings.caller_id in allowed):
        return settings.caller_id
    return allowed[0] if allowed else ""


def dial_of(trunk: Any, e164: str) -> str:
    """What the PBX dials to reach a number through a trunk."""
    return str(trunk.dial_template).replace("{number}", e164)


def room(work: Work, place: Place, tenant_id: str, trunks_here: list[Any]) -> Callable[[int], Full | None]:
    """Which limit stands in the way of any call of a tenant that takes so many channels of the cell; None: none."""
    if not trunks_here:
        return lambda channels: Full(Capacity.NO_TRUNK, "", 0, 0)
    scopes = [
        (grants.TENANT, tenant_id),
        (grants.DATA_CENTER, place.data_center_id),
        (grants.CELL, place.cell_id),
        *((grants.TRUNK, trunk.id) for trunk in trunks_here),
    ]
    use = grants.locked(work, scopes)

    def in_the_way(channels: int) -> Full | None:
        full = {
            key: Full(grants.REFUSAL[key[0]], key[1], used, limit)
            for key, (used, limit) in use.items()
            if used + (channels if key[0] == grants.CELL else 1) > limit
        }
        for key in scopes[:3]:
            if key in full:
                return full[key]
        return full[scopes[3]] if all(trunk in full for trunk in scopes[3:]) else None

    return in_the_way


def take_first(
    work: Work,
    here: Place,
    tenant_id: str,
    able: Sequence[Any],
    needs: Callable[[Any], list[Need]],
    *,
    counts_now: bool = True,
) -> Any | Full:
    """Grant what a leg needs through the first of these trunks that has room; that trunk. Raises `LostCell`.

    `counts_now`: for the trunk's rate; else `grants.take_rate` asks when the leg is placed.
    """
    if len(able) > 1:
        lock(work, here, tenant_id, [trunk.id for trunk in able])
    first: Full | None = None
    for trunk in able:
        full = grants.take(
            work, here, needs(trunk), rate=(trunk.id, trunk.max_calls_per_second) if counts_now else None
        )
        if full is None:
            return trunk
        first = first or full
        if full.code not in (Capacity.TRUNK_CHANNEL_LIMIT, Capacity.CALL_RATE_LIMIT):
            break  # another trunk has no more room in the tenant, the data center or the cell
    return first or Full(Capacity.NO_TRUNK, "", 0, 0)


def lock(work: Work, here: Place, tenant_id: str, trunk_ids: Sequence[str]) -> None:
    """Lock all limits that a leg through one of these trunks may need, before the first of them is touched.

    One after the other, in the order in which trunks are tried, two cells would wait for each other.
    """
    own = [(grants.TENANT, tenant_id), (grants.DATA_CENTER, here.data_center_id), (grants.CELL, here.cell_id)]
    grants.locked(work, [*own, *((grants.TRUNK, trunk) for trunk in trunk_ids)])
