"""Two cells on one database: what reaches the wrong one is answered by the right one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from telephony.dialer.errors import Elsewhere, Refused
from telephony.model.reasons import Refusal
from telephony.settings import Http, Phones, Settings
from telephony.web.server import WebServer
from tests.support.office import Client, NotedFloor, Office, free_port
from tests.support.tcp_line import TcpLine
from tests.unit.test_web_phone import Place, closed, place

__all__ = ["place"]

pytestmark = pytest.mark.unit

OFFER = "01900000-0000-7000-8000-000000000001"


@asynccontextmanager
async def wrong_cell(office: Office, folder: Path, url: str, phones: Phones | None = None) -> AsyncIterator[Client]:
    """The office's agent, at another cell that takes the agent's own for the one at `url`."""
    floor = NotedFloor()
    floor.refuse_all = Elsewhere(url)
    settings = Settings(
        data_dir=folder, database_url=office.store.url, http=Http(port=free_port()), phones=phones or Phones()
    )
    server = WebServer(settings=settings, store=office.store, floor=floor, changes=office.changes)
    await server.start()
    try:
        yield Client(office.http, server.url, (await office.agent()).token)
    finally:
        await server.stop()


@pytest.fixture
async def other(office: Office, tmp_path: Path) -> AsyncIterator[Client]:
    """The office's agent, at another cell that knows where the office is."""
    async with wrong_cell(office, tmp_path, office.url) as client:
        yield client


async def test_a_decision_at_the_wrong_cell_is_made_at_the_right_one(office: Office, other: Client) -> None:
    done = await other("POST", f"/api/v1/offers/{OFFER}/accept")
    assert (done.status, done.json) == (200, {"offer": OFFER, "state": "accepted", "attempt": None})
    done = await other("PUT", "/api/v1/me/state", {"state": "idle", "reason": "lunch"})
    assert (done.status, done.text) == (204, "")
    assert [asked[0] for asked in office.floor.asked] == ["accept", "state"]
    assert office.floor.asked[1][2:] == ("idle", "lunch")


async def test_a_refusal_comes_back_as_it_is_in_the_callers_language(office: Office, other: Client) -> None:
    office.floor.refuse = Refused(Refusal.ACTION_DISABLED)
    refused = await other("POST", f"/api/v1/offers/{OFFER}/skip", headers={"Accept-Language": "es"})
    assert (refused.status, refused.code) == (409, "ACTION_DISABLED")
    wrong = await other("PUT", "/api/v1/me/state", {"state": "asleep"})
    assert (wrong.status, wrong.code) == (422, "INVALID")


async def test_a_page_with_a_cookie_is_handed_on_too(office: Office, other: Client) -> None:
    headers = {"Cookie": f"telephony_session={other.token}", "Origin": other.url}
    done = await Client(office.http, other.url)("POST", f"/api/v1/offers/{OFFER}/accept", headers=headers)
    assert done.status == 200
    headers["Origin"] = "http://elsewhere.example"
    refused = await Client(office.http, other.url)("POST", f"/api/v1/offers/{OFFER}/accept", headers=headers)
    assert refused.code == "ORIGIN_REFUSED"
    assert len(office.floor.asked) == 1


async def test_presence_and_live_feed_are_the_right_cells(office: Office, other: Client) -> None:
    office.floor.seen_agents.clear()
    assert (await other("POST", "/api/v1/me/presence")).status == 204
    assert set(office.floor.seen_agents) == {office.acme.agent_id}
    async with other.live() as socket, asyncio.timeout(10):
        assert (await socket.receive_json())["kind"] == "hello"
        assert office.floor.live == [office.acme.agent_id]
        await office.tell("agent.state", {"n": 1}, agent_id=office.acme.agent_id)
        assert (await socket.receive_json())["data"] == {"n": 1}
        await other("DELETE", "/api/v1/sessions/current")
        office.server.door.forget(office.acme.agent_id)  # it would believe the token for a second
        while not socket.closed:
            await socket.receive()
        assert socket.close_code == 4401
    while office.floor.live:  # noqa: ASYNC110  # there is no event for it
        await asyncio.sleep(0.01)


