"""How many calls and channels may be up at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from telephony.commands.setup import Setup, named, table

if TYPE_CHECKING:
    from sqlalchemy import Connection

SCOPES = ("tenant", "data_center", "trunk", "cell")


@click.group()
def limit() -> None:
    """The limits of tenants, data centers, trunks and cells."""


@limit.command("list")
@click.pass_obj
def list_limits(setup: Setup) -> None:
    """List every limit with how many are up under it."""
    from telephony.store import views

    with setup.database() as store:
        rows = store.transact(lambda conn: views.limits(conn, None, now=datetime.now(UTC)))
        table(("SCOPE", "NAME", "LIMIT", "UP"), ([r["scope"], r["name"], r["limit"], r["used"]] for r in rows))


@limit.command("set")
@click.argument("scope", type=click.Choice(SCOPES))
@click.argument("name")
@click.argument("value", type=click.IntRange(0, 100_000))
@click.pass_obj
def set_limit(setup: Setup, scope: str, name: str, value: int) -> None:
    """Set how many may be up: calls of a tenant or data center, channels of a trunk or cell.

    It counts from the next call on. A limit below its use lets running calls go on.
    """
    with setup.database() as store:
        store.transact(lambda conn: _set(conn, scope, name, value))
        click.echo(f"{scope} {name}: {value}")


def _set(conn: Connection, scope: str, name: str, value: int) -> Any:
    from telephony.store import infrastructure, tenants, trunks, views

    shown = views.limits(conn, None, now=datetime.now(UTC))
    id_ = named((row for row in shown if row["scope"] == scope), name, scope.replace("_", " "))["id"]
    match scope:
        case "tenant":
            return tenants.change_tenant(conn, id_, tenants.TenantChange(max_calls=value))
        case "data_center":
            return infrastructure.change_data_center(conn, id_, infrastructure.DataCenterChange(max_calls=value))
        case "trunk":
            return trunks.change_trunk(conn, id_, trunks.TrunkChange(max_channels=value))
        case _:
            return infrastructure.change_cell(conn, id_, infrastructure.CellChange(max_channels=value))
