"""What an agent's phone does when it is called, on a real Asterisk with real phones: the reason the agent is idle for,
and the contact back as it was."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.dialer import phones
from telephony.dialer.errors import Refused
from telephony.store import schema
from telephony.store.engine import Store
from tests.support.line_shift import LineShift, line_shift
from tests.support.platform import NewPhone

pytestmark = pytest.mark.asterisk

EXPECTED = {
    "odd01": ("agent_busy", "USER_BUSY"),
    "odd02": ("rona", "RONA"),
    "odd03": ("invalid_number", "INVALID_NUMBER"),
    "odd04": ("agent_unavailable", "USER_UNAVAILABLE"),
    "odd010": ("declined", "USER_DECLINED"),
    "carol": ("agent_unavailable", "USER_UNAVAILABLE"),  # registered when work began, and no more
    "load8": ("channel_failure", "CHANNEL_FAILURE"),  # meanwhile named by somebody as what cannot be dialed at all
    "load9": ("invalid_number", "INVALID_NUMBER"),  # meanwhile named by an administrator as `nobody`
}
RING_LIMIT = 5


async def due(one: LineShift, at: datetime) -> None:
    await one.store.run(lambda conn: conn.execute(update(schema.contacts).values(due_at=at)))
    one.floor.wake()


async def rename(one: LineShift, phone: str, name: str) -> None:
    agents = schema.agents
    await one.store.run(
        lambda conn: conn.execute(update(agents).where(agents.c.id == one.agents[phone]).values(phone=name))
    )


@pytest.mark.parametrize("mode", ["preview_standard", "preview_direct", "preview"])
@pytest.mark.reason(
    "NOT_PLACED",
    "agent:RONA",
    "agent:USER_DECLINED",
    "agent:USER_BUSY",
    "agent:USER_UNAVAILABLE",
    "agent:CHANNEL_FAILURE",
    "agent:INVALID_NUMBER",
)
async def test_who_does_not_come_to_the_phone_is_idle_for_the_right_reason(
    store: Store, pbx: Pbx, customers: Customers, new_phone: NewPhone, mode: str
) -> None:
    numbers = [fictional_number("00", 60 + len(mode) + n) for n in range(len(EXPECTED))]
    carol = await new_phone("carol")
    wanted = {"mode": mode, "reservation_ring_limit": RING_LIMIT}
    async with line_shift(store, pbx, phones=tuple(EXPECTED), numbers=numbers, **wanted) as one:
        if mode != "preview":
            await due(one, datetime.now(UTC) + timedelta(hours=1))
        await asyncio.gather(*(one.available(phone) for phone in EXPECTED))
        if mode == "preview":
            campaign = one.here.campaign_id
            await asyncio.gather(*(one.floor.next_pull(agent, campaign) for agent in one.agents.values()))
        await carol.stop()
        await rename(one, "load9", "nobody")
        await rename(one, "load8", "two words")
        if mode == "preview":
            await asyncio.gather(*(one.accept(phone) for phone in EXPECTED))
        else:
            await due(one, datetime.now(UTC))
        for phone in EXPECTED:
            await one.state_is(phone, "idle", RING_LIMIT + 5)
        reasons = {phone: one.desks[phone].agent.idle_reason for phone in EXPECTED}
        assert reasons == {phone: reason for phone, (reason, _) in EXPECTED.items()}
        by_agent = {one.agents[phone]: code for phone, (_, code) in EXPECTED.items()}
        assert {row.agent_id: row.end for row in await one.rows(schema.reservations)} == by_agent
        if mode == "preview":
            attempts = await one.rows(schema.attempts)
            assert {row.agent_id: (row.outcome, row.code) for row in attempts} == {
                agent: ("NOT_PLACED", code) for agent, code in by_agent.items()
            }
        await untouched(one)
        assert not {call.number for call in await customers.calls()} & set(numbers)


async def untouched(one: LineShift) -> None:
    contacts = await one.rows(schema.contacts)
    assert {(row.state, row.attempts, row.skips, row.holder_id) for row in contacts} == {("waiting", 0, 0, None)}
    assert not await one.rows(schema.dialed)
    assert set((await one.used()).values()) == {0}
    assert not (await one.floor.ground.board.survey()).live


@pytest.mark.parametrize("mode", ["preview_standard", "preview"])
async def test_who_picks_up_and_hangs_up_at_once(store: Store, pbx: Pbx, customers: Customers, mode: str) -> None:
    phone, number = "odd09", fictional_number("00", 70 + len(mode))
    async with line_shift(store, pbx, phones=(phone,), numbers=[number], mode=mode) as one:
        await one.available(phone)
        if mode == "preview":
            await one.floor.next_pull(one.agents[phone], one.here.campaign_id)
            await one.ended(await one.accept(phone))
        await one.state_is(phone, "idle")
        assert one.desks[phone].agent.idle_reason == "hung_up"
        await one.until(lambda: one.desks[phone].reservation.line is None)
        if any(call.number == number for call in await customers.calls()):
            # the phone was up long enough for the customer to be dialed
            assert [row.outcome for row in await one.rows(schema.attempts)] == ["AGENT_ENDED"]
        else:
            assert [row.outcome for row in await one.rows(schema.attempts)] in ([], ["NOT_PLACED"])
            await untouched(one)


@pytest.mark.reason("PHONE_NOT_REGISTERED")
async def test_work_needs_a_registered_phone(
    store: Store, pbx: Pbx, new_phone: NewPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with line_shift(store, pbx, phones=("carol", "nobody"), customers=("00",), mode="preview") as one:
        with monkeypatch.context() as hurry:
            hurry.setattr(phones, "REGISTERS_WITHIN", 0.0)
            for phone in ("carol", "nobody"):
                with pytest.raises(Refused) as refused:
                    await one.available(phone)
                assert refused.value.code == "PHONE_NOT_REGISTERED"
        asked = asyncio.create_task(one.available("carol"))
        await new_phone("carol")  # registers a moment after its agent asked for work
        await asked
        assert one.state("carol") == "available"
