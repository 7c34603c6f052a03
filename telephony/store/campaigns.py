"""Campaigns: their settings, teams and whether they run.

Settings are validated as a whole, whatever part of them is changed, and count from the next offer on. When the
calling hours change, `due_from` marks the campaign: `telephony.store.due` then works through its contacts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema
from sqlalchemy import ColumnElement, Connection, delete, exists, insert, or_, select, true, update

from telephony.model.campaign import CampaignSettings
from telephony.model.contact import ContactState
from telephony.store import inputs, messages
from telephony.store.errors import InUse, Invalid, unique, unreferenced
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.rows import add, alter, check_references, given, one
from telephony.store.schema import (
    campaign_teams,
    campaigns,
    contact_counts,
    contacts,
    import_rejections,
    imports,
    lists,
    numbers,
    teams,
    trunks,
)
from telephony.store.work import Work

TeamIds = Annotated[tuple[inputs.Reference, ...], Field(max_length=500)]
HOURS = ("calling_hours", "holidays")


_SOME_SETTINGS = {
    "anyOf": [{"$ref": "#/components/schemas/CampaignSettings"}, {"type": "null"}],
    "default": None,
    "description": "any of the settings, with the ranges they have in a new campaign; the others stay as they are",
}


class NewCampaign(inputs.Input):
    name: inputs.Name
    priority: inputs.Priority = 50
    settings: CampaignSettings = CampaignSettings()
    team_ids: TeamIds = ()


class CampaignChange(inputs.Input):
    """`settings` names only what changes; the rest stays."""

    name: inputs.Name | None = None
    priority: inputs.Priority | None = None
    settings: Annotated[dict[str, Any] | None, WithJsonSchema(_SOME_SETTINGS)] = None
    team_ids: TeamIds | None = None


class _Settings(inputs.Input):
    settings: CampaignSettings


_SHOWN = tuple(campaigns.c[name] for name in ("id", "name", "running", "priority", "settings", "version", "created_at"))


def in_teams(team_ids: tuple[str, ...] | None, campaign_id: ColumnElement[str] = campaigns.c.id) -> ColumnElement[bool]:
    """True where one of these teams works on the campaign; None: always."""
    if team_ids is None:
        return true()
    return exists().where(campaign_teams.c.campaign_id == campaign_id, campaign_teams.c.team_id.in_(team_ids))


def _with_details(conn: Connection, rows: list[Row]) -> list[Row]:
    ids = [row["id"] for row in rows]
    team_ids: dict[str, list[str]] = {id_: [] for id_ in ids}
    counts = {id_: dict.fromkeys((state.value for state in ContactState), 0) for id_ in ids}
    for campaign_id, team_id in conn.execute(
        select(campaign_teams).where(campaign_teams.c.campaign_id.in_(ids)).order_by(campaign_teams.c.team_id)
    ):
        team_ids[campaign_id].append(team_id)
    for campaign_id, state, number in conn.execute(select(contact_counts).where(contact_counts.c.campaign_id.in_(ids))):
        counts[campaign_id][state] = number
    sounds = messages.of_campaigns(conn, ids)
    return [row | {"team_ids": team_ids[row["id"]], "counts": counts[row["id"]], **sounds[row["id"]]} for row in rows]


def campaign(conn: Connection, tenant_id: str, id_: str, *, team_ids: tuple[str, ...] | None = None) -> Row:
    """A campaign of the tenant; with `team_ids` only one that one of these teams works on."""
    statement = select(*_SHOWN).where(campaigns.c.id == id_, campaigns.c.tenant_id == tenant_id, in_teams(team_ids))
    return _with_details(conn, [one(conn, statement, "campaign")])[0]


def campaigns_page(
    conn: Connection, tenant_id: str, request: PageRequest, *, team_ids: tuple[str, ...] | None = None
) -> Page:
    """The campaigns of a tenant; with `team_ids` only those that one of these teams works on."""
    statement = select(*_SHOWN).where(campaigns.c.tenant_id == tenant_id, in_teams(team_ids))
    found = page(conn, statement, campaigns.c.id, request)
    return Page(_with_details(conn, found.items), found.next)


def settings_of(conn: Connection, campaign_id: str) -> CampaignSettings:
    stored = conn.execute(select(campaigns.c.settings).where(campaigns.c.id == campaign_id)).scalar_one()
    return CampaignSettings.stored(stored)


def create_campaign(conn: Connection, tenant_id: str, new: NewCampaign, *, now: datetime) -> Row:
    """Add a stopped campaign; raises `Invalid`, `Taken`."""
    _check_caller_id(conn, tenant_id, new.settings)
    with unique(conn, "name", f"a campaign {new.name!r} exists already"):
        id_ = add(
            conn,
            campaigns,
            {
                "tenant_id": tenant_id,
                "name": new.name,
                "priority": new.priority,
                "settings": new.settings.model_dump(mode="json"),
                "created_at": now,
            },
        )
    _set_teams(conn, tenant_id, id_, new.team_ids)
    return campaign(conn, tenant_id, id_)


def change_campaign(conn: Connection, tenant_id: str, id_: str, change: CampaignChange) -> Row:
    """Change a campaign and raise its version; raises `NoSuch`, `Invalid`, `ValidationError`, `Taken`."""
    before = one(
        conn,
        select(campaigns.c.settings).where(campaigns.c.id == id_, campaigns.c.tenant_id == tenant_id).with_for_update(),
        "campaign",
    )["settings"]
    values = given(change, "team_ids", "settings") | {"version": campaigns.c.version + 1}
    if change.settings is not None:
        # as in a new campaign, so that what is wrong is said in the same words
        after = _Settings.model_validate({"settings": {**before, **change.settings}}).settings
        _check_caller_id(conn, tenant_id, after)
        values["settings"] = after.model_dump(mode="json")
        if any(_hours(before)[name] != getattr(after, name) for name in HOURS):
            values["due_from"] = ""
    with unique(conn, "name", f"a campaign {change.name!r} exists already"):
        alter(conn, campaigns, [campaigns.c.id == id_, campaigns.c.tenant_id == tenant_id], values, "campaign")
    if change.team_ids is not None:
        conn.execute(delete(campaign_teams).where(campaign_teams.c.campaign_id == id_))
        _set_teams(conn, tenant_id, id_, change.team_ids)
    return campaign(conn, tenant_id, id_)


def run_campaign(work: Work, tenant_id: str, id_: str, *, running: bool) -> Row:
    """Start or stop a campaign and tell `campaign.state`; a second start or stop changes nothing."""
    mine = (campaigns.c.id == id_, campaigns.c.tenant_id == tenant_id)
    changed = work.conn.execute(update(campaigns).where(*mine, campaigns.c.running != running).values(running=running))
    found = campaign(work.conn, tenant_id, id_)
    if changed.rowcount:
        work.tell(tenant_id, "campaign.state", {"campaign": id_, "name": found["name"], "running": running})
    return found


def delete_campaign(conn: Connection, tenant_id: str, id_: str) -> None:
    """Delete a stopped campaign nobody was ever called for, with its contacts; raises `NoSuch`, `InUse`."""
    if campaign(conn, tenant_id, id_)["running"]:
        raise InUse("the campaign is running; stop it first")
    own_contacts = select(contacts.c.id).where(contacts.c.campaign_id == id_)
    own_imports = select(imports.c.id).where(imports.c.campaign_id == id_)
    with unreferenced(conn, "the campaign has offers or calls in the records, which are kept"):
        conn.execute(delete(numbers).where(numbers.c.contact_id.in_(own_contacts)))
        conn.execute(delete(import_rejections).where(import_rejections.c.import_id.in_(own_imports)))
        for table in (contacts, imports, lists, contact_counts, campaign_teams):
            conn.execute(delete(table).where(table.c.campaign_id == id_))
        conn.execute(delete(campaigns).where(campaigns.c.id == id_))


def _hours(settings: dict[str, Any]) -> dict[str, Any]:
    stored = CampaignSettings.model_validate(settings)
    return {name: getattr(stored, name) for name in HOURS}


def _check_caller_id(conn: Connection, tenant_id: str, settings: CampaignSettings) -> None:
    if settings.caller_id is None:
        return
    usable = or_(trunks.c.tenant_id.is_(None), trunks.c.tenant_id == tenant_id)
    allowed: list[list[str]] = list(conn.execute(select(trunks.c.caller_ids).where(usable)).scalars())
    if not any(settings.caller_id in ids or not ids for ids in allowed):
        raise Invalid("settings.caller_id", f"no trunk allows {settings.caller_id}")


def _set_teams(conn: Connection, tenant_id: str, id_: str, team_ids: tuple[str, ...]) -> None:
    check_references(conn, teams, team_ids, "team_ids", "team", teams.c.tenant_id == tenant_id)
    if team_ids:
        conn.execute(
            insert(campaign_teams), [{"campaign_id": id_, "team_id": one_} for one_ in dict.fromkeys(team_ids)]
        )
