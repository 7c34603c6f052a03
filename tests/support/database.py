"""The fixture `store`: a fresh, migrated database, once SQLite and once PostgreSQL for every test that asks."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from telephony.store.engine import Store
from telephony.store.migrate import upgrade
from telephony.store.schema import metadata
from tests.support.postgres import Postgres, running


def _migrated(url: str) -> None:
    store = Store(url)
    upgrade(store)
    store.engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the whole run."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_migrated(postgres: Postgres) -> str:
    """The URL of a database with all tables, shared by the tests one after the other: a copy each takes 0.6 s."""
    url = postgres.create("pd_tests")
    _migrated(url)
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrated(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh SQLite file with all tables."""
    shutil.copy(sqlite_template, tmp_path / "telephony.db")
    return f"sqlite:///{tmp_path / 'telephony.db'}"


@pytest.fixture
def postgres_url(postgres_migrated: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database with all tables; several stores may open it at once."""
    yield postgres_migrated
    with psycopg.connect(postgres_migrated) as conn:
        # what a test left open must not hang the run
        conn.execute("SET lock_timeout = '5s'")
        for table in reversed(metadata.sorted_tables):
            conn.execute(f'DELETE FROM "{table.name}"')


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store(database_url)
    yield opened
    await opened.close()
