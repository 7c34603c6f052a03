"""What the supervisor's view of the floor answers with, as documented; the values come from `telephony.store.floor`."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from telephony.model.agent import AgentState
from telephony.model.attempt import AttemptState
from telephony.model.contact import ContactState
from telephony.model.reasons import Outcome
from telephony.web.answers import Named


class FloorCall(BaseModel):
    id: str
    state: AttemptState
    since: datetime = Field(description="moment of its last step")


class FloorAgent(BaseModel):
    id: str
    name: str
    username: str
    teams: list[Named] = Field(description="for supervisors those of their own")
    state: AgentState
    since: datetime
    reason: str | None = Field(description="why idle")
    wish: str | None = Field(description="state to go to after wrap-up")
    phone: str
    cell: str
    campaign: Named | None
    contact: Named | None = Field(description="who is offered or called")
    offer_until: datetime | None = Field(description="end of the open offer")
    wrap_up_until: datetime | None
    call: FloorCall | None = Field(description="the one at hand, until its wrap-up ends")


class OutcomeCount(BaseModel):
    outcome: Outcome
    n: int
    today: int = Field(description="since midnight in the tenant's zone")


class DueCount(BaseModel):
    at: datetime = Field(description="beginning of the hour")
    n: int = Field(description="contacts that become due in it")


class Progress(BaseModel):
    contacts: dict[ContactState, int]
    outcomes: list[OutcomeCount] = Field(description="calls by outcome, the most frequent first")
    due_now: int = Field(description="contacts that may be called now")
    next_due: list[DueCount] = Field(description="the next 24 hours; hours in which none becomes due are left out")
    due_later: int
    never_due: int = Field(description="waiting, but never due as things are; `why` tells")


class Refused(BaseModel):
    code: str
    text: str
    scope: str | None = Field(description="tenant, data_center, trunk or cell; none where no limit of these said no")
    scope_id: str | None
    name: str | None = Field(description="of that tenant, data center, trunk or cell")
    n: int
    last_at: datetime


class RefusedLately(BaseModel):
    since: datetime
    items: list[Refused]
