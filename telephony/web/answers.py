"""What the API answers with, as documented; the values themselves are the views of the store."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from telephony.model.agent import AgentState
from telephony.model.attempt import AttemptState
from telephony.model.campaign import Amd, Mode, TimeoutAction
from telephony.model.campaign import Recording as RecordingSetting
from telephony.model.offer import OfferState
from telephony.store.messages import Standing


class Named(BaseModel):
    id: str
    name: str


class User(BaseModel):
    id: str
    name: str
    username: str
    role: Literal["agent", "supervisor", "tenant_admin", "admin"]
    language: str
    tenant_id: str | None


class Agent(BaseModel):
    id: str
    state: AgentState
    since: datetime
    reason: str | None = Field(description="why idle")
    phone: str = Field(description="name of the endpoint in Asterisk that is called")
    phone_kind: Literal["sip", "browser"]
    cell: str
    wish: str | None = Field(description="state to go to after wrap-up")
    campaign: Named | None
    wrap_up_until: datetime | None


class CardValue(BaseModel):
    name: str
    label: str
    value: Any


class CardNumber(BaseModel):
    id: str
    e164: str
    label: str
    position: int | None = None
    status: str | None = None


class PastAttempt(BaseModel):
    attempt: str
    at: datetime | str
    outcome: str | None
    disposition: str | None
    note: str | None
    agent: str | None


class Card(BaseModel):
    contact: str
    external_id: str
    name: str
    fields: list[CardValue]
    numbers: list[CardNumber]
    number: CardNumber = Field(description="the one that is called on accept")
    zone: str | None
    history: list[PastAttempt]
    callback_at: datetime | str | None
    skips: int
    attempts: int
    consent: bool
    message: Standing = Field(
        description="whether a recorded message can be dropped into the mailbox; none: the campaign has none; "
        "no_consent: the contact has not agreed to it and the tenant wants that"
    )


class Offer(BaseModel):
    id: str
    campaign: Named
    mode: Mode
    state: OfferState
    action: str | None = Field(description="what the timer did")
    code: str | None = Field(description="why it was withdrawn")
    opened_at: datetime
    expires_at: datetime | None
    timeout_action: TimeoutAction
    disabled_actions: list[str]
    end_call_enabled: bool
    recording: RecordingSetting = Field(description="whether its call is recorded; on_demand: as the agent says")
    card: Card
    attempt: str | None


class Transfer(BaseModel):
    state: Literal["ringing", "talking"] = Field(description="their phone is called; the agent talks to them")
    to: str = Field(description="a colleague's name, or a number")


class Monitored(BaseModel):
    mode: Literal["listen", "whisper", "barge"]
    by: str = Field(description="the supervisor's name")


class Call(BaseModel):
    id: str
    campaign: Named
    agent: Named
    contact: str
    name: str
    e164: str
    mode: Mode
    amd: Amd
    state: AttemptState
    outcome: str | None
    code: str | None
    verdict: str | None
    cause: str | None
    verdict_after: float | None = Field(description="seconds from answer")
    beep_after: float | None = Field(description="seconds from answer")
    voicemail_left: bool
    recording: str | None = Field(description="recording, paused, stopped, then kept, failed or removed; none: never")
    granted_at: datetime
    placed_at: datetime | None
    ringing_at: datetime | None
    answered_at: datetime | None
    joined_at: datetime | None
    ended_at: datetime | None
    wrapped_up_at: datetime | None
    disposition: str | None
    note: str | None
    offer: str
    cancel_asked: bool
    away: bool = Field(description="the agent's page was loaded anew and is being called; the customer waits")
    muted: bool = Field(description="nobody hears the agent")
    held: bool = Field(description="the customer is on hold")
    transfer: Transfer | None = Field(description="a transfer under way, the customer on hold")
    transferred_at: datetime | None = Field(description="since when the customer talks to whom the call was handed to")
    transferred_to: str | None = Field(description="a colleague's name, or a number")
    monitored: Monitored | None = Field(
        description="a supervisor in the call; of one who only listens agents are not told"
    )


class Recording(BaseModel):
    id: str
    call: str
    agent: str
    state: str = Field(description="recording, paused, stopped, kept, failed, removed")
    error: str | None = Field(
        description="MISSING, EMPTY, INCOMPLETE (much shorter than the conversation), UNREADABLE, NOT_BEGUN"
    )
    on_demand: bool = Field(description="false: from the join on")
    paused: bool = Field(description="at any time; that part is silent")
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None
    size: int | None = Field(description="bytes")
    sha256: str | None
    removed_by: str | None


class DispositionChoice(BaseModel):
    code: str
    label: str
    rule: str


class MessageLeft(BaseModel):
    call: str
    name: str = Field(description="the contact's")


class Me(BaseModel):
    user: User
    agent: Agent | None = Field(description="none for users who take no calls")
    offer: Offer | None
    call: Call | None
    dispositions: list[DispositionChoice] = Field(description="to choose from in wrap-up")
    messages: list[MessageLeft] = Field(description="recorded messages of mine that are being left while I go on")
    pull_campaigns: list[Named] = Field(description="running campaigns in the mode `preview`, to ask for a contact")
    now: datetime = Field(description="the service's clock, for countdowns")
    cursor: str = Field(description="open /live with it as `since` to miss nothing after this answer")


class CallPage(BaseModel):
    items: list[Call]
    next: str | None = Field(description="give it as `after` for the next page")
