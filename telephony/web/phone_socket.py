"""GET /phone-ws: the SIP of a phone in the browser, handed on to Asterisk, whose own HTTP server nobody else reaches.

Asterisk checks neither session nor origin; the door here does. What is forwarded is not read: the agent's password is
what Asterisk lets in. Each side is read only as fast as the other one takes it, and no more than a message is held.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiohttp
from aiohttp import web

from telephony.web.exchange import Exchange
from telephony.web.guard import REASONS
from telephony.web.phone_lines import ANOTHER_TAB, CLOSE_WAIT, LONGEST_MESSAGE, PhoneLine
from telephony.web.problems import Problem
from telephony.web.routes import DESK, Routes

log = logging.getLogger("telephony.web.phone")

HEARTBEAT = 20.0
"""Seconds between pings to the browser: under the 60 s after which proxies close a silent connection."""

ASTERISK_GONE = 1013
"""Try again later."""

_REASONS = REASONS | {
    ANOTHER_TAB: b"another tab is the phone now",
    ASTERISK_GONE: b"Asterisk closed the connection; try again",
}

routes = Routes("Phone", prefix="")


@routes.get(
    "/phone-ws",
    "The phone in the browser: SIP over a WebSocket",
    roles=DESK,
    status=101,
    errors=("BAD_REQUEST", "ORIGIN_REFUSED", "NO_DESK", "NOT_READY"),
)
async def phone_socket(exchange: Exchange) -> web.StreamResponse:
    """Sub-protocol `sip` (RFC 7118). A user's newest connection is the phone.

    Closed with 4401 when the session ended, 4403 when role or teams changed, 4409 when another tab took the phone
    (do not come back), 1013 when Asterisk closed it, 1001 when the service stops.
    """
    phones, request = exchange.services.phones, exchange.request
    await exchange.floor.here(exchange.agent_id)  # first: the phones of another cell are its own
    if phones.phone_of(exchange.caller.username) is None:
        raise Problem("NO_DESK")
    socket = web.WebSocketResponse(
        protocols=("sip",), heartbeat=HEARTBEAT, timeout=CLOSE_WAIT, max_msg_size=LONGEST_MESSAGE, compress=False
    )
    ready = socket.can_prepare(request)
    if not ready.ok or ready.protocol != "sip":
        raise Problem("BAD_REQUEST", detail="open this address as a WebSocket with the sub-protocol sip")
    token = exchange.services.door.token(request)
    assert token is not None  # or there were no caller
    try:
        asterisk = await phones.connect()
    except OSError as error:
        log.warning("a phone in a browser was turned away: %s", error)
        raise Problem("NOT_READY") from None
    line = PhoneLine(token=token, caller=exchange.caller)
    phones.enter(line)
    try:
        await socket.prepare(request)
        code = await _forward(socket, asterisk, line)
        await _close(socket, request, code)
    finally:
        phones.leave(line)
        await asterisk.close()
    return socket


async def _forward(socket: web.WebSocketResponse, asterisk: aiohttp.ClientWebSocketResponse, line: PhoneLine) -> int:
    """Until one of the three ends it; the code to close the browser's side with."""
    from_browser = asyncio.create_task(_hand_on(socket, asterisk))
    from_asterisk = asyncio.create_task(_hand_on(asterisk, socket))
    try:
        waited: set[asyncio.Future[Any]] = {from_browser, from_asterisk, line.ended}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if line.ended.done():
            return line.ended.result()
        return ASTERISK_GONE
    finally:
        from_browser.cancel()
        from_asterisk.cancel()
        for ended in await asyncio.gather(from_browser, from_asterisk, return_exceptions=True):
            if isinstance(ended, Exception) and not isinstance(ended, OSError | aiohttp.ClientError):
                log.error("a phone's connection ended by %s", type(ended).__name__)


async def _hand_on(
    source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    sink: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)


async def _close(socket: web.WebSocketResponse, request: web.Request, code: int) -> None:
    try:
        async with asyncio.timeout(CLOSE_WAIT):
            await socket.close(code=code, message=_REASONS.get(code, b""), drain=False)
    except (TimeoutError, OSError):
        if request.transport is not None:
            request.transport.abort()
