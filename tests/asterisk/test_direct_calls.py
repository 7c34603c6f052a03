"""Direct preview with real phones, a real Asterisk and real customers: dialed from the agent's own leg."""

from __future__ import annotations

import pytest

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.store.engine import Store
from tests.support.line_shift import line_shift

pytestmark = pytest.mark.asterisk

PHONE = "load1"
DIRECT = "preview_direct"


async def test_the_customer_hangs_up_first(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("09",), mode=DIRECT) as one:
        await one.previewing(PHONE)
        attempt = await one.accept(PHONE)
        assert (await one.ended(attempt)).outcome == "TALKED"


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
        assert row.outcome == "NOT_PLACED"
        assert all(call.number != number for call in await customers.calls())
        await one.state_is(PHONE, "previewing")
        assert (await one.decide(PHONE, "skip"))["state"] == "skipped"
