"""What the demo starts with: a tenant, its people, a trunk, and one campaign for each way of calling.

Every campaign has one contact for each of its rows of the table. Loading it again brings back to the start
what a former run used up; what is going on at that moment, and the records of former calls, stay as they are.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from sqlalchemy import Column, Connection, delete, select, update

from telephony.demo import recorded_message
from telephony.demo.customers import fictional_number
from telephony.demo.table import ROWS, Way
from telephony.model.campaign import CampaignSettings
from telephony.model.contact import ContactEvent, ContactState
from telephony.model.hours import WEEKDAYS
from telephony.pbx.audio_folder import AudioFolder
from telephony.store import accounts, campaigns, contacts, do_not_call, fields, infrastructure, lists, teams, trunks
from telephony.store import tenants as tenant_store
from telephony.store.accounts import Role
from telephony.store.contact_row import contact_row
from telephony.store.engine import Store
from telephony.store.messages import MessageUse, NewMessage, set_message
from telephony.store.passwords import hash_password, password_matches
from telephony.store.records import Contact, columns, record
from telephony.store.schema import campaigns as campaign_table
from telephony.store.schema import (
    cells,
    data_centers,
    number_pauses,
    numbers,
    tenants,
)
from telephony.store.schema import contacts as contact_table
from telephony.store.schema import fields as field_table
from telephony.store.schema import teams as team_table
from telephony.store.schema import trunks as trunk_table
from telephony.store.steps import step_contact
from telephony.store.work import Work, change

TENANT = "Demo"
TRUNK = "customers"
RING_LIMIT = 16
"""Seconds a customer's phone rings: the least a campaign may have, so that "rings for ever" takes no longer."""

CALLS = 20
"""Limit of the demo's tenant, trunk and data center: far above what five agents need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAgent:
    """An agent of the demo: the user name is also the name of the phone's endpoint; works one campaign."""

    username: str
    name: str
    way: Way


AGENTS = (
    DemoAgent(username="alice", name="Alice Archer", way=Way.PARALLEL),
    DemoAgent(username="bob", name="Bob Baker", way=Way.INLINE),
    DemoAgent(username="carol", name="Carol Cook", way=Way.OFF),
    DemoAgent(username="dave", name="Dave Dyer", way=Way.DIRECT),
    DemoAgent(username="erin", name="Erin Ellis", way=Way.PULL),
)

SUPERVISOR = "sue"
ADMINISTRATOR = "admin"

CAMPAIGNS: Mapping[Way, str] = {
    Way.PARALLEL: "Spring offer (detection beside the call)",
    Way.INLINE: "Renewals (detection before joining)",
    Way.OFF: "Survey (no detection)",
    Way.DIRECT: "Premium customers (the agent hears the line)",
    Way.PULL: "Complaints (the agent asks for the next one)",
}

_FIELDS = (("company", "Company"), ("reason", "Reason for the call"), ("behaviour", "This simulated customer"))

_PEOPLE = {
    "00": (("Harriet Stone", "Stone Gardening"),),
    "01": (("Bernard Quick", "Quick Couriers"),),
    "02": (("Nora Vale", "Vale Bookshop"),),
    "03": (("Ivan Lost", "Lost and Found Ltd"),),
    "04": (("Connie Jam", "Jam Traffic Systems"),),
    "05": (("Martin Miller", "Miller Family"), ("Molly Miller", "Miller Family")),
    "06": (("Olivia Miller", "Miller and Sons"), ("Oscar Miller", "Miller and Sons")),
    "07": (("Tony Still", "Still Waters Fishing"),),
    "08": (("Sylvia Hush", "Hush Interiors"),),
    "09": (("Hector Swift", "Swift Repairs"),),
    "10": (("Deborah No", "No Thanks Catering"),),
    "11": (("Felix Page", "Page Printers"),),
    "12": (("Greta Guard", "Guard and Daughters"),),
    "13": (("Walter Moved", "Moved Removals"),),
}
"""Name and company by behaviour; a mailbox is there twice where one is spoken to and the other gets a recording."""


def logins(password: str) -> str:
    """The people who may sign in, a line each, to be printed."""
    people = [(agent.username, f"agent: {CAMPAIGNS[agent.way]}") for agent in AGENTS]
    people += [(SUPERVISOR, "supervisor"), (ADMINISTRATOR, "administrator")]
    return "\n".join(f"      {name:6} {password}   {what}" for name, what in people)


