"""The agent's own desk: who I am, my state, my presence."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from telephony.model.agent import IdleReason
from telephony.store import accounts, views
from telephony.web.answers import Me
from telephony.web.exchange import Exchange
from telephony.web.feed import cursor
from telephony.web.routes import DESK, EVERYBODY, Routes

routes = Routes("Me")


class WantedState(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: Literal["available", "idle", "offline"]
    reason: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")] | None = Field(
        default=None, description="why idle, a code of your own such as `lunch`; not one that the system sets"
    )

    @field_validator("reason")
    @classmethod
    def _their_own(cls, reason: str | None) -> str | None:
        if reason in set(IdleReason):
            raise ValueError(f"'{reason}' is what the system says; give a reason of your own, such as 'lunch'")
        return reason


class ChosenLanguage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: accounts.Language


@routes.get("/me", "Who I am, with my state, open offer and call", roles=EVERYBODY, answer=Me)
async def me(exchange: Exchange) -> Any:
    """All that a page needs that was just loaded."""
    # taken before the view: an event may be told twice then, but none is missed
    position, now = exchange.services.feed.position, exchange.now
    view = await exchange.run(lambda conn: views.me(conn, exchange.caller.user_id, now=now))
    return {"dispositions": [], **view, "now": now, "cursor": cursor(position)}


@routes.put(
    "/me/state",
    "Go available, idle or offline",
    roles=DESK,
    status=204,
    errors=("NOT_AVAILABLE", "PHONE_NOT_REGISTERED", "NO_DESK"),
)
async def set_state(exchange: Exchange, body: WantedState) -> None:
    """During a call and in wrap-up it is remembered and done after wrap-up."""
    await exchange.floor.set_state(exchange.agent_id, body.state, body.reason)


@routes.put("/me/language", "Choose the language of what I am told", roles=EVERYBODY, status=204)
async def set_language(exchange: Exchange, body: ChosenLanguage) -> None:
    """Problems are answered in it, whatever `Accept-Language` says."""
    user_id = exchange.caller.user_id
    await exchange.run(lambda conn: accounts.set_language(conn, user_id, body.language))
    exchange.services.door.forget(user_id)


@routes.post("/me/presence", "Say that I am still here", roles=DESK, status=204, errors=("NO_DESK",))
async def presence(exchange: Exchange) -> None:
    """For programs that hold no live feed: at least once in 30 s; every other request counts as well."""
    await exchange.floor.here(exchange.agent_id)
    exchange.floor.seen(exchange.agent_id)
