"""Reason codes that no other story comes by, provoked on the real Asterisk."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Table, update

from telephony.demo.customers import fictional_number
from telephony.demo.pbx import Pbx
from telephony.dialer.errors import ContactWithdrawn, NoCapacity, OfferClosed, Refused
from telephony.pbx.port import DirectCall
from telephony.store import schema, why
from telephony.store.engine import Store
from telephony.store.grants import WAY_TO_THE_WIRE
from tests.support.line_shift import line_shift
from tests.support.tcp_line import TcpLine

pytestmark = pytest.mark.asterisk

ONE, TWO = "load1", "load2"


async def set_all(store: Store, table: Table, **values: Any) -> None:
    await store.run(lambda conn: conn.execute(update(table).values(**values)))


@pytest.mark.parametrize(
    ("code", "table", "values", "used"),
    [
        pytest.param(
            "DATA_CENTER_CALL_LIMIT",
            schema.data_centers,
            {"max_calls": 1},
            1,
            marks=pytest.mark.reason("DATA_CENTER_CALL_LIMIT"),
        ),
        pytest.param(
            "TRUNK_CHANNEL_LIMIT",
            schema.trunks,
            {"max_channels": 1},
            1,
            marks=pytest.mark.reason("TRUNK_CHANNEL_LIMIT"),
        ),
        pytest.param(
            "CELL_CHANNEL_LIMIT",
            schema.cells,
            {"max_channels": 3},  # two agents' lines and the first call
            3,
            marks=pytest.mark.reason("CELL_CHANNEL_LIMIT"),
        ),
    ],
)
async def test_a_full_limit_refuses_the_accept_with_its_figures(
    store: Store, pbx: Pbx, code: str, table: Table, values: dict[str, int], used: int
) -> None:
    async with line_shift(store, pbx, phones=(ONE, TWO), customers=("02", "02", "02")) as one:
        await asyncio.gather(one.previewing(ONE), one.previewing(TWO))
        await set_all(store, table, **values)
        await one.accept(ONE)
        with pytest.raises(NoCapacity) as refused:
            await one.accept(TWO)
        assert (refused.value.code, refused.value.used, refused.value.limit) == (code, used, used)
        assert one.state(TWO) == "previewing"


@pytest.mark.reason("CALL_RATE_LIMIT")
async def test_a_trunk_takes_no_more_calls_a_second_than_it_may(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, phones=(ONE, TWO), customers=("02", "02", "02"), rate=1) as one:
        await asyncio.gather(one.previewing(ONE), one.previewing(TWO))
        await one.accept(ONE)
        with pytest.raises(NoCapacity) as refused:
            await one.accept(TWO)
        assert (refused.value.code, refused.value.used, refused.value.limit) == ("CALL_RATE_LIMIT", 1, 1)
        await asyncio.sleep(1.05 + WAY_TO_THE_WIRE.total_seconds())
        await one.accept(TWO)


@pytest.mark.reason("NO_TRUNK")
async def test_without_a_trunk_the_accept_is_refused(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("00",)) as one:
        await one.previewing(ONE)
        await set_all(store, schema.trunks, enabled=False)
        with pytest.raises(NoCapacity) as refused:
            await one.accept(ONE)
        assert refused.value.code == "NO_TRUNK"
        assert one.state(ONE) == "previewing"


@pytest.mark.reason("PBX_UNREACHABLE")
async def test_without_a_link_to_asterisk_the_accept_is_refused(store: Store, pbx: Pbx) -> None:
    async with TcpLine(pbx.ami.host, pbx.ami.port) as wire:
        behind: Any = SimpleNamespace(audio=pbx.audio, ami=replace(pbx.ami, host="127.0.0.1", port=wire.port))
        async with line_shift(store, behind, customers=("00",)) as one:
            await one.previewing(ONE)
            wire.cut()
            await one.until(lambda: not one.floor.pbx_connected, what="the loss of the link")
            with pytest.raises(NoCapacity) as refused:
                await one.accept(ONE)
            assert refused.value.code == "PBX_UNREACHABLE"
            wire.mend()
            await one.until(lambda: one.floor.ready, what="ready again")
            await one.accept(ONE)


@pytest.mark.reason("NUMBER_NOT_ALLOWED")
async def test_a_number_that_no_trunk_may_dial_leaves_the_screen(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("00",)) as one:
        await one.previewing(ONE)
        await set_all(store, schema.trunks, number_ranges=["+44"])
        with pytest.raises(ContactWithdrawn) as withdrawn:
            await one.accept(ONE)
        assert withdrawn.value.code == "NUMBER_NOT_ALLOWED"


@pytest.mark.reason("NUMBER_IN_USE")
async def test_a_number_is_in_one_hand_only(store: Store, pbx: Pbx) -> None:
    number = fictional_number("00", 77)
    async with line_shift(store, pbx, phones=(ONE, TWO), numbers=[number, number]) as one:
        await one.previewing(ONE)
        await one.available(TWO)
        await asyncio.sleep(1.5)  # longer than the look for work takes
        assert one.state(TWO) == "available"
        told = await store.run(lambda conn: why.why(conn, one.here.campaign_id, now=datetime.now(UTC)))
        assert "NUMBER_IN_USE" in str(told)


@pytest.mark.reason("OFFER_CLOSED")
async def test_a_decided_contact_is_decided(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("00", "00")) as one:
        offer = await one.previewing(ONE)
        await one.decide(ONE, "skip")
        with pytest.raises(OfferClosed) as refused:
            await one.floor.decide(one.agents[ONE], offer, "accept")
        assert (refused.value.code, refused.value.winner) == ("OFFER_CLOSED", "skipped")


@pytest.mark.reason("CALL_ANSWERED", "NOT_AVAILABLE")
async def test_who_talks_cannot_cancel_and_not_change_the_phone(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("00",)) as one:
        await one.previewing(ONE)
        attempt = await one.accept(ONE)
        await one.state_is(ONE, "talking")
        for ask, code in (
            (lambda: one.floor.cancel(one.agents[ONE], attempt), "CALL_ANSWERED"),
            (lambda: one.floor.set_phone(one.agents[ONE], TWO), "NOT_AVAILABLE"),
        ):
            with pytest.raises(Refused) as refused:
                await ask()
            assert refused.value.code == code
        assert one.state(ONE) == "talking"


@pytest.mark.reason("SYSTEM_ERROR")
async def test_an_error_of_our_own_ends_the_call_and_the_contact_waits(
    store: Store, pbx: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with line_shift(store, pbx, customers=("00", "00"), mode="preview_direct") as one:
        await one.previewing(ONE)

        async def broken(_call: DirectCall) -> None:
            raise RuntimeError("injected by the test")

        with monkeypatch.context() as fault:
            fault.setattr(one.floor.ground.board, "call_from_agent", broken)
            attempt = await one.accept(ONE)
            row = await one.ended(attempt)
        assert row.outcome == "SYSTEM_ERROR"
        await one.state_is(ONE, "previewing")
        (contact,) = [one_ for one_ in await one.rows(schema.contacts) if one_.id == row.contact_id]
        assert (contact.state, contact.attempts) == ("waiting", 0)
        assert not await one.rows(schema.dialed)
        next_call = await one.accept(ONE)
        await one.state_is(ONE, "talking")
        assert (await one.attempt(next_call)).state == "talking"


@pytest.mark.reason("CHANNEL_FAILURE")
async def test_a_trunk_that_asterisk_does_not_know_fails_the_call(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("00", "00")) as one:
        await one.previewing(ONE)
        await set_all(store, schema.trunks, dial_template="PJSIP/{number}@nowhere")
        attempt = await one.accept(ONE)
        row = await one.ended(attempt)
        assert row.outcome == "CHANNEL_FAILURE"
        (contact,) = [found for found in await one.rows(schema.contacts) if found.id == row.contact_id]
        assert contact.attempts == 0


@pytest.mark.reason("CUSTOMER_LEFT")
async def test_a_customer_who_hangs_up_while_the_machine_is_looked_for_has_left(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("09", "00"), amd="inline") as one:
        await one.previewing(ONE)
        attempt = await one.accept(ONE)
        assert (await one.ended(attempt)).outcome == "CUSTOMER_LEFT"


@pytest.mark.reason("NO_ANSWER_CUSTOMER")
async def test_a_phone_that_rings_as_long_as_it_may_is_not_answered(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, customers=("02", "00"), ring_limit=16) as one:
        await one.previewing(ONE)
        attempt = await one.accept(ONE)
        assert (await one.ended(attempt, 20)).outcome == "NO_ANSWER_CUSTOMER"
