"""The agent's phone: a SIP phone of their own, or the browser."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from telephony.model.browser_phone import DOMAIN
from telephony.store import agents
from telephony.store.errors import Invalid
from telephony.web.exchange import Exchange
from telephony.web.routes import DESK, ID, Routes

routes = Routes("Phone")


class BrowserPhone(BaseModel):
    endpoint: str = Field(description="name of the endpoint in Asterisk, and the user to register as")
    password: str
    domain: str = Field(description="what stands after the @ of SIP addresses")
    path: str = Field(description="where its WebSocket is opened, on this same host")


class Phone(BaseModel):
    kind: Literal["sip", "browser"] = Field(description="which one is called")
    sip: str = Field(description="name of the SIP phone's endpoint in Asterisk; empty: none")
    browser: BrowserPhone | None = Field(description="none: there are no phones in browsers here")
    registered: bool | None = Field(description="whether the phone that is called is there; null: not known now")


class ChosenPhone(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["sip", "browser"] = "sip"
    phone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")] | None = Field(
        default=None, description="name of the SIP phone's endpoint in Asterisk; only for `sip`"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> ChosenPhone:
        if (self.kind == "sip") != (self.phone is not None):
            raise ValueError("'phone' names the phone of the kind 'sip', and is not given with 'browser'")
        return self


class Trouble(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Literal["microphone_blocked", "microphone_missing", "no_sound", "taken_over"] = Field(
        description="no_sound: nothing is heard from the far end; taken_over: another tab is the phone now"
    )
    call: Annotated[str, Field(pattern=f"^{ID}$")] | None = Field(default=None, description="the call it concerns")


class Attached(BaseModel):
    model_config = ConfigDict(extra="forbid")

    call_leg: Annotated[str, Field(pattern=f"^{ID}$")] | None = Field(
        description="the X-Reservation header of the call this page still has up; null: it has none"
    )


@routes.get("/me/phone", "Which phone is called, and how the browser registers", roles=DESK, answer=Phone)
async def phone(exchange: Exchange) -> Any:
    agent_id = exchange.agent_id
    await exchange.floor.here(agent_id)
    chosen = await exchange.run(lambda conn: agents.phones_of(conn, agent_id))
    own = exchange.services.phones.phone_of(exchange.caller.username)
    return {
        "kind": "browser" if chosen.browser else "sip",
        "sip": chosen.sip,
        "browser": own and {"endpoint": own.endpoint, "password": own.password, "domain": DOMAIN, "path": "/phone-ws"},
        "registered": await exchange.floor.phone_ready(chosen.called) if chosen.called else False,
    }


@routes.put("/me/phone", "Choose the phone that is called", roles=DESK, status=204, errors=("NOT_AVAILABLE", "NO_DESK"))
async def set_phone(exchange: Exchange, body: ChosenPhone) -> None:
    """Possible while offline, idle or available."""
    if body.phone is not None:
        await exchange.floor.set_phone(exchange.agent_id, body.phone)
        return
    await exchange.floor.here(exchange.agent_id)
    if exchange.services.phones.phone_of(exchange.caller.username) is None:
        raise Invalid("kind", "there is no phone in the browser for you here; choose a SIP phone")
    await exchange.floor.use_browser(exchange.agent_id)


@routes.post("/me/phone/trouble", "Say what the browser's phone lacks", roles=DESK, status=204, errors=("NO_DESK",))
async def trouble(exchange: Exchange, body: Trouble) -> None:
    """An agent who is available or being rung is idle then for want of a microphone; in a call it is only told."""
    exchange.services.phones.troubles[body.code] += 1
    await exchange.floor.phone_trouble(exchange.agent_id, body.code, body.call)


@routes.post("/me/phone/attached", "Say which call this page still has up", roles=DESK, status=204, errors=("NO_DESK",))
async def attached(exchange: Exchange, body: Attached) -> None:
    """Sent after each registration. A line that the page lost is called again; its customer waits meanwhile."""
    await exchange.floor.phone_attached(exchange.agent_id, body.call_leg)
