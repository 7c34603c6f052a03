"""Signing in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from telephony.web.exchange import Exchange, json_answer
from telephony.web.routes import EVERYBODY, PUBLIC, Routes

routes = Routes("Sessions")


class Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")

    username: Annotated[str, Field(min_length=1, max_length=120)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


class NewSession(BaseModel):
    token: str = Field(description="for `Authorization: Bearer`; shown once")
    expires_at: datetime


@routes.post(
    "/sessions",
    "Sign in",
    roles=PUBLIC,
    answer=NewSession,
    status=201,
    errors=("WRONG_PASSWORD", "TOO_MANY_SIGN_INS", "ORIGIN_REFUSED"),
)
async def sign_in(exchange: Exchange, body: Credentials) -> web.Response:
    """Also sets the cookie that browsers use. After five wrong passwords further tries must wait."""
    door = exchange.services.door
    if "Origin" in exchange.request.headers:
        door.demand_own_origin(exchange.request)
    token, expires_at = await door.sign_in(exchange.request, body.username, body.password)
    answer = json_answer({"token": token, "expires_at": expires_at}, status=201)
    door.give_cookie(answer, token)
    return answer


@routes.delete("/sessions/current", "Sign out", roles=EVERYBODY, status=204)
async def sign_out(exchange: Exchange) -> web.Response:
    door = exchange.services.door
    token = door.token(exchange.request)
    assert token is not None  # or there were no caller
    await door.sign_out(token, exchange.caller.user_id)
    answer = web.Response(status=204)
    door.take_cookie(answer)
    return answer
