"""The preview itself with real phones, a real Asterisk and real customers."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.demo.softphone import AnswerMode
from telephony.dialer.errors import NoCapacity, Refused
from telephony.store import schema
from telephony.store.engine import Store
from tests.support.line_shift import LineShift, line_shift
from tests.support.platform import NewPhone

pytestmark = pytest.mark.asterisk

PHONE = "load1"


async def agent_legs(one: LineShift) -> int:
    return sum(leg.kind == "agent" for leg in await one.rows(schema.legs))


either_push_mode = pytest.mark.parametrize("mode", ["preview_standard", "preview_direct"])


@pytest.mark.parametrize(
    "wanted", [{"amd": "off"}, {"amd": "parallel"}, {"amd": "inline"}, {"mode": "preview_direct"}], ids=str
)
@pytest.mark.reason("TALKED")
async def test_an_agent_is_reserved_talks_wraps_up_and_gets_the_next(
    store: Store, pbx: Pbx, wanted: dict[str, str]
) -> None:
    async with line_shift(store, pbx, customers=("00", "00"), **wanted) as one:
        await one.previewing(PHONE)
        attempt = await one.accept(PHONE)
        await one.state_is(PHONE, "talking")
        await one.floor.hang_up(one.agents[PHONE], attempt)
        await one.state_is(PHONE, "wrap_up")
        await one.wrap_up(PHONE, attempt)
        await one.state_is(PHONE, "previewing")
        row = await one.ended(attempt)
        assert row.outcome == "TALKED"
        assert row.placed_at < row.ringing_at < row.answered_at <= row.joined_at < row.ended_at
        assert (await one.used())["tenant"] == 0


@either_push_mode
@pytest.mark.reason("CUSTOMER_BUSY", "INVALID_NUMBER", "CUSTOMER_UNAVAILABLE", "CUSTOMER_DECLINED")
async def test_failed_attempts_bring_the_next_offer_on_the_same_line(store: Store, pbx: Pbx, mode: str) -> None:
    expected = {
        "01": "CUSTOMER_BUSY",
        "03": "INVALID_NUMBER",
        "04": "CUSTOMER_UNAVAILABLE",
        "10": "CUSTOMER_DECLINED",
    }
    async with line_shift(store, pbx, customers=(*expected, "00"), mode=mode) as one:
        await one.previewing(PHONE)
        for outcome in expected.values():
            attempt = await one.accept(PHONE)
            assert (await one.ended(attempt)).outcome == outcome
            await one.state_is(PHONE, "previewing")
        assert await agent_legs(one) == 1


async def test_skip_and_remove_bring_the_next_offer_on_the_same_line(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("00", "00", "00")) as one:
        await one.previewing(PHONE)
        for action in ("skip", "remove"):
            await one.decide(PHONE, action)
            await one.state_is(PHONE, "previewing")
        assert await agent_legs(one) == 1


@either_push_mode
@pytest.mark.reason("AGENT_CANCELLED")
async def test_a_cancelled_call_stops_ringing_at_the_customer(
    store: Store, pbx: Pbx, customers: Customers, mode: str
) -> None:
    ringing, other = (fictional_number(behaviour, 71 + len(mode)) for behaviour in ("02", "00"))
    async with line_shift(store, pbx, numbers=[ringing, other], mode=mode) as one:
        await one.previewing(PHONE)
        attempt = await one.accept(PHONE)
        await one.until(lambda: one.desks[PHONE].call.attempt.state == "ringing")
        before = asyncio.get_running_loop().time()
        await one.floor.cancel(one.agents[PHONE], attempt)
        assert (await one.ended(attempt)).outcome == "AGENT_CANCELLED"
        assert asyncio.get_running_loop().time() - before < 2.0
        await one.state_is(PHONE, "previewing")
        (call,) = [call for call in await customers.calls() if call.number == ringing]
        assert call.answered_at is None


@pytest.mark.reason("VOICEMAIL_LEFT")
async def test_a_machine_is_told_and_then_its_beep(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("05",), amd="parallel") as one:
        await one.previewing(PHONE)
        attempt = await one.accept(PHONE)
        await one.state_is(PHONE, "talking")

        async def told(column: str) -> None:
            for _ in range(1500):
                if getattr(await one.attempt(attempt), column) is not None:
                    return
                await asyncio.sleep(0.02)
            raise AssertionError(f"no {column}")

        await told("amd_verdict")
        await told("beep_after")
        row = await one.attempt(attempt)
        assert row.amd_verdict == "MACHINE"
        assert row.beep_after > row.amd_after > 0
        await one.floor.voicemail_left(one.agents[PHONE], attempt)
        await one.floor.hang_up(one.agents[PHONE], attempt)
        assert (await one.ended(attempt)).outcome == "VOICEMAIL_LEFT"


@pytest.mark.reason("FAX")
async def test_a_fax_is_ended_and_the_next_offer_comes_on_the_same_line(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("11", "00"), amd="inline") as one:
        await one.previewing(PHONE)
        line = one.desks[PHONE].reservation.line.leg_id
        fax = await one.attempt(await one.accept(PHONE))
        row = await one.ended(fax.id)
        assert (row.outcome, row.amd_verdict, row.joined_at) == ("FAX", "FAX", None)
        assert 0 < row.amd_after < 4.0
        await one.state_is(PHONE, "previewing")
        assert one.desks[PHONE].reservation.line.leg_id == line
        numbers = {number.id: number.status for number in await one.rows(schema.numbers)}
        assert sorted(numbers.values()) == ["fax", "open"]
        assert numbers[fax.number_id] == "fax"


@pytest.mark.reason("TENANT_CALL_LIMIT")
async def test_a_full_tenant_refuses_with_figures_and_the_offer_stays(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, phones=("load1", "load2"), customers=("00", "00", "00")) as one:
        await store.run(lambda conn: conn.execute(update(schema.tenants).values(max_calls=2)))
        await asyncio.gather(one.previewing("load1"), one.previewing("load2"))
        await store.run(lambda conn: conn.execute(update(schema.tenants).values(max_calls=1)))
        attempt = await one.accept("load1")
        with pytest.raises(NoCapacity) as refused:
            await one.accept("load2")
        assert (refused.value.code, refused.value.used, refused.value.limit) == ("TENANT_CALL_LIMIT", 1, 1)
        assert one.state("load2") == "previewing"
        await one.state_is("load1", "talking")
        await one.floor.hang_up(one.agents["load1"], attempt)
        await one.ended(attempt)
        await one.accept("load2")  # the place is free at once


async def test_the_agent_rejects_the_reservation_call(store: Store, pbx: Pbx, new_phone: NewPhone) -> None:
    phone = await new_phone("alice", AnswerMode.MANUAL)
    async with line_shift(store, pbx, phones=("alice",)) as one:
        await one.available("alice")
        await phone.wait_for("CALL_INCOMING", within=5)
        await phone.hang_up()  # rejects: 486
        await one.state_is("alice", "idle")
        assert one.desks["alice"].agent.idle_reason == "agent_busy"


@either_push_mode
@pytest.mark.reason("AGENT_ENDED")
async def test_the_agents_phone_hangs_up_while_the_customer_rings(
    store: Store, pbx: Pbx, new_phone: NewPhone, mode: str
) -> None:
    phone = await new_phone("alice")
    async with line_shift(store, pbx, phones=("alice",), customers=("02",), mode=mode) as one:
        await one.previewing("alice")
        attempt = await one.accept("alice")
        await one.until(lambda: one.desks["alice"].call.attempt.state == "ringing")
        await phone.hang_up()
        assert (await one.ended(attempt)).outcome == "AGENT_ENDED"
        await one.state_is("alice", "idle")


async def test_the_agents_phone_hangs_up_in_the_talk(store: Store, pbx: Pbx, new_phone: NewPhone) -> None:
    phone = await new_phone("alice")
    async with line_shift(store, pbx, phones=("alice",)) as one:
        await one.previewing("alice")
        attempt = await one.accept("alice")
        await one.state_is("alice", "talking")
        await phone.hang_up()
        assert (await one.ended(attempt)).outcome == "TALKED"
        await one.state_is("alice", "wrap_up")
        await one.wrap_up("alice", attempt)


@pytest.mark.reason("ACTION_DISABLED")
async def test_a_cancel_is_not_allowed_where_the_campaign_says_so(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("02",), end_call_enabled=False) as one:
        await one.previewing(PHONE)
        attempt = await one.accept(PHONE)
        with pytest.raises(Refused) as refused:
            await one.floor.cancel(one.agents[PHONE], attempt)
        assert refused.value.code == "ACTION_DISABLED"
