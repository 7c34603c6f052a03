"""What reaches Asterisk for an action, and what is refused before a byte of it is written."""

from __future__ import annotations

import asyncio
import logging

import pytest

from telephony.pbx.ami import (
    Action,
    AmiBusy,
    AmiLink,
    AmiRefused,
    AmiTimeout,
    AmiUnsettled,
    AmiValueError,
    quoted_variable,
)
from telephony.pbx.ami_action import check_action
from tests.support.ami_service import Service
from tests.support.scripted_peer import ManagerConnection, ScriptedAsterisk, block

pytestmark = pytest.mark.unit

LEG = "0199c0de-0000-7000-8000-000000000001"
ACTIONS: dict[str, Action] = {
    "Originate": {
        "Action": "Originate",
        "ActionID": LEG,
        "Channel": "PJSIP/34600111222@carrier",
        "ChannelId": LEG,
        "Account": LEG,
        "Context": "pd-customer",
        "Exten": "answered",
        "Priority": "1",
        "CallerID": '"Ana Núñez" <34900100100>',
        "Timeout": "32000",
        "Async": "true",
        "Variable": [f"LEG={LEG}", 'CHANNEL(hangup_handler_push)="pd-end,s,1"'],
    },
    "Redirect": {
        "Action": "Redirect",
        "ActionID": "r1",
        "Channel": "PJSIP/anna-00000001",
        "Context": "pd-agent",
        "Exten": "ringing",
        "Priority": "1",
    },
    "Hangup": {"Action": "Hangup", "ActionID": "h1", "Channel": "PJSIP/anna-00000001", "Cause": "16"},
    "Setvar": {"Action": "Setvar", "ActionID": "s1", "Channel": "PJSIP/a-1", "Variable": "PD_GO", "Value": "join"},
    "Getvar": {"Action": "Getvar", "ActionID": "g1", "Channel": "PJSIP/a-1", "Variable": "PD_GO"},
    "Ping": {"Action": "Ping", "ActionID": "p1"},
    "CoreShowChannels": {"Action": "CoreShowChannels", "ActionID": "c1"},
    "CoreStatus": {"Action": "CoreStatus", "ActionID": "c2"},
    "DBGetTree": {"Action": "DBGetTree", "ActionID": "d1", "Family": "pd-legs", "Key": LEG},
    "PJSIPShowEndpoint": {"Action": "PJSIPShowEndpoint", "ActionID": "e1", "Endpoint": "anna"},
    "Bridge": {"Action": "Bridge", "ActionID": "b1", "Channel1": "PJSIP/a-1", "Channel2": "PJSIP/b-1", "Tone": "no"},
}
FIELDS = [(name, field) for name, action in ACTIONS.items() for field in action]
FORBIDDEN = ["\r\nAction: Hangup", "\r", "\n", "\0"]


async def up(pbx: ScriptedAsterisk, service: Service) -> ManagerConnection:
    line = await pbx.next_connection()
    await line.accept_login()
    await service.until_up()
    return line


def poisoned(value: object, text: str) -> str | list[str]:
    return [value[0], f"{value[1]}{text}x"] if isinstance(value, list) else f"{value}{text}x"


@pytest.mark.parametrize(("name", "field"), FIELDS)
async def test_line_breaks_and_nul_in_any_field_are_refused_and_nothing_is_written(name: str, field: str) -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        for text in FORBIDDEN:
            for place in ("value", "name"):
                action = dict(ACTIONS[name])
                if place == "value":
                    action[field] = poisoned(action[field], text)
                else:
                    action[f"{field}{text}"] = action.pop(field)
                with pytest.raises(AmiValueError) as refusal:
                    await service.link.send(action)
                assert field in refusal.value.field
                with pytest.raises(AmiValueError):
                    await service.link.send_list(action)
        await service.link.close()
        assert await line.read_to_end() == []


@pytest.mark.parametrize("field", ["username", "secret"])
@pytest.mark.parametrize("text", FORBIDDEN)
def test_line_breaks_and_nul_in_the_login_are_refused_before_anything_starts(field: str, text: str) -> None:
    with pytest.raises(AmiValueError) as refusal:
        AmiLink(
            host="127.0.0.1",
            port=1,
            username="dialer" + text * (field == "username"),
            secret="hunter2" + text * (field == "secret"),
            on_up=lambda: None,
            on_event=lambda event: None,
            on_lost=lambda reason: None,
        )
    assert refusal.value.field.lower() == field
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", ACTIONS)
async def test_every_action_arrives_as_it_was_given(name: str) -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send(ACTIONS[name]))
        sent = await line.read_action()
        expected = {
            f"{field}: {value}".encode()
            for field, values in ACTIONS[name].items()
            for value in ([values] if isinstance(values, str) else values)
        }
        assert set(sent.raw.removesuffix(b"\r\n\r\n").split(b"\r\n")) == expected
        line.answer(sent, "Message: done")
        answer = await sending
        assert (answer.response, answer["MESSAGE"], answer.action_id) == (
            "Success",
            "done",
            ACTIONS[name]["ActionID"],
        )


