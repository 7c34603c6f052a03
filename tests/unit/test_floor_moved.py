"""An agent is moved to another cell, with the switchboard played by hand: the old desk decides nothing more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, update

from telephony.dialer.errors import Elsewhere
from telephony.store import accounts, infrastructure, schema
from telephony.store.accounts import UserChange
from telephony.store.engine import Store
from tests.support.shift import Shift, shift

pytestmark = pytest.mark.unit


async def move(one: Shift, cell_id: str) -> None:
    change = UserChange(cell_id=cell_id)
    await one.store.run(
        lambda conn: accounts.change_user(conn, one.here.tenant_id, one.agent, change, now=datetime.now(UTC))
    )


async def stored(one: Shift) -> Any:
    (row,) = await one.rows(schema.agents)
    return row


async def test_a_moved_agent_is_served_by_the_new_cell_only(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.set_state(one.agent, "idle", "lunch")

        def other(conn: Connection) -> str:
            new = infrastructure.NewCell(name="Other cell", data_center_id=one.here.data_center_id, max_channels=10)
            return str(infrastructure.create_cell(conn, new)["id"])

        await move(one, await store.run(other))
        with pytest.raises(Elsewhere):
            await one.floor.set_state(one.agent, "available")
        assert ((await stored(one)).state, one.board.orders) == ("idle", [])
        assert one.agent not in one.floor.desks

        # worked there, went offline, and is back
        await store.run(lambda conn: conn.execute(update(schema.agents).values(state="offline", idle_reason=None)))
        await move(one, one.here.cell_id)
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: bool(one.board.agent_calls))


async def test_a_desk_that_heard_nothing_of_the_move_and_the_return_begins_anew(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.set_state(one.agent, "idle", "lunch")
        await store.run(lambda conn: conn.execute(update(schema.agents).values(state="offline", idle_reason=None)))
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: bool(one.board.agent_calls))
