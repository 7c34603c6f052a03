"""Tenants, users and agents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from telephony.commands import tenancy
from telephony.commands.setup import Setup, checked, everything, named, table

if TYPE_CHECKING:
    from sqlalchemy import Connection


@click.group()
def tenant() -> None:
    """The organisations of this installation."""


@tenant.command("add")
@click.argument("name")
@click.option("--max-calls", type=click.IntRange(0, 100_000), default=10, show_default=True, help="Calls at once.")
@click.option("--zone", default="UTC", show_default=True, help="Time zone whose day the daily cap counts.")
@click.pass_obj
def add_tenant(setup: Setup, name: str, max_calls: int, zone: str) -> None:
    """Add a tenant."""
    from telephony.store import tenants

    with setup.database() as store, checked():
        new = tenants.NewTenant(name=name, max_calls=max_calls, zone=zone)
        store.transact(lambda conn: tenants.create_tenant(conn, new, now=datetime.now(UTC)))
        click.echo(f"added tenant {name}")


@tenant.command("list")
@click.pass_obj
def list_tenants(setup: Setup) -> None:
    """List the tenants."""
    from telephony.store import tenants
    from telephony.store.paging import PageRequest

    with setup.database() as store:
        rows = store.transact(
            lambda conn: list(everything(lambda after: tenants.tenants_page(conn, PageRequest(after=after))))
        )
        table(("NAME", "CALLS AT ONCE", "ZONE", "ID"), ([r["name"], r["max_calls"], r["zone"], r["id"]] for r in rows))


@click.group()
def user() -> None:
    """Who may sign in."""


@user.command("add")
@click.argument("username")
@click.option("--role", type=click.Choice(["agent", "supervisor", "tenant_admin", "admin"]), required=True)
@click.option("--name", help="Name that others see; default: the user name.")
@click.option("--phone", default="", help="Name of an agent's phone in Asterisk.")
@click.option("--language", type=click.Choice(["en", "es"]), default="en", show_default=True)
@click.option("--password-file", type=click.File("rb"), help="File with the password; default: ask for it.")
@tenancy.option
@click.pass_obj
def add_user(
    setup: Setup,
    username: str,
    role: str,
    name: str | None,
    phone: str,
    language: str,
    password_file: BinaryIO | None,
    tenant_name: str | None,
) -> None:
    """Add a user. The role `admin` is for the whole installation, every other one for a tenant."""
    from telephony.store import accounts
    from telephony.store.passwords import hash_password

    with setup.database() as store, checked():
        if password_file is not None:
            password = password_file.read().decode().strip()
        else:
            password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        new = accounts.NewUser.model_validate(
            {
                "username": username,
                "name": name or username,
                "role": role,
                "password": password,
                "language": language,
                "phone": phone,
            }
        )
        hashed = hash_password(password)

        def add(conn: Connection) -> Any:
            tenant_id = None if role == "admin" else tenancy.chosen(conn, tenant_name)["id"]
            return accounts.create_user(conn, tenant_id, new, password_hash=hashed, now=datetime.now(UTC))

        store.transact(add)
        click.echo(f"added {role} {username}")


@user.command("list")
@tenancy.option
@click.pass_obj
def list_users(setup: Setup, tenant_name: str | None) -> None:
    """List the users of a tenant and the administrators of the installation."""
    with setup.database() as store:
        rows = store.transact(
            lambda conn: [*_users(conn, None), *_users(conn, tenancy.chosen(conn, tenant_name)["id"])]
        )
        table(
            ("USER", "NAME", "ROLE", "ACTIVE", "ID"),
            ([row["username"], row["name"], row["role"], row["active"], row["id"]] for row in rows),
        )


@click.group()
def agent() -> None:
    """The users who take calls."""


@agent.command("list")
@tenancy.option
@click.pass_obj
def list_agents(setup: Setup, tenant_name: str | None) -> None:
    """List agents with what they are doing."""
    with setup.database() as store:
        desks = store.transact(lambda conn: _desks(conn, tenancy.chosen(conn, tenant_name)["id"]))
        table(
            ("USER", "STATE", "REASON", "SINCE", "PHONE", "CAMPAIGN"),
            (
                [desk["user"]["username"], at["state"], at["reason"], f"{at['since']:%Y-%m-%d %H:%M:%S}Z", at["phone"],
                 at["campaign"] and at["campaign"]["name"]]
                for desk in desks if (at := desk["agent"])
            ),
        )  # fmt: skip


@agent.command("show")
@click.argument("username")
@tenancy.option
@click.pass_obj
def show_agent(setup: Setup, username: str, tenant_name: str | None) -> None:
    """Show one agent."""
    from telephony.store import views

    def read(conn: Connection) -> dict[str, Any]:
        found = named(_users(conn, tenancy.chosen(conn, tenant_name)["id"]), username, "user", key="username")
        return views.me(conn, found["id"], now=datetime.now(UTC))

    with setup.database() as store:
        desk = store.transact(read)
        if desk["agent"] is None:
            raise click.ClickException(f"{username} takes no calls, the role is {desk['user']['role']}")
        call = desk["call"] or {}
        shown = {**desk["agent"], "campaign": (desk["agent"]["campaign"] or {}).get("name")}
        table(("WHAT", "VALUE"), [*shown.items(), ("call", call.get("id")), ("call state", call.get("state"))])


def _users(conn: Connection, tenant_id: str | None) -> list[dict[str, Any]]:
    from telephony.store import accounts
    from telephony.store.paging import PageRequest

    return list(everything(lambda after: accounts.users_page(conn, tenant_id, PageRequest(after=after))))


def _desks(conn: Connection, tenant_id: str) -> list[dict[str, Any]]:
    from telephony.store import views

    now = datetime.now(UTC)
    return [views.me(conn, row["id"], now=now) for row in _users(conn, tenant_id) if row["cell_id"] is not None]