@pytest.mark.parametrize(
    ("action", "field"),
    [
        ({"ActionID": "1"}, "Action"),
        ({"Action": ""}, "Action"),
        ({"Action": ["Ping", "Hangup"]}, "Action"),
        ({"Action": "Ping", "ActionID": ""}, "ActionID"),
        ({"Action": "Ping", "ActionID": ["1", "2"]}, "ActionID"),
        ({"Action": "Ping", "": "x"}, "''"),
        ({"Action": "Ping", "Variable: x": "y"}, "'Variable: x'"),
        ({"Action": "Hangup", "Channel": "a", "channel": "b"}, "channel"),
        ({"Action": "Hangup", "Cause": 16}, "Cause"),
        ({"Action": "Hangup", "Channel": None}, "Channel"),
        ({"Action": "Setvar", "Value": "\ud800"}, "Value"),
        ({"Action": "Setvar", "Value": "x" * 1016}, "Value"),
        ({"Action": "Setvar", "Value": "ñ" * 508}, "Value"),
        ({"Action": "Setvar", "Variable": ["x"] * 127}, "Variable"),
        ({"Action": "Originate", "Channel": "PJSIP/anna"}, "Async"),
        ({"Action": "originate", "Channel": "PJSIP/anna", "async": "false"}, "Async"),
    ],
)
def test_what_asterisk_would_misread_is_refused_by_name(action: Action, field: str) -> None:
    with pytest.raises(AmiValueError) as refusal:
        check_action(action)
    assert refusal.value.field == field


def test_longest_line_asterisk_reads_is_accepted() -> None:
    value = "x" * (1024 - len("Value: ") - len("\r\n"))
    assert check_action({"Action": "Setvar", "Value": value}).fields["Value"] == value


def test_variable_with_commas_and_quotes_stays_one_variable() -> None:
    assert quoted_variable("PD_AMD_ARGS", '2500,"a\\b"') == 'PD_AMD_ARGS="2500,\\"a\\\\b\\""'


async def test_queue_add_is_answered_by_its_first_response() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send({"Action": "QueueAdd", "Queue": "q", "Interface": "PJSIP/a"}))
        line.answer(await line.read_action(), "Message: Added interface to queue")
        assert (await sending).text("message") == "Added interface to queue"


async def test_originate_response_reaches_the_service_before_and_after_the_answer() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send(ACTIONS["Originate"]))
        action = await line.read_action()
        line.say_event("OriginateResponse", f"ActionID: {LEG}", "Response: Failure", "Reason: 0")
        line.answer(action, "Message: Originate successfully queued")
        line.say_event("OriginateResponse", f"ActionID: {LEG}", "Response: Success", "Reason: 4")
        assert (await sending)["message"] == "Originate successfully queued"
        await service.until(lambda: len(service.events) == 3)
        assert [event.text("reason") for event in service.events] == ["", "0", "4"]
        assert {event.action_id for event in service.events[1:]} == {LEG}


async def test_error_of_asterisk_is_raised_with_its_text() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send(ACTIONS["Redirect"]))
        line.answer(await line.read_action(), "Message: Channel does not exist", response="Error")
        with pytest.raises(AmiRefused, match="Asterisk refused Redirect: Channel does not exist") as refusal:
            await sending
        assert refusal.value.reason == "Channel does not exist"


async def test_list_is_collected_and_other_events_go_on() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        asking = asyncio.create_task(service.link.send_list({"Action": "CoreShowChannels"}))
        action = await line.read_action()
        mine = f"ActionID: {action.action_id}"
        line.answer(action, "EventList: start", "Message: Channels will follow")
        line.say_event("CoreShowChannel", mine, "Uniqueid: a")
        line.say_event("Hangup", "Uniqueid: z")
        line.say_event("CoreShowChannel", mine, "Uniqueid: b")
        line.say_event("CoreShowChannelsComplete", mine, "EventList: Complete", "ListItems: 2")
        assert [row["uniqueid"] for row in await asking] == ["a", "b"]
        await service.until(lambda: len(service.events) == 2)
        assert service.story == ["up", "FullyBooted", "Hangup"]


async def test_two_lists_at_once_keep_their_rows_apart() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        asking = [
            asyncio.create_task(service.link.send_list({"Action": "DBGetTree", "Family": family}))
            for family in ("one", "two")
        ]
        one, two = await line.read_action(), await line.read_action()
        for action in (one, two):
            line.answer(action, "EventList: start")
        for action in (two, one):
            line.say_event("DBGetTreeResponse", f"ActionID: {action.action_id}", f"Val: {action['family']}")
        for action in (one, two):
            line.say_event("DBGetTreeComplete", f"ActionID: {action.action_id}", "EventList: Complete")
        assert [[row["val"] for row in await rows] for rows in asking] == [["one"], ["two"]]


