"""Looking at everything the service stands on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from telephony.commands.setup import Setup

if TYPE_CHECKING:
    from telephony.pbx.doctor import Finding
    from telephony.settings import Settings
    from telephony.store.engine import Store


@click.command()
@click.pass_obj
def doctor(setup: Setup) -> None:
    """Check the database and the PBX: one line each, a remedy for each failure, exit code 1 if there is one.

    It can run beside the service and rings no telephone.
    """
    findings = _findings(setup.settings)
    good = True
    for finding in findings:
        click.echo(str(finding))
        good = good and finding.ok
    sys.exit(0 if good else 1)


def _findings(settings: Settings) -> Iterator[Finding]:
    from telephony.pbx.audio_folder import AudioFolder
    from telephony.pbx.doctor import Finding, PbxDoctor

    fact, remedy, dials, users = _database(settings)
    yield Finding(name="database", fact=fact, remedy=remedy)
    yield _converter()
    secret = settings.ami.secret.get_secret_value()
    if not secret:
        yield Finding(
            name="ami", fact="ami.secret is not set", remedy="set TELEPHONY_AMI_SECRET or TELEPHONY_AMI_SECRET_FILE"
        )
        return
    yield from PbxDoctor(
        host=settings.ami.host,
        port=settings.ami.port,
        username=settings.ami.username,
        secret=secret,
        fastagi_host=settings.fastagi.host,
        fastagi_port=settings.fastagi.port,
        fastagi_address=settings.fastagi.address,
        ears_host=settings.ears.host,
        ears_port=settings.ears.port,
        ears_address=settings.ears.address,
        audio=AudioFolder.of(settings),
        phones_host=settings.phones.host,
        phones_port=settings.phones.port,
        phones_secret=settings.phones.secret.get_secret_value(),
        dials=dials,
        users=users,
    ).findings()


def _converter() -> Finding:
    from telephony.pbx.doctor import Finding
    from telephony.pbx.message_file import TOOLS, missing_tools

    if missing := missing_tools():
        fact = f"uploaded messages cannot be converted: {' and '.join(missing)} missing here"
        return Finding(name="messages", fact=fact, remedy=f"apt-get install {' '.join(missing)}")
    return Finding(name="messages", fact=f"uploaded messages are converted by {' under '.join(TOOLS)}")


def _database(settings: Settings) -> tuple[str, str, list[str], list[str]]:
    """What is to be said of the database, the remedy, the trunks' dial templates and agents' names; changes nothing."""
    from sqlalchemy import select
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    from telephony.store.engine import Store, StoreUnavailable
    from telephony.store.schema import agents, trunks, users

    try:
        url = make_url(settings.database_url)
        if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
            return _no_file_yet(Path(url.database))
        store = Store(settings.database_url)
        try:
            current, behind = _schema(store)
            if behind is None:
                return f"{store.url} has a schema of a newer version", "use the newer program it was made with", [], []
            if behind:
                return f"{store.url} has an older schema", "start `telephony serve`, which updates it", [], []
            with store.engine.connect() as conn:
                dials = list(conn.scalars(select(trunks.c.dial_template).where(trunks.c.enabled).order_by(trunks.c.id)))
                named = select(users.c.username).join(agents, agents.c.id == users.c.id).where(users.c.active)
                names = list(conn.scalars(named.order_by(users.c.username)))
        finally:
            store.engine.dispose()
    except (StoreUnavailable, SQLAlchemyError, OSError) as error:
        remedy = "make database_url name a database that runs and lets this user in"
        return f"cannot be used: {str(error).splitlines()[0]}", remedy, [], []
    return f"{store.url} is there, schema {current}, {len(dials)} trunk(s)", "", dials, names


def _schema(store: Store) -> tuple[str | None, bool | None]:
    """The database's schema version, and whether it is behind this program's; None: of a version not known here."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from telephony.store.migrate import configuration

    versions = ScriptDirectory.from_config(configuration())
    with store.engine.connect() as conn:
        current = MigrationContext.configure(conn).get_current_revision()
    if current is not None and current not in {version.revision for version in versions.walk_revisions()}:
        return current, None
    return current, current != versions.get_current_head()


def _no_file_yet(path: Path) -> tuple[str, str, list[str], list[str]]:
    """Where the service will make its file at the first start."""
    folder = next(parent for parent in path.resolve().parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{path} cannot be made in {folder}", "let the service's user write there, or change data_dir", [], []
    return f"{path} is not there yet; `telephony serve` makes it", "", [], []
