"""Several trunks in their order, and the rate of calls through one, told by the customers' own log."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from telephony.demo.call_log import Call
from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.dialer.errors import NoCapacity
from telephony.model.ids import new_id
from telephony.store import schema
from telephony.store.engine import Store
from tests.support.line_shift import LineShift, line_shift

pytestmark = pytest.mark.asterisk

PHONE = "load1"
PER_SECOND = 5
CALLS = 16


async def second_trunk(one: LineShift, **values: Any) -> str:
    """Another trunk behind the first, to the same customers; its id."""
    made = new_id()

    def add(conn: Any) -> None:
        first = conn.execute(select(schema.trunks)).one()._mapping
        conn.execute(insert(schema.trunks).values(**{**first, "id": made, "name": "Second", "position": 2, **values}))
        conn.execute(insert(schema.trunk_cells).values(trunk_id=made, cell_id=one.here.cell_id))

    await one.store.run(add)
    return made


async def rung(customers: Customers, number: str, since: float) -> list[Call]:
    """The calls to a number since then: other tests may have called it, too."""
    return [call for call in await customers.calls() if call.number == number and call.invited_at >= since]


@pytest.mark.parametrize("mode", ["preview_standard", "preview_direct"])
async def test_the_next_trunk_is_tried_only_for_a_trunks_failure_and_only_once_each(
    store: Store, pbx: Pbx, customers: Customers, mode: str
) -> None:
    # congested: 503 from the network; busy and an announcement are the customer's own
    numbers = {name: fictional_number(end, 260 + len(mode)) for name, end in (("503", "04"), ("486", "01"))}
    since = time.time()
    numbers["announced"] = fictional_number("13", 260 + len(mode))
    async with line_shift(store, pbx, numbers=[*numbers.values()], mode=mode) as one:
        second = await second_trunk(one)
        await one.previewing(PHONE)
        legs = {}
        for name, number in numbers.items():
            attempt = await one.accept(PHONE)
            row = await one.ended(attempt, 15)
            legs[name] = [leg for leg in await one.rows(schema.legs) if leg.attempt_id == attempt]
            assert (len(legs[name]), row.leg_count) == ((2, 2) if name == "503" else (1, 1))
            assert row.outcome == ("CUSTOMER_BUSY" if name == "486" else "CUSTOMER_UNAVAILABLE")
            assert len(await rung(customers, number, since)) == len(legs[name])
            await one.until(lambda: one.state(PHONE) in ("previewing", "available"))
        before, after = sorted(legs["503"], key=lambda leg: leg.placed_at)
        assert (before.trunk_id, after.trunk_id) == (one.here.trunk_id, second)
        assert before.ended_at <= after.placed_at, "never two legs of one call at the same time"
        assert (before.outcome, before.sip) == ("trunk_failed", 503)
        used = await one.used()
        assert (used["tenant"], used["trunk"]) == (0, 0)


async def test_a_full_trunk_leaves_the_call_to_the_next(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, phones=("load1", "load2", "load3"), customers=("02", "02", "02")) as one:
        second = await second_trunk(one, max_channels=1)
        await store.run(
            lambda conn: conn.execute(
                update(schema.trunks).where(schema.trunks.c.id == one.here.trunk_id).values(max_channels=1)
            )
        )
        await asyncio.gather(*(one.previewing(phone) for phone in one.agents))
        await one.accept("load1")
        await one.accept("load2")
        with pytest.raises(NoCapacity) as refused:
            await one.accept("load3")
        assert refused.value.code == "TRUNK_CHANNEL_LIMIT"
        used = [leg.trunk_id for leg in await one.rows(schema.legs) if leg.kind == "customer"]
        assert used == [one.here.trunk_id, second]


async def test_in_no_second_more_calls_go_out_than_the_trunk_takes(
    store: Store, pbx: Pbx, customers: Customers
) -> None:
    since = time.time()
    phones = tuple(f"load{n + 1}" for n in range(CALLS))
    numbers = [fictional_number("01", 230 + n) for n in range(CALLS)]
    async with line_shift(store, pbx, phones=phones, numbers=numbers, rate=PER_SECOND) as one:
        await asyncio.gather(*(one.previewing(phone) for phone in phones))

        async def place(phone: str) -> None:
            while True:
                try:
                    await one.accept(phone)
                    return
                except NoCapacity as refused:
                    assert refused.code == "CALL_RATE_LIMIT"  # noqa: PT017 - asked again and again
                    await asyncio.sleep(0.03)

        await asyncio.gather(*(place(phone) for phone in phones))
        await asyncio.sleep(0.3)
        at = sorted([call.invited_at for number in numbers for call in await rung(customers, number, since)])
    assert len(at) == CALLS
    most = max(sum(begin <= other < begin + 1.0 for other in at) for begin in at)
    assert most <= PER_SECOND + 1, "within one call over any second"
    assert at[-1] - at[0] >= CALLS / PER_SECOND - 1.0
