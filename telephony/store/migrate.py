"""Bring a database to the schema of this code, at every start of the service.

All versions run in one transaction: a start that is killed leaves the former schema. Two services that start
at once take turns (SQLite: BEGIN IMMEDIATE, PostgreSQL: an advisory lock); the second finds nothing to do.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from telephony.store.engine import Store

ADVISORY_LOCK = 0x7064_6961_6C  # "pdial"; any number that nothing else in this database uses


class DatabaseTooNew(Exception):
    """The database was written by a later version of this program; the text says what to do."""


def configuration() -> Config:
    """Alembic's settings, made here because the package brings no ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def upgrade(store: Store) -> None:
    """Create or update all tables; blocks, for a few milliseconds when nothing is to be done.

    Raises `DatabaseTooNew`, and SQLAlchemy's own errors where the database cannot be reached.
    """
    config = configuration()
    versions = ScriptDirectory.from_config(config)
    with store.engine.begin() as conn:
        if not store.is_sqlite:
            conn.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        current = MigrationContext.configure(conn).get_current_revision()
        if current == versions.get_current_head():
            return
        if current is not None and current not in {version.revision for version in versions.walk_revisions()}:
            raise DatabaseTooNew(
                f"the database {store.url} has schema version {current!r}, which this program does not know; "
                "start the newer program it was made with, or use another database"
            )
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
