"""May this number be called now? Asked at the claim and again in the transaction into placing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select

from telephony.model import hours
from telephony.model.campaign import CampaignSettings
from telephony.model.reasons import Withdrawal
from telephony.store.prepared import Prepared
from telephony.store.records import Contact, Number
from telephony.store.schema import dialed, do_not_call, number_pauses, tenants
from telephony.store.work import Work


@dataclass(frozen=True, slots=True)
class Denied:
    """Why not, and when it may be tried again (None: not by waiting)."""

    code: Withdrawal
    until: datetime | None


_FACTS = Prepared(
    select(
        tenants.c.min_gap,
        tenants.c.daily_cap,
        tenants.c.zone,
        select(func.count())
        .where(do_not_call.c.tenant_id == bindparam("tenant"), do_not_call.c.e164 == bindparam("e164"))
        .scalar_subquery()
        .label("blocked"),
        select(number_pauses.c.until)
        .where(number_pauses.c.tenant_id == bindparam("tenant"), number_pauses.c.e164 == bindparam("e164"))
        .scalar_subquery()
        .label("paused_until"),
        select(func.max(dialed.c.placed_at))
        .where(dialed.c.tenant_id == bindparam("tenant"), dialed.c.e164 == bindparam("e164"))
        .scalar_subquery()
        .label("last_placed"),
    ).where(tenants.c.id == bindparam("tenant"))
)

_SINCE = Prepared(
    select(func.count()).where(
        dialed.c.tenant_id == bindparam("tenant"),
        dialed.c.e164 == bindparam("e164"),
        dialed.c.placed_at >= bindparam("since"),
    )
)


def zones_of(contact: Contact, number: Number) -> list[str]:
    """The zones the person may be in: the contact's own, else those of the number."""
    if contact.zone:
        return [contact.zone]
    return [name for name in number.zones.split(",") if name]


def denied(work: Work, settings: CampaignSettings, contact: Contact, number: Number) -> Denied | None:
    """None where this number may be called at `work.now`; a callback is exempt from the gap only."""
    facts = _FACTS(work.conn, {"tenant": contact.tenant_id, "e164": number.e164}).one()
    if facts.blocked:
        return Denied(Withdrawal.ON_DO_NOT_CALL_LIST, None)
    zones = zones_of(contact, number)
    if not hours.is_open(work.now, zones, settings.calling_hours, settings.holidays):
        opening = hours.next_open(work.now, zones, settings.calling_hours, settings.holidays)
        return Denied(Withdrawal.OUTSIDE_CALLING_HOURS, opening)
    if facts.paused_until is not None and facts.paused_until > work.now:
        return Denied(Withdrawal.MIN_GAP, facts.paused_until)
    if facts.last_placed is None:
        return None
    if contact.callback_at is None:
        free_at = facts.last_placed + timedelta(minutes=facts.min_gap)
        if free_at > work.now:
            return Denied(Withdrawal.MIN_GAP, free_at)
    tz = hours.zone(facts.zone) or ZoneInfo("UTC")
    midnight = work.now.astimezone(tz).replace(hour=0, minute=0, second=0, microsecond=0)
    today = _SINCE(work.conn, {"tenant": contact.tenant_id, "e164": number.e164, "since": midnight.astimezone(UTC)})
    if today.scalar_one() >= facts.daily_cap:
        return Denied(Withdrawal.DAILY_CAP, (midnight + timedelta(days=1)).astimezone(UTC))
    return None


def due_after(
    work: Work, settings: CampaignSettings, contact: Contact, number: Number | None, earliest: datetime
) -> datetime | None:
    """When a contact may be dialed at the earliest: retry, then gap of its next number, then opening hours."""
    if number is None:
        return None
    moment = max(earliest, work.now)
    facts = _FACTS(work.conn, {"tenant": contact.tenant_id, "e164": number.e164}).one()
    if facts.last_placed is not None:
        moment = max(moment, facts.last_placed + timedelta(minutes=facts.min_gap))
    return hours.next_open(moment, zones_of(contact, number), settings.calling_hours, settings.holidays)
