"""A company to try things on: a tenant with a cell, a team, an agent, a running campaign and its list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from telephony.model.campaign import CampaignSettings
from telephony.store import accounts, campaigns, contacts, infrastructure, lists, teams, tenants, trunks
from telephony.store.contact_row import contact_row
from telephony.store.engine import Store
from telephony.store.schema import contacts as contacts_table
from telephony.store.work import Work

NOON = datetime(2026, 6, 17, 11, 0, tzinfo=UTC)
"""A Wednesday, noon in London: calling hours there and in New York not yet (07:00)."""

LONDON = "+442079460000"
"""Of the range that Ofcom keeps for fiction; the last two digits are the test's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    tenant_id: str
    data_center_id: str
    cell_id: str
    trunk_id: str
    team_id: str
    agent_id: str
    campaign_id: str
    list_id: str

    @property
    def target(self) -> contacts.Target:
        return contacts.Target(tenant_id=self.tenant_id, campaign_id=self.campaign_id, list_id=self.list_id)

    def moved(self, **changes: str) -> Company:
        return replace(self, **changes)


def company(conn: Connection, name: str = "Acme", *, settings: CampaignSettings | None = None) -> Company:
    """Found a company; its names begin with `name`, so that several fit into one database."""
    tenant_id = tenants.create_tenant(conn, tenants.NewTenant(name=name, max_calls=10), now=NOON)["id"]
    center = infrastructure.create_data_center(conn, infrastructure.NewDataCenter(name=f"{name} hall", max_calls=20))
    cell = infrastructure.create_cell(
        conn, infrastructure.NewCell(name=f"{name} cell", data_center_id=center["id"], max_channels=100)
    )
    trunk = trunks.create_trunk(
        conn,
        trunks.NewTrunk(
            name=f"{name} carrier",
            tenant_id=tenant_id,
            dial_template="PJSIP/{number}@carrier",
            max_channels=10,
            max_calls_per_second=5,
            cell_ids=(cell["id"],),
        ),
    )
    agent = accounts.create_user(
        conn,
        tenant_id,
        accounts.NewUser(
            username=f"{name}.ann",
            name="Ann",
            role=accounts.Role.AGENT,
            password="correct horse",
            cell_id=cell["id"],
            phone="1001",
        ),
        password_hash="-",
        now=NOON,
    )
    team = teams.create_team(conn, tenant_id, teams.NewTeam(name="Sales", user_ids=(agent["id"],)))
    campaign = campaigns.create_campaign(
        conn,
        tenant_id,
        campaigns.NewCampaign(name="Spring", settings=settings or CampaignSettings(), team_ids=(team["id"],)),
        now=NOON,
    )
    first = lists.create_list(conn, tenant_id, lists.NewList(campaign_id=campaign["id"], name="First"), now=NOON)
    return Company(
        tenant_id=tenant_id,
        data_center_id=center["id"],
        cell_id=cell["id"],
        trunk_id=trunk["id"],
        team_id=team["id"],
        agent_id=agent["id"],
        campaign_id=campaign["id"],
        list_id=first["id"],
    )


def take_in(work: Work, here: Company, *rows: dict[str, Any]) -> list[str]:
    """Take contacts in, each with `external_id` and `number` at least; their ids in the same order."""
    contacts.upsert(work, here.target, [contact_row(row, {}) for row in rows])
    table = contacts_table
    found = work.conn.execute(select(table.c.external_id, table.c.id).where(table.c.campaign_id == here.campaign_id))
    ids = {row.external_id: row.id for row in found}
    return [ids[row["external_id"]] for row in rows]


async def at(store: Store, moment: datetime, fn: Any) -> Any:
    """The result of `fn(work)` in one transaction whose clock says `moment`."""
    return await store.run(lambda conn: fn(Work(conn, moment)))
