"""Direct preview with real phones, a real Asterisk and real customers: dialed from the agent's own leg."""

from __future__ import annotations

import pytest

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.store import schema
from telephony.store.engine import Store
from tests.support.line_shift import line_shift
from tests.support.platform import NewPhone

pytestmark = pytest.mark.asterisk

PHONE = "load1"
DIRECT = "preview_direct"


async def test_an_agent_talks_wraps_up_and_gets_the_next(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("00", "00"), mode=DIRECT) as one:
        await one.previewing(PHONE)
        attempt = await one.accept(PHONE)
        await one.state_is(PHONE, "talking")
        await one.floor.hang_up(one.agents[PHONE], attempt)
        await one.state_is(PHONE, "wrap_up")
        await one.wrap_up(PHONE, attempt)
        await one.state_is(PHONE, "previewing")
        row = await one.ended(attempt)
        assert (row.outcome, row.amd) == ("TALKED", "off")
        assert row.placed_at < row.ringing_at < row.answered_at <= row.joined_at < row.ended_at
        assert (await one.used())["tenant"] == 0


async def test_failed_attempts_bring_the_next_offer_on_the_same_line(store: Store, pbx: Pbx) -> None:
    expected = {
        "01": "CUSTOMER_BUSY",
        "03": "INVALID_NUMBER",
        "04": "CUSTOMER_UNAVAILABLE",
        "10": "CUSTOMER_DECLINED",
    }
    async with line_shift(store, pbx, customers=(*expected, "00"), mode=DIRECT) as one:
        await one.previewing(PHONE)
        for outcome in expected.values():
            attempt = await one.accept(PHONE)
            assert (await one.ended(attempt)).outcome == outcome
            await one.state_is(PHONE, "previewing")
        assert sum(leg.kind == "agent" for leg in await one.rows(schema.legs)) == 1


async def test_the_customer_hangs_up_first(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("09",), mode=DIRECT) as one:
        await one.previewing(PHONE)
        attempt = await one.accept(PHONE)
        assert (await one.ended(attempt)).outcome in ("TALKED", "CUSTOMER_LEFT")


async def test_a_cancelled_call_stops_ringing_and_the_agent_keeps_the_line(
    store: Store, pbx: Pbx, customers: Customers
) -> None:
    numbers = [fictional_number("02", 81), fictional_number("00", 81)]
    async with line_shift(store, pbx, numbers=numbers, mode=DIRECT) as one:
        await one.previewing(PHONE)
        attempt = await one.accept(PHONE)
        await one.until(lambda: one.desks[PHONE].call.attempt.state == "ringing")
        await one.floor.cancel(one.agents[PHONE], attempt)
        assert (await one.ended(attempt)).outcome == "AGENT_CANCELLED"
        await one.state_is(PHONE, "previewing")
        (call,) = [call for call in await customers.calls() if call.number == numbers[0]]
        assert call.answered_at is None
        assert sum(leg.kind == "agent" for leg in await one.rows(schema.legs)) == 1


async def test_the_agents_phone_hangs_up_while_the_customer_rings(store: Store, pbx: Pbx, new_phone: NewPhone) -> None:
    phone = await new_phone("alice")
    async with line_shift(store, pbx, phones=("alice",), customers=("02",), mode=DIRECT) as one:
        await one.previewing("alice")
        attempt = await one.accept("alice")
        await one.until(lambda: one.desks["alice"].call.attempt.state == "ringing")
        await phone.hang_up()
        assert (await one.ended(attempt)).outcome == "AGENT_ENDED"
        await one.state_is("alice", "idle")


async def test_the_guard_says_no_and_the_agent_is_back_on_hold(store: Store, pbx: Pbx, customers: Customers) -> None:
    number = fictional_number("00", 82)
    numbers = [number, fictional_number("00", 83)]
    async with line_shift(store, pbx, numbers=numbers, mode=DIRECT) as one:
        await one.previewing(PHONE)
        gate = one.floor.ground.board._scripts.gate  # type: ignore[attr-defined]

        async def no(question: object) -> str:
            return "end"

        one.floor.ground.board._scripts.gate = no  # type: ignore[attr-defined]
        attempt = await one.accept(PHONE)
        row = await one.ended(attempt)
        one.floor.ground.board._scripts.gate = gate  # type: ignore[attr-defined]
        assert row.outcome == "CHANNEL_FAILURE"
        assert all(call.number != number for call in await customers.calls())
        await one.state_is(PHONE, "previewing")
        assert (await one.decide(PHONE, "skip"))["state"] == "skipped"
