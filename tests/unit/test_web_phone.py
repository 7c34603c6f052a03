"""The phone in the browser over HTTP: what a page registers with, and its WebSocket, handed on to Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from pydantic import SecretStr

from telephony.model.browser_phone import password_of
from telephony.settings import Phones
from telephony.store import accounts
from telephony.store.accounts import Role, UserChange
from telephony.web import guard, phone_lines, phone_socket
from tests.support.office import Client, Office, free_port, open_office

pytestmark = pytest.mark.unit

SECRET = "a-browser-secret"
ENDPOINT = "pd-web-acme.ann"


@dataclass
class Exchange:
    """In Asterisk's place: echoes each message, or does not read at all."""

    protocols: tuple[str, ...] = ("sip",)
    reads: bool = True
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    cookies: list[str | None] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=self.protocols)
        self.cookies.append(request.headers.get("Cookie"))
        await socket.prepare(request)
        self.sockets.append(socket)
        if not self.reads:
            await asyncio.Event().wait()
        async for message in socket:
            await socket.send_str(message.data)
        return socket


@dataclass
class Place:
    office: Office
    exchange: Exchange
    runner: web.AppRunner

    @asynccontextmanager
    async def phone(self, client: Client, *, protocols: tuple[str, ...] = ("sip",), **headers: str) -> Any:
        if client.token:
            headers["Authorization"] = f"Bearer {client.token}"
        url = f"{self.office.url}/phone-ws"
        async with self.office.http.ws_connect(url, protocols=protocols, headers=headers) as socket:
            yield socket

    async def metric(self, name: str) -> float:
        text = (await self.office.stranger()("GET", "/metrics")).text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        assert found, text
        return float(found.group(1))

    async def refused(self, client: Client, **headers: str) -> int:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            async with self.phone(client, **headers):
                pass
        return refusal.value.status


