"""What is decided in another cell, as this one finds it in the database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telephony.store import campaigns, do_not_call
from telephony.store.contact_list import remove_contact
from telephony.store.do_not_call import NewEntry
from telephony.store.engine import Store
from telephony.store.schema import offers
from telephony.store.work import Work, change
from tests.support.shift import Shift, shift

pytestmark = pytest.mark.unit

Decision = Callable[[Work, Shift, str], object]


def removed(work: Work, one: Shift, contact: str) -> None:
    remove_contact(work, one.here.tenant_id, contact, by=one.agent, why="by letter")


def never_again(work: Work, one: Shift, _contact: str) -> None:
    do_not_call.add_entry(work, one.here.tenant_id, NewEntry(number="+442079460000"), added_by=one.agent)


def stopped(work: Work, one: Shift, _contact: str) -> None:
    campaigns.run_campaign(work, one.here.tenant_id, one.here.campaign_id, running=False)


@pytest.mark.parametrize(
    ("decide", "code"),
    [(removed, "CONTACT_REMOVED"), (never_again, "ON_DO_NOT_CALL_LIST"), (stopped, "CAMPAIGN_STOPPED")],
)
async def test_an_offer_is_withdrawn_from_the_screen(store: Store, decide: Decision, code: str) -> None:
    async with shift(store) as one:
        await one.reserved()
        first = one.offer
        contact = await one.contact("c0")
        await change(store, lambda work: decide(work, one, contact.id))
        await one.until(lambda: (shown := one.floor.desks[one.agent].preview.offer) is None or shown.id != first)
        (row,) = [row for row in await one.rows(offers) if row.id == first]
        assert (row.state, row.code) == ("withdrawn", code)
        if decide is not stopped:
            await one.until(lambda: one.floor.desks[one.agent].preview.offer is not None)  # on the same line
            assert one.floor.desks[one.agent].agent.state == "previewing"
