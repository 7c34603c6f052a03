"""Lists: versioned imports of contacts into a campaign. The claim leaves out inactive and expired ones."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from telephony.store import inputs
from telephony.store.campaigns import in_teams
from telephony.store.errors import unique, unreferenced
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.rows import add, alter, check_references, given, one
from telephony.store.schema import campaigns, lists


class NewList(inputs.Input):
    campaign_id: inputs.Reference
    name: inputs.Name
    active: bool = True
    priority: inputs.Priority = 50
    expires_at: inputs.Moment | None = None


class ListChange(inputs.Input):
    name: inputs.Name | None = None
    active: bool | None = None
    priority: inputs.Priority | None = None
    expires_at: inputs.Moment | None = None


_SHOWN = tuple(
    lists.c[name] for name in ("id", "campaign_id", "name", "version", "active", "priority", "expires_at", "created_at")
)


def list_(conn: Connection, tenant_id: str, id_: str) -> Row:
    return one(conn, select(*_SHOWN).where(lists.c.id == id_, lists.c.tenant_id == tenant_id), "list")


def lists_page(
    conn: Connection,
    tenant_id: str,
    request: PageRequest,
    *,
    campaign_id: str | None = None,
    team_ids: tuple[str, ...] | None = None,
) -> Page:
    """The lists of a tenant or of one campaign; with `team_ids` only of campaigns that these teams work on."""
    statement = select(*_SHOWN).where(lists.c.tenant_id == tenant_id, in_teams(team_ids, lists.c.campaign_id))
    if campaign_id is not None:
        statement = statement.where(lists.c.campaign_id == campaign_id)
    return page(conn, statement, lists.c.id, request)


def create_list(conn: Connection, tenant_id: str, new: NewList, *, now: datetime) -> Row:
    own = campaigns.c.tenant_id == tenant_id
    check_references(conn, campaigns, [new.campaign_id], "campaign_id", "campaign", own)
    with unique(conn, "name", f"a list {new.name!r} exists already in this campaign"):
        id_ = add(conn, lists, new.model_dump() | {"tenant_id": tenant_id, "created_at": now})
    return list_(conn, tenant_id, id_)


def named_list(conn: Connection, tenant_id: str, campaign_id: str, name: str, *, now: datetime) -> Row:
    """The campaign's list of that name, one version later; a new one where there is none."""
    known = select(lists.c.id).where(
        lists.c.campaign_id == campaign_id, lists.c.tenant_id == tenant_id, lists.c.name == name
    )
    id_ = conn.execute(known).scalar_one_or_none()
    if id_ is None:
        return create_list(conn, tenant_id, NewList(campaign_id=campaign_id, name=name), now=now)
    alter(conn, lists, [lists.c.id == id_], {"version": lists.c.version + 1}, "list")
    return list_(conn, tenant_id, id_)


def change_list(conn: Connection, tenant_id: str, id_: str, change: ListChange) -> Row:
    with unique(conn, "name", f"a list {change.name!r} exists already in this campaign"):
        values = given(change, nullable=["expires_at"])
        alter(conn, lists, [lists.c.id == id_, lists.c.tenant_id == tenant_id], values, "list")
    return list_(conn, tenant_id, id_)


def delete_list(conn: Connection, tenant_id: str, id_: str) -> None:
    """Delete a list without contacts; raises `NoSuch`, `InUse`."""
    list_(conn, tenant_id, id_)
    with unreferenced(conn, "the list has contacts or imports; set active to false instead"):
        conn.execute(delete(lists).where(lists.c.id == id_))