async def seed(store: Store, *, cell: str, data_center: str, password: str, audio: AudioFolder) -> None:
    """Load the demo into a migrated database, or bring it back to the start; `password` is everybody's.

    `audio` takes the campaigns' recorded messages. Raises `NoConverter`, OSError where it cannot be written.
    """
    hashed = await asyncio.to_thread(hash_password, password)
    await change(store, lambda work: _Seed(work, password, hashed).load(cell, data_center))
    without = await store.run(_without_message)
    laid_in = await recorded_message.lay_in(audio, list(without))
    await change(store, lambda work: _give(work, without, laid_in))


def _without_message(conn: Connection) -> dict[str, str]:
    """Campaigns of the demo that have no message to drop, and their tenant."""
    mine = campaign_table.join(tenants, tenants.c.id == campaign_table.c.tenant_id)
    none = (tenants.c.name == TENANT, campaign_table.c.voicemail_message_id.is_(None))
    rows = conn.execute(select(campaign_table.c.id, campaign_table.c.tenant_id).select_from(mine).where(*none))
    return {row.id: row.tenant_id for row in rows}


def _give(work: Work, tenant_of: Mapping[str, str], laid_in: Mapping[str, NewMessage]) -> None:
    for id_, new in laid_in.items():
        set_message(work.conn, tenant_of[id_], id_, MessageUse.VOICEMAIL, new, now=work.now)


