"""The other cells of the installation: what concerns one of their agents is handed on to them, as it came.

The caller's own token goes along, so that the other cell decides who may ask what. Nothing is handed on twice: a cell
that an agent was just moved away from says so instead.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import hdrs, web

from telephony.model.reasons import Capacity
from telephony.model.why import Hindrance
from telephony.web.problems import Problem

if TYPE_CHECKING:
    from telephony.web.exchange import Exchange

log = logging.getLogger("telephony.web.neighbours")

ANSWERS_WITHIN = 15.0
"""Seconds for a request at another cell; its own longest wait, for Asterisk, is 5 s."""

CONNECTS_WITHIN = 2.0
"""Seconds until a cell that does not take the connection counts as gone."""

LONGEST_MESSAGE = 256 * 1024
"""Bytes of one message of a live feed or a phone."""

CLOSE_WAIT = 2.0
"""Seconds each side has to take the close."""

_ASKED = aiohttp.ClientTimeout(total=3.0, connect=CONNECTS_WITHIN)
"""For the question whether a cell can make calls: its database has 2 s to answer."""

HEARTBEAT = 20.0
"""Seconds between pings to either side: under the 60 s after which proxies close a silent connection.

A machine that vanished without a word is noticed half a minute later.
"""

HANDED_ON = "X-Telephony-Handed-On"

_TO = (hdrs.CONTENT_TYPE, hdrs.ACCEPT_LANGUAGE, hdrs.USER_AGENT)
_FRO = (hdrs.CONTENT_TYPE, hdrs.CONTENT_LANGUAGE, hdrs.RETRY_AFTER, "X-Request-ID")

_CONNECTION_ENDED = 1006
"""What a WebSocket library says of a connection that ended without a close; it cannot be sent."""

TRY_AGAIN_LATER = 1013

Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class Neighbours:
    """Hands requests and WebSockets on, one client for all."""

    def __init__(self) -> None:
        self._http: aiohttp.ClientSession | None = None
        self._relays: set[asyncio.Future[int]] = set()
        self._stopped: int | None = None

    async def start(self) -> None:
        limit = aiohttp.ClientTimeout(total=ANSWERS_WITHIN, connect=CONNECTS_WITHIN)
        # a cookie that one user was given must not go along with another one's request
        jar = aiohttp.DummyCookieJar()
        self._http = aiohttp.ClientSession(timeout=limit, auto_decompress=True, cookie_jar=jar)

    def end_all(self, code: int) -> None:
        """Close every WebSocket that is handed on, also one that comes from now on."""
        self._stopped = code
        for ended in self._relays:
            if not ended.done():
                ended.set_result(code)

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def in_the_way(self, url: str) -> Hindrance | Capacity | None:
        """What the service of the cell at `url` has in the way of a call."""
        assert self._http is not None
        try:
            async with self._http.get(f"{url.rstrip('/')}/readyz", timeout=_ASKED) as answer:
                missing = [] if answer.status == 200 else (await answer.json(content_type=None)).get("missing", [])
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return Hindrance.SERVICE_DOWN
        return Capacity.PBX_UNREACHABLE if "pbx" in missing else None

    async def hand_on(self, exchange: Exchange, url: str) -> web.StreamResponse:
        """The answer of the cell whose API is at `url`; `Problem` CELL_UNREACHABLE where there is none."""
        request = exchange.request
        token = exchange.services.door.token(request)
        if not url or HANDED_ON in request.headers or token is None or self._http is None:
            raise Problem("CELL_UNREACHABLE")
        headers = {str(name): request.headers[name] for name in _TO if name in request.headers}
        headers |= {"Authorization": f"Bearer {token}", HANDED_ON: "1"}
        path = str(request.rel_url)
        if not path.startswith("/"):
            raise Problem("BAD_REQUEST")
        address = url.rstrip("/") + path
        try:
            if hdrs.UPGRADE in request.headers:
                return await self._relay(request, self._http, address, headers)
            body = await request.read()
            async with self._http.request(request.method, address, headers=headers, data=body or None) as answer:
                kept = {name: answer.headers[name] for name in _FRO if name in answer.headers}
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("the cell at %s cannot be reached: %s", url, type(error).__name__)
            raise Problem("CELL_UNREACHABLE") from None

    async def _relay(
        self, request: web.Request, http: aiohttp.ClientSession, address: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        wanted = [name.strip() for name in request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "").split(",") if name]
        limit = aiohttp.ClientWSTimeout(ws_close=CLOSE_WAIT)
        try:
            far = await http.ws_connect(
                address,
                protocols=wanted,
                headers=headers,
                heartbeat=HEARTBEAT,
                max_msg_size=LONGEST_MESSAGE,
                timeout=limit,
            )
        except aiohttp.WSServerHandshakeError as refusal:
            # the reason is in a body that the client library does not keep
            raise Problem("BAD_REQUEST" if refusal.status < 500 else "NOT_READY") from None
        near = web.WebSocketResponse(
            protocols=(far.protocol,) if far.protocol else (),
            heartbeat=HEARTBEAT,
            max_msg_size=LONGEST_MESSAGE,
            timeout=CLOSE_WAIT,
        )
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self._stopped is not None:
            ended.set_result(self._stopped)
        self._relays.add(ended)
        try:
            await near.prepare(request)
            await _both_ways(near, far, ended)
            code = far.close_code if far.close_code not in (None, _CONNECTION_ENDED) else TRY_AGAIN_LATER
            await near.close(code=ended.result() if ended.done() else code or TRY_AGAIN_LATER)
        finally:
            self._relays.discard(ended)
            await far.close()
        return near


async def _both_ways(near: Socket, far: Socket, ended: asyncio.Future[int]) -> None:
    """Until one of the two ends, or it is ended here."""
    ways = [asyncio.create_task(_one_way(near, far)), asyncio.create_task(_one_way(far, near))]
    try:
        waited: set[asyncio.Future[Any]] = {*ways, ended}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        for error in await asyncio.gather(*ways, return_exceptions=True):
            if isinstance(error, Exception) and not isinstance(error, OSError | aiohttp.ClientError):
                log.error("a connection to another cell ended by %s", type(error).__name__)


async def _one_way(source: Socket, sink: Socket) -> None:
    message: Any
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)
