"""The manager link from connect to loss and back, against an Asterisk that does what it should not."""

from __future__ import annotations

import asyncio
import logging
import time
from itertools import pairwise

import pytest

from telephony.pbx.ami import AmiLoginRefused, AmiNotConnected, Message
from tests.support.ami_service import Service
from tests.support.scripted_peer import BANNER, ScriptedAsterisk, block

pytestmark = pytest.mark.unit


async def test_link_logs_in_and_is_up_when_asterisk_is_fully_booted() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await pbx.next_connection()
        line.say(BANNER)
        login = await line.read_action()
        assert (login.name, login["username"], login["secret"], login["events"]) == (
            "Login",
            "dialer",
            "hunter2",
            "on",
        )
        line.answer(login, "Message: Authentication accepted")
        line.say_event("Reload")
        await asyncio.sleep(0.05)
        assert not service.link.up
        line.say_event("FullyBooted")
        line.say_event("Newchannel")
        await service.until(lambda: len(service.story) == 3)
        assert service.story == ["up", "FullyBooted", "Newchannel"]
        assert service.link.trouble == ""


async def test_nothing_is_sent_while_asterisk_is_still_loading() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await pbx.next_connection()
        line.say(BANNER)
        line.answer(await line.read_action())
        await asyncio.sleep(0.02)
        with pytest.raises(AmiNotConnected):
            await service.link.send({"Action": "CoreStatus"})
        await service.link.close()
        assert await line.read_to_end() == []


async def test_event_in_the_same_segment_as_the_banner_does_not_disturb_the_login() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await pbx.next_connection()
        line.say(BANNER + block("Event: FullyBooted", "Status: too early") + block("Event: Reload"))
        login = await line.read_action()
        await asyncio.sleep(0.02)
        assert not service.link.up
        line.say(
            block("Response: Success", f"ActionID: {login.action_id}")
            + block("Event: FullyBooted", "Status: now")
            + block("Event: Newchannel")
        )
        await service.until_up()
        assert [event.text("status") for event in service.events] == ["now", ""]
        assert service.story == ["up", "FullyBooted", "Newchannel"]


async def test_banner_may_come_byte_by_byte() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await pbx.next_connection()
        for byte in BANNER:
            line.say(bytes([byte]))
            await asyncio.sleep(0.001)
        line.answer(await line.read_action())
        line.say_event("FullyBooted")
        await service.until_up()


@pytest.mark.parametrize(
    "greeting", [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x01"]
)
async def test_wrong_protocol_is_named_and_never_sees_the_secret(greeting: bytes) -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, backoff_first=5.0, backoff_max=5.0) as service:
        line = await pbx.next_connection()
        line.say(greeting)
        assert await line.read_to_end() == []
        await service.until(lambda: "not an Asterisk manager port" in service.link.trouble)
        assert service.story == []


async def test_port_that_never_greets_is_given_up() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, connect_deadline=0.05) as service:
        line = await pbx.next_connection()
        assert await line.read_to_end() == []
        await service.until(lambda: "no greeting" in service.link.trouble)


async def test_refused_login_stops_the_link_with_a_clear_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await pbx.next_connection()
        line.say(BANNER)
        line.answer(await line.read_action(), "Message: Authentication failed", response="Error")
        assert service.task is not None
        with pytest.raises(AmiLoginRefused, match=r"manager user 'dialer' at 127.0.0.1:\d+: Authentication failed"):
            await asyncio.wait_for(service.task, 1)
        await asyncio.sleep(0.2)
        assert pbx.connections == 1
        assert service.story == []
        assert service.link.trouble == "login refused: Authentication failed"
    assert "hunter2" not in caplog.text


async def test_missing_right_to_see_fullybooted_is_explained() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, boot_deadline=0.05, ping_every=0.06) as service:
        line = await pbx.next_connection()
        line.say(BANNER)
        line.answer(await line.read_action())
        await line.read_to_end()
        await service.until(lambda: "lacks read=system" in service.link.trouble)
        assert service.story == []


async def test_link_comes_back_after_a_loss_and_pairs_up_with_lost() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        for times in (1, 2, 3):
            line = await pbx.next_connection()
            await line.accept_login()
            await service.until_up()
            line.hang_up()
            await service.until_lost(times)
            assert not service.link.up
        assert service.story == ["up", "FullyBooted", "lost"] * 3
        assert set(service.losses) == {"Asterisk closed the connection"}


