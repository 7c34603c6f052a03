"""What the database holds of customers stays there: not in the log, not for every user of the machine."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from telephony import logs
from telephony.settings import Log
from telephony.store.engine import Store
from telephony.store.schema import contacts

pytestmark = pytest.mark.unit


async def test_a_failed_statement_is_logged_without_its_values(store: Store) -> None:
    # PostgreSQL's own text has the whole row in it
    row = {"id": "x", "name": "Harriet Stone"}
    with pytest.raises(DBAPIError) as failed:
        await store.run(lambda conn: conn.execute(contacts.insert().values(row)))
    exc_info = (DBAPIError, failed.value, failed.tb)
    record = logging.makeLogRecord({"name": "x", "levelname": "ERROR", "msg": "it failed", "exc_info": exc_info})
    for json_lines in (False, True):
        text = logs.formatter(Log(json_lines=json_lines)).format(record)
        assert "IntegrityError" in text
        assert "in _transact" in text
        assert "Harriet" not in text


async def test_a_new_sqlite_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    await store.run(lambda conn: conn.execute(select(1)).scalar_one())
    files = await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
    assert [one.name for one in files if one.stat().st_mode & 0o077] == []
    await store.close()
