"""The due times of many contacts at once, written into `contacts`, so that the claim reads an index and nothing else.

Worked out at an import, when a do-not-call entry comes or goes, after the calling hours of a campaign changed, and
for contacts whose calling hours ended before anybody had time for them. The rule itself is `telephony.model.due`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, or_, select, update

from telephony.model.campaign import CampaignSettings
from telephony.model.contact import ContactState
from telephony.model.due import Due, Rules, Use, Waits, due
from telephony.store.prepared import Prepared
from telephony.store.records import Contact, Number, columns, record
from telephony.store.schema import campaigns, contacts, dialed, number_pauses, numbers, tenants

BATCH = 200
"""Contacts of one transaction: some 50 ms, which is how long a call on SQLite may have to wait for it."""

NEVER = (Waits.NO_ZONE.value, Waits.NEVER_OPEN.value)
"""Why a contact that waits has no due time: nobody knows its zone, or its zones are never open together."""

RESTING = (ContactState.WAITING.value, ContactState.CALLBACK.value)


def due_columns(found: Due) -> dict[str, Any]:
    """A due time as the columns of `contacts` that hold it."""
    return {"due_at": found.at, "shuts_at": found.shuts, "waits_for": found.waits.value if found.waits else None}


def why_never(found: Due) -> str | None:
    """`contacts.why` of one that waits and is never due."""
    return found.waits.value if found.at is None and found.waits else None


def rules_of(settings: CampaignSettings, tenant: Any) -> Rules:
    """The rules of a campaign; `tenant`: a row with min_gap, daily_cap and zone."""
    return Rules(
        min_gap=tenant.min_gap,
        daily_cap=tenant.daily_cap,
        zone=tenant.zone,
        calling_hours=settings.calling_hours,
        holidays=settings.holidays,
    )


class Calendar:
    """What decides about the due times of one campaign's contacts in one transaction at one moment."""

    def __init__(self, conn: Connection, campaign_id: str, e164s: Collection[str], *, now: datetime) -> None:
        row = conn.execute(
            select(campaigns.c.settings, tenants.c.id, tenants.c.min_gap, tenants.c.daily_cap, tenants.c.zone)
            .select_from(campaigns.join(tenants, tenants.c.id == campaigns.c.tenant_id))
            .where(campaigns.c.id == campaign_id)
        ).one()
        self._rules = rules_of(CampaignSettings.stored(row.settings), row)
        self._now = now
        since = now - timedelta(minutes=row.min_gap)
        self._uses = _uses(conn, row.id, e164s, today=self._rules.day_of(now)[0], since=since)
        self._unhindered: dict[tuple[str, ...], Due] = {}

    def due(
        self,
        e164: str,
        zones: Sequence[str],
        *,
        not_before: datetime | None,
        callback: bool = False,
        agent_reserved: bool = False,
    ) -> Due:
        """For the number to be dialed next; `not_before` is the retry or the callback time."""
        use = self._uses.get(e164)
        if use is None and (not_before is None or not_before <= self._now):
            # most contacts of an import may be called from now on and share a few zones
            known = tuple(zones)
            if known not in self._unhindered:
                self._unhindered[known] = due(self._rules, Use(), zones, now=self._now)
            return self._unhindered[known]
        return due(
            self._rules,
            use or Use(),
            zones,
            now=self._now,
            not_before=not_before,
            callback=callback,
            agent_reserved=agent_reserved,
        )


def _uses(
    conn: Connection, tenant_id: str, e164s: Collection[str], *, today: datetime, since: datetime
) -> dict[str, Use]:
    wanted = list(e164s)
    if not wanted:
        return {}
    placed_today = func.sum(case((dialed.c.placed_at >= today, 1), else_=0))
    calls = {
        row.e164: (row.last, int(row.today))
        for row in conn.execute(
            select(dialed.c.e164, func.max(dialed.c.placed_at).label("last"), placed_today.label("today"))
            .where(
                dialed.c.tenant_id == tenant_id,
                dialed.c.e164.in_(wanted),
                dialed.c.placed_at >= min(today, since),
            )
            .group_by(dialed.c.e164)
        )
    }
    pauses = {
        row.e164: row.until
        for row in conn.execute(
            select(number_pauses.c.e164, number_pauses.c.until).where(
                number_pauses.c.tenant_id == tenant_id, number_pauses.c.e164.in_(wanted)
            )
        )
    }
    return {
        e164: Use(*calls.get(e164, (None, 0)), paused_until=pauses.get(e164)) for e164 in calls.keys() | pauses.keys()
    }


def in_turn(known: Sequence[Number]) -> Number | None:
    """The number to dial next: the open ones in turn, by position, one an attempt."""
    usable = [number for number in known if number.status == "open"]
    return min(usable, key=lambda number: (number.tries, number.position), default=None)


