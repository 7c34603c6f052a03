"""Users of an installation: who they are, what they may do, and the desk of those who take calls.

A user without tenant is an administrator of the whole installation. Deactivating a user or giving a new
password ends all of the user's sessions; a changed role counts from the next request on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints
from sqlalchemy import Connection, Select, delete, exists, insert, select, update

from telephony.model.agent import AgentState
from telephony.store import inputs
from telephony.store.agents import has_call_up
from telephony.store.errors import Invalid, unique, unreferenced
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.phones import follow_name, give_phone
from telephony.store.rows import add, alter, given, one
from telephony.store.schema import agents, cells, sessions, team_members, tokens, users


class Role(StrEnum):
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    TENANT_ADMIN = "tenant_admin"
    ADMIN = "admin"


DESK_ROLES = frozenset({Role.AGENT, Role.SUPERVISOR})
"""Roles that have a desk: a phone, a state, calls."""

Language = Literal["en", "es"]
Username = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,119}$", to_lower=True)]
Password = Annotated[SecretStr, Field(min_length=8, max_length=200)]


class NewUser(inputs.Input):
    username: Username
    name: inputs.Name
    role: Role
    password: Password
    language: Language = "en"
    cell_id: inputs.Reference | None = Field(default=None, description="an agent's cell; the only one when left out")
    phone: inputs.Endpoint = Field(default="", description="name of the phone's endpoint in the cell's Asterisk")


class UserChange(inputs.Input):
    username: Username | None = None
    name: inputs.Name | None = None
    role: Role | None = None
    password: Password | None = None
    language: Language | None = None
    active: bool | None = None
    cell_id: inputs.Reference | None = None
    phone: inputs.Endpoint | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    user_id: str
    password_hash: str


def _select() -> Select[tuple[object, ...]]:
    shown = (users.c[name] for name in ("id", "tenant_id", "username", "name", "role", "language", "active"))
    return select(*shown, users.c.created_at, agents.c.cell_id, agents.c.phone).select_from(
        users.outerjoin(agents, agents.c.id == users.c.id)
    )


def user(conn: Connection, tenant_id: str | None, user_id: str) -> Row:
    """A user of a tenant (None: of the installation itself)."""
    return one(conn, _select().where(users.c.id == user_id, users.c.tenant_id.is_not_distinct_from(tenant_id)), "user")


def users_page(
    conn: Connection,
    tenant_id: str | None,
    request: PageRequest,
    *,
    role: Role | None = None,
    team_ids: tuple[str, ...] | None = None,
) -> Page:
    """The users of a tenant (None: of the installation itself); with `team_ids` only members of these teams."""
    statement = _select().where(users.c.tenant_id.is_not_distinct_from(tenant_id))
    if team_ids is not None:
        members = exists().where(team_members.c.user_id == users.c.id, team_members.c.team_id.in_(team_ids))
        statement = statement.where(members)
    if role is not None:
        statement = statement.where(users.c.role == role.value)
    return page(conn, statement, users.c.id, request)


def create_user(conn: Connection, tenant_id: str | None, new: NewUser, *, password_hash: str, now: datetime) -> Row:
    """Add a user, with a desk for agents and supervisors; raises `Invalid` and `Taken`."""
    _check_role(tenant_id, new.role)
    with unique(conn, "username", f"the user name {new.username!r} is taken"):
        user_id = add(
            conn,
            users,
            {
                "tenant_id": tenant_id,
                "username": new.username,
                "name": new.name,
                "password_hash": password_hash,
                "role": new.role.value,
                "language": new.language,
                "created_at": now,
            },
        )
    if new.role in DESK_ROLES:
        _give_desk(conn, tenant_id, user_id, new.cell_id, new.phone, now)
    elif new.cell_id or new.phone:
        raise Invalid("cell_id" if new.cell_id else "phone", f"a {new.role.value} takes no calls")
    return user(conn, tenant_id, user_id)


def change_user(
    conn: Connection,
    tenant_id: str | None,
    user_id: str,
    change: UserChange,
    *,
    password_hash: str | None = None,
    now: datetime,
) -> Row:
    """Change a user; `password_hash` is the hash of a changed password. Raises `NoSuch`, `Invalid`, `Taken`."""
    values = given(change, "password", "cell_id", "phone")
    if change.role is not None:
        _check_role(tenant_id, change.role)
        values["role"] = change.role.value
    if password_hash is not None:
        values["password_hash"] = password_hash
    owned = (users.c.id == user_id, users.c.tenant_id.is_not_distinct_from(tenant_id))
    with unique(conn, "username", f"the user name {change.username!r} is taken"):
        alter(conn, users, owned, values, "user")
    if change.username is not None:
        follow_name(conn, user_id)
    if change.active is False or password_hash is not None:
        conn.execute(delete(sessions).where(sessions.c.user_id == user_id))
    _change_desk(conn, tenant_id, user_id, change, now)
    return user(conn, tenant_id, user_id)


def set_language(conn: Connection, user_id: str, language: Language) -> None:
    """The language that a user is answered in."""
    conn.execute(update(users).where(users.c.id == user_id).values(language=language))


def delete_user(conn: Connection, tenant_id: str | None, user_id: str) -> None:
    """Delete a user who never took a call; others can be deactivated. Raises `NoSuch`, `InUse`."""
    user(conn, tenant_id, user_id)
    with unreferenced(conn, "the user has calls in the records; set active to false instead"):
        for table, column in (
            (sessions, sessions.c.user_id),
            (tokens, tokens.c.user_id),
            (team_members, team_members.c.user_id),
            (agents, agents.c.id),
            (users, users.c.id),
        ):
            conn.execute(delete(table).where(column == user_id))


def credentials(conn: Connection, username: str) -> Credentials | None:
    """What a sign-in is checked against; None for an unknown or deactivated user."""
    if not username.isprintable():
        return None  # PostgreSQL refuses to compare a text with NUL
    row = conn.execute(
        select(users.c.id, users.c.password_hash).where(users.c.username == username.lower(), users.c.active)
    ).one_or_none()
    return Credentials(row.id, row.password_hash) if row else None


def _check_role(tenant_id: str | None, role: Role) -> None:
    if (role is Role.ADMIN) != (tenant_id is None):
        raise Invalid("role", "the role admin is for users without tenant, every other role for users of a tenant")


def _change_desk(conn: Connection, tenant_id: str | None, user_id: str, change: UserChange, now: datetime) -> None:
    has_desk = conn.execute(select(agents.c.id).where(agents.c.id == user_id)).first() is not None
    if not has_desk:
        if change.role in DESK_ROLES:
            _give_desk(conn, tenant_id, user_id, change.cell_id, change.phone or "", now)
        elif change.cell_id or change.phone:
            raise Invalid("cell_id" if change.cell_id else "phone", "this user takes no calls")
        return
    if change.cell_id is not None:
        _move_desk(conn, user_id, change.cell_id)
    if change.phone is not None:
        give_phone(conn, user_id, change.phone)


def _move_desk(conn: Connection, user_id: str, cell_id: str) -> None:
    _check_cell(conn, cell_id)
    rests = agents.c.state.in_((AgentState.OFFLINE.value, AgentState.IDLE.value)) & ~has_call_up(agents.c.id)
    moved = conn.execute(
        update(agents).where(agents.c.id == user_id, (agents.c.cell_id == cell_id) | rests).values(cell_id=cell_id)
    )
    if moved.rowcount == 0:
        text = "the agent must be offline or idle, with no call or message still up, to move to another cell"
        raise Invalid("cell_id", text)


def _give_desk(
    conn: Connection, tenant_id: str | None, user_id: str, cell_id: str | None, phone: str, now: datetime
) -> None:
    if cell_id is None:
        found = conn.execute(select(cells.c.id).limit(2)).scalars().all()
        if len(found) != 1:
            raise Invalid("cell_id", "say which cell: there is more than one" if found else "there is no cell yet")
        cell_id = found[0]
    else:
        _check_cell(conn, cell_id)
    conn.execute(insert(agents).values(id=user_id, tenant_id=tenant_id, cell_id=cell_id, phone="", state_since=now))
    give_phone(conn, user_id, phone)


def _check_cell(conn: Connection, cell_id: str) -> None:
    if conn.execute(select(cells.c.id).where(cells.c.id == cell_id)).first() is None:
        raise Invalid("cell_id", f"there is no cell {cell_id}")
