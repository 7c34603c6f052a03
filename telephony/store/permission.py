"""May this number be called now? Asked at the claim and again in the transaction into placing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from telephony.model.campaign import CampaignSettings
from telephony.model.due import WITHDRAWAL, Due, Use, due
from telephony.model.reasons import Withdrawal
from telephony.store.due import rules_of, zones_of
from telephony.store.prepared import Prepared
from telephony.store.records import Contact, Number
from telephony.store.schema import dialed, do_not_call, number_pauses, tenants
from telephony.store.work import Work


@dataclass(frozen=True, slots=True)
class Denied:
    """Why not, and when it may be tried again (None: not by waiting)."""

    code: Withdrawal
    until: Due | None = None


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
        .where(
            dialed.c.tenant_id == bindparam("tenant"),
            dialed.c.e164 == bindparam("e164"),
            dialed.c.attempt_id != bindparam("attempt"),
        )
        .scalar_subquery()
        .label("last_placed"),
    ).where(tenants.c.id == bindparam("tenant"))
)

_SINCE = Prepared(
    select(func.count()).where(
        dialed.c.tenant_id == bindparam("tenant"),
        dialed.c.e164 == bindparam("e164"),
        dialed.c.placed_at >= bindparam("since"),
        dialed.c.attempt_id != bindparam("attempt"),
    )
)


def denied(
    work: Work, settings: CampaignSettings, contact: Contact, number: Number, *, attempt: str = ""
) -> Denied | None:
    """None where this number may be called at `work.now`; an `attempt` under way does not count against itself."""
    facts = _facts(work, contact.tenant_id, number.e164, attempt)
    if facts.blocked:
        return Denied(Withdrawal.ON_DO_NOT_CALL_LIST)
    found = _due(
        work,
        settings,
        contact,
        number,
        facts,
        attempt=attempt,
        callback=contact.callback_at is not None,
        agent_reserved=contact.callback_agent_id is not None,
        only_now=True,
    )
    return Denied(WITHDRAWAL[found.waits], found) if found.waits is not None else None


def due_after(
    work: Work,
    settings: CampaignSettings,
    contact: Contact,
    number: Number,
    not_before: datetime,
    *,
    callback: bool = False,
    agent_reserved: bool = False,
) -> Due:
    """When a contact may be dialed at the earliest, not before a retry or a callback time."""
    facts = _facts(work, contact.tenant_id, number.e164, "")
    return _due(
        work,
        settings,
        contact,
        number,
        facts,
        not_before=not_before,
        callback=callback,
        agent_reserved=agent_reserved,
    )


def _facts(work: Work, tenant_id: str, e164: str, attempt: str) -> Any:
    return _FACTS(work.conn, {"tenant": tenant_id, "e164": e164, "attempt": attempt}).one()


def _due(
    work: Work,
    settings: CampaignSettings,
    contact: Contact,
    number: Number,
    facts: Any,
    *,
    attempt: str = "",
    not_before: datetime | None = None,
    callback: bool = False,
    agent_reserved: bool = False,
    only_now: bool = False,
) -> Due:
    rules, today = rules_of(settings, facts), 0
    since = rules.day_of(work.now)[0]
    if facts.last_placed is not None and facts.last_placed >= since:
        values = {"tenant": contact.tenant_id, "e164": number.e164, "since": since}
        today = _SINCE(work.conn, {**values, "attempt": attempt}).scalar_one()
    use = Use(facts.last_placed, today, facts.paused_until)
    zones = zones_of(contact.zone, number)
    return due(
        rules,
        use,
        zones,
        now=work.now,
        not_before=not_before,
        callback=callback,
        agent_reserved=agent_reserved,
        only_now=only_now,
    )
