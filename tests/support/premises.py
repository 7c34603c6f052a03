"""A tenant of a running service with people who can sign in: agents, a supervisor, an administrator, campaigns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update

from telephony.store import accounts, campaigns, contacts, infrastructure, lists, schema, teams, tenants, trunks
from telephony.store.accounts import NewUser, Role
from telephony.store.contact_row import contact_row
from telephony.store.passwords import hash_password
from telephony.store.work import Work
from tests.support.platform import TRUNK, WEB_AGENTS
from tests.support.shift import settings

PASSWORD = "correct horse"
HASH = hash_password(PASSWORD)

ROOMY = 1000
"""A limit that is not what the test is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A campaign to found: its settings, and its contacts in the order they are to be offered."""

    contacts: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    running: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """Ids by name; user names are the tenant's name and the person's, as in `acme.ann`.

    Whose phone is in the browser has the person's name alone: Asterisk's endpoints go by it.
    """

    tenant: str
    tenant_id: str
    team_id: str
    people: dict[str, str]
    campaigns: dict[str, str]

    def username(self, person: str) -> str:
        return _username(self.tenant, person)


def _username(tenant: str, person: str) -> str:
    return person if person in WEB_AGENTS else f"{tenant}.{person}".lower()


def found(
    work: Work,
    tenant: str,
    *,
    cell: str,
    agents: Mapping[str, str],
    plans: Mapping[str, Plan],
    language: str = "en",
    max_calls: int = ROOMY,
    max_channels: int = ROOMY,
    softphones: Mapping[str, str] | None = None,
) -> Premises:
    """Found a tenant in the cell of this name; `agents`: phone by person. Supervisor `sue`, administrator `ada`.

    Its customers are the run's simulated ones, but for the numbers of `softphones`, each with the endpoint it rings at.
    """
    conn, now = work.conn, work.now
    cell_id = _cell(work, cell)
    new = tenants.NewTenant(name=tenant, max_calls=max_calls, min_gap=0, daily_cap=100)
    tenant_id = tenants.create_tenant(conn, new, now=now)["id"]
    carrier = trunks.NewTrunk(
        name=f"{tenant} carrier",
        tenant_id=tenant_id,
        dial_template=f"PJSIP/{{number}}@{TRUNK}",
        max_channels=max_channels,
        max_calls_per_second=ROOMY,
        position=2,
        cell_ids=(cell_id,),
    )
    trunks.create_trunk(conn, carrier)
    for number, endpoint in (softphones or {}).items():
        line = carrier.model_copy(update={"name": f"{tenant} {number}", "number_ranges": (number,), "position": 1})
        own = trunks.create_trunk(conn, line)["id"]
        # what an administrator may not write: a template without the number
        to = update(schema.trunks).where(schema.trunks.c.id == own).values(dial_template=f"PJSIP/{endpoint}")
        conn.execute(to)
    people = {"sue": Role.SUPERVISOR, "ada": Role.TENANT_ADMIN} | dict.fromkeys(agents, Role.AGENT)
    ids: dict[str, str] = {}
    for person, role in people.items():
        user = NewUser.model_validate(
            {
                "username": _username(tenant, person),
                "name": person.title(),
                "role": role,
                "password": PASSWORD,
                "language": language,
                "cell_id": cell_id if role in accounts.DESK_ROLES else None,
                "phone": agents.get(person, ""),
            }
        )
        ids[person] = accounts.create_user(conn, tenant_id, user, password_hash=HASH, now=now)["id"]
    members = tuple(id_ for person, id_ in ids.items() if person != "ada")
    team_id = teams.create_team(conn, tenant_id, teams.NewTeam(name="Sales", user_ids=members))["id"]
    here = Premises(tenant=tenant, tenant_id=tenant_id, team_id=team_id, people=ids, campaigns={})
    for name, plan in plans.items():
        here.campaigns[name] = _campaign(work, here, name, plan)
    return here


def _cell(work: Work, name: str) -> str:
    """The service makes its cell when it starts; where none has run yet, it will find this one."""
    found = work.conn.execute(select(schema.cells.c.id).where(schema.cells.c.name == name)).scalar_one_or_none()
    if found is not None:
        return str(found)
    hall = infrastructure.NewDataCenter(name=f"{name} hall", max_calls=ROOMY)
    center_id = infrastructure.create_data_center(work.conn, hall)["id"]
    new = infrastructure.NewCell(name=name, data_center_id=center_id, max_channels=ROOMY)
    return str(infrastructure.create_cell(work.conn, new)["id"])


def _campaign(work: Work, here: Premises, name: str, plan: Plan) -> str:
    new = campaigns.NewCampaign(name=name, settings=settings(**plan.settings), team_ids=(here.team_id,))
    campaign_id = str(campaigns.create_campaign(work.conn, here.tenant_id, new, now=work.now)["id"])
    first = lists.NewList(campaign_id=campaign_id, name="First")
    list_id = lists.create_list(work.conn, here.tenant_id, first, now=work.now)["id"]
    target = contacts.Target(tenant_id=here.tenant_id, campaign_id=campaign_id, list_id=list_id)
    contacts.upsert(work, target, [contact_row(row, {}) for row in plan.contacts])
    if plan.running:
        campaigns.run_campaign(work, here.tenant_id, campaign_id, running=True)
    return campaign_id
