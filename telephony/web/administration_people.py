"""Users, teams and API tokens."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from pydantic import SecretStr

from telephony.dialer.errors import DialerError
from telephony.store import accounts, inputs, teams, tokens
from telephony.store.accounts import NewUser, Role, UserChange
from telephony.store.passwords import hash_password
from telephony.store.teams import NewTeam, TeamChange
from telephony.store.tokens import NewToken
from telephony.web.administration import PageQuery, tenant_of, tenant_or_installation
from telephony.web.administration_answers import Account, FreshToken, PageOf, Team, Token
from telephony.web.exchange import Exchange
from telephony.web.routes import ADMINISTRATORS, EVERYBODY, SUPERVISORS, Routes

user_routes = Routes("Users")
team_routes = Routes("Teams")
token_routes = Routes("Tokens")


class UserQuery(PageQuery):
    role: Role | None = None


class TokenQuery(PageQuery):
    user: inputs.Reference | None = None


async def _hash(password: SecretStr) -> str:
    return await asyncio.to_thread(hash_password, password.get_secret_value())


@user_routes.get("/users", "List users", roles=SUPERVISORS, answer=PageOf[Account])
async def all_users(exchange: Exchange, query: UserQuery) -> Any:
    """Supervisors see their teams. Without `?tenant=` an installation's administrator sees the installation's own."""
    tenant_id = await tenant_or_installation(exchange)
    return await exchange.run(
        lambda conn: accounts.users_page(conn, tenant_id, query.request, role=query.role, team_ids=exchange.teams)
    )


@user_routes.post(
    "/users", "Create a user", roles=ADMINISTRATORS, answer=Account, status=201, errors=("ALREADY_EXISTS",)
)
async def create_user(exchange: Exchange, body: NewUser) -> Any:
    """Agents and supervisors get a desk in the given cell, or in the only one."""
    tenant_id = await tenant_or_installation(exchange)
    password_hash = await _hash(body.password)
    return await exchange.run(
        lambda conn: accounts.create_user(conn, tenant_id, body, password_hash=password_hash, now=exchange.now)
    )


@user_routes.get("/users/{id}", "Show a user", roles=ADMINISTRATORS, answer=Account)
async def one_user(exchange: Exchange, id: str) -> Any:
    tenant_id = await tenant_or_installation(exchange)
    return await exchange.run(lambda conn: accounts.user(conn, tenant_id, id))


@user_routes.patch("/users/{id}", "Change a user", roles=ADMINISTRATORS, answer=Account, errors=("ALREADY_EXISTS",))
async def change_user(exchange: Exchange, id: str, body: UserChange) -> Any:
    """Takes effect at once. Deactivation and a new password end all sessions; a running call goes on."""
    tenant_id = await tenant_or_installation(exchange)
    password_hash = await _hash(body.password) if body.password is not None else None
    changed = await exchange.run(
        lambda conn: accounts.change_user(conn, tenant_id, id, body, password_hash=password_hash, now=exchange.now)
    )
    exchange.services.door.forget(id)
    if body.active is False or (body.role is not None and body.role not in accounts.DESK_ROLES):
        # who takes no calls, or those of another cell, is refused: there lost presence ends it
        with suppress(DialerError):
            await exchange.floor.set_state(id, "offline")
    return changed


@user_routes.delete(
    "/users/{id}", "Delete a user who never took a call", roles=ADMINISTRATORS, status=204, errors=("IN_USE",)
)
async def delete_user(exchange: Exchange, id: str) -> None:
    tenant_id = await tenant_or_installation(exchange)
    await exchange.run(lambda conn: accounts.delete_user(conn, tenant_id, id))
    exchange.services.door.forget(id)


@team_routes.get("/teams", "List teams", roles=SUPERVISORS, answer=PageOf[Team])
async def all_teams(exchange: Exchange, query: PageQuery) -> Any:
    """Supervisors see their own."""
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: teams.teams_page(conn, tenant_id, query.request, team_ids=exchange.teams))


@team_routes.post("/teams", "Create a team", roles=ADMINISTRATORS, answer=Team, status=201, errors=("ALREADY_EXISTS",))
async def create_team(exchange: Exchange, body: NewTeam) -> Any:
    tenant_id = await tenant_of(exchange)
    made = await exchange.run(lambda conn: teams.create_team(conn, tenant_id, body))
    _membership_changed(exchange, made["user_ids"])
    return made


@team_routes.get("/teams/{id}", "Show a team", roles=ADMINISTRATORS, answer=Team)
async def one_team(exchange: Exchange, id: str) -> Any:
    tenant_id = await tenant_of(exchange)
    return await exchange.run(lambda conn: teams.team(conn, tenant_id, id))


@team_routes.patch("/teams/{id}", "Change a team", roles=ADMINISTRATORS, answer=Team, errors=("ALREADY_EXISTS",))
async def change_team(exchange: Exchange, id: str, body: TeamChange) -> Any:
    """`user_ids` replaces the members; who leaves keeps the call at hand."""
    tenant_id = await tenant_of(exchange)
    before = await exchange.run(lambda conn: teams.team(conn, tenant_id, id))
    changed = await exchange.run(lambda conn: teams.change_team(conn, tenant_id, id, body))
    _membership_changed(exchange, {*before["user_ids"], *changed["user_ids"]})
    return changed


@team_routes.delete("/teams/{id}", "Delete a team", roles=ADMINISTRATORS, status=204, errors=("IN_USE",))
async def delete_team(exchange: Exchange, id: str) -> None:
    tenant_id = await tenant_of(exchange)
    before = await exchange.run(lambda conn: teams.team(conn, tenant_id, id))
    await exchange.run(lambda conn: teams.delete_team(conn, tenant_id, id))
    _membership_changed(exchange, before["user_ids"])


def _membership_changed(exchange: Exchange, user_ids: Any) -> None:
    for user_id in user_ids:
        exchange.services.door.forget(user_id)
    exchange.floor.wake()


@token_routes.get("/tokens", "List API tokens", roles=EVERYBODY, answer=PageOf[Token])
async def all_tokens(exchange: Exchange, query: TokenQuery) -> Any:
    """One's own; administrators see all, or those of `user`."""
    tenant_id, user_id = await _whose(exchange, query.user)
    return await exchange.run(lambda conn: tokens.tokens_page(conn, tenant_id, user_id, query.request))


@token_routes.post("/tokens", "Create an API token for myself", roles=EVERYBODY, answer=FreshToken, status=201)
async def create_token(exchange: Exchange, body: NewToken) -> Any:
    """It may do what its user may do, until it expires or is revoked."""
    caller = exchange.caller
    return await exchange.run(
        lambda conn: tokens.create_token(conn, caller.tenant_id, caller.user_id, body, now=exchange.now)
    )


@token_routes.delete("/tokens/{id}", "Revoke an API token", roles=EVERYBODY, status=204)
async def revoke_token(exchange: Exchange, id: str) -> None:
    tenant_id, user_id = await _whose(exchange, None)
    owner = await exchange.run(lambda conn: tokens.revoke_token(conn, tenant_id, id, user_id=user_id, now=exchange.now))
    exchange.services.door.forget(owner)


async def _whose(exchange: Exchange, asked: str | None) -> tuple[str | None, str | None]:
    """Tenant and user whose tokens are meant; no user: all of the tenant's."""
    if exchange.caller.role in ADMINISTRATORS:
        return await tenant_or_installation(exchange), asked
    return exchange.caller.tenant_id, exchange.caller.user_id


routes = (*user_routes, *team_routes, *token_routes)
