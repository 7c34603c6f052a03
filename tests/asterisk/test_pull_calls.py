"""The mode preview with real phones, a real Asterisk and real customers: asked for, and the agent is called first."""

from __future__ import annotations

import asyncio

import pytest

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.demo.softphone import AnswerMode
from telephony.store import schema
from telephony.store.engine import Store
from tests.support.line_shift import LineShift, line_shift
from tests.support.platform import NewPhone

pytestmark = pytest.mark.asterisk

PHONE = "load1"
PULL = "preview"


async def shown(one: LineShift, phone: str = PHONE) -> str:
    """Available, and a contact on the screen; the offer."""
    await one.available(phone)
    return await asked(one, phone)


async def asked(one: LineShift, phone: str = PHONE) -> str:
    """The contact an available agent asks for; the line of the last call may still be on its way out."""
    await one.until(lambda: one.desks[phone].reservation.line is None)
    pulled = await one.floor.next_pull(one.agents[phone], one.here.campaign_id)
    assert pulled.offer_id is not None
    return pulled.offer_id


async def agent_legs(one: LineShift) -> int:
    return sum(leg.kind == "agent" for leg in await one.rows(schema.legs))


async def test_an_agent_asks_is_called_talks_wraps_up_and_asks_again(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("00", "00"), mode=PULL) as one:
        await shown(one)
        assert await agent_legs(one) == 0
        attempt = await one.accept(PHONE)
        await one.state_is(PHONE, "talking")
        await one.floor.hang_up(one.agents[PHONE], attempt)
        await one.state_is(PHONE, "wrap_up")
        await one.wrap_up(PHONE, attempt)
        await one.state_is(PHONE, "available")
        await asked(one)
        row = await one.ended(attempt)
        assert row.outcome == "TALKED"
        assert row.granted_at < row.placed_at < row.ringing_at < row.answered_at <= row.joined_at < row.ended_at
        assert set((await one.used()).values()) == {0}


async def test_failed_attempts_end_the_agents_call_and_the_agent_asks_again(store: Store, pbx: Pbx) -> None:
    expected = {
        "01": "CUSTOMER_BUSY",
        "03": "INVALID_NUMBER",
        "04": "CUSTOMER_UNAVAILABLE",
        "10": "CUSTOMER_DECLINED",
    }
    async with line_shift(store, pbx, customers=tuple(expected), mode=PULL) as one:
        await one.available(PHONE)
        for calls, outcome in enumerate(expected.values(), start=1):
            await asked(one)
            attempt = await one.accept(PHONE)
            assert (await one.ended(attempt)).outcome == outcome
            await one.state_is(PHONE, "available")
            assert await agent_legs(one) == calls
        await one.until(lambda: one.desks[PHONE].reservation.line is None)
        assert not (await one.floor.ground.board.survey()).live


async def test_a_cancel_while_the_customer_rings(store: Store, pbx: Pbx, customers: Customers) -> None:
    number = fictional_number("02", 61)
    async with line_shift(store, pbx, numbers=[number], mode=PULL) as one:
        await shown(one)
        attempt = await one.accept(PHONE)
        await one.until(lambda: one.desks[PHONE].call.attempt.state == "ringing")
        await one.floor.cancel(one.agents[PHONE], attempt)
        assert (await one.ended(attempt)).outcome == "AGENT_CANCELLED"
        await one.state_is(PHONE, "available")
        (call,) = [call for call in await customers.calls() if call.number == number]
        assert call.answered_at is None


async def test_a_cancel_while_the_agents_own_phone_rings(
    store: Store, pbx: Pbx, customers: Customers, new_phone: NewPhone
) -> None:
    phone = await new_phone("alice", AnswerMode.MANUAL)
    number = fictional_number("00", 62)
    async with line_shift(store, pbx, phones=("alice",), numbers=[number], mode=PULL) as one:
        await shown(one, "alice")
        attempt = await one.accept("alice")
        await phone.wait_for("CALL_INCOMING", within=5)
        await one.floor.cancel(one.agents["alice"], attempt)
        row = await one.ended(attempt)
        assert (row.outcome, row.code) == ("NOT_PLACED", "AGENT_CANCELLED")
        await phone.wait_for("CALL_CLOSED", within=2)
        (contact,) = await one.rows(schema.contacts)
        assert (contact.state, contact.attempts) == ("waiting", 0)
        assert all(call.number != number for call in await customers.calls())


async def test_the_agents_phone_hangs_up_while_the_customer_rings(store: Store, pbx: Pbx, new_phone: NewPhone) -> None:
    phone = await new_phone("alice")
    async with line_shift(store, pbx, phones=("alice",), customers=("02",), mode=PULL) as one:
        await shown(one, "alice")
        attempt = await one.accept("alice")
        await one.until(lambda: one.desks["alice"].call.attempt.state == "ringing")
        await phone.hang_up()
        assert (await one.ended(attempt)).outcome == "AGENT_ENDED"
        await one.state_is("alice", "idle")
        assert one.desks["alice"].agent.idle_reason == "hung_up"


async def test_many_agents_ask_at_once_and_nobody_gets_anothers_contact(store: Store, pbx: Pbx) -> None:
    phones = tuple(f"load{n}" for n in range(1, 9))
    async with line_shift(store, pbx, phones=phones, customers=("00",) * 5, mode=PULL) as one:
        await asyncio.gather(*(one.available(phone) for phone in phones))
        pulled = await asyncio.gather(
            *(one.floor.next_pull(one.agents[phone], one.here.campaign_id) for phone in phones)
        )
        offers = [one.offer_id for one in pulled if one.offer_id is not None]
        assert (len(offers), len(set(offers))) == (5, 5)
        assert len({row.contact_id for row in await one.rows(schema.offers)}) == 5
