"""The database is brought to the code's schema at the start, whichever it is and however many start at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from telephony.store.engine import Store
from telephony.store.migrate import DatabaseTooNew, upgrade
from telephony.store.schema import metadata
from tests.support.postgres import Postgres

pytestmark = pytest.mark.unit


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'fresh.db'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    yield postgres.create("pd_empty")
    postgres.drop("pd_empty")


@pytest.fixture
def empty(empty_url: str) -> Iterator[Store]:
    store = Store(empty_url)
    yield store
    store.engine.dispose()


def test_a_fresh_database_gets_exactly_the_schema_of_the_code(empty: Store) -> None:
    upgrade(empty)

    with empty.engine.connect() as conn:
        # Alembic cannot compare the defaults of text columns on SQLite; both databases run the same statements
        defaults = not empty.is_sqlite
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": defaults})
        assert compare_metadata(context, metadata) == []
        for table in metadata.tables.values():
            keys = inspect(conn).get_pk_constraint(table.name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key]


def test_the_second_start_changes_nothing(empty: Store) -> None:
    upgrade(empty)
    with empty.engine.begin() as conn:
        conn.execute(text("INSERT INTO data_centers (id, name, max_calls) VALUES ('1', 'London', 10)"))

    upgrade(empty)

    with empty.engine.connect() as conn:
        assert conn.execute(text("SELECT name FROM data_centers")).scalars().all() == ["London"]


def test_a_database_of_a_later_version_is_refused_with_the_reason(empty: Store) -> None:
    upgrade(empty)
    with empty.engine.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = 'later'"))

    with pytest.raises(DatabaseTooNew, match=r"'later'.*start the newer program"):
        upgrade(empty)


def test_three_services_may_start_at_once_on_an_empty_database(empty_url: str) -> None:
    program = (
        "from telephony.store.engine import Store; from telephony.store.migrate import upgrade; "
        f"upgrade(Store({empty_url!r}))"
    )
    starts = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(3)]

    errors = [start.communicate(timeout=60)[1].decode() for start in starts]

    assert [start.returncode for start in starts] == [0, 0, 0], errors
