"""Rows as the dialer holds them: the columns its rules need, by their names."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Column, Table

from telephony.model.agent import AgentState
from telephony.model.attempt import AttemptState
from telephony.model.contact import ContactState
from telephony.model.offer import OfferState
from telephony.store import schema

R = TypeVar("R")


@dataclass(slots=True, kw_only=True)
class Agent:
    id: str
    tenant_id: str
    cell_id: str
    phone: str
    browser_phone: str
    state: AgentState
    idle_reason: str | None
    wish: str | None
    wish_reason: str | None
    state_since: datetime
    campaign_id: str | None
    reservation_id: str | None
    offer_id: str | None
    attempt_id: str | None
    wrap_up_until: datetime | None

    @property
    def endpoint(self) -> str:
        """The phone that is called; empty: none."""
        return self.browser_phone or self.phone


@dataclass(slots=True, kw_only=True)
class Contact:
    id: str
    tenant_id: str
    campaign_id: str
    list_id: str
    external_id: str
    name: str
    fields: dict[str, Any]
    zone: str | None
    consent: bool
    state: ContactState
    due_at: datetime | None
    attempts: int
    skips: int
    callback_at: datetime | None
    callback_agent_id: str | None
    last_agent_id: str | None
    holder_id: str | None


@dataclass(slots=True, kw_only=True)
class Number:
    id: str
    contact_id: str
    position: int
    e164: str
    label: str
    zones: str
    status: str
    tries: int


@dataclass(slots=True, kw_only=True)
class Offer:
    id: str
    tenant_id: str
    campaign_id: str
    agent_id: str
    contact_id: str
    number_id: str
    e164: str
    reservation_id: str | None
    state: OfferState
    action: str | None
    code: str | None
    attempt_id: str | None
    mode: str
    settings: dict[str, Any]
    opened_at: datetime
    expires_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Attempt:
    id: str
    tenant_id: str
    campaign_id: str
    contact_id: str
    offer_id: str
    agent_id: str
    number_id: str
    e164: str
    mode: str
    amd: str
    state: AttemptState
    leg_count: int
    cancelled_by: str | None
    outcome: str | None
    code: str | None
    amd_verdict: str | None
    voicemail_left: bool
    message_id: str | None
    message_when: str | None
    away: bool = False
    muted: bool = False
    held_since: datetime | None = None
    held_for: float = 0.0
    transfer_state: str | None = None
    transfer_to: str | None = None
    transfer_agent_id: str | None = None
    transferred_at: datetime | None = None
    monitor_mode: str | None = None
    monitored_by: str | None = None
    disposition: str | None = None
    note: str | None = None
    callback_at: datetime | None = None
    callback_agent_id: str | None = None
    placed_at: datetime | None
    answered_at: datetime | None
    joined_at: datetime | None
    ended_at: datetime | None
    wrapped_up_at: datetime | None


_ENUMS: dict[type, type] = {
    Agent: AgentState,
    Contact: ContactState,
    Offer: OfferState,
    Attempt: AttemptState,
}

_TABLES: dict[type, Table] = {
    Agent: schema.agents,
    Contact: schema.contacts,
    Number: schema.numbers,
    Offer: schema.offers,
    Attempt: schema.attempts,
}


def columns(kind: type) -> list[Column[Any]]:
    """The columns of a record's table in the record's order."""
    table = _TABLES[kind]
    return [table.c[field.name] for field in fields(kind)]


def record(kind: type[R], row: Any) -> R:
    """A record from a row selected with `columns(kind)`; its state becomes the table's enum."""
    values = row._asdict()
    if kind in _ENUMS:
        values["state"] = _ENUMS[kind](values["state"])
    return kind(**values)
