"""The bytes of the manager link: text over segment borders, bursts, a peer that does not read."""

from __future__ import annotations

import asyncio
import logging

import pytest

from telephony.pbx.ami import AmiBusy, AmiLost, AmiNotConnected, Message
from telephony.pbx.ami_wire import MESSAGE_LIMIT, AmiWire
from tests.support.ami_service import Service
from tests.support.scripted_peer import ManagerConnection, ScriptedAsterisk, block

pytestmark = pytest.mark.unit

HUNDRED_KILOBYTES = {"Action": "Setvar", "Variable": ["x" * 1000] * 100}


async def up(pbx: ScriptedAsterisk, service: Service) -> ManagerConnection:
    line = await pbx.next_connection()
    await line.accept_login()
    await service.until_up()
    return line


async def test_text_split_anywhere_over_segments_keeps_every_character() -> None:
    name = "Núñez 🎂 日本"
    message = block("Event: Newchannel", f"CallerIDName: {name}", "Uniqueid: a")
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        for cut in range(1, len(message)):
            line.say(message[:cut])
            await asyncio.sleep(0.001)
            line.say(message[cut:])
            await asyncio.sleep(0.001)
        await service.until(lambda: len(service.events) == len(message))
        assert {event["calleridname"] for event in service.events[1:]} == {name}


async def test_bytes_that_are_no_text_are_marked_and_harm_nothing() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        line.say(b"Event: Newchannel\r\nCallerIDName: caf\xe9\r\nUniqueid: a\r\n\r\n")
        line.say_event("Hangup", "Uniqueid: a")
        await service.until(lambda: len(service.events) == 3)
        assert service.events[1]["calleridname"] == "caf\ufffd"
        assert service.events[2].event == "Hangup"


async def test_repeated_headers_keep_all_values_and_any_case_finds_them() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        line.say_event("Newexten", "ChanVariable: A=1", "ChanVariable: B=2", "ChanVariable: C=3", "AppData: x: y")
        await service.until(lambda: len(service.events) == 2)
        event = service.events[1]
        assert event.all("CHANVARIABLE") == ("A=1", "B=2", "C=3")
        assert event["chanVariable"] == "C=3"
        assert event["AppData"] == "x: y"
        assert event.get("Uniqueid") is None
        assert event.text("Uniqueid") == ""
        assert "APPDATA" in event
        assert "AppDatum" not in event
        assert dict(event) == {"event": "Newexten", "chanvariable": "C=3", "appdata": "x: y"}
        with pytest.raises(TypeError):
            event["AppData"] = "z"  # type: ignore[index]


async def test_burst_of_20000_events_arrives_complete_and_in_order_and_lets_others_run() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        filler = [f"Header{number}: some value of ordinary length" for number in range(8)]
        line.say(b"".join(block("Event: VarSet", f"Value: {number}", *filler) for number in range(20_000)))
        most_in_a_turn = 0
        async with asyncio.timeout(30):
            while len(service.events) < 20_001:
                before = len(service.events)
                await asyncio.sleep(0)
                most_in_a_turn = max(most_in_a_turn, len(service.events) - before)
        assert [event["value"] for event in service.events[1:]] == [str(number) for number in range(20_000)]
        assert most_in_a_turn < 150  # 3 ms: what else runs in this process is not held up
        assert service.losses == []


async def test_answer_in_a_burst_keeps_its_place_and_pings_do_not_give_up() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, ping_every=0.02, ping_deadline=0.5) as service:
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send({"Action": "CoreStatus"}))
        action = await line.read_action()
        while action.name != "CoreStatus":
            action = await line.read_action()
        pings = asyncio.create_task(line.answer_pings())
        line.say(b"".join(block("Event: VarSet", f"Value: {number}") for number in range(10_000)))
        line.answer(action)
        await sending
        assert len(service.events) == 10_001
        pings.cancel()
        assert service.losses == []


async def test_events_before_a_hang_up_are_still_delivered() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        line.say(b"".join(block("Event: Hangup", f"Value: {number}") for number in range(20_000)))
        line.hang_up()
        await service.until_lost()
        assert len([name for name in service.story if name == "Hangup"]) == 20_000
        assert service.story.index("lost") == 20_002


class Tap(asyncio.Transport):
    """A transport that only notes whether the wire wants to read."""

    def __init__(self) -> None:
        super().__init__()
        self.reading: list[bool] = []

    def pause_reading(self) -> None:
        self.reading.append(False)

    def resume_reading(self) -> None:
        self.reading.append(True)

    def abort(self) -> None: ...


async def test_reading_stops_at_the_backlog_limit_and_goes_on_below_it() -> None:
    seen: list[Message] = []
    wire = AmiWire(on_event=seen.append, on_gone=lambda reason: None, max_in_flight=1, backlog_bytes=100_000)
    tap = Tap()
    wire.connection_made(tap)
    wire.data_received(b"Asterisk Call Manager/11.0.0\r\n")
    events = block("Event: VarSet", "Value: x") * 1_000
    sent = 0
    while not tap.reading:
        wire.data_received(events)
        sent += 1
    assert sent * len(events) < 100_000 + 2 * len(events)
    assert tap.reading == [False]
    assert seen == []
    expected = sent * 1_000
    for _ in range(100):  # turns of the event loop
        await asyncio.sleep(0)
    assert tap.reading == [False, True]
    assert len(seen) == expected


async def test_fault_of_our_own_in_reading_ends_the_connection_and_does_not_freeze_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def break_down(event: Message) -> None:
        raise RuntimeError("bug")

    wire = AmiWire(on_event=break_down, on_gone=lambda reason: None, max_in_flight=1, backlog_bytes=100_000)
    wire.connection_made(Tap())
    wire.data_received(b"Asterisk Call Manager/11.0.0\r\n")
    wire.data_received(block("Event: VarSet", "Value: x") * 1_000)
    async with asyncio.timeout(1):
        assert await wire.gone == "reading failed"
    assert "AMI: reading failed" in caplog.text


async def test_message_without_end_is_a_broken_peer() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        line.say(b"Event: VarSet\r\nValue: " + b"x" * (MESSAGE_LIMIT + 100))
        await service.until_lost()
        assert "more than" in service.losses[0]


async def test_asterisk_that_does_not_read_makes_actions_busy_not_memory_full(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    async with ScriptedAsterisk() as pbx, Service(pbx.port, action_deadline=0.2, max_in_flight=1_000) as service:
        line = await up(pbx, service)
        sending = [asyncio.create_task(service.link.send(HUNDRED_KILOBYTES)) for _ in range(400)]
        errors = await asyncio.gather(*sending, return_exceptions=True)
        busy = [error for error in errors if isinstance(error, AmiBusy)]
        assert len(busy) > 100
        assert "does not read" in str(busy[0])
        line.reset()


async def test_loss_ends_at_once_the_wait_for_an_asterisk_that_does_not_read() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, action_deadline=4.0, max_in_flight=1_000) as service:
        line = await up(pbx, service)
        sending = [asyncio.create_task(service.link.send(HUNDRED_KILOBYTES)) for _ in range(400)]
        await asyncio.sleep(0.2)
        line.reset()
        async with asyncio.timeout(2.0):
            errors = await asyncio.gather(*sending, return_exceptions=True)
        assert {type(error) for error in errors} == {AmiLost, AmiNotConnected}
