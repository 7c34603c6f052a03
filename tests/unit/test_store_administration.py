"""What administration stores, on both databases: names, references, versions, deletions, many writers at once."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Connection, func, select

from telephony.model.campaign import CampaignSettings
from telephony.store import campaigns, contacts, fields, infrastructure, lists, teams, tenants, trunks
from telephony.store.campaigns import CampaignChange, NewCampaign
from telephony.store.contact_row import contact_row
from telephony.store.engine import Store
from telephony.store.errors import InUse, Invalid, NoSuch, Taken
from telephony.store.infrastructure import CellChange
from telephony.store.lists import NewList
from telephony.store.outbox import read
from telephony.store.paging import PageRequest
from telephony.store.schema import campaigns as campaigns_table
from telephony.store.schema import contact_counts
from telephony.store.teams import NewTeam, TeamChange
from telephony.store.work import Work, change
from tests.support.company import NOON, Company, company

pytestmark = pytest.mark.unit

NOWHERE = "019a0000-0000-7000-8000-000000000000"


@pytest.fixture
async def acme(store: Store) -> Company:
    return await store.run(company)


async def test_a_name_is_taken_once_and_the_refusal_leaves_the_transaction_usable(store: Store, acme: Company) -> None:
    def twice(conn: Connection) -> str:
        with pytest.raises(Taken, match="name: a team 'Sales' exists already"):
            teams.create_team(conn, acme.tenant_id, NewTeam(name="Sales"))
        return str(teams.create_team(conn, acme.tenant_id, NewTeam(name="Service"))["name"])

    assert await store.run(twice) == "Service"
    assert len((await store.run(lambda conn: teams.teams_page(conn, acme.tenant_id, PageRequest()))).items) == 2


async def test_the_same_name_may_stand_in_two_tenants(store: Store, acme: Company) -> None:
    other = await store.run(lambda conn: company(conn, "Globex"))

    found = await store.run(lambda conn: campaigns.campaign(conn, other.tenant_id, other.campaign_id))

    assert found["name"] == "Spring"


async def test_a_reference_to_nothing_names_its_field(store: Store, acme: Company) -> None:
    for refused, field in (
        (lambda conn: teams.create_team(conn, acme.tenant_id, NewTeam(name="X", user_ids=(NOWHERE,))), "user_ids"),
        (lambda conn: lists.create_list(conn, acme.tenant_id, NewList(campaign_id=NOWHERE, name="X"), now=NOON),
         "campaign_id"),
        (lambda conn: infrastructure.change_cell(conn, acme.cell_id, CellChange(data_center_id=NOWHERE)),
         "data_center_id"),
        (lambda conn: campaigns.create_campaign(conn, acme.tenant_id, NewCampaign(name="X", team_ids=(NOWHERE,)),
                                                now=NOON), "team_ids"),
        (lambda conn: trunks.change_trunk(conn, acme.trunk_id, trunks.TrunkChange(cell_ids=(NOWHERE,))), "cell_ids"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as error:
            await store.run(refused)
        assert error.value.field == field
        assert NOWHERE in error.value.message
    assert len((await store.run(lambda conn: teams.teams_page(conn, acme.tenant_id, PageRequest()))).items) == 1


async def test_each_change_of_a_campaign_is_a_version(store: Store, acme: Company) -> None:
    def rename(conn: Connection) -> int:
        changed = CampaignChange(name="Summer", team_ids=())
        return int(campaigns.change_campaign(conn, acme.tenant_id, acme.campaign_id, changed)["version"])

    assert await store.run(rename) == 2
    found = await store.run(lambda conn: campaigns.campaign(conn, acme.tenant_id, acme.campaign_id))
    assert (found["name"], found["team_ids"], found["settings"]["ring_limit"]) == ("Summer", [], 32)
    assert CampaignSettings.model_validate(found["settings"]) == CampaignSettings()


async def test_only_new_calling_hours_make_the_due_times_be_worked_out_again(store: Store, acme: Company) -> None:
    async def due_from(settings: dict[str, object]) -> str | None:
        changed = CampaignChange(settings=settings)
        await store.run(lambda conn: campaigns.change_campaign(conn, acme.tenant_id, acme.campaign_id, changed))
        return await store.run(lambda conn: conn.execute(select(campaigns_table.c.due_from)).scalar_one())

    assert await due_from({"ring_limit": 20}) is None
    assert await due_from({"calling_hours": CampaignSettings().model_dump(mode="json")["calling_hours"]}) is None
    assert await due_from({"holidays": ["2026-12-25"]}) == ""


async def test_a_start_is_told_once(store: Store, acme: Company) -> None:
    for _ in range(2):
        await change(store, lambda work: campaigns.run_campaign(work, acme.tenant_id, acme.campaign_id, running=True))

    told = await store.run(lambda conn: read(conn, after=0, tenant_id=acme.tenant_id))
    assert [(one.kind, one.payload["campaign"], one.payload["running"]) for one in told] == [
        ("campaign.state", acme.campaign_id, True)
    ]


async def test_what_something_refers_to_is_not_deleted(store: Store, acme: Company) -> None:
    for delete in (
        lambda conn: tenants.delete_tenant(conn, acme.tenant_id),
        lambda conn: infrastructure.delete_data_center(conn, acme.data_center_id),
        lambda conn: infrastructure.delete_cell(conn, acme.cell_id),
        lambda conn: teams.delete_team(conn, acme.tenant_id, acme.team_id),
    ):
        with pytest.raises(InUse):
            await store.run(delete)
    found = await store.run(lambda conn: teams.team(conn, acme.tenant_id, acme.team_id))
    assert found["user_ids"] == [acme.agent_id], "a refused deletion takes nothing along"


async def test_a_campaign_nobody_was_called_for_goes_with_all_it_has(store: Store, acme: Company) -> None:
    def fill(work: Work) -> None:
        contacts.upsert(work, acme.target, [contact_row({"external_id": "A1", "number": "+442079460001"}, {})])

    await change(store, fill)
    await store.run(lambda conn: campaigns.delete_campaign(conn, acme.tenant_id, acme.campaign_id))

    with pytest.raises(NoSuch):
        await store.run(lambda conn: campaigns.campaign(conn, acme.tenant_id, acme.campaign_id))
    with pytest.raises(NoSuch):
        await store.run(lambda conn: lists.list_(conn, acme.tenant_id, acme.list_id))


async def test_members_are_replaced_as_a_whole(store: Store, acme: Company) -> None:
    emptied = await store.run(
        lambda conn: teams.change_team(conn, acme.tenant_id, acme.team_id, TeamChange(user_ids=()))
    )
    assert emptied["user_ids"] == []


async def test_a_list_of_the_same_name_is_its_next_version(store: Store, acme: Company) -> None:
    versions = [
        (await store.run(lambda conn: lists.named_list(conn, acme.tenant_id, acme.campaign_id, "March", now=NOON)))[
            "version"
        ]
        for _ in range(3)
    ]
    assert versions == [1, 2, 3]


async def test_fields_belong_to_one_tenant(store: Store, acme: Company) -> None:
    other = await store.run(lambda conn: company(conn, "Globex"))
    new = fields.NewField(name="vip", label="VIP", kind=fields.FieldKind.BOOLEAN)
    made = await store.run(lambda conn: fields.create_field(conn, acme.tenant_id, new))

    assert await store.run(lambda conn: fields.kinds(conn, acme.tenant_id)) == {"vip": fields.FieldKind.BOOLEAN}
    assert await store.run(lambda conn: fields.kinds(conn, other.tenant_id)) == {}
    with pytest.raises(NoSuch):
        await store.run(lambda conn: fields.delete_field(conn, other.tenant_id, made["id"]))


async def test_many_batches_at_once_lose_no_contact_and_no_count(store: Store, acme: Company) -> None:
    def batch(first: int) -> object:
        rows = [
            contact_row({"external_id": f"A{n % 300}", "number": f"+44207946{n % 300:04d}"}, {})
            for n in range(first, first + 100)
        ]
        return change(store, lambda work: contacts.upsert(work, acme.target, rows))

    # every contact comes in twice, in batches that overlap by half
    taken = await asyncio.gather(*(batch(first) for first in range(0, 300, 50)))

    assert (sum(one.added for one in taken), sum(one.updated for one in taken)) == (300, 300)
    counted = select(func.sum(contact_counts.c.contacts)).where(contact_counts.c.state == "waiting")
    assert await store.run(lambda conn: conn.execute(counted).scalar_one()) == 300
