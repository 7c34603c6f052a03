"""A PostgreSQL that cannot be reached is told as such, whatever the driver calls it, and used again when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import select, text

from telephony.pbx.port import LiveLeg, RecordedEnd
from telephony.store.engine import Store, StoreUnavailable
from tests.support.postgres import Postgres
from tests.support.shift import found, shift
from tests.unit.test_floor_resync import attempt_of

pytestmark = pytest.mark.unit


@contextmanager
def closed(postgres: Postgres, url: str) -> Iterator[None]:
    """The database throws everybody out and lets nobody in, as while its server restarts."""
    name = url.rpartition("/")[2]
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


async def test_a_server_that_lets_nobody_in_is_unavailable_and_then_used_again(
    postgres: Postgres, postgres_url: str
) -> None:
    store = Store(postgres_url)
    try:
        assert await store.run(lambda conn: conn.execute(select(1)).scalar_one()) == 1
        with closed(postgres, postgres_url):
            for _ in range(2):  # a connection of the pool is dead, a new one is refused
                with pytest.raises(StoreUnavailable):
                    await store.run(lambda conn: conn.execute(select(1)).scalar_one())
        assert await store.run(lambda conn: conn.execute(select(1)).scalar_one()) == 1
    finally:
        await store.close()


async def test_a_connection_cut_in_the_middle_is_unavailable(postgres_url: str) -> None:
    store = Store(postgres_url)
    try:
        with pytest.raises(StoreUnavailable):
            await store.run(lambda conn: conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())")))
    finally:
        await store.close()


async def test_a_call_that_ends_during_an_outage_of_the_database_is_settled_after_it(
    postgres: Postgres, postgres_url: str
) -> None:
    store = Store(postgres_url)
    try:
        async with shift(store) as one:
            agent_leg, attempt, leg = await one.talking()
            ended = RecordedEnd(leg=leg, answered=True, rang=True, cause=16, sip=None)
            one.board.survey_now = found(live=[LiveLeg(leg=agent_leg, state="up")], ended=[ended])
            with closed(postgres, postgres_url):
                one.board.ends(leg, answered=True, rang=True)
                with pytest.raises(StoreUnavailable):
                    await one.floor.set_state(one.agent, "idle")
                await asyncio.sleep(1.5)  # the watches look in vain meanwhile
            await one.state_is("wrap_up")
            await one.floor.wrap_up(one.agent, attempt, disposition="success")
            assert (await attempt_of(one)).outcome == "TALKED"
            assert (await one.used())["tenant"] == 0
            # the watch over due contacts lives: the agent is rung for the next one
            one.board.ends(agent_leg, answered=True, rang=True)
            await one.until(lambda: len(one.board.agent_calls) == 2)
    finally:
        await store.close()