def why_blocked(known: Sequence[Number]) -> str:
    """Why a contact without an open number is blocked: one was taken away by the do-not-call list, or none is good."""
    return "dnc" if any(number.status == "do_not_call" for number in known) else "invalid"


def zones_of(zone: str | None, number: Number) -> list[str]:
    """The zones the person may be in: the contact's own, else those of the number."""
    return [zone] if zone else [name for name in number.zones.split(",") if name]


def numbers_of(conn: Connection, contact_ids: Iterable[str]) -> dict[str, list[Number]]:
    """The numbers of each contact by position."""
    found: dict[str, list[Number]] = {id_: [] for id_ in contact_ids}
    rows = conn.execute(
        select(*columns(Number)).where(numbers.c.contact_id.in_(list(found))).order_by(numbers.c.position)
    )
    for row in rows:
        found[row.contact_id].append(record(Number, row))
    return found


_OF_CONTACT = Prepared(
    select(*columns(Number)).where(numbers.c.contact_id == bindparam("contact")).order_by(numbers.c.position)
)


def numbers_of_contact(conn: Connection, contact_id: str) -> list[Number]:
    """The numbers of one contact by position."""
    return [record(Number, row) for row in _OF_CONTACT(conn, {"contact": contact_id})]


# `or_` because a statement for many rows at once takes no IN
_SET = (
    update(contacts)
    .where(contacts.c.id == bindparam("contact"), or_(*(contacts.c.state == state for state in RESTING)))
    .values(
        due_at=bindparam("new_due_at"),
        shuts_at=bindparam("new_shuts_at"),
        waits_for=bindparam("new_waits_for"),
        why=func.coalesce(
            bindparam("new_why"), case((or_(*(contacts.c.why == why for why in NEVER)), None), else_=contacts.c.why)
        ),
    )
)


def recalculate(conn: Connection, campaign_id: str, contact_ids: Iterable[str], *, now: datetime) -> None:
    """Write the due times of those of these contacts that wait or are owed a callback."""
    rows = conn.execute(
        select(*columns(Contact), contacts.c.retry_at).where(
            contacts.c.id.in_(list(contact_ids)), contacts.c.state.in_(RESTING)
        )
    ).all()
    known = numbers_of(conn, [row.id for row in rows])
    calendar = Calendar(conn, campaign_id, {one.e164 for each in known.values() for one in each}, now=now)
    changes = []
    for row in rows:
        number = in_turn(known[row.id])
        if number is None:  # the claim blocks it
            values = {f"new_{name}": value for name, value in due_columns(Due(row.due_at)).items()}
            changes.append({"contact": row.id, "new_why": None, **values})
            continue
        owed = row.state == ContactState.CALLBACK.value
        not_before = row.callback_at if owed else row.retry_at
        found = calendar.due(
            number.e164,
            zones_of(row.zone, number),
            not_before=not_before,
            callback=owed,
            agent_reserved=row.callback_agent_id is not None,
        )
        if found.waits is None and row.due_at is not None and row.due_at < now:
            found = replace(found, at=row.due_at)  # who was due keeps its place among the others
        values = {f"new_{name}": value for name, value in due_columns(found).items()}
        changes.append({"contact": row.id, "new_why": why_never(found), **values})
    if changes:
        conn.execute(_SET, changes)


def catch_up(conn: Connection, *, now: datetime) -> bool:
    """Work off one batch of a campaign whose calling hours changed; True while more is left."""
    row = conn.execute(
        select(campaigns.c.id, campaigns.c.due_from)
        .where(campaigns.c.due_from.is_not(None))
        .order_by(campaigns.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return False
    batch = conn.execute(
        select(contacts.c.id, contacts.c.external_id)
        .where(contacts.c.campaign_id == row.id, contacts.c.external_id > row.due_from)
        .order_by(contacts.c.external_id)
        .limit(BATCH)
    ).all()
    recalculate(conn, row.id, [contact.id for contact in batch], now=now)
    reached = batch[-1].external_id if len(batch) == BATCH else None
    conn.execute(
        update(campaigns).where(campaigns.c.id == row.id, campaigns.c.due_from == row.due_from).values(due_from=reached)
    )
    return True


def pass_over_closed(conn: Connection, *, now: datetime) -> bool:
    """Work out anew one batch of contacts whose calling hours ended; True while more are left."""
    rows = conn.execute(
        select(contacts.c.campaign_id, contacts.c.id)
        .where(contacts.c.state.in_(RESTING), contacts.c.shuts_at <= now)
        .limit(BATCH)
    ).all()
    ordered = sorted((row.campaign_id, row.id) for row in rows)
    for campaign_id, group in groupby(ordered, key=lambda pair: pair[0]):
        recalculate(conn, campaign_id, [contact for _, contact in group], now=now)
    return len(rows) == BATCH
