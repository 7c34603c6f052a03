"""Contacts taken in: added, or updated by their external id, with their counts and due times in one transaction.

What is going on with a contact is not touched: one that is offered or in a call keeps its state and the number
being called, one that is done or removed stays so. A blocked one that comes with an open number waits again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from telephony.model.contact import ContactState
from telephony.model.due import Due
from telephony.model.ids import new_id
from telephony.store.contact_row import ContactRow
from telephony.store.do_not_call import listed
from telephony.store.due import Calendar, due_columns, in_turn, numbers_of, why_blocked, why_never, zones_of
from telephony.store.records import Number
from telephony.store.schema import busy_numbers, contacts, numbers
from telephony.store.steps import count_contacts
from telephony.store.work import Work

LIVE = frozenset({ContactState.OFFERED.value, ContactState.IN_ATTEMPT.value})
CLOSED = frozenset({ContactState.DONE.value, ContactState.REMOVED.value})
DO_NOT_CALL = "do_not_call"

IMPORT_LOCK = 7202
"""First half of the advisory lock (PostgreSQL) under which contacts are added to a campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where contacts go."""

    tenant_id: str
    campaign_id: str
    list_id: str


@dataclass(frozen=True, slots=True)
class Taken:
    added: int
    updated: int


def upsert(work: Work, target: Target, rows: Sequence[ContactRow]) -> Taken:
    """Add or update these contacts, up to some hundred; of two rows with one external id the last counts."""
    if work.conn.dialect.name == "postgresql":
        # two imports at once with the same external ids: the second sees what the first one added
        work.conn.execute(select(func.pg_advisory_xact_lock(IMPORT_LOCK, func.hashtext(target.campaign_id))))
    last = {row.external_id: row for row in rows}
    known = _known(work, target, last)
    e164s = {number.e164 for row in last.values() for number in row.numbers}
    blocked = listed(work.conn, target.tenant_id, e164s)
    calendar = Calendar(work.conn, target.campaign_id, e164s, now=work.now)
    fresh = [row for row in last.values() if row.external_id not in known]
    again = [row for row in last.values() if row.external_id in known]
    changes: Counter[ContactState] = Counter()
    if fresh:
        _add(work, target, fresh, blocked, calendar, changes)
    if again:
        _update(work, target, again, known, blocked, calendar, changes)
    moved = {state: number for state, number in changes.items() if number}
    if moved:
        count_contacts(work, target.campaign_id, moved)
    return Taken(added=len(fresh), updated=len(rows) - len(fresh))


def _known(work: Work, target: Target, wanted: Iterable[str]) -> dict[str, Any]:
    shown = (contacts.c[name] for name in ("id", "external_id", "state", "retry_at", "callback_at"))
    rows = work.conn.execute(
        select(*shown)
        .where(contacts.c.campaign_id == target.campaign_id, contacts.c.external_id.in_(list(wanted)))
        .order_by(contacts.c.id)
        .with_for_update()
    )
    return {row.external_id: row for row in rows}


def _placed(
    row: ContactRow, made: Sequence[Number], calendar: Calendar, **when: Any
) -> tuple[ContactState, dict[str, Any]]:
    """The state and the columns that go with it of a contact that comes with these numbers."""
    chosen = in_turn(made)
    if chosen is None:
        return ContactState.BLOCKED, {**due_columns(Due(None)), "why": why_blocked(made)}
    found = calendar.due(chosen.e164, zones_of(row.zone, chosen), **when)
    return ContactState.WAITING, {**due_columns(found), "why": why_never(found)}


def _as_numbers(contact_id: str, row: ContactRow, blocked: set[str], old: dict[str, Number]) -> list[Number]:
    """The row's numbers in order; one the contact had before keeps its id and what is known about it."""
    made = []
    for position, new in enumerate(row.numbers, start=1):
        before = old.get(new.e164)
        status = DO_NOT_CALL if new.e164 in blocked else "open"
        if before is not None and before.status in ("invalid", "fax"):
            status = before.status
        made.append(
            Number(
                id=before.id if before else new_id(),
                contact_id=contact_id,
                position=position,
                e164=new.e164,
                label=new.label,
                zones=",".join(new.zones),
                status=status,
                tries=before.tries if before else 0,
            )
        )
    return made


