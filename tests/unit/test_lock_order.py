"""PostgreSQL: what many transactions share is locked in one order, so that no two wait for each other."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from sqlalchemy import update

from telephony.store import schema
from telephony.store.engine import Store
from tests.support.shift import shift

pytestmark = pytest.mark.unit

LOCK = "SELECT used FROM usage WHERE scope = 'trunk' AND scope_id = %s FOR UPDATE"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_the_next_trunk_and_the_failed_one_are_locked_in_the_order_of_all(postgres_url: str) -> None:
    store = Store(postgres_url)
    async with shift(store) as one:
        await one.second_trunk()
        ids = sorted(row.id for row in await one.rows(schema.trunks))
        # the later one in the common order is tried first, as in another cell it may be the other way round
        later = update(schema.trunks).where(schema.trunks.c.id == ids[1]).values(position=0)
        await store.run(lambda conn: conn.execute(later) and None)
        await one.reserved()
        _, first = await one.accepted()
        one.board.appears(first)
        async with (
            await psycopg.AsyncConnection.connect(postgres_url) as other,
            await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as third,
        ):
            await other.execute(LOCK, [ids[0]])
            one.board.ends(first, cause=34, sip=503)
            async with asyncio.timeout(20):
                while (await (await third.execute(WAITING)).fetchone()) != (1,):  # noqa: ASYNC110 - told by nobody
                    await asyncio.sleep(0.01)
            await third.execute(f"{LOCK} NOWAIT", [ids[1]])  # who waits for the first one does not hold the second
        await one.until(lambda: len(one.board.customer_calls) == 2)
    await store.close()
