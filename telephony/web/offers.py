"""The four decisions on an offer. The same one again answers with the first result."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from telephony.model.offer import OfferState
from telephony.model.reasons import Capacity, Withdrawal
from telephony.web.exchange import Exchange
from telephony.web.routes import DESK, Routes

routes = Routes("Offers")

DECIDED = ("OFFER_CLOSED", "NO_DESK")


class Decision(BaseModel):
    offer: str
    state: OfferState
    attempt: str | None = Field(default=None, description="the call, after accept")


@routes.post(
    "/offers/{id}/accept",
    "Call this contact",
    roles=DESK,
    answer=Decision,
    errors=(*DECIDED, "NOT_AVAILABLE", *Capacity, *Withdrawal),
)
async def accept(exchange: Exchange, id: str) -> Any:
    """Refused for want of room the offer stays open; where the contact may not be called it closes."""
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
async def remove(exchange: Exchange, id: str) -> Any:
    return await exchange.floor.decide(exchange.agent_id, id, "remove")


@routes.post("/offers/{id}/leave", "Leave the campaign and go idle", roles=DESK, answer=Decision, errors=DECIDED)
async def leave(exchange: Exchange, id: str) -> Any:
    return await exchange.floor.decide(exchange.agent_id, id, "leave")