def _stored(target: Target, made: Iterable[Number]) -> list[dict[str, Any]]:
    names = Number.__slots__
    return [{"tenant_id": target.tenant_id} | {name: getattr(one, name) for name in names} for one in made]


def _add(
    work: Work,
    target: Target,
    rows: Sequence[ContactRow],
    blocked: set[str],
    calendar: Calendar,
    changes: Counter[ContactState],
) -> None:
    people, phones = [], []
    for row in rows:
        contact_id = new_id()
        made = _as_numbers(contact_id, row, blocked, {})
        state, when = _placed(row, made, calendar, not_before=None)
        changes[state] += 1
        phones += _stored(target, made)
        people.append(
            {
                "id": contact_id,
                "tenant_id": target.tenant_id,
                "campaign_id": target.campaign_id,
                "list_id": target.list_id,
                "external_id": row.external_id,
                "name": row.name,
                "fields": dict(row.fields),
                "zone": row.zone,
                "consent": row.consent,
                "state": state.value,
                **when,
                "created_at": work.now,
                "updated_at": work.now,
            }
        )
    work.conn.execute(insert(contacts), people)
    work.conn.execute(insert(numbers), phones)


_DESCRIBE = (
    update(contacts)
    .where(contacts.c.id == bindparam("contact"))
    .values({name: bindparam(f"new_{name}") for name in ("list_id", "name", "fields", "zone", "consent", "updated_at")})
)
_PLACE = (
    update(contacts)
    .where(contacts.c.id == bindparam("contact"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "due_at", "shuts_at", "waits_for", "why")})
)


def _update(
    work: Work,
    target: Target,
    rows: Sequence[ContactRow],
    known: dict[str, Any],
    blocked: set[str],
    calendar: Calendar,
    changes: Counter[ContactState],
) -> None:
    ids = [known[row.external_id].id for row in rows]
    had = numbers_of(work.conn, ids)
    held_now = select(busy_numbers.c.contact_id, busy_numbers.c.e164).where(busy_numbers.c.contact_id.in_(ids))
    busy = {(row.contact_id, row.e164) for row in work.conn.execute(held_now)}
    described, placed, phones = [], [], []
    for row in rows:
        before = known[row.external_id]
        made = _as_numbers(before.id, row, blocked, {one.e164: one for one in had[before.id]})
        for held in had[before.id]:
            # the number of a live offer or call stays, as the last one, even where the file has it no more
            if (before.id, held.e164) in busy and held.e164 not in {one.e164 for one in made}:
                held.position = len(made) + 1
                made.append(held)
        phones += _stored(target, made)
        described.append(
            {
                "contact": before.id,
                "new_list_id": target.list_id,
                "new_name": row.name,
                "new_fields": dict(row.fields),
                "new_zone": row.zone,
                "new_consent": row.consent,
                "new_updated_at": work.now,
            }
        )
        if before.state in LIVE or before.state in CLOSED:
            continue
        owed = before.state == ContactState.CALLBACK.value
        not_before = before.callback_at if owed else before.retry_at
        state, when = _placed(row, made, calendar, not_before=not_before, callback=owed)
        if owed and state is ContactState.WAITING:
            state = ContactState.CALLBACK
        values = {f"new_{name}": value for name, value in when.items()}
        placed.append({"contact": before.id, "new_state": state.value, **values})
        changes[ContactState(before.state)] -= 1
        changes[state] += 1
    work.conn.execute(delete(numbers).where(numbers.c.contact_id.in_(ids)))
    work.conn.execute(insert(numbers), phones)
    work.conn.execute(_DESCRIBE, described)
    if placed:
        work.conn.execute(_PLACE, placed)
