"""A cancel that comes before the call goes out, or while much else is going on."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from telephony.dialer.errors import NotFound, Refused
from telephony.model.ids import new_id
from telephony.store import schema
from telephony.store.engine import Store
from telephony.store.threads import TransactionThreads
from tests.support.hand_board import HandBoard
from tests.support.shift import shift

pytestmark = pytest.mark.unit


@pytest.fixture
def tone(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The agent's line hears the ringing tone, and the customer is dialed, when this is set."""
    heard = asyncio.Event()

    async def play_ringing(board: HandBoard, leg: str) -> None:
        await heard.wait()
        board.orders.append(("play_ringing", leg))

    monkeypatch.setattr(HandBoard, "play_ringing", play_ringing)
    return heard


@pytest.mark.parametrize("way", ["cancel", "hang_up"])
async def test_a_cancel_that_comes_before_the_call_goes_out_rings_nobody(
    store: Store, tone: asyncio.Event, way: str
) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        attempt = (await one.floor.decide(one.agent, one.offer, "accept"))["attempt"]
        cancel = asyncio.create_task(getattr(one.floor, way)(one.agent, attempt))
        await asyncio.sleep(0)
        tone.set()
        await cancel
        await one.state_is("previewing")
        assert one.board.customer_calls == []
        assert one.board.orders[-1] == ("hold", agent_leg)
        (row,) = await one.rows(schema.attempts)
        assert (row.outcome, row.code) == ("NOT_PLACED", "AGENT_CANCELLED")
        contact = await one.contact("c0")
        assert (contact.state, contact.attempts) == ("waiting", 0)
        assert (await one.used())["tenant"] == 0


async def test_a_cancel_that_the_campaign_forbids_holds_nothing_back(store: Store, tone: asyncio.Event) -> None:
    async with shift(store, end_call_enabled=False) as one:
        await one.reserved()
        attempt = (await one.floor.decide(one.agent, one.offer, "accept"))["attempt"]
        cancel = asyncio.create_task(one.floor.cancel(one.agent, attempt))
        await asyncio.sleep(0)
        tone.set()
        with pytest.raises(Refused) as refused:
            await cancel
        assert refused.value.code == "ACTION_DISABLED"
        assert len(one.board.customer_calls) == 1


@pytest.mark.parametrize("first", ["hang-up", "link lost"])
async def test_what_comes_between_a_cancel_and_its_turn_does_not_leave_the_call_hanging(
    store: Store, tone: asyncio.Event, first: str
) -> None:
    async with shift(store) as one:
        agent_leg = await one.reserved()
        attempt = (await one.floor.decide(one.agent, one.offer, "accept"))["attempt"]
        await one.until(lambda: one.floor.desks[one.agent].agent.state == "dialing")
        if first == "hang-up":
            one.board.ends(agent_leg, answered=True)
        else:
            one.board.link_lost()
        cancel = asyncio.create_task(one.floor.cancel(one.agent, attempt))
        await asyncio.sleep(0)
        tone.set()
        with contextlib.suppress(Refused):  # it is over
            await cancel
        await one.settle()
        assert one.board.customer_calls == []
        (row,) = await one.rows(schema.attempts)
        assert (row.outcome, row.code) == ("NOT_PLACED", "AGENT_CANCELLED")
        assert one.floor.desks[one.agent].call is None


async def test_a_call_that_ended_in_the_moment_it_is_cancelled_is_told_from_one_that_never_was(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        attempt, leg = await one.accepted()
        one.board.ends(leg, answered=False, cause=17, sip=486)
        await one.until(lambda: one.floor.desks[one.agent].call is None)
        requests = (
            one.floor.cancel(one.agent, attempt),
            one.floor.hang_up(one.agent, attempt),
            one.floor.wrap_up(one.agent, attempt, disposition="success"),
        )
        for request in requests:
            with pytest.raises(Refused) as refused:
                await request
            assert refused.value.code == "NOT_AVAILABLE"
        for request in (
            one.floor.cancel(one.agent, new_id()),
            one.floor.wrap_up(one.agent, new_id(), disposition="success"),
        ):
            with pytest.raises(NotFound):
                await request


async def test_a_cancelled_leg_is_ended_while_the_database_has_other_work(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        attempt, leg = await one.accepted()
        await one.floor.cancel(one.agent, attempt)
        await one.settle()
        busy = threading.Event()
        others = [asyncio.create_task(store.run(lambda _: busy.wait(10))) for _ in range(8)]
        one.board.appears(leg)
        await one.until(lambda: one.board.orders.count(("hang_up", leg)) == 2)
        busy.set()
        await asyncio.gather(*others)


def test_what_is_urgent_does_not_wait_behind_the_rest() -> None:
    threads, begun, gate = TransactionThreads("one", 1), threading.Event(), threading.Event()
    order: list[object] = []

    def first() -> None:
        begun.set()
        order.append(gate.wait(10))

    threads.submit(first)
    assert begun.wait(10)
    for n in range(3):
        threads.submit(lambda n=n: order.append(n))  # type: ignore[misc]  # mypy cannot type a default
    threads.submit(lambda: order.append("now"), urgent=True)
    threads.submit(lambda: order.append("then"), urgent=True)
    gate.set()
    threads.shutdown()
    assert order == [True, "now", "then", 0, 1, 2]
    with pytest.raises(RuntimeError):
        threads.submit(lambda: None)
