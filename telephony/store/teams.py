"""Teams: which agents work which campaigns, and what a supervisor may see."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection, delete, insert, select

from telephony.store import inputs
from telephony.store.errors import unique, unreferenced
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.rows import add, alter, check_references, given, one
from telephony.store.schema import team_members, teams, users

UserIds = Annotated[tuple[inputs.Reference, ...], Field(max_length=5000)]


class NewTeam(inputs.Input):
    name: inputs.Name
    user_ids: UserIds = ()


class TeamChange(inputs.Input):
    name: inputs.Name | None = None
    user_ids: UserIds | None = None


_SHOWN = (teams.c.id, teams.c.name)


def _with_members(conn: Connection, rows: list[Row]) -> list[Row]:
    found: dict[str, list[str]] = {row["id"]: [] for row in rows}
    for team_id, user_id in conn.execute(
        select(team_members).where(team_members.c.team_id.in_(list(found))).order_by(team_members.c.user_id)
    ):
        found[team_id].append(user_id)
    return [row | {"user_ids": found[row["id"]]} for row in rows]


def team(conn: Connection, tenant_id: str, id_: str) -> Row:
    row = one(conn, select(*_SHOWN).where(teams.c.id == id_, teams.c.tenant_id == tenant_id), "team")
    return _with_members(conn, [row])[0]


def teams_page(
    conn: Connection, tenant_id: str, request: PageRequest, *, team_ids: tuple[str, ...] | None = None
) -> Page:
    """The teams of a tenant; with `team_ids` only these."""
    statement = select(*_SHOWN).where(teams.c.tenant_id == tenant_id)
    if team_ids is not None:
        statement = statement.where(teams.c.id.in_(team_ids))
    found = page(conn, statement, teams.c.id, request)
    return Page(_with_members(conn, found.items), found.next)


def create_team(conn: Connection, tenant_id: str, new: NewTeam) -> Row:
    with unique(conn, "name", f"a team {new.name!r} exists already"):
        id_ = add(conn, teams, {"tenant_id": tenant_id, "name": new.name})
    _set_members(conn, tenant_id, id_, new.user_ids)
    return team(conn, tenant_id, id_)


def change_team(conn: Connection, tenant_id: str, id_: str, change: TeamChange) -> Row:
    """Rename a team or replace its members; who leaves keeps the call at hand."""
    values = given(change, "user_ids")
    with unique(conn, "name", f"a team {change.name!r} exists already"):
        alter(conn, teams, [teams.c.id == id_, teams.c.tenant_id == tenant_id], values, "team")
    if change.user_ids is not None:
        conn.execute(delete(team_members).where(team_members.c.team_id == id_))
        _set_members(conn, tenant_id, id_, change.user_ids)
    return team(conn, tenant_id, id_)


def delete_team(conn: Connection, tenant_id: str, id_: str) -> None:
    team(conn, tenant_id, id_)
    with unreferenced(conn, "campaigns still have this team; take it out of them first"):
        conn.execute(delete(team_members).where(team_members.c.team_id == id_))
        conn.execute(delete(teams).where(teams.c.id == id_))


def _set_members(conn: Connection, tenant_id: str, id_: str, user_ids: tuple[str, ...]) -> None:
    check_references(conn, users, user_ids, "user_ids", "user", users.c.tenant_id == tenant_id)
    if user_ids:
        conn.execute(insert(team_members), [{"team_id": id_, "user_id": one_} for one_ in dict.fromkeys(user_ids)])
