"""The tenant's do-not-call list, and what an entry does to the contacts that have the number.

A listed number is closed for all of the tenant's contacts; one that is left without an open number is blocked.
A call that rings or is up goes on. Taking the entry back opens the number again.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby
from typing import Annotated, Any

from pydantic import AfterValidator
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from telephony.model.contact import ContactEvent, ContactState
from telephony.model.phone_number import phone_number
from telephony.store import inputs
from telephony.store.due import RESTING, in_turn, numbers_of, recalculate
from telephony.store.errors import NoSuch, Taken
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.records import Attempt, Contact, Offer, columns, record
from telephony.store.rows import one
from telephony.store.schema import busy_numbers, contacts, do_not_call, numbers
from telephony.store.steps import step_contact
from telephony.store.work import Work

AnyNumber = Annotated[str, AfterValidator(lambda text: phone_number(text).e164)]
"""A phone number in any usual spelling, stored as E.164."""


class NewEntry(inputs.Input):
    number: AnyNumber
    why: inputs.Note = ""


ASKED = "asked the agent"
"""Why a number is on the list whose owner said so."""

_SHOWN = (do_not_call.c.e164, do_not_call.c.why, do_not_call.c.added_by, do_not_call.c.created_at)


def entry(conn: Connection, tenant_id: str, e164: str) -> Row:
    mine = (do_not_call.c.tenant_id == tenant_id, do_not_call.c.e164 == e164)
    return one(conn, select(*_SHOWN).where(*mine), "do-not-call entry")


def entries_page(conn: Connection, tenant_id: str, request: PageRequest) -> Page:
    return page(conn, select(*_SHOWN).where(do_not_call.c.tenant_id == tenant_id), do_not_call.c.e164, request)


def listed(conn: Connection, tenant_id: str, e164s: Collection[str]) -> set[str]:
    """Which of these numbers are on the tenant's list."""
    wanted = select(do_not_call.c.e164).where(do_not_call.c.tenant_id == tenant_id, do_not_call.c.e164.in_(list(e164s)))
    return set(conn.execute(wanted).scalars())


def add_entry(work: Work, tenant_id: str, new: NewEntry, *, added_by: str | None) -> tuple[Row, tuple[str, ...]]:
    """List a number; with it the ids of contacts that are offered with it now, whose offers must be withdrawn."""
    if listed(work.conn, tenant_id, [new.number]):
        raise Taken("number", f"{new.number} is on the list already")
    offered = enlist(work, tenant_id, new.number, why=new.why, added_by=added_by)
    return entry(work.conn, tenant_id, new.number), offered


def enlist(work: Work, tenant_id: str, e164: str, *, why: str, added_by: str | None) -> tuple[str, ...]:
    """List a number, for all the tenant's contacts at once; the ids of those that are offered with it now.

    One that is in a call is left alone: the call goes on, no further trunk is tried for it, and its end finds the
    number closed.
    """
    conn = work.conn
    dialect: Any = pg_insert if conn.dialect.name == "postgresql" else sqlite_insert
    values = {"tenant_id": tenant_id, "e164": e164, "why": why, "added_by": added_by, "created_at": work.now}
    conn.execute(dialect(do_not_call).values(values).on_conflict_do_nothing())
    mine = (numbers.c.tenant_id == tenant_id, numbers.c.e164 == e164)
    conn.execute(update(numbers).where(*mine, numbers.c.status == "open").values(status="do_not_call"))
    found = _contacts(work, tenant_id, e164)
    known = numbers_of(conn, [contact.id for contact in found])
    shown_with_it = set(
        conn.execute(
            select(busy_numbers.c.contact_id).where(busy_numbers.c.tenant_id == tenant_id, busy_numbers.c.e164 == e164)
        ).scalars()
    )
    to_withdraw = []
    for contact in found:
        offered = contact.state is ContactState.OFFERED
        if offered and contact.id in shown_with_it:
            to_withdraw.append(contact.id)
        if (offered or contact.state.value in RESTING) and in_turn(known[contact.id]) is None:
            step_contact(work, contact, ContactEvent.BLOCK, why="dnc", due_at=None, holder_id=None)
    _recalculate(work, found)
    return tuple(to_withdraw)


def asked_for(work: Work, asked: Attempt | Offer, *, why: str = ASKED) -> tuple[str, ...]:
    """The person an agent talks to, or has just removed, wants no calls: their number is listed, they are blocked.

    A call under way goes on. The ids are those of contacts whose offers must be withdrawn.
    """
    others = enlist(work, asked.tenant_id, asked.e164, why=why, added_by=asked.agent_id)
    mine = select(*columns(Contact)).where(contacts.c.id == asked.contact_id).with_for_update()
    contact = record(Contact, work.conn.execute(mine).one())
    offered = contact.state is ContactState.OFFERED  # again, with another number
    if offered or contact.state is ContactState.IN_ATTEMPT or contact.state.value in RESTING:
        step_contact(work, contact, ContactEvent.BLOCK, why="dnc", due_at=None, holder_id=None)
    return (*others, contact.id) if offered and contact.id not in others else others


def remove_entry(work: Work, tenant_id: str, e164: str) -> None:
    """Take a number off the list; contacts that were blocked for it wait again. Raises `NoSuch`."""
    conn = work.conn
    gone = conn.execute(delete(do_not_call).where(do_not_call.c.tenant_id == tenant_id, do_not_call.c.e164 == e164))
    if gone.rowcount == 0:
        raise NoSuch("do-not-call entry")
    mine = (numbers.c.tenant_id == tenant_id, numbers.c.e164 == e164)
    conn.execute(update(numbers).where(*mine, numbers.c.status == "do_not_call").values(status="open"))
    found = _contacts(work, tenant_id, e164)
    known = numbers_of(conn, [contact.id for contact in found])
    for contact in found:
        if contact.state is ContactState.BLOCKED and in_turn(known[contact.id]) is not None:
            step_contact(work, contact, ContactEvent.UNBLOCK, why=None)
    _recalculate(work, found)


def _contacts(work: Work, tenant_id: str, e164: str) -> list[Contact]:
    having = select(numbers.c.contact_id).where(numbers.c.tenant_id == tenant_id, numbers.c.e164 == e164)
    rows = work.conn.execute(
        select(*columns(Contact))
        .where(contacts.c.id.in_(having), contacts.c.tenant_id == tenant_id)
        .order_by(contacts.c.campaign_id, contacts.c.id)
        .with_for_update()
    )
    return [record(Contact, row) for row in rows]


def _recalculate(work: Work, found: list[Contact]) -> None:
    for campaign_id, group in groupby(found, key=lambda contact: contact.campaign_id):
        recalculate(work.conn, campaign_id, [contact.id for contact in group], now=work.now)
