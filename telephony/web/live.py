"""GET /live: the WebSocket of one desktop, and the guard that closes those whose session ended.

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
from sqlalchemy.exc import SQLAlchemyError

from telephony.store import tail
from telephony.store.accounts import Role
from telephony.store.engine import StoreUnavailable
from telephony.web.auth import Door
from telephony.web.exchange import Exchange
from telephony.web.feed import Feed, Subscriber, cursor, message_of
from telephony.web.problems import Problem
from telephony.web.routes import EVERYBODY, Routes

log = logging.getLogger("telephony.web.live")

SESSION_ENDED = 4401
ROLE_CHANGED = 4403
TOO_SLOW = 4408
GOING_AWAY = int(WSCloseCode.GOING_AWAY)

REASONS = {
    SESSION_ENDED: b"the session ended; sign in again",
    ROLE_CHANGED: b"role or teams changed; open the feed again",
    TOO_SLOW: b"events were not read fast enough; come back with the last cursor",
    GOING_AWAY: b"the service stops",
}

TICK = 20.0
"""Seconds between ticks and pings: under the 60 s after which proxies close a silent connection."""

RECHECK = 15.0
"""Seconds between looks at each feed's session: how late another process's change ends a feed at most."""

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
        description="hello, reset, tick, or an event: agent.state, offer.opened, offer.closed, call.state, call.amd, "
        "call.beep, call.recording, call.voicemail_left, call.wrapped_up, limit.reached, campaign.state, pbx.state"
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

    Closed with 4401 when the session ended, 4403 when role or teams changed, 4408 when events were not read
    fast enough (come back with the last cursor), 1001 when the service stops.
    """
    feed, door, request = exchange.services.feed, exchange.services.door, exchange.request
    caller = exchange.caller
    if sum(one.caller.user_id == caller.user_id for one in feed.subscribers) >= MOST_OF_ONE_USER:
        raise Problem("TOO_MANY_FEEDS")
    token = door.token(request)
    assert token is not None  # or there were no caller
    subscriber = Subscriber(token=token, caller=caller, tenant_id=exchange.tenant_id, agent_ids=await _agents(exchange))
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
        try:
            async with asyncio.timeout(TICK):
                event_id, message = await subscriber.queue.get()
        except TimeoutError:
            await socket.send_str(_sign("tick", sent))
            continue
        await socket.send_str(message)
        sent = event_id


async def _read(socket: web.WebSocketResponse) -> None:
    async for _ in socket:  # clients say nothing here; this answers pings and sees the close
        pass


async def _close(socket: web.WebSocketResponse, request: web.Request, code: int) -> None:
    try:
        async with asyncio.timeout(CLOSE_WAIT):
            await socket.close(code=code, message=REASONS.get(code, b""), drain=False)
    except (TimeoutError, ConnectionError):
        pass
    if request.transport is not None and code == TOO_SLOW:
        request.transport.abort()


async def _agents(exchange: Exchange) -> frozenset[str] | None:
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


class Guard:
    """Ends feeds whose session ended or whose user's role or teams changed: at once here, else within `RECHECK`."""

    def __init__(self, feed: Feed, door: Door) -> None:
        self._feed = feed
        self._door = door
        self._tasks: set[asyncio.Task[None]] = set()
        door.on_forget(self._forgotten)

    def start(self) -> None:
        self._begin(self._watch())

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _forgotten(self, user_id: str) -> None:
        self._begin(self._check([one for one in self._feed.subscribers if one.caller.user_id == user_id]))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(RECHECK)
            await self._check(list(self._feed.subscribers))

    async def _check(self, subscribers: list[Subscriber]) -> None:
        for subscriber in subscribers:
            try:
                caller = await self._door.caller(subscriber.token)
            except (SQLAlchemyError, StoreUnavailable):
                return  # the next round tells; a database away ends nobody's session
            if caller is None:
                subscriber.end(SESSION_ENDED)
            elif (caller.role, caller.team_ids) != (subscriber.caller.role, subscriber.caller.team_ids):
                subscriber.end(ROLE_CHANGED)

    def _begin(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