class _Seed:
    def __init__(self, work: Work, password: str, hashed: str) -> None:
        self._work = work
        self._conn: Connection = work.conn
        self._password = password
        self._hashed = hashed
        self._tenant_id = ""

    def load(self, cell: str, data_center: str) -> None:
        conn, now = self._conn, self._work.now
        cell_id = self._cell(cell, data_center)
        found = self._find(tenants.c.name == TENANT)
        new = tenant_store.NewTenant(name=TENANT, max_calls=CALLS, min_gap=0, daily_cap=100)
        self._tenant_id = found or tenant_store.create_tenant(conn, new, now=now)["id"]
        self._trunk(cell_id)
        agent_ids = {one.way: self._user(one.username, one.name, Role.AGENT, cell_id) for one in AGENTS}
        supervisor_id = self._user(SUPERVISOR, "Sue Shepherd", Role.SUPERVISOR, cell_id)
        self._user(ADMINISTRATOR, "Ada Minister", Role.TENANT_ADMIN, None)
        for name, label in _FIELDS:
            if self._find(field_table.c.name == name, self._own(field_table.c.tenant_id)) is None:
                fields.create_field(conn, self._tenant_id, fields.NewField(name=name, label=label))
        for index, (way, name) in enumerate(CAMPAIGNS.items()):
            team_id = self._team(name, (agent_ids[way], supervisor_id))
            campaign_id = self._campaign(name, way, team_id)
            self._contacts(campaign_id, way, index)
            campaigns.run_campaign(self._work, self._tenant_id, campaign_id, running=True)

    def _find(self, *where: Any) -> str | None:
        """The id of the row under these conditions on one table."""
        column: Column[str] = where[0].left.table.c.id
        return self._conn.execute(select(column).where(*where)).scalar_one_or_none()

    def _own(self, column: Column[Any]) -> Any:
        return column == self._tenant_id

    def _cell(self, name: str, data_center: str) -> str:
        """Found where the service has run before; the names are the service's settings."""
        found = self._find(cells.c.name == name)
        if found is not None:
            return found
        center_id = self._find(data_centers.c.name == data_center)
        if center_id is None:
            center = infrastructure.NewDataCenter(name=data_center, max_calls=CALLS)
            center_id = infrastructure.create_data_center(self._conn, center)["id"]
        new = infrastructure.NewCell(name=name, data_center_id=center_id, max_channels=10 * CALLS)
        return str(infrastructure.create_cell(self._conn, new)["id"])

    def _trunk(self, cell_id: str) -> None:
        if self._find(trunk_table.c.name == TRUNK) is None:
            trunks.create_trunk(
                self._conn,
                trunks.NewTrunk(
                    name=TRUNK,
                    tenant_id=self._tenant_id,
                    dial_template=f"PJSIP/{{number}}@{TRUNK}",
                    max_channels=CALLS,
                    max_calls_per_second=CALLS,
                    cell_ids=(cell_id,),
                ),
            )

    def _user(self, username: str, name: str, role: Role, cell_id: str | None) -> str:
        known = accounts.credentials(self._conn, username)
        if known is not None:
            if not password_matches(known.password_hash, self._password):
                change = accounts.UserChange()
                accounts.change_user(
                    self._conn, self._tenant_id, known.user_id, change, password_hash=self._hashed, now=self._work.now
                )
            return known.user_id
        new = accounts.NewUser.model_validate(
            {
                "username": username,
                "name": name,
                "role": role,
                "password": self._password,
                "cell_id": cell_id,
                "phone": username if role is Role.AGENT else "",
            }
        )
        made = accounts.create_user(self._conn, self._tenant_id, new, password_hash=self._hashed, now=self._work.now)
        return str(made["id"])

    def _team(self, name: str, user_ids: tuple[str, ...]) -> str:
        found = self._find(team_table.c.name == name, self._own(team_table.c.tenant_id))
        return found or str(
            teams.create_team(self._conn, self._tenant_id, teams.NewTeam(name=name, user_ids=user_ids))["id"]
        )

    def _campaign(self, name: str, way: Way, team_id: str) -> str:
        settings = CampaignSettings(
            mode=way.mode,
            amd=way.amd,
            ring_limit=RING_LIMIT,
            wrap_up_limit=0,
            calling_hours={day: ((time(0), time(0)),) for day in WEEKDAYS},
        )
        found = self._find(campaign_table.c.name == name, self._own(campaign_table.c.tenant_id))
        if found is not None:
            return found
        new = campaigns.NewCampaign(name=name, settings=settings, team_ids=(team_id,))
        return str(campaigns.create_campaign(self._conn, self._tenant_id, new, now=self._work.now)["id"])

    def _contacts(self, campaign_id: str, way: Way, index: int) -> None:
        work, tenant_id = self._work, self._tenant_id
        list_id = lists.named_list(work.conn, tenant_id, campaign_id, "Simulated customers", now=work.now)["id"]
        rows, had = [], Counter[str]()
        for row in (one for one in ROWS if one.way is way):
            suffix, nth = row.suffix, had[row.suffix]
            had[suffix] += 1
            name, company = _PEOPLE[suffix][nth]
            values = {
                "external_id": f"demo-{suffix}" if nth == 0 else f"demo-{suffix}-{nth + 1}",
                "name": name,
                "number": fictional_number(suffix, index + nth * len(CAMPAIGNS)),
                "label": "office",
                "zone": "America/New_York",
                "consent": "yes",
                "company": company,
                "reason": "Yearly offer",
                "behaviour": row.customer,
            }
            rows.append(contact_row(values, {}))
        self._bring_back(campaign_id, [number.e164 for row in rows for number in row.numbers])
        target = contacts.Target(tenant_id=tenant_id, campaign_id=campaign_id, list_id=list_id)
        contacts.upsert(work, target, rows)

    def _bring_back(self, campaign_id: str, e164s: list[str]) -> None:
        """Let everybody be called again at once whom nobody has in hand."""
        work = self._work
        for e164 in do_not_call.listed(work.conn, self._tenant_id, e164s):
            do_not_call.remove_entry(work, self._tenant_id, e164)
        work.conn.execute(
            delete(number_pauses).where(number_pauses.c.tenant_id == self._tenant_id, number_pauses.c.e164.in_(e164s))
        )
        mine = contact_table.c.campaign_id == campaign_id
        work.conn.execute(
            update(numbers)
            .where(numbers.c.contact_id.in_(select(contact_table.c.id).where(mine)))
            .values(status="open", tries=0)
        )
        back = {
            "due_at": work.now, "shuts_at": None, "waits_for": None, "retry_at": None, "why": None, "attempts": 0,
            "skips": 0, "callback_at": None, "callback_agent_id": None, "last_agent_id": None,
        }  # fmt: skip
        for row in work.conn.execute(select(*columns(Contact)).where(mine)).all():
            contact = record(Contact, row)
            if contact.state is ContactState.WAITING:
                work.conn.execute(update(contact_table).where(contact_table.c.id == contact.id).values(**back))
            elif (event := _BACK.get(contact.state)) is not None:
                step_contact(work, contact, event, **back)


_BACK = {
    ContactState.DONE: ContactEvent.REOPEN,
    ContactState.REMOVED: ContactEvent.RESTORE,
    ContactState.BLOCKED: ContactEvent.UNBLOCK,
    ContactState.CALLBACK: ContactEvent.RETRY,
}