async def test_link_waits_for_an_asterisk_that_starts_later() -> None:
    pbx = ScriptedAsterisk()
    await pbx.listen()
    pbx.stop_listening()
    async with Service(pbx.port) as service:
        await service.until(lambda: service.link.trouble.startswith("cannot connect"))
        async with pbx:
            await (await pbx.next_connection()).accept_login()
            await service.until_up()


async def test_pauses_between_attempts_grow_to_their_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    async with ScriptedAsterisk() as pbx:
        async with Service(pbx.port, backoff_first=0.1, backoff_max=0.4):
            moments = []
            for _ in range(5):
                (await pbx.next_connection()).hang_up()
                moments.append(time.monotonic())
        pauses = [later - earlier for earlier, later in pairwise(moments)]
    for pause, least in zip(pauses, (0.1, 0.2, 0.4, 0.4), strict=True):
        assert least - 0.01 < pause < least + 0.25


async def test_after_a_good_connection_the_pauses_begin_small_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    async with ScriptedAsterisk() as pbx, Service(pbx.port, backoff_first=0.02, backoff_max=10.0) as service:
        for _ in range(5):  # the last pause was 0.32 s, the next one would be 0.64 s
            (await pbx.next_connection()).hang_up()
        line = await pbx.next_connection()
        await line.accept_login()
        await service.until_up()
        line.hang_up()
        started = time.monotonic()
        await pbx.next_connection()
        assert time.monotonic() - started < 0.3


async def test_close_ends_a_pending_reconnect() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, backoff_first=0.4, backoff_max=0.4) as service:
        (await pbx.next_connection()).hang_up()
        await service.until(lambda: service.link.trouble == "Asterisk closed the connection")
        started = time.monotonic()
        await service.link.close()
        assert time.monotonic() - started < 0.2
        assert service.task is not None
        await asyncio.wait_for(service.task, 0.1)
        await asyncio.sleep(0.5)
        assert pbx.connections == 1


async def test_close_hangs_up_and_says_so_once() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await pbx.next_connection()
        await line.accept_login()
        await service.until_up()
        await service.link.close()
        assert await line.read_to_end() == []
        assert service.losses == ["closed by this service"]
        await service.link.close()
        assert service.losses == ["closed by this service"]


async def test_cancelled_run_leaves_no_connection() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await pbx.next_connection()
        await line.accept_login()
        await service.until_up()
        assert service.task is not None
        service.task.cancel()
        assert await line.read_to_end() == []
        assert service.losses == ["closed by this service"]


async def test_silent_asterisk_is_found_within_the_ping_deadline() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, ping_every=0.1, ping_deadline=0.1) as service:
        line = await pbx.next_connection()
        await line.accept_login()
        await service.until_up()
        started = time.monotonic()
        await service.until_lost()
        assert 0.15 < time.monotonic() - started < 0.1 + 0.1 + 0.5
        assert service.losses == ["silent: no answer to a ping within 0.1 s"]


async def test_link_that_answers_pings_stays() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, ping_every=0.03, ping_deadline=1.0) as service:
        line = await pbx.next_connection()
        await line.accept_login()
        pings = asyncio.create_task(line.answer_pings())
        await asyncio.sleep(0.4)
        pings.cancel()
        assert service.losses == []
        assert len([action for action in line.actions if action.name == "Ping"]) >= 5


async def test_busy_asterisk_whose_pong_is_late_is_not_dead() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, ping_every=0.05, ping_deadline=0.25) as service:
        line = await pbx.next_connection()
        await line.accept_login()
        await service.until_up()
        for _ in range(40):
            line.say_event("VarSet")
            await asyncio.sleep(0.02)
        assert service.losses == []


async def test_handler_that_raises_is_reported_and_the_link_stays(caplog: pytest.LogCaptureFixture) -> None:
    class Clumsy(Service):
        def on_event(self, event: Message) -> None:
            super().on_event(event)
            if event.event == "Newchannel":
                raise KeyError(event["calleridnum"])

    async with ScriptedAsterisk() as pbx, Clumsy(pbx.port) as service:
        line = await pbx.next_connection()
        await line.accept_login()
        line.say_event("Newchannel", "CallerIDNum: 34600111222")
        line.say_event("Hangup")
        await service.until(lambda: "Hangup" in service.story)
        assert service.link.up
        assert service.link.handler_errors == 1
    assert "KeyError" in caplog.text
    assert "event Newchannel" in caplog.text
    assert "34600111222" not in caplog.text
