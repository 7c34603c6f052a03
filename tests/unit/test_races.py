"""One action wins: every pair of things that may happen to an open offer, in either order, and at several distances.

The distance is counted in turns of the event loop, so that the second comes before the first is taken up, in the
middle of its transaction, and between its commit and its effects.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select, update

from telephony.dialer.errors import ContactWithdrawn, NoCapacity, OfferClosed, Refused
from telephony.model.reasons import Withdrawal
from telephony.store import campaigns, contact_list, schema
from telephony.store.engine import Store
from telephony.store.errors import InUse
from telephony.store.work import change
from tests.support.shift import Shift, shift

pytestmark = pytest.mark.unit

TURNS = (0, 1, 4, 40)
"""Turns of the loop between the first and the second; a transaction takes about thirty."""

Act = Callable[[Shift, str], Awaitable[Any]]


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    """A desk's jobs have the same order on every database; what databases do themselves is in test_two_services."""
    opened = Store(sqlite_url)
    yield opened
    await opened.close()


def _decide(action: str) -> Act:
    return lambda one, offer: one.floor.decide(one.agent, offer, action)


async def _timer(one: Shift, _offer: str) -> None:
    desk = one.floor.desks[one.agent]
    desk.post(desk.preview._time_is_up)
    await one.settle()


async def _hang_up(one: Shift, _offer: str) -> None:
    one.board.ends(one.board.agent_calls[-1].leg, answered=True)
    await one.settle()


async def _stop(one: Shift, _offer: str) -> None:
    here = one.here
    await change(one.store, lambda work: campaigns.run_campaign(work, here.tenant_id, here.campaign_id, running=False))
    await one.floor.campaign_stopped(here.campaign_id)


async def _removal(one: Shift, offer: str) -> None:
    table = schema.offers

    def take_out(conn: Any) -> Any:
        return conn.execute(select(table.c.contact_id).where(table.c.id == offer)).scalar_one()

    contact = await one.store.run(take_out)
    try:
        open_ = await change(
            one.store,
            lambda work: contact_list.remove_contact(work, one.here.tenant_id, contact, by=one.agent, why="by letter"),
        )
    except InUse:
        return  # in a call already
    if open_:
        await one.floor.withdraw_contact(contact, Withdrawal.CONTACT_REMOVED)


async def _limit(one: Shift, offer: str) -> None:
    """An accept for which there is no room: refused, and the offer stays open for the other."""
    await one.floor.decide(one.agent, offer, "accept")


ACTS: dict[str, Act] = {
    "accept": _decide("accept"),
    "skip": _decide("skip"),
    "remove": _decide("remove"),
    "leave": _decide("leave"),
    "timer": _timer,
    "hang-up": _hang_up,
    "stop": _stop,
    "removal": _removal,
    "limit": _limit,
}

CLOSES = {
    "accept": ("accepted", None),
    "skip": ("skipped", None),
    "remove": ("removed", None),
    "leave": ("left", None),
    "timer": ("timed_out", None),
    "hang-up": ("left", None),
    "stop": ("withdrawn", "CAMPAIGN_STOPPED"),
    "removal": ("withdrawn", "CONTACT_REMOVED"),
}
"""What the SPEC's section 4 says the offer is, by who closed it."""

ORDERS = [pair for pair in permutations(ACTS, 2) if set(pair) != {"accept", "limit"}]
"""All, but an accept with room against one without: at one moment there is room or there is none."""


@pytest.mark.parametrize(("first", "second"), ORDERS)
async def test_one_action_wins(store: Store, monkeypatch: pytest.MonkeyPatch, first: str, second: str) -> None:
    monkeypatch.setattr("telephony.dialer.desk.NEW_RING_PAUSE", 0.0)  # the pause is no part of a race
    async with shift(store, contacts=2 * len(TURNS) + 2, offer_timeout=7200) as one:
        for turns in TURNS:
            await _race(one, first, second, turns)
            await _back(one)


async def _race(one: Shift, first: str, second: str, turns: int) -> None:
    if one.floor.desks[one.agent].agent.state.value != "previewing":
        await one.reserved()
    if "limit" in (first, second):
        await _room(one, 0)
    offer = one.offer
    answers: list[BaseException | None] = [None, None]

    async def act(number: int, name: str) -> None:
        try:
            await ACTS[name](one, offer)
        except (OfferClosed, NoCapacity, ContactWithdrawn, Refused) as error:
            answers[number] = error

    tasks = [asyncio.create_task(act(0, first))]
    for _ in range(turns):
        await asyncio.sleep(0)
    tasks.append(asyncio.create_task(act(1, second)))
    await asyncio.gather(*tasks)
    await one.settle()
    await _one_story(one, offer, first, second, answers)


async def _one_story(one: Shift, offer: str, first: str, second: str, answers: list[BaseException | None]) -> None:
    told = await one.store.run(
        lambda conn: conn.execute(select(schema.offers).where(schema.offers.c.id == offer)).one()
    )
    possible = [CLOSES[name] for name in (first, second) if name in CLOSES]
    assert (told.state, told.code) in possible
    attempts = [row for row in await one.rows(schema.attempts) if row.offer_id == offer]
    assert len(attempts) == (told.state == "accepted")
    events = [row for row in await one.rows(schema.events) if row.kind == "offer.closed"]
    assert sum(offer in str(row.payload) for row in events) == 1, "told once"
    for name, answer in zip((first, second), answers, strict=True):
        if isinstance(answer, OfferClosed):
            assert name in ("accept", "skip", "remove", "leave", "limit")
            assert answer.winner == told.state
        elif isinstance(answer, NoCapacity):
            assert name == "limit"
    await _contact_is_in_one_place(one, told.contact_id)


async def _contact_is_in_one_place(one: Shift, contact_id: str) -> None:
    """Held by an offer or an attempt, and then its number is taken; or by nobody, and then it is free."""
    contacts = {row.id: row for row in await one.rows(schema.contacts)}
    held = {row.id for row in contacts.values() if row.state in ("offered", "in_attempt")}
    open_offers = {row.contact_id for row in await one.rows(schema.offers) if row.state == "open"}
    live = {row.contact_id for row in await one.rows(schema.attempts) if row.state != "ended"}
    busy = {row.contact_id for row in await one.store.run(_busy)}
    assert open_offers.isdisjoint(live)
    rung = {contact_id for contact_id in held if contact_id not in open_offers | live}
    assert len(rung) <= 1, "at most the one of a reservation call"
    assert busy == held


def _busy(conn: Any) -> list[Any]:
    return list(conn.execute(select(schema.busy_numbers)))


async def _room(one: Shift, calls: int) -> None:
    await one.store.run(lambda conn: conn.execute(update(schema.tenants).values(max_calls=calls)))


async def _back(one: Shift) -> None:
    """End what the race began; no place and no channel may be left."""
    board, desk = one.board, one.floor.desks[one.agent]
    for call in board.customer_calls:
        if call.leg in one.floor.ground.owners:
            board.ends(call.leg, rang=True, cause=17, sip=486)
    await one.settle()
    if desk.agent.state.value not in ("idle", "offline"):
        await one.floor.set_state(one.agent, "idle")
    if desk.reservation.line is not None:
        await one.until(lambda: ("hang_up", board.agent_calls[-1].leg) in board.orders)
        board.ends(board.agent_calls[-1].leg, answered=True)
    await one.settle()
    assert not any((await one.used()).values())
    assert not await one.store.run(_busy)
    await _room(one, 10)
    here = one.here
    await change(one.store, lambda work: campaigns.run_campaign(work, here.tenant_id, here.campaign_id, running=True))
