"""Which tenant a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telephony.commands.setup import everything, named

if TYPE_CHECKING:
    from sqlalchemy import Connection

option = click.option("--tenant", "tenant_name", help="Name of the tenant; needed where there are several.")


def chosen(conn: Connection, name: str | None) -> dict[str, Any]:
    """The tenant of that name, or the only one there is."""
    from telephony.store import tenants
    from telephony.store.paging import PageRequest

    known = list(everything(lambda after: tenants.tenants_page(conn, PageRequest(after=after))))
    if name is None:
        if len(known) == 1:
            return known[0]
        if not known:
            raise click.ClickException("there is no tenant yet; add one with: telephony tenant add NAME")
        raise click.UsageError(f"say which tenant with --tenant: {', '.join(row['name'] for row in known)}")
    return named(known, name, "tenant")
