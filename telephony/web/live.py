"""GET /live: the WebSocket of one desktop.

The first message is `hello` with the cursor to come back with, or `reset` where the given cursor leaves a gap:
then the client reads `GET /me` afresh. Every 20 s comes a `tick`, by which a page knows that the line is alive.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Annotated, Any

from aiohttp import WSCloseCode, web
from pydantic import BaseModel, ConfigDict, Field

from telephony.store import tail
from telephony.store.accounts import Role
from telephony.web.administration import tenant_of
from telephony.web.exchange import Exchange
from telephony.web.feed import Agents, Subscriber, cursor, message_of
from telephony.web.guard import REASONS
from telephony.web.problems import Problem
from telephony.web.routes import EVERYBODY, Routes

log = logging.getLogger("telephony.web.live")

TOO_SLOW = 4408
GOING_AWAY = int(WSCloseCode.GOING_AWAY)

_REASONS = REASONS | {
    TOO_SLOW: b"events were not read fast enough; come back with the last cursor",
    GOING_AWAY: b"the service stops",
}

TICK = 20.0
"""Seconds between ticks and pings: under the 60 s after which proxies close a silent connection."""

CLOSE_WAIT = 2.0
"""Seconds a client has to take the close; then its connection is dropped."""

MOST_OF_ONE_USER = 8
"""Open feeds of one user: tabs and a CRM, not a runaway script."""

routes = Routes("Live")


class LiveQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="cursor of the last event received; kept for 24 hours"
    )


class LiveMessage(BaseModel):
    """What comes over the WebSocket, one JSON object a message."""

    kind: str = Field(
        description="hello, reset, tick, or an event: agent.state, offer.opened, offer.closed, call.state, "
        "call.controls, call.transfer_failed, call.monitored, call.amd, call.beep, call.recording, "
        "call.voicemail_left, call.wrapped_up, limit.reached, campaign.state, pbx.state, phone.trouble"
    )
    cursor: str = Field(description="give the last one as `since` when you come back")
    at: datetime
    agent: str | None = Field(default=None, description="whose; events only, none: the whole tenant's")
    data: dict[str, Any] = Field(default={}, description="members by kind; events only")


@routes.get(
    "/live",
    "Events as they happen, over a WebSocket",
    roles=EVERYBODY,
    answer=LiveMessage,
    status=101,
    errors=("BAD_REQUEST", "TOO_MANY_FEEDS", "ORIGIN_REFUSED", "TENANT_NEEDED"),
)
async def live(exchange: Exchange, query: LiveQuery) -> web.StreamResponse:
    """Agents get their own events, supervisors those of their teams, administrators the tenant's.

    Closed with 4401 when the session ended, 4403 when role or teams changed (a supervisor's also when somebody came
    into or left one of them), 4408 when events were not read fast enough (come back with the last cursor), 1001 when
    the service stops.
    """
    feed, door, request = exchange.services.feed, exchange.services.door, exchange.request
    caller = exchange.caller
    if caller.agent:
        await exchange.floor.here(caller.user_id)
    if sum(one.caller.user_id == caller.user_id for one in feed.subscribers) >= MOST_OF_ONE_USER:
        raise Problem("TOO_MANY_FEEDS")
    token = door.token(request)
    assert token is not None  # or there were no caller
    subscriber = Subscriber(
        token=token,
        caller=caller,
        tenant_id=await tenant_of(exchange),
        agent_ids=await _agents(exchange),
        now=lambda: _agents(exchange),
    )
    socket = web.WebSocketResponse(heartbeat=TICK, timeout=CLOSE_WAIT, max_msg_size=4096, compress=False)
    if not socket.can_prepare(request).ok:
        raise Problem("BAD_REQUEST", detail="open this address as a WebSocket")
    joined_at = feed.join(subscriber)
    if caller.agent:
        exchange.floor.live_opened(caller.user_id)
    try:
        await socket.prepare(request)
        code = await _serve(exchange, socket, subscriber, query.since, joined_at)
        await _close(socket, request, code)
    finally:
        feed.leave(subscriber)
        if caller.agent:
            exchange.floor.live_closed(caller.user_id)
    return socket


async def _serve(
    exchange: Exchange, socket: web.WebSocketResponse, subscriber: Subscriber, since: str | None, joined_at: int
) -> int:
    writer = asyncio.create_task(_write(exchange, socket, subscriber, since, joined_at))
    reader = asyncio.create_task(_read(socket))
    try:
        waited: set[asyncio.Future[Any]] = {writer, reader, subscriber.ended}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        return subscriber.ended.result() if subscriber.ended.done() else GOING_AWAY
    finally:
        writer.cancel()
        reader.cancel()
        for ended in await asyncio.gather(writer, reader, return_exceptions=True):
            if isinstance(ended, Exception) and not isinstance(ended, ConnectionError):
                log.error("a live feed ended by %s", type(ended).__name__)


async def _write(
    exchange: Exchange, socket: web.WebSocketResponse, subscriber: Subscriber, since: str | None, joined_at: int
) -> None:
    sent = joined_at
    missed = [] if since is None else await exchange.services.feed.missed(subscriber, since, joined_at)
    if missed:
        # the cursor before what follows: a line that breaks here must not skip it
        await socket.send_str(_sign("hello", missed[0].id - 1))
    else:
        await socket.send_str(_sign("reset" if missed is None else "hello", joined_at))
    for line in missed or ():
        await socket.send_str(message_of(line))
    while True:
        if subscriber.queue.empty():
            try:
                async with asyncio.timeout(TICK):
                    sent, message = await subscriber.queue.get()
            except TimeoutError:
                message = _sign("tick", sent)
        else:
            sent, message = subscriber.queue.get_nowait()
        await socket.send_str(message)


async def _read(socket: web.WebSocketResponse) -> None:
    async for _ in socket:  # clients say nothing here; this answers pings and sees the close
        pass


async def _close(socket: web.WebSocketResponse, request: web.Request, code: int) -> None:
    try:
        async with asyncio.timeout(CLOSE_WAIT):
            await socket.close(code=code, message=_REASONS.get(code, b""), drain=False)
    except (TimeoutError, ConnectionError):
        pass
    if request.transport is not None and code == TOO_SLOW:
        request.transport.abort()


async def _agents(exchange: Exchange) -> Agents:
    caller = exchange.caller
    if caller.role is Role.AGENT:
        return frozenset({caller.user_id})
    if exchange.teams is None:
        return None
    teams = exchange.teams
    return await exchange.run(lambda conn: tail.members(conn, teams)) | {caller.user_id}


def _sign(kind: str, event_id: int) -> str:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f'{{"kind":"{kind}","cursor":"{cursor(event_id)}","at":"{at}","data":{{}}}}'
