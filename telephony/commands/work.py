"""Campaigns and the trunks their calls go out by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from telephony.commands import tenancy
from telephony.commands.setup import Setup, everything, named, table

if TYPE_CHECKING:
    from sqlalchemy import Connection


@click.group()
def campaign() -> None:
    """Campaigns: look, start, stop."""


@campaign.command("list")
@tenancy.option
@click.pass_obj
def list_campaigns(setup: Setup, tenant_name: str | None) -> None:
    """List campaigns with how many contacts are waiting and done."""
    with setup.database() as store:
        rows = store.transact(lambda conn: _campaigns(conn, tenancy.chosen(conn, tenant_name)["id"]))
        table(
            ("NAME", "RUNNING", "PRIORITY", "MODE", "WAITING", "DONE", "ALL"),
            (
                [row["name"], row["running"], row["priority"], row["settings"]["mode"], row["counts"]["waiting"],
                 row["counts"]["done"], sum(row["counts"].values())]
                for row in rows
            ),
        )  # fmt: skip


@campaign.command("show")
@click.argument("name")
@tenancy.option
@click.pass_obj
def show_campaign(setup: Setup, name: str, tenant_name: str | None) -> None:
    """Show one campaign with its contacts by state and all its settings."""
    with setup.database() as store:
        found = store.transact(lambda conn: _one(conn, name, tenant_name)[1])
        facts = [(key, found[key]) for key in ("name", "id", "running", "priority")]
        counts = [(f"contacts {state}", count) for state, count in found["counts"].items()]
        table(("WHAT", "VALUE"), [*facts, *counts, *found["settings"].items()])


@campaign.command()
@click.argument("name")
@tenancy.option
@click.pass_obj
def start(setup: Setup, name: str, tenant_name: str | None) -> None:
    """Start a campaign; a running service sees it within seconds."""
    _run(setup, name, tenant_name, running=True)


@campaign.command("stop")
@click.argument("name")
@tenancy.option
@click.pass_obj
def stop_campaign(setup: Setup, name: str, tenant_name: str | None) -> None:
    """Stop a campaign: no new contacts; an open one can no longer be accepted, calls that are up go on."""
    _run(setup, name, tenant_name, running=False)


def _run(setup: Setup, name: str, tenant_name: str | None, *, running: bool) -> None:
    from telephony.store import campaigns, outbox
    from telephony.store.work import Work

    def change(conn: Connection) -> None:
        tenant_id, found = _one(conn, name, tenant_name)
        work = Work(conn, datetime.now(UTC))
        campaigns.run_campaign(work, tenant_id, found["id"], running=running)
        outbox.write(conn, work.events, work.now)

    with setup.database() as store:
        store.transact(change)
        click.echo(f"{name} is {'running' if running else 'stopped'}")


@click.group()
def trunk() -> None:
    """The ways out: look."""


@trunk.command("list")
@click.pass_obj
def list_trunks(setup: Setup) -> None:
    """List the trunks in the order they are tried."""
    with setup.database() as store:
        rows = sorted(store.transact(_trunks), key=lambda row: (row["position"], row["name"]))
        table(
            ("NAME", "DIALS", "CHANNELS", "CALLS PER SECOND", "ENABLED"),
            (
                [row["name"], row["dial_template"], row["max_channels"], row["max_calls_per_second"], row["enabled"]]
                for row in rows
            ),
        )


@trunk.command("show")
@click.argument("name")
@click.pass_obj
def show_trunk(setup: Setup, name: str) -> None:
    """Show one trunk."""
    with setup.database() as store:
        table(("WHAT", "VALUE"), named(store.transact(_trunks), name, "trunk").items())


def _campaigns(conn: Connection, tenant_id: str) -> list[dict[str, Any]]:
    from telephony.store import campaigns
    from telephony.store.paging import PageRequest

    return list(everything(lambda after: campaigns.campaigns_page(conn, tenant_id, PageRequest(after=after))))


def _one(conn: Connection, name: str, tenant_name: str | None) -> tuple[str, dict[str, Any]]:
    tenant_id: str = tenancy.chosen(conn, tenant_name)["id"]
    return tenant_id, named(_campaigns(conn, tenant_id), name, "campaign")


def _trunks(conn: Connection) -> list[dict[str, Any]]:
    from telephony.store import trunks
    from telephony.store.paging import PageRequest

    return list(everything(lambda after: trunks.trunks_page(conn, None, PageRequest(after=after))))