async def test_a_feed_that_ends_at_the_wrong_cell_ends_at_the_right_one(office: Office, other: Client) -> None:
    async with other.live() as socket, asyncio.timeout(10):
        await socket.receive_json()
    async with asyncio.timeout(10):
        while office.floor.live:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:9"])
async def test_a_cell_that_cannot_be_reached_is_said(office: Office, address: str) -> None:
    office.floor.refuse_all = Elsewhere(address)
    agent = await office.agent()
    refused = await agent("POST", f"/api/v1/offers/{OFFER}/accept")
    assert (refused.status, refused.code) == (503, "CELL_UNREACHABLE")
    with pytest.raises(aiohttp.WSServerHandshakeError) as turned_away:
        async with agent.live():
            pass
    assert turned_away.value.status == 503


async def test_nothing_is_handed_on_twice(office: Office, other: Client) -> None:
    office.floor.refuse_all = Elsewhere(other.url)  # moved away a moment ago
    refused = await other("POST", f"/api/v1/offers/{OFFER}/accept")
    assert (refused.status, refused.code) == (503, "CELL_UNREACHABLE")
    assert len(office.floor.asked) == 1


async def test_a_relay_ends_with_its_service_and_none_begins_after_that(office: Office, tmp_path: Path) -> None:
    floor = NotedFloor()
    floor.refuse_all = Elsewhere(office.url)
    settings = Settings(data_dir=tmp_path, database_url=office.store.url, http=Http(port=free_port()))
    server = WebServer(settings=settings, store=office.store, floor=floor, changes=office.changes)
    await server.start()
    other = Client(office.http, server.url, (await office.agent()).token)
    async with other.live() as socket, asyncio.timeout(10):
        await socket.receive_json()
        stopping = asyncio.create_task(server.stop())
        while not socket.closed:
            await socket.receive()
        assert socket.close_code == 1001
        await stopping


async def test_a_cell_that_falls_silent_is_noticed(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine is gone: the connection stays open, and nothing comes any more, not even an answer to a ping."""
    monkeypatch.setattr("telephony.web.neighbours.HEARTBEAT", 0.1)
    async with (
        TcpLine("127.0.0.1", office.server.port) as line,
        wrong_cell(office, tmp_path, f"http://127.0.0.1:{line.port}") as other,
        other.live() as socket,
        asyncio.timeout(10),
    ):
        await socket.receive_json()
        line.fall_silent()
        while not socket.closed:
            await socket.receive()
        assert socket.close_code == 1013


async def test_a_cookie_that_one_user_was_given_does_not_go_along_with_anothers_request(
    office: Office, tmp_path: Path
) -> None:
    seen: list[str | None] = []

    async def presence(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        answer = web.Response(status=204)
        answer.set_cookie("telephony_session", "a-users-own", path="/")
        return answer

    app = web.Application()
    app.router.add_post("/api/v1/me/presence", presence)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        # by name: client libraries keep no cookies of bare addresses
        async with wrong_cell(office, tmp_path, f"http://localhost:{port}") as other:
            for _ in range(2):
                assert (await other("POST", "/api/v1/me/presence")).status == 204
    finally:
        await runner.cleanup()
    assert seen == [None, None]


@pytest.mark.parametrize("phones_here", [True, False])
async def test_a_phone_in_the_browser_at_the_wrong_cell_rings_at_the_right_one(
    place: Place, tmp_path: Path, phones_here: bool
) -> None:
    phones = Phones(port=9, secret=SecretStr("of this cell")) if phones_here else None
    async with (
        wrong_cell(place.office, tmp_path, place.office.url, phones) as other,
        other.http.ws_connect(
            f"{other.url}/phone-ws", protocols=("sip",), headers={"Authorization": f"Bearer {other.token}"}
        ) as socket,
        asyncio.timeout(10),
    ):
        assert socket.protocol == "sip"
        await socket.send_str("REGISTER sip:pbx.invalid SIP/2.0\r\n\r\n")
        assert (await socket.receive()).data == "REGISTER sip:pbx.invalid SIP/2.0\r\n\r\n"
        assert place.exchange.cookies == [None]
        await other("DELETE", "/api/v1/sessions/current")
        place.office.server.door.forget(place.office.acme.agent_id)  # it would believe the token for a second
        assert await closed(socket) == 4401