@pytest.fixture
async def place(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    exchange, app = Exchange(), web.Application()
    app.router.add_get("/ws", exchange.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with open_office(sqlite_url, tmp_path, phones=Phones(port=port, secret=SecretStr(SECRET))) as office:
        yield Place(office, exchange, runner)
    await runner.cleanup()


async def closed(socket: ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(10):
        while (await socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            pass
    return socket.close_code


async def test_a_page_is_told_what_to_register_with(place: Place) -> None:
    agent = await place.office.agent()
    before = (await agent("GET", "/api/v1/me/phone")).json
    assert (await agent("PUT", "/api/v1/me/phone", {"kind": "browser"})).status == 204
    assert ("browser", place.office.acme.agent_id) in place.office.floor.asked
    assert before == {
        "kind": "sip",
        "sip": "1001",
        "browser": {
            "endpoint": ENDPOINT,
            "password": password_of(SECRET, ENDPOINT),
            "domain": "pbx.invalid",
            "path": "/phone-ws",
        },
        "registered": True,
    }


async def test_without_a_secret_there_is_no_phone_in_the_browser(office: Office) -> None:
    agent = await office.agent()
    assert (await agent("GET", "/api/v1/me/phone")).json["browser"] is None
    refused = await agent("PUT", "/api/v1/me/phone", {"kind": "browser"})
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "kind")


@pytest.mark.parametrize("body", [{"kind": "sip"}, {"kind": "browser", "phone": "1001"}, {"kind": "fax"}, {}])
async def test_a_choice_that_says_nothing_or_too_much_is_refused(place: Place, body: dict[str, str]) -> None:
    agent = await place.office.agent()
    assert (await agent("PUT", "/api/v1/me/phone", body)).code == "INVALID"


async def test_what_a_page_says_of_its_phone_reaches_the_desk_and_is_counted(place: Place) -> None:
    agent, leg = await place.office.agent(), "01890000-0000-7000-8000-000000000001"
    assert (await agent("POST", "/api/v1/me/phone/trouble", {"code": "no_sound", "call": leg})).status == 204
    assert (await agent("POST", "/api/v1/me/phone/trouble", {"code": "no_idea"})).code == "INVALID"
    assert (await agent("POST", "/api/v1/me/phone/attached", {"call_leg": leg})).status == 204
    assert (await agent("POST", "/api/v1/me/phone/attached", {"call_leg": None})).status == 204
    me = place.office.acme.agent_id
    assert place.office.floor.asked == [("trouble", me, "no_sound", leg), ("attached", me, leg), ("attached", me, None)]
    assert await place.metric('telephony_phone_troubles_total{code="no_sound"}') == 1


async def test_messages_go_both_ways_and_the_session_does_not(place: Place) -> None:
    agent = await place.office.agent()
    async with place.phone(agent) as socket:
        assert socket.protocol == "sip"
        for text in ("REGISTER sip:pbx.invalid SIP/2.0\r\n\r\n", "\r\n\r\n", "é" * 1000):
            await socket.send_str(text)
            assert await asyncio.wait_for(socket.receive_str(), 5) == text
        assert await place.metric("telephony_browser_phones") == 1
    assert place.exchange.cookies == [None], "Asterisk is told no cookie"
    async with asyncio.timeout(5):
        while await place.metric("telephony_browser_phones"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_only_the_services_own_page_with_a_session_is_let_in(place: Place) -> None:
    office = place.office
    await office.hire("boss", Role.TENANT_ADMIN, office.acme.tenant_id)
    agent = await office.agent()
    cookie = f"telephony_session={agent.token}"
    page = office.stranger()
    assert await place.refused(page) == 401
    assert await place.refused(page, Cookie=cookie) == 403
    assert await place.refused(page, Cookie=cookie, Origin="https://elsewhere.example") == 403
    assert await place.refused(await office.sign_in("boss")) == 403, "takes no calls"
    assert (await agent("GET", "/phone-ws")).status == 400
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with place.phone(agent, protocols=("chat",)):
            pass
    assert refusal.value.status == 400
    assert place.exchange.sockets == []
    async with place.phone(page, Cookie=cookie, Origin=office.url) as socket:
        assert socket.protocol == "sip"


async def test_the_newest_tab_is_the_phone(place: Place) -> None:
    agent = await place.office.agent()
    async with place.phone(agent) as first, place.phone(agent) as second:
        assert await closed(first) == phone_lines.ANOTHER_TAB
        await second.send_str("still here")
        assert await asyncio.wait_for(second.receive_str(), 5) == "still here"
        assert await place.metric("telephony_browser_phone_takeovers_total") == 1


async def test_it_ends_with_the_session_at_once(place: Place) -> None:
    agent = await place.office.agent()
    async with place.phone(agent) as socket:
        assert (await agent("DELETE", "/api/v1/sessions/current")).status == 204
        assert await closed(socket) == guard.SESSION_ENDED


async def test_it_ends_when_the_role_changes(place: Place) -> None:
    office, change = place.office, UserChange(role=Role.SUPERVISOR)
    agent = await office.agent()
    async with place.phone(agent) as socket:
        await office.store.run(
            lambda conn: accounts.change_user(
                conn, office.acme.tenant_id, office.acme.agent_id, change, now=datetime.now(UTC)
            )
        )
        office.server.door.forget(office.acme.agent_id)
        assert await closed(socket) == guard.ROLE_CHANGED


async def test_asterisk_closes_or_is_not_there(place: Place) -> None:
    agent = await place.office.agent()
    async with place.phone(agent) as socket:
        await socket.send_str("hello")
        await socket.receive_str()
        await place.exchange.sockets[0].close()
        assert await closed(socket) == phone_socket.ASTERISK_GONE
    place.exchange.protocols = ("chat",)
    assert await place.refused(agent) == 503
    await place.runner.cleanup()
    assert await place.refused(agent) == 503


async def test_a_message_that_is_too_long_ends_it(place: Place) -> None:
    agent = await place.office.agent()
    async with place.phone(agent) as socket:
        await socket.send_str("x" * (phone_lines.LONGEST_MESSAGE + 1))
        assert await closed(socket) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_a_flood_is_taken_no_faster_than_asterisk_reads(place: Place) -> None:
    place.exchange.reads = False
    agent = await place.office.agent()
    sent, most = 0, 100_000_000
    async with place.phone(agent) as socket:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                while sent < most:
                    await socket.send_str("x" * 16_000)
                    sent += 16_000
        assert sent < most, "held back by the sockets' own buffers"
        await agent("DELETE", "/api/v1/sessions/current")
        # the end of the session does not wait for Asterisk either
        async with asyncio.timeout(10):
            while await place.metric("telephony_browser_phones"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_it_ends_when_the_service_stops(place: Place) -> None:
    agent = await place.office.agent()
    async with place.phone(agent) as socket:
        stopping = asyncio.create_task(place.office.server.stop())
        assert await closed(socket) == aiohttp.WSCloseCode.GOING_AWAY
        await stopping


async def test_a_phone_that_comes_while_the_service_stops_is_closed_too(place: Place) -> None:
    agent = await place.office.agent()
    place.office.server._phones.end_all(1001)
    async with place.phone(agent) as socket:
        assert await closed(socket) == 1001
