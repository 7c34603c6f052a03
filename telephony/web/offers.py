"""Offers: asking for one, and the four decisions. The same decision again answers with the first result."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from telephony.model.offer import OfferState
from telephony.model.reasons import Capacity, Withdrawal
from telephony.store import inputs, views
from telephony.web.answers import Offer
from telephony.web.exchange import Exchange
from telephony.web.routes import DESK, Routes

routes = Routes("Offers")

DECIDED = ("OFFER_CLOSED", "NO_DESK")


class Decision(BaseModel):
    offer: str
    state: OfferState
    attempt: str | None = Field(default=None, description="the call, after accept")


class Removal(inputs.Input):
    do_not_call: bool = Field(default=False, description="put the number on the tenant's list too")
    reason: inputs.Note = Field(default="", description="in my own words, for supervisors")


class Next(BaseModel):
    offer: Offer | None = Field(description="none: no contact of this campaign is due now")
    next_due: datetime | None = Field(description="without an offer: when the next contact becomes due, if one will")


@routes.post(
    "/campaigns/{id}/next",
    "Show me a contact of this campaign",
    roles=DESK,
    answer=Next,
    errors=("NO_DESK", "NOT_AVAILABLE", "PHONE_NOT_REGISTERED", "CAMPAIGN_STOPPED", *Capacity),
)
async def next_contact(exchange: Exchange, id: str) -> Any:
    """For an available agent and a campaign in the mode `preview`, see `pull_campaigns` of `GET /me`.

    Nobody is rung: on accept your phone is called, and when you pick up, the customer. Accept and skip are the only
    actions. Asked again while the offer is open it answers with the same one.
    """
    pulled = await exchange.floor.next_pull(exchange.agent_id, id)
    if pulled.offer_id is None:
        return {"offer": None, "next_due": pulled.next_due}
    tenant_id, offer_id = exchange.tenant_id, pulled.offer_id
    offer = await exchange.run(lambda conn: views.offer_view(conn, tenant_id, offer_id, now=exchange.now))
    return {"offer": offer, "next_due": None}


@routes.post(
    "/offers/{id}/accept",
    "Call this contact",
    roles=DESK,
    answer=Decision,
    errors=(*DECIDED, "NOT_AVAILABLE", *Capacity, *Withdrawal),
)
async def accept(exchange: Exchange, id: str) -> Any:
    """Refused for want of room the offer stays open; where the contact may not be called it closes.

    In the mode `preview` your phone is called first; while it rings the call's state is `calling_agent`.
    """
    return await exchange.floor.decide(exchange.agent_id, id, "accept")


@routes.post(
    "/offers/{id}/skip",
    "Give this contact back for later",
    roles=DESK,
    answer=Decision,
    errors=(*DECIDED, "ACTION_DISABLED"),
)
async def skip(exchange: Exchange, id: str) -> Any:
    return await exchange.floor.decide(exchange.agent_id, id, "skip")


@routes.post(
    "/offers/{id}/remove",
    "Take this contact out of the campaign",
    roles=DESK,
    answer=Decision,
    errors=(*DECIDED, "ACTION_DISABLED"),
)
async def remove(exchange: Exchange, id: str, body: Removal) -> Any:
    """The body may be left out. With `do_not_call` it is possible also where the campaign has `remove` disabled.

    What somebody asked for is not lost where the offer was closed otherwise (timer, other tab): with `do_not_call` the
    number is then listed all the same, and the answer says how the offer ended.
    """
    return await exchange.floor.calls.remove(exchange.agent_id, id, listed=body.do_not_call, why=body.reason or None)


@routes.post(
    "/offers/{id}/leave",
    "Leave the campaign and go idle",
    roles=DESK,
    answer=Decision,
    errors=(*DECIDED, "ACTION_DISABLED"),
)
async def leave(exchange: Exchange, id: str) -> Any:
    return await exchange.floor.decide(exchange.agent_id, id, "leave")
