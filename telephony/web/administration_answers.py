"""What administration answers with, as documented; the values themselves come from the store."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field

from telephony.model.campaign import CampaignSettings
from telephony.model.contact import ContactState
from telephony.model.machine_detection import Verdict
from telephony.store.accounts import Role
from telephony.store.fields import FieldKind
from telephony.store.import_shape import Encoding

T = TypeVar("T", bound=BaseModel)


class PageOf(BaseModel, Generic[T]):
    items: list[T]
    next: str | None = Field(description="give it as `after` for the next page")


class Tenant(BaseModel):
    id: str
    name: str
    max_calls: int
    min_gap: int
    daily_cap: int
    drop_needs_consent: bool
    zone: str
    created_at: datetime


class DataCenter(BaseModel):
    id: str
    name: str
    max_calls: int


class Cell(BaseModel):
    id: str
    name: str
    data_center_id: str
    max_channels: int
    url: str


class Trunk(BaseModel):
    id: str
    tenant_id: str | None
    name: str
    dial_template: str
    max_channels: int
    max_calls_per_second: float
    number_ranges: list[str]
    caller_ids: list[str]
    max_ring: int
    position: int
    enabled: bool
    cell_ids: list[str]


class Limit(BaseModel):
    scope: str = Field(description="tenant, data_center, trunk, cell, or call_rate of a trunk")
    id: str
    name: str
    limit: int
    used: int = Field(description="up now; of a call_rate: placed within the last `seconds`")
    seconds: float | None = Field(description="of a call_rate: how long a placed call counts")


class Account(BaseModel):
    id: str
    tenant_id: str | None
    username: str
    name: str
    role: Role
    language: str
    active: bool
    created_at: datetime
    cell_id: str | None = Field(description="of users who take calls")
    phone: str | None


class Token(BaseModel):
    id: str
    user_id: str
    username: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class FreshToken(Token):
    token: str = Field(description="shown here and never again")


class Team(BaseModel):
    id: str
    name: str
    user_ids: list[str]


class Message(BaseModel):
    id: str
    name: str
    seconds: float
    sha256: str = Field(description="of the converted file, which GET hands out")
    created_at: datetime


class Campaign(BaseModel):
    id: str
    name: str
    running: bool
    priority: int
    settings: CampaignSettings
    version: int
    created_at: datetime
    team_ids: list[str]
    counts: dict[ContactState, int]
    voicemail_message: Message | None = Field(description="what agents may drop into a mailbox")
    abandon_message: Message | None = Field(description="what a customer hears whom no agent is there for")


class AbandonedRate(BaseModel):
    abandoned: int = Field(description="customers who answered and found no agent")
    connected: int = Field(description="customers who were joined to an agent")
    rate: float = Field(description="the abandoned among both, 0-1")


class Abandoned(BaseModel):
    hours_24: AbandonedRate
    days_30: AbandonedRate


class CampaignDetails(Campaign):
    abandoned: Abandoned


class DetectionLine(BaseModel):
    verdict: Verdict
    person: int = Field(description="calls in which the agent found a person")
    machine: int = Field(description="calls in which the agent found a machine")
    not_told: int = Field(description="calls of which no agent said who was there")
    after_median: float | None = Field(description="seconds from answer")
    after_p95: float | None = Field(description="seconds from answer")


class DetectionRate(BaseModel):
    hits: int
    total: int
    rate: float = Field(description="0-1")
    low: float = Field(description="lower end of the 95 % interval")
    high: float = Field(description="upper end of the 95 % interval")


class Detection(BaseModel):
    calls: int = Field(description="with a verdict")
    told: int = Field(description="of which an agent said who was there")
    verdicts: list[DetectionLine]
    people_called_machines: DetectionRate
    machines_found: DetectionRate


class TenantDisposition(BaseModel):
    code: str
    label: str
    rule: str
    campaign_ids: list[str]


class ContactList(BaseModel):
    id: str
    campaign_id: str
    name: str
    version: int
    active: bool
    priority: int
    expires_at: datetime | None
    created_at: datetime


class ContactField(BaseModel):
    id: str
    name: str
    label: str
    kind: FieldKind


class ContactNumber(BaseModel):
    id: str
    position: int
    e164: str
    label: str
    status: str = Field(description="open, invalid, fax or do_not_call")


class Contact(BaseModel):
    id: str
    campaign_id: str
    list_id: str
    external_id: str
    name: str
    fields: dict[str, Any]
    zone: str | None
    consent: bool
    state: ContactState
    due_at: datetime | None = Field(description="none while it waits: never, as things are; see `why`")
    why: str | None
    changed_by: str | None
    callback_agent_id: str | None
    callback_at: datetime | None
    attempts: int
    skips: int
    holder_id: str | None
    created_at: datetime
    updated_at: datetime
    numbers: list[ContactNumber]


class DoNotCallEntry(BaseModel):
    e164: str
    why: str
    added_by: str | None
    created_at: datetime


class Import(BaseModel):
    id: str
    campaign_id: str
    list_id: str
    state: str = Field(description="running, done or failed")
    source: str
    total_bytes: int = Field(description="0 where the sender did not say")
    read_bytes: int
    added: int
    updated: int
    rejected: int
    error: str | None
    started_by: str | None
    started_at: datetime
    ended_at: datetime | None


class RejectedRow(BaseModel):
    row: int = Field(description="line in the file, the header being 1; place in a JSON array")
    field: str
    reason: str
    values: dict[str, str]


class PreviewProblem(BaseModel):
    field: str
    message: str


class PreviewColumn(BaseModel):
    heading: str = Field(description="as the file has it; empty without a header row")
    column: str = Field(description="what it is: as given, else guessed; empty: passed over")


class PreviewRow(BaseModel):
    row: int
    cells: list[str]
    problem: PreviewProblem | None = Field(description="why it would be rejected")


class Preview(BaseModel):
    encoding: Encoding
    delimiter: str | None = Field(description="none for JSON")
    header: bool
    columns: list[PreviewColumn] = Field(description="none for JSON")
    rows: list[PreviewRow]
    problem: PreviewProblem | None = Field(description="why these columns do not do for an import")


class Obstacle(BaseModel):
    code: str
    text: str
    name: str | None = Field(description="of the tenant, data center, cell or trunk whose limit it is")
    used: int | None
    limit: int | None


class AgentsInState(BaseModel):
    state: str
    reason: str | None
    count: int


class StandingContacts(BaseModel):
    code: str
    text: str
    count: int
    until: datetime | None = Field(description="when the first of them may be called, where a clock says so")


class WhyNot(BaseModel):
    campaign: str
    name: str
    running: bool
    at: datetime
    dials_at: datetime | None = Field(description="the next call; none while something is in the way of all calls")
    next_contact_at: datetime | None = Field(description="when the next contact may be called, whoever is there")
    total: int = Field(description="contacts of the campaign: the sum of `contacts`")
    in_the_way: list[Obstacle] = Field(description="of every call of the campaign")
    agents: list[AgentsInState]
    contacts: list[StandingContacts] = Field(description="every contact stands in exactly one place")
