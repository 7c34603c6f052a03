"""Listening takes channels of the cell: with the call where it is wanted from the start, else when it begins."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from telephony.model.reasons import Capacity
from telephony.store import attempts, schema
from telephony.store.engine import Store
from telephony.store.grants import Full
from telephony.store.work import Work, change
from tests.support.shift import Shift, shift

pytestmark = pytest.mark.unit


async def cell_holds(one: Shift, channels: int) -> None:
    table = schema.cells
    await one.store.run(lambda conn: conn.execute(update(table).values(max_channels=channels)))


async def grant(one: Shift, attempt_id: str) -> Full | None:
    def listen(work: Work) -> Full | None:
        attempt = attempts.load(work, attempt_id)
        assert attempt is not None
        return attempts.grant_listening(work, one.place, attempt)

    return await change(one.store, listen)


async def test_listening_on_demand_takes_one_channel_once_and_gives_it_back_with_the_call(store: Store) -> None:
    async with shift(store, keep_line=True) as one:
        _, attempt, leg = await one.talking()
        assert (await one.used())["cell"] == 2
        for _ in range(2):
            assert await grant(one, attempt) is None
            assert (await one.used())["cell"] == 3
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        assert (await one.used())["cell"] == 1


async def test_listening_on_demand_is_refused_where_the_cell_is_full(store: Store) -> None:
    async with shift(store) as one:
        _, attempt, _ = await one.talking()
        await cell_holds(one, 2)
        refused = await grant(one, attempt)
        assert refused == Full(Capacity.CELL_CHANNEL_LIMIT, one.place.cell_id, 2, 2)


async def test_a_call_with_parallel_detection_takes_all_it_needs_from_the_start(store: Store) -> None:
    async with shift(store, amd="parallel") as one:
        _, attempt, _ = await one.talking()
        assert (await one.used())["cell"] == 1 + 1 + 3  # agent, customer, and those that listen
        assert await grant(one, attempt) is None
        assert (await one.used())["cell"] == 5


@pytest.mark.parametrize(("amd", "needed"), [("off", 2), ("parallel", 5)])
async def test_nobody_is_rung_for_a_call_the_cell_has_no_room_for(store: Store, amd: str, needed: int) -> None:
    async with shift(store, amd=amd) as one:
        await cell_holds(one, needed - 1)
        await one.floor.set_state(one.agent, "available")
        await one.settle()
        assert not one.board.agent_calls
        assert (await one.contact("c0")).state == "waiting"
        await cell_holds(one, needed)
        one.floor.wake()
        await one.until(lambda: bool(one.board.agent_calls))
        one.board.answers(one.board.agent_calls[-1].leg)
        await one.state_is("previewing")
        await one.accepted()
        assert (await one.used())["cell"] == needed
