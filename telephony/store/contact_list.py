"""Contacts read, removed and restored by people."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Select, exists, or_, select

from telephony.model.contact import ContactEvent, ContactState
from telephony.store import inputs
from telephony.store.due import numbers_of, recalculate
from telephony.store.errors import InUse, NoSuch
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.records import Contact, columns, record
from telephony.store.rows import one
from telephony.store.schema import contacts, numbers
from telephony.store.steps import step_contact
from telephony.store.work import Work


class ContactFilter(inputs.Input):
    """Each one narrows further; `text` is a part of the name or the external id, or a whole number with its plus."""

    state: ContactState | None = None
    list_id: inputs.Reference | None = None
    text: inputs.Note | None = None
    due_before: inputs.Moment | None = None


_SHOWN = tuple(
    contacts.c[name]
    for name in (
        "id",
        "campaign_id",
        "list_id",
        "external_id",
        "name",
        "fields",
        "zone",
        "consent",
        "state",
        "due_at",
        "why",
        "changed_by",
        "callback_agent_id",
        "callback_at",
        "attempts",
        "skips",
        "holder_id",
        "created_at",
        "updated_at",
    )
)


def _with_numbers(conn: Connection, rows: list[Row]) -> list[Row]:
    known = numbers_of(conn, [row["id"] for row in rows])
    return [
        row
        | {
            "numbers": [
                {
                    "id": number.id,
                    "position": number.position,
                    "e164": number.e164,
                    "label": number.label,
                    "status": number.status,
                }
                for number in known[row["id"]]
            ]
        }
        for row in rows
    ]


def contact(conn: Connection, tenant_id: str, id_: str) -> Row:
    statement = select(*_SHOWN).where(contacts.c.id == id_, contacts.c.tenant_id == tenant_id)
    return _with_numbers(conn, [one(conn, statement, "contact")])[0]


def contacts_page(
    conn: Connection, tenant_id: str, campaign_id: str, wanted: ContactFilter, request: PageRequest
) -> Page:
    """A campaign's contacts with their numbers, oldest first."""
    statement = _filtered(tenant_id, campaign_id, wanted)
    found = page(conn, statement, contacts.c.id, request)
    return Page(_with_numbers(conn, found.items), found.next)


def _filtered(tenant_id: str, campaign_id: str, wanted: ContactFilter) -> Select[tuple[object, ...]]:
    where: list[ColumnElement[bool]] = [contacts.c.tenant_id == tenant_id, contacts.c.campaign_id == campaign_id]
    if wanted.state is not None:
        where.append(contacts.c.state == wanted.state.value)
    if wanted.list_id is not None:
        where.append(contacts.c.list_id == wanted.list_id)
    if wanted.due_before is not None:
        where.append(contacts.c.due_at < wanted.due_before)
    if wanted.text:
        where.append(
            or_(
                contacts.c.name.icontains(wanted.text, autoescape=True),
                contacts.c.external_id.icontains(wanted.text, autoescape=True),
                exists().where(numbers.c.contact_id == contacts.c.id, numbers.c.e164 == wanted.text),
            )
        )
    return select(*_SHOWN).where(*where)


def remove_contact(work: Work, tenant_id: str, id_: str, *, by: str, why: str) -> bool:
    """Take a contact out of its campaign; True where its open offer must be withdrawn. Again: changes nothing.

    Raises `NoSuch`, and `InUse` while the contact is in a call or its wrap-up.
    """
    found = _locked(work, tenant_id, id_)
    if found.state is ContactState.REMOVED:
        return False
    if found.state is ContactState.IN_ATTEMPT:
        raise InUse("the contact is in a call now; remove it after that")
    if found.state is ContactState.BLOCKED:
        raise InUse("the contact is blocked already and will not be called")
    offered = found.state is ContactState.OFFERED
    step_contact(work, found, ContactEvent.REMOVE, due_at=None, why=why, changed_by=by, holder_id=None)
    return offered


def restore_contact(work: Work, tenant_id: str, id_: str, *, by: str) -> Row:
    """Undo a removal; raises `NoSuch`, and `InUse` for a contact that is not removed."""
    found = _locked(work, tenant_id, id_)
    if found.state is not ContactState.REMOVED:
        raise InUse(f"the contact is not removed, it is {found.state.value}")
    step_contact(work, found, ContactEvent.RESTORE, why=None, changed_by=by, callback_at=None, callback_agent_id=None)
    recalculate(work.conn, found.campaign_id, [id_], now=work.now)
    return contact(work.conn, tenant_id, id_)


def _locked(work: Work, tenant_id: str, id_: str) -> Contact:
    row = work.conn.execute(
        select(*columns(Contact)).where(contacts.c.id == id_, contacts.c.tenant_id == tenant_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NoSuch("contact")
    return record(Contact, row)