async def test_list_that_asterisk_breaks_off_is_not_taken_for_a_whole_one() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        asking = asyncio.create_task(service.link.send_list({"Action": "CoreShowChannels"}))
        action = await line.read_action()
        mine = f"ActionID: {action.action_id}"
        line.answer(action, "EventList: start")
        line.say_event("CoreShowChannel", mine, "Uniqueid: a")
        line.say_event("CoreShowChannelsComplete", mine, "EventList: cancelled", "ListItems: 1")
        with pytest.raises(AmiUnsettled, match="broke the list off"):
            await asyncio.wait_for(asking, 1)


@pytest.mark.parametrize("response", ["Error", "Success"])
async def test_list_that_is_refused_or_is_no_list_does_not_wait(response: str) -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        asking = asyncio.create_task(service.link.send_list({"Action": "PJSIPShowContacts"}))
        line.answer(await line.read_action(), "Message: No Contacts found", response=response)
        with pytest.raises(AmiRefused, match="No Contacts found"):
            await asyncio.wait_for(asking, 1)


async def test_answer_nobody_asked_for_is_ignored() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        line.say(
            block("Response: Success", "ActionID: never-sent") + block("Response: Error", "Message: Missing action")
        )
        sending = asyncio.create_task(service.link.send({"Action": "CoreStatus"}))
        line.answer(await line.read_action(), "CoreCurrentCalls: 3")
        assert (await sending)["corecurrentcalls"] == "3"
        assert service.story == ["up", "FullyBooted"]


async def test_answer_that_does_not_come_is_a_timeout_and_a_late_one_is_ignored() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, action_deadline=0.1) as service:
        line = await up(pbx, service)
        with pytest.raises(AmiTimeout, match=r"CoreStatus: no answer for 0\.1 s"):
            await service.link.send({"Action": "CoreStatus"})
        line.answer(await line.read_action())
        sending = asyncio.create_task(service.link.send({"Action": "Ping"}))
        line.answer(await line.read_action(), "Ping: Pong")
        assert (await sending)["ping"] == "Pong"


async def test_list_that_stops_in_the_middle_is_a_timeout() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, list_deadline=0.1) as service:
        line = await up(pbx, service)
        asking = asyncio.create_task(service.link.send_list({"Action": "CoreShowChannels"}))
        action = await line.read_action()
        line.answer(action, "EventList: start")
        line.say_event("CoreShowChannel", f"ActionID: {action.action_id}")
        with pytest.raises(AmiTimeout):
            await asking


async def test_action_id_in_flight_cannot_be_used_twice() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        first = asyncio.create_task(service.link.send(ACTIONS["Originate"]))
        action = await line.read_action()
        with pytest.raises(AmiValueError) as refusal:
            await service.link.send(ACTIONS["Originate"])
        assert refusal.value.field == "ActionID"
        line.answer(action)
        await first


async def test_no_more_actions_in_flight_than_the_limit() -> None:
    async with ScriptedAsterisk() as pbx, Service(pbx.port, max_in_flight=2, action_deadline=0.3) as service:
        line = await up(pbx, service)
        sending = [asyncio.create_task(service.link.send({"Action": "CoreStatus"})) for _ in range(3)]
        first = await line.read_action()
        await line.read_action()
        third = asyncio.create_task(line.read_action())
        await asyncio.sleep(0.05)
        assert not third.done()
        line.answer(first)
        await third
        assert (await sending[0]).response == "Success"
        with pytest.raises(AmiTimeout):
            await sending[1]
        with pytest.raises(AmiTimeout):
            await sending[2]


async def test_no_place_in_flight_for_the_whole_deadline_is_busy_and_nothing_is_written() -> None:
    async with (
        ScriptedAsterisk() as pbx,
        Service(pbx.port, max_in_flight=1, action_deadline=0.1, list_deadline=1.0) as service,
    ):
        line = await up(pbx, service)
        asking = asyncio.create_task(service.link.send_list({"Action": "CoreShowChannels"}))
        await line.read_action()
        with pytest.raises(AmiBusy):
            await service.link.send(ACTIONS["Originate"])
        asking.cancel()
        await service.link.close()
        assert await line.read_to_end() == []


async def test_secrets_and_numbers_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with ScriptedAsterisk() as pbx, Service(pbx.port) as service:
        line = await up(pbx, service)
        sending = asyncio.create_task(service.link.send(ACTIONS["Originate"]))
        action = await line.read_action()
        line.say_event("Newchannel", "CallerIDNum: 34600111222", f"ActionID: {LEG}")
        line.answer(action, "Message: 34600111222")
        await sending
        line.hang_up()
        await service.until_lost()
    assert f"Originate, ActionID {LEG}" in caplog.text
    for secret in ("hunter2", "34600111222", "Núñez", "34900100100"):
        assert secret not in caplog.text
