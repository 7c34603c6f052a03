"""When a waiting contact may be dialed at the earliest: the latest of retry, gap and next opening of calling hours.

Written into `contacts.due_at`, so that the claim reads an index and nothing else. Worked out for many contacts
at once: at an import, when a do-not-call entry comes or goes, and after the calling hours of a campaign changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, case, func, or_, select, update

from telephony.model import hours
from telephony.model.campaign import CampaignSettings
from telephony.model.contact import ContactState
from telephony.store.prepared import Prepared
from telephony.store.records import Contact, Number, columns, record
from telephony.store.schema import campaigns, contacts, dialed, number_pauses, numbers, tenants

BATCH = 200
"""Contacts of one transaction: some 50 ms, which is how long a call on SQLite may have to wait for it."""

NEVER = ("no_zone", "never_open")
"""Why a contact that waits has no due time: nobody knows its zone, or its zones are never open together."""

RESTING = (ContactState.WAITING.value, ContactState.CALLBACK.value)


@dataclass(frozen=True, slots=True)
class Due:
    """The moment, or None for never as things are; then `why` tells."""

    at: datetime | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class _Use:
    last: datetime | None = None
    today: int = 0
    paused_until: datetime | None = None


class Calendar:
    """What decides about the due times of one campaign's contacts in one transaction at one moment."""

    def __init__(self, conn: Connection, campaign_id: str, e164s: Collection[str], *, now: datetime) -> None:
        row = conn.execute(
            select(campaigns.c.settings, tenants.c.id, tenants.c.min_gap, tenants.c.daily_cap, tenants.c.zone)
            .select_from(campaigns.join(tenants, tenants.c.id == campaigns.c.tenant_id))
            .where(campaigns.c.id == campaign_id)
        ).one()
        self._settings = CampaignSettings.stored(row.settings)
        self._gap = timedelta(minutes=row.min_gap)
        self._cap: int = row.daily_cap
        day = now.astimezone(hours.zone(row.zone) or ZoneInfo("UTC")).replace(hour=0, minute=0, second=0, microsecond=0)
        self._next_day = (day + timedelta(days=1)).astimezone(UTC)
        self._now = now
        self._uses = _uses(conn, row.id, e164s, today=day.astimezone(UTC), since=now - self._gap)
        self._openings: dict[tuple[str, ...], datetime | None] = {}

    def due(self, e164: str, zones: Sequence[str], *, earliest: datetime | None, callback: bool = False) -> Due:
        """For the number to be dialed next; `earliest` is the retry or the callback time, which knows no gap."""
        moment = max(earliest or self._now, self._now)
        use = self._uses.get(e164)
        if use is not None:
            if use.paused_until is not None:
                moment = max(moment, use.paused_until)
            if use.last is not None and not callback:
                moment = max(moment, use.last + self._gap)
            if use.today >= self._cap:
                moment = max(moment, self._next_day)
        if not zones or any(hours.zone(name) is None for name in zones):
            return Due(None, "no_zone")
        opening = self._opening(moment, tuple(zones))
        return Due(opening) if opening is not None else Due(None, "never_open")

    def _opening(self, moment: datetime, zones: tuple[str, ...]) -> datetime | None:
        # most contacts of an import may be called from now on and share a few zones
        if moment == self._now and zones in self._openings:
            return self._openings[zones]
        found = hours.next_open(moment, zones, self._settings.calling_hours, self._settings.holidays)
        if moment == self._now:
            self._openings[zones] = found
        return found


def _uses(
    conn: Connection, tenant_id: str, e164s: Collection[str], *, today: datetime, since: datetime
) -> dict[str, _Use]:
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
        e164: _Use(*calls.get(e164, (None, 0)), paused_until=pauses.get(e164)) for e164 in calls.keys() | pauses.keys()
    }


def in_turn(attempts: int, known: Sequence[Number]) -> Number | None:
    """The number to dial next: the open ones in turn, by position, one an attempt."""
    usable = [number for number in known if number.status == "open"]
    return usable[attempts % len(usable)] if usable else None


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
        number = in_turn(row.attempts, known[row.id])
        if number is None:
            continue  # the claim blocks it
        zones = [row.zone] if row.zone else [name for name in number.zones.split(",") if name]
        owed = row.state == ContactState.CALLBACK.value
        earliest = row.callback_at if owed else row.retry_at
        due = calendar.due(number.e164, zones, earliest=earliest, callback=owed)
        changes.append({"contact": row.id, "new_due_at": due.at, "new_why": due.why})
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
