"""Contacts: listed, exported, removed, restored; and the do-not-call list."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field
from sqlalchemy import Connection

from telephony.model.reasons import Withdrawal
from telephony.store import contact_export, do_not_call, inputs
from telephony.store.campaigns import campaign
from telephony.store.contact_list import ContactFilter, contact, contacts_page, remove_contact, restore_contact
from telephony.store.do_not_call import NewEntry, listed
from telephony.store.errors import NoSuch
from telephony.store.paging import MOST, PageRequest, Row
from telephony.store.work import Work, change
from telephony.web.administration import PageQuery, campaign_of, tenant_of
from telephony.web.administration_answers import Contact, DoNotCallEntry, PageOf
from telephony.web.exchange import Exchange
from telephony.web.routes import ADMINISTRATORS, SUPERVISORS, Routes
from telephony.web.tables import csv_lines

contact_routes = Routes("Contacts")
do_not_call_routes = Routes("Do not call")

NUMBER = {"number": r"\+[1-9][0-9]{6,14}"}


class ContactQuery(ContactFilter):
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    after: Annotated[str, Field(max_length=200, description="`next` of the former page")] | None = None


class Removal(inputs.Input):
    why: inputs.Note = "removed by a supervisor"
    do_not_call: bool = Field(default=False, description="put the contact's numbers on the do-not-call list too")


@contact_routes.get("/campaigns/{id}/contacts", "List contacts", roles=SUPERVISORS, answer=PageOf[Contact])
async def campaign_contacts(exchange: Exchange, id: str, query: ContactQuery) -> Any:
    tenant_id = await tenant_of(exchange)
    await campaign_of(exchange, tenant_id, id)
    request = PageRequest(limit=query.limit, after=query.after)
    return await exchange.run(lambda conn: contacts_page(conn, tenant_id, id, query, request))


@contact_routes.get(
    "/campaigns/{id}/contacts.csv", "All contacts as a table", roles=ADMINISTRATORS, answer_type="text/csv"
)
async def contacts_csv(exchange: Exchange, id: str) -> web.StreamResponse:
    """Can be imported again; columns that begin with an underscore are for reading only."""
    tenant_id = await tenant_of(exchange)
    await campaign_of(exchange, tenant_id, id)
    columns = await exchange.run(lambda conn: contact_export.columns(conn, tenant_id, id))
    answer = web.StreamResponse(headers={"Content-Disposition": 'attachment; filename="contacts.csv"'})
    answer.content_type, answer.charset = "text/csv", "utf-8"
    await answer.prepare(exchange.request)
    await answer.write(csv_lines([columns.header()]))
    after: str | None = None
    while True:
        read = partial(contact_export.rows, tenant_id=tenant_id, campaign_id=id, wanted=columns, after=after)
        table, after = await exchange.run(read)
        await answer.write(csv_lines(table))
        if after is None:
            break
    await answer.write_eof()
    return answer


@contact_routes.get("/contacts/{id}", "Show a contact", roles=SUPERVISORS, answer=Contact)
async def one_contact(exchange: Exchange, id: str) -> Any:
    return await _visible(exchange, await tenant_of(exchange), id)


@contact_routes.post(
    "/contacts/{id}/remove", "Take a contact out of its campaign", roles=SUPERVISORS, answer=Contact, errors=("IN_USE",)
)
async def remove(exchange: Exchange, id: str, body: Removal) -> Any:
    """An open offer of it is withdrawn; in a call it can only be removed afterwards. Can be undone by `restore`."""
    tenant_id, by = await tenant_of(exchange), exchange.caller.user_id

    def take_out(work: Work) -> dict[str, Withdrawal]:
        found = _seen(work.conn, exchange, tenant_id, id)
        withdraw = {}
        if remove_contact(work, tenant_id, id, by=by, why=body.why):
            withdraw[id] = Withdrawal.CONTACT_REMOVED
        if body.do_not_call:
            numbers = {number["e164"] for number in found["numbers"]}
            for number in sorted(numbers - listed(work.conn, tenant_id, numbers)):
                for other in do_not_call.enlist(work, tenant_id, number, why=body.why, added_by=by):
                    withdraw[other] = Withdrawal.ON_DO_NOT_CALL_LIST
        return withdraw

    for contact_id, code in (await change(exchange.services.store, take_out)).items():
        await exchange.floor.withdraw_contact(contact_id, code)
    return await _visible(exchange, tenant_id, id)


@contact_routes.post("/contacts/{id}/restore", "Undo a removal", roles=SUPERVISORS, answer=Contact, errors=("IN_USE",))
async def restore(exchange: Exchange, id: str) -> Any:
    tenant_id, by = await tenant_of(exchange), exchange.caller.user_id

    def put_back(work: Work) -> Row:
        _seen(work.conn, exchange, tenant_id, id)
        return restore_contact(work, tenant_id, id, by=by)

    restored = await change(exchange.services.store, put_back)
    exchange.floor.wake()
    return restored


async def _visible(exchange: Exchange, tenant_id: str, id: str) -> Row:
    return await exchange.run(lambda conn: _seen(conn, exchange, tenant_id, id))


def _seen(conn: Connection, exchange: Exchange, tenant_id: str, id: str) -> Row:
    """A contact of a campaign the caller may see."""
    found = contact(conn, tenant_id, id)
    try:
        campaign(conn, tenant_id, found["campaign_id"], team_ids=exchange.teams)
    except NoSuch:
        raise NoSuch("contact") from None
    return found


@do_not_call_routes.get(
    "/do-not-call", "List numbers not to be called", roles=SUPERVISORS, answer=PageOf[DoNotCallEntry]
)
async def entries(exchange: Exchange, query: PageQuery) -> Any:
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: do_not_call.entries_page(conn, tenant_id, query.request))


@do_not_call_routes.post(
    "/do-not-call",
    "Never call a number again",
    roles=SUPERVISORS,
    answer=DoNotCallEntry,
    status=201,
    errors=("ALREADY_EXISTS",),
)
async def add_entry(exchange: Exchange, body: NewEntry) -> Any:
    """In all campaigns of the tenant; an open offer of the number is withdrawn.

    A call that rings or is up goes on, but no other trunk is tried for it and its contact is not called again.
    """
    tenant_id, by = await tenant_of(exchange), exchange.caller.user_id

    def add(work: Work) -> tuple[Row, tuple[str, ...]]:
        return do_not_call.add_entry(work, tenant_id, body, added_by=by)

    entry, offered = await change(exchange.services.store, add)
    for contact_id in offered:
        await exchange.floor.withdraw_contact(contact_id, Withdrawal.ON_DO_NOT_CALL_LIST)
    return entry


@do_not_call_routes.get(
    "/do-not-call/{number}", "Look a number up", roles=SUPERVISORS, answer=DoNotCallEntry, patterns=NUMBER
)
async def one_entry(exchange: Exchange, number: str) -> Any:
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: do_not_call.entry(conn, tenant_id, number))


@do_not_call_routes.delete(
    "/do-not-call/{number}", "Take a number off the list", roles=ADMINISTRATORS, status=204, patterns=NUMBER
)
async def remove_entry(exchange: Exchange, number: str) -> None:
    """Contacts that were blocked for it wait again."""
    tenant_id = await tenant_of(exchange)

    def take_off(work: Work) -> None:
        do_not_call.remove_entry(work, tenant_id, number)

    await change(exchange.services.store, take_off)
    exchange.floor.wake()


routes = (*contact_routes, *do_not_call_routes)
