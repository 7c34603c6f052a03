"""Two cells on one database: what reaches the wrong one is answered by the right one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from telephony.dialer.errors import Elsewhere, Refused
from telephony.model.reasons import Refusal
from telephony.settings import Http, Settings
from telephony.web.server import WebServer
from tests.support.office import Client, NotedFloor, Office, free_port

pytestmark = pytest.mark.unit

OFFER = "01900000-0000-7000-8000-000000000001"


@pytest.fixture
async def other(office: Office, tmp_path: Path) -> AsyncIterator[Client]:
    """The office's agent, at another cell that knows where the office is."""
    floor = NotedFloor()
    floor.refuse_all = Elsewhere(office.url)
    settings = Settings(data_dir=tmp_path, database_url=office.store.url, http=Http(port=free_port()))
    server = WebServer(settings=settings, store=office.store, floor=floor, changes=office.changes)
    await server.start()
    try:
        yield Client(office.http, server.url, (await office.agent()).token)
    finally:
        await server.stop()


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
