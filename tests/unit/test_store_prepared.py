"""Prepared statements say what SQLAlchemy's own way says; SQLite's log is worked off beside the commits."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError, NoResultFound

from telephony.model.ids import new_id
from telephony.store import checkpoint
from telephony.store.engine import Store, StoreUnavailable
from telephony.store.prepared import Prepared
from telephony.store.schema import campaigns, data_centers, tenants
from tests.support.company import NOON, company
from tests.support.shift import settings

pytestmark = pytest.mark.unit

_ONE = select(tenants).where(tenants.c.id == bindparam("tenant"))
ONE = Prepared(_ONE)
ADD = Prepared(insert(data_centers))
RENAME = Prepared(update(data_centers).where(data_centers.c.id == bindparam("key")).values(name=bindparam("new_name")))


async def test_a_row_is_what_sqlalchemy_reads(store: Store) -> None:
    def both(conn: Any) -> tuple[Any, Any]:
        tenant = company(conn).tenant_id
        return ONE(conn, {"tenant": tenant}).one(), conn.execute(_ONE, {"tenant": tenant}).one()

    mine, theirs = await store.run(both)
    assert mine._asdict() == theirs._asdict()
    assert mine.created_at == NOON  # aware, on both databases


async def test_json_comes_back_as_it_was_stored(store: Store) -> None:
    stored = settings(max_skips=7)
    read = Prepared(select(campaigns.c.settings).where(campaigns.c.id == bindparam("campaign")))

    def written(conn: Any) -> Any:
        return read(conn, {"campaign": company(conn, settings=stored).campaign_id}).scalar_one()

    assert await store.run(written) == stored.model_dump(mode="json")


async def test_changes_are_counted_and_part_of_the_transaction(store: Store) -> None:
    one, other = new_id(), new_id()

    def write(conn: Any) -> tuple[int, int]:
        ADD.many(conn, [{"id": key, "name": f"hall {key}", "max_calls": 1} for key in (one, other)])
        known = RENAME(conn, {"key": one, "new_name": "Hall"}).rowcount
        return known, RENAME(conn, {"key": new_id(), "new_name": "Hall"}).rowcount

    assert await store.run(write) == (1, 0)

    def fail(conn: Any) -> None:
        RENAME(conn, {"key": one, "new_name": "Cellar"})
        raise KeyError

    with pytest.raises(KeyError):
        await store.run(fail)
    name = select(data_centers.c.name).where(data_centers.c.id == one)
    assert await store.run(lambda conn: conn.execute(name).scalar_one()) == "Hall"


async def test_a_refusal_of_the_database_is_sqlalchemys_and_shows_no_values(store: Store) -> None:
    row = {"id": new_id(), "name": "a customer's name", "max_calls": 1}
    await store.run(lambda conn: ADD(conn, row))
    with pytest.raises(IntegrityError) as refused:
        await store.run(lambda conn: ADD(conn, row))
    assert "SQL: INSERT INTO data_centers" in str(refused.value)
    assert refused.value.params is None


async def test_no_row_where_one_is_demanded(store: Store) -> None:
    with pytest.raises(NoResultFound):
        await store.run(lambda conn: ONE(conn, {"tenant": new_id()}).one())


def test_the_log_of_a_busy_database_is_worked_off(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVERY", 5)
    store = Store(sqlite_url)
    for number in range(5):
        row = {"id": new_id(), "name": f"hall {number}", "max_calls": 1}
        store.transact(lambda conn, row=row: ADD(conn, row))  # type: ignore[misc]
    assert store._checkpoints is not None
    store._checkpoints.close()  # waits for the one under way
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    # what a reader without the log finds: the file alone
    alone = path.with_name("alone.db")
    alone.write_bytes(path.read_bytes())
    with sqlite3.connect(alone) as conn:
        assert conn.execute("SELECT count(*) FROM data_centers").fetchone() == (5,)
    conn.close()
    store.engine.dispose()


def test_a_database_in_memory_is_refused() -> None:
    with pytest.raises(StoreUnavailable, match="name a file"):
        Store("sqlite:///:memory:")


async def test_a_transaction_that_failed_leaves_the_kept_connection_as_it_was(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    row = {"id": new_id(), "name": "hall", "max_calls": 1}
    with pytest.raises(ZeroDivisionError):
        await store.run(lambda conn: (ADD(conn, row), 1 // 0))
    await store.run(lambda conn: ADD(conn, row))
    store.transact(lambda conn: ADD(conn, {**row, "id": new_id(), "name": "other"}))
    assert await store.run(lambda conn: conn.execute(select(data_centers.c.name)).scalars().all()) == ["hall", "other"]
    await store.close()
