"""The card: what an agent sees of a contact before deciding, its numbers and its history included."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from telephony.model import hours
from telephony.model.campaign import CampaignSettings
from telephony.store import messages
from telephony.store.due import numbers_of_contact, zones_of
from telephony.store.errors import NoSuch
from telephony.store.paging import Row
from telephony.store.prepared import Prepared
from telephony.store.records import Contact, Number, columns, record
from telephony.store.schema import attempts, contacts, fields, users

HISTORY = 10
"""Former attempts on a card, the newest first."""


_CONTACT = Prepared(select(*columns(Contact)).where(contacts.c.id == bindparam("contact")))
_FIELDS = Prepared(
    select(fields.c.name, fields.c.label).where(fields.c.tenant_id == bindparam("tenant")).order_by(fields.c.id)
)
_HISTORY = Prepared(
    select(
        attempts.c.id.label("attempt"),
        attempts.c.granted_at,
        attempts.c.outcome,
        attempts.c.disposition,
        attempts.c.note,
        users.c.name.label("agent"),
    )
    .select_from(attempts.join(users, users.c.id == attempts.c.agent_id))
    .where(
        attempts.c.contact_id == bindparam("contact"),
        attempts.c.tenant_id == bindparam("tenant"),
        attempts.c.ended_at.is_not(None),
    )
    .order_by(attempts.c.id.desc())
    .limit(HISTORY)
)


def card_of(conn: Connection, contact_id: str, number_id: str, settings: CampaignSettings, *, now: datetime) -> Row:
    """The card of a contact as it is stored; raises `NoSuch`."""
    row = _CONTACT(conn, {"contact": contact_id}).one_or_none()
    if row is None:
        raise NoSuch("contact")
    return card(conn, record(Contact, row), number_id, settings, now=now)


def card(conn: Connection, contact: Contact, number_id: str, settings: CampaignSettings, *, now: datetime) -> Row:
    """A contact as JSON: the campaign's `card_fields` in their order, all fields where it names none."""
    known = numbers_of_contact(conn, contact.id)
    # an import leaves a number in use where it is, but may have taken that of a former offer away
    chosen = next((number for number in known if number.id == number_id), known[0])
    return {
        "contact": contact.id,
        "external_id": contact.external_id,
        "name": contact.name,
        "fields": _fields(conn, contact.tenant_id, contact.fields, settings),
        "numbers": [_number(number) for number in known],
        "number": _number(chosen),
        "zone": common_clock(zones_of(contact.zone, chosen), now),
        "history": history(conn, contact.tenant_id, contact.id),
        "callback_at": contact.callback_at.isoformat() if contact.callback_at else None,
        "skips": contact.skips,
        "attempts": contact.attempts,
        "consent": contact.consent,
        "message": messages.standing(conn, contact.campaign_id, consent=contact.consent).value,
    }


def dispositions(settings: CampaignSettings) -> list[Row]:
    """What may be chosen in wrap-up."""
    return [{"code": one.code, "label": one.label, "rule": one.rule.value} for one in settings.dispositions]


def _number(number: Number) -> Row:
    return {name: getattr(number, name) for name in ("id", "position", "e164", "label", "status")}


def common_clock(zones: list[str], now: datetime) -> str | None:
    """A zone whose clock shows the contact's time; None where nobody knows it or the zones differ."""
    known = [zone for zone in map(hours.zone, zones) if zone is not None]
    if not known or len(known) < len(zones) or len({now.astimezone(zone).utcoffset() for zone in known}) > 1:
        return None
    return known[0].key


def history(conn: Connection, tenant_id: str, contact_id: str) -> list[Row]:
    """The latest ended attempts at a contact, with what the agents noted."""
    rows = _HISTORY(conn, {"contact": contact_id, "tenant": tenant_id})
    return [{"at": row.granted_at.isoformat(), **_but(row._asdict(), "granted_at")} for row in rows]


def _but(row: Row, name: str) -> Row:
    del row[name]
    return row


def _fields(conn: Connection, tenant_id: str, values: dict[str, Any], settings: CampaignSettings) -> list[Row]:
    if settings.card_fields:
        labels = {field.name: field.label for field in settings.card_fields}
    else:
        named = {row.name: row.label for row in _FIELDS(conn, {"tenant": tenant_id})}
        labels = {name: label for name, label in named.items() if name in values}
        labels |= {name: name for name in values if name not in named}
    return [{"name": name, "label": label, "value": values.get(name)} for name, label in labels.items()]
