"""The live feed: nothing missed, nothing of others, and no client that holds up the rest."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from telephony.store import accounts, outbox, teams
from telephony.store.accounts import Role, UserChange
from telephony.web import feed, guard, live
from tests.support.office import Client, Office, open_office

pytestmark = pytest.mark.unit


async def heard(socket: ClientWebSocketResponse, count: int) -> list[Any]:
    """The next `count` messages."""
    async with asyncio.timeout(5):
        return [await socket.receive_json() for _ in range(count)]


async def closed(socket: ClientWebSocketResponse) -> int | None:
    """The code the service closed with, whatever came before it."""
    async with asyncio.timeout(10):
        while True:
            message = await socket.receive()
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                return socket.close_code


async def numbered(office: Office, numbers: range, agent_id: str | None) -> None:
    for n in numbers:
        await office.tell("call.amd", {"n": n}, agent_id=agent_id)


async def handed_out(office: Office) -> None:
    """The feed has read what was written; nobody listens who could tell."""
    written = await office.store.run(outbox.latest)
    await until(lambda: office.server._feed.position >= written)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what is waited for happens in the service
            await asyncio.sleep(0.01)


def numbers_of(messages: list[Any]) -> list[int]:
    return [one["data"]["n"] for one in messages if one["kind"] == "call.amd"]


async def test_an_agent_hears_own_events_and_the_tenants(office: Office) -> None:
    agent, acme = await office.agent(), office.acme
    async with agent.live() as socket:
        assert (await heard(socket, 1))[0]["kind"] == "hello"
        await office.tell("agent.state", {"state": "idle"}, agent_id=acme.agent_id)
        await office.tell("agent.state", {"state": "idle"}, agent_id=office.globex.agent_id)
        await office.tell("pbx.state", {"connected": True}, agent_id=None, tenant_id=office.globex.tenant_id)
        await office.tell("campaign.state", {"running": True}, agent_id=None)
        first, second = await heard(socket, 2)
    assert (first["kind"], first["data"]) == ("agent.state", {"state": "idle"})
    assert second["kind"] == "campaign.state"
    assert first["cursor"] != second["cursor"]


async def test_who_comes_back_with_a_cursor_has_no_gap(office: Office) -> None:
    agent, ann = await office.agent(), office.acme.agent_id
    got: list[int] = []
    cursor = ""
    for start in range(0, 60, 20):
        async with agent.live(cursor) as socket:
            await numbered(office, range(start, start + 10), ann)
            while len(got) < start + 10:
                (message,) = await heard(socket, 1)
                cursor = message["cursor"]
                assert message["kind"] != "reset"
                got += numbers_of([message])
        await numbered(office, range(start + 10, start + 20), ann)
        async with agent.live(cursor) as socket:
            while len(got) < start + 20:
                (message,) = await heard(socket, 1)
                cursor = message["cursor"]
                got += numbers_of([message])
    assert got == list(range(60))


async def test_events_written_while_a_client_joins_come_once_and_in_order(office: Office) -> None:
    agent, ann = await office.agent(), office.acme.agent_id
    await numbered(office, range(3), ann)
    writing = asyncio.create_task(numbered(office, range(3, 60), ann))
    got: list[int] = []
    async with agent.live("e0") as socket:
        while len(got) < 60:
            got += numbers_of(await heard(socket, 1))
    await writing
    assert got == list(range(60))


async def test_a_reloaded_page_goes_on_from_what_me_said(office: Office) -> None:
    agent, ann = await office.agent(), office.acme.agent_id
    await numbered(office, range(2), ann)
    await handed_out(office)
    cursor = (await agent("GET", "/api/v1/me")).json["cursor"]
    await numbered(office, range(2, 4), ann)
    async with agent.live(cursor) as socket:
        assert numbers_of(await heard(socket, 3)) == [2, 3]


@pytest.mark.parametrize("cursor", ["nonsense", "effff", "e-1", "e"])
async def test_a_cursor_that_leads_nowhere_asks_for_a_fresh_read(office: Office, cursor: str) -> None:
    agent = await office.agent()
    await numbered(office, range(2), office.acme.agent_id)
    await handed_out(office)
    async with agent.live(cursor) as socket:
        assert (await heard(socket, 1))[0]["kind"] == "reset"
        await numbered(office, range(2, 3), office.acme.agent_id)
        assert numbers_of(await heard(socket, 1)) == [2]


async def test_a_cursor_older_than_what_is_kept_asks_for_a_fresh_read(office: Office) -> None:
    agent, ann = await office.agent(), office.acme.agent_id
    await numbered(office, range(3), ann)
    await office.store.run(lambda conn: outbox.prune(conn, datetime.now(UTC) + timedelta(seconds=1)))
    await numbered(office, range(3, 4), ann)
    async with agent.live("e1") as socket:
        assert (await heard(socket, 1))[0]["kind"] == "reset"
    async with agent.live("e3") as socket:
        assert numbers_of(await heard(socket, 2)) == [3]


async def test_too_much_missed_asks_for_a_fresh_read(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST_MISSED", 5)
    agent = await office.agent()
    await numbered(office, range(7), office.acme.agent_id)
    await handed_out(office)
    async with agent.live("e1") as socket:
        assert (await heard(socket, 1))[0]["kind"] == "reset"


async def test_a_supervisor_hears_the_team_and_no_other(office: Office) -> None:
    acme = office.acme
    bob = await office.hire("bob", Role.AGENT, acme.tenant_id)
    sue = await office.hire("sue", Role.SUPERVISOR, acme.tenant_id)
    team = teams.NewTeam(name="Bob's", user_ids=(bob, sue))
    await office.store.run(lambda conn: teams.create_team(conn, acme.tenant_id, team))
    async with (await office.sign_in("sue")).live() as socket:
        await heard(socket, 1)
        await numbered(office, range(1), acme.agent_id)
        await numbered(office, range(1, 2), bob)
        await numbered(office, range(2, 3), sue)
        assert numbers_of(await heard(socket, 2)) == [1, 2]


@pytest.mark.parametrize("here", [True, False], ids=["here", "by another process"])
async def test_who_leaves_a_supervisors_team_is_heard_no_more(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: bool
) -> None:
    monkeypatch.setattr(guard, "RECHECK", 60.0 if here else 0.05)
    async with open_office(sqlite_url, tmp_path) as office:
        acme = office.acme
        sue = await office.hire("sue", Role.SUPERVISOR, acme.tenant_id)
        bob = await office.hire("bob", Role.AGENT, acme.tenant_id)
        await office.hire("boss", Role.TENANT_ADMIN, acme.tenant_id)
        boss, supervisor = await office.sign_in("boss"), await office.sign_in("sue")
        team = f"/api/v1/teams/{acme.team_id}"
        await boss("PATCH", team, {"user_ids": [acme.agent_id, sue]})
        async with supervisor.live() as socket:
            (hello,) = await heard(socket, 1)
            if here:
                await boss("PATCH", team, {"user_ids": [bob, sue]})
            else:
                members = teams.TeamChange(user_ids=(bob, sue))
                await office.store.run(lambda conn: teams.change_team(conn, acme.tenant_id, acme.team_id, members))
            assert await closed(socket) == guard.ROLE_CHANGED
        await numbered(office, range(1), acme.agent_id)
        await numbered(office, range(1, 2), bob)
        async with supervisor.live(hello["cursor"]) as socket:
            assert numbers_of((await heard(socket, 2))[1:]) == [1]


async def test_an_open_feed_is_presence_and_a_closed_one_is_none(office: Office) -> None:
    agent = await office.agent()
    async with agent.live() as socket:
        await heard(socket, 1)
        assert office.floor.live == [office.acme.agent_id]
    await until(lambda: not office.floor.live)


async def test_signing_out_closes_the_feed_of_that_session_only(office: Office) -> None:
    one, other = await office.agent(), await office.agent()
    async with one.live() as first, other.live() as second:
        await heard(first, 1)
        await heard(second, 1)
        await one("DELETE", "/api/v1/sessions/current")
        assert await closed(first) == guard.SESSION_ENDED
        await numbered(office, range(1), office.acme.agent_id)
        assert numbers_of(await heard(second, 1)) == [0]


async def test_a_changed_role_closes_the_feed(office: Office) -> None:
    acme = office.acme
    async with (await office.agent()).live() as socket:
        await heard(socket, 1)
        change = UserChange(role=Role.SUPERVISOR)
        await office.store.run(
            lambda conn: accounts.change_user(conn, acme.tenant_id, acme.agent_id, change, now=datetime.now(UTC))
        )
        office.server.door.forget(acme.agent_id)
        assert await closed(socket) == guard.ROLE_CHANGED


async def test_a_session_ended_by_another_process_closes_the_feed_too(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "RECHECK", 0.05)
    async with open_office(sqlite_url, tmp_path) as office, (await office.agent()).live() as socket:
        await heard(socket, 1)
        change, acme = UserChange(active=False), office.acme
        await office.store.run(
            lambda conn: accounts.change_user(conn, acme.tenant_id, acme.agent_id, change, now=datetime.now(UTC))
        )
        assert await closed(socket) == guard.SESSION_ENDED


async def test_a_client_that_does_not_read_is_closed_and_holds_up_nobody(office: Office) -> None:
    slow, quick = await office.agent(), await office.agent()
    ann = office.acme.agent_id
    # a TCP window of nothing: a client whose machine hangs
    reader, writer = await asyncio.open_connection("127.0.0.1", office.server.port, limit=1024)
    writer.write(
        b"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Authorization: Bearer " + slow.token.encode() + b"\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()
    got: list[int] = []
    async with quick.live() as socket:
        await heard(socket, 1)
        for n in range(1200):
            await office.tell("call.amd", {"n": n, "card": "x" * 20_000}, agent_id=ann)
            got += numbers_of(await heard(socket, 1))
        assert got == list(range(1200))
        await until(lambda: office.floor.live == [ann])
    writer.close()


async def test_the_service_says_goodbye(office: Office) -> None:
    async with (await office.agent()).live() as socket:
        await heard(socket, 1)
        stopping = asyncio.create_task(office.server.stop())
        assert await closed(socket) == 1001
        await stopping


async def test_a_silent_feed_ticks(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "TICK", 0.05)
    async with (await office.agent()).live() as socket:
        assert [one["kind"] for one in await heard(socket, 3)] == ["hello", "tick", "tick"]


async def test_one_user_opens_so_many_feeds_and_no_more(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_OF_ONE_USER", 1)
    agent = await office.agent()
    async with agent.live() as socket:
        await heard(socket, 1)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            async with agent.live():
                pass
        assert refusal.value.status == 429


async def test_a_stranger_hears_nothing(office: Office) -> None:
    stranger: Client = office.stranger()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with stranger.live():
            pass
    assert refusal.value.status == 401


async def test_what_customers_are_called_goes_through_unharmed(office: Office) -> None:
    name = 'Zoë "Ω" \u2028 </script> \\ 🎉'
    async with (await office.agent()).live() as socket:
        await heard(socket, 1)
        await office.tell("offer.opened", {"card": {"name": name}}, agent_id=office.acme.agent_id)
        (message,) = await heard(socket, 1)
    assert message["data"]["card"]["name"] == name
    assert json.dumps(message)
