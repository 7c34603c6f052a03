"""What people look at has a way of its own to the database."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from telephony.store.engine import Store
from telephony.store.paging import PageRequest
from telephony.store.tenants import NewTenant, create_tenant, tenants_page
from tests.support.company import NOON

pytestmark = pytest.mark.unit


def names(conn: Connection) -> list[str]:
    return [row["name"] for row in tenants_page(conn, PageRequest()).items]


def found(conn: Connection) -> None:
    create_tenant(conn, NewTenant(name="Acme", max_calls=1), now=NOON)


async def test_no_change_waits_for_a_long_read(store: Store) -> None:
    begun, enough = threading.Event(), threading.Event()

    def long(conn: Connection) -> list[str]:
        before = names(conn)
        begun.set()
        assert enough.wait(30)
        return before

    reading = asyncio.create_task(store.read(long))
    await asyncio.to_thread(begun.wait, 30)
    async with asyncio.timeout(20):
        await store.run(found)
    enough.set()
    assert await reading == []
    assert await store.read(names) == ["Acme"]  # at once, what was committed


async def test_a_read_on_sqlite_can_change_nothing(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    with pytest.raises(OperationalError, match="readonly"):
        await store.read(lambda conn: conn.execute(text("DELETE FROM tenants")) and None)
    await store.close()
