"""The dialplan asks over FastAGI: a call that goes well, and clients that do what Asterisk never should."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from telephony.pbx.fastagi import (
    AgiHangup,
    AgiProtocolError,
    AgiRefused,
    AgiSession,
    AgiTimeout,
    AgiValueError,
    FastAgiServer,
    Handler,
)
from tests.support.scripted_peer import AgiCall

pytestmark = pytest.mark.unit


@asynccontextmanager
async def serving(handler: Handler, **settings: Any) -> AsyncIterator[FastAgiServer]:
    server = FastAgiServer(host="127.0.0.1", port=0, scripts={"join": handler}, **settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(limit=0.1)


async def let_them_join(session: AgiSession) -> None:
    await session.set_variable("PD_GO", "join")


async def is_served(server: FastAgiServer) -> bool:
    """The next ordinary call gets its answer."""
    call = await AgiCall.connect(server.port)
    call.say_header("join")
    command = await call.read_command()
    call.say(b"200 result=1\n")
    return command == 'SET VARIABLE "PD_GO" "join"' and await call.read_to_end() == b""


def noting(work: Callable[[AgiSession], Awaitable[object]], outcome: asyncio.Future[object]) -> Handler:
    """A handler that does the work and gives its result, or what it raised, to the test."""

    async def handler(session: AgiSession) -> None:
        try:
            outcome.set_result(await work(session))
        except BaseException as error:
            outcome.set_result(error)
            raise

    return handler


async def one_session(work: Callable[[AgiSession], Awaitable[object]], *replies: bytes, **settings: Any) -> object:
    """What a handler gets out of a session in which Asterisk says `replies`."""
    outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    async with serving(noting(work, outcome), **settings) as server:
        call = await AgiCall.connect(server.port)
        call.say_header("join")
        for reply in replies:
            await call.read_command()
            call.say(reply)
        async with asyncio.timeout(3):
            return await outcome


# -- a call that goes well -------------------------------------------------------------------------------------------


async def test_dialplan_gets_its_answer_and_the_session_ends() -> None:
    seen: list[AgiSession] = []

    async def handler(session: AgiSession) -> None:
        seen.append(session)
        await let_them_join(session)

    async with serving(handler) as server:
        call = await AgiCall.connect(server.port)
        call.say_header(
            "join?campaign=1",
            "agi_channel: PJSIP/carrier-00000007",
            "agi_uniqueid: leg-1",
            "agi_accountcode: leg-1",
            "agi_callerid: unknown",
            "agi_calleridname: Núñez: Ana",
            "agi_rdnis: ",
            "agi_arg_1: HUMAN",
            "agi_arg_2: ",
            "agi_arg_3: HUMAN-250-250",
        )
        assert await call.read_command() == 'SET VARIABLE "PD_GO" "join"'
        call.say(b"200 result=1\n")
        assert await call.read_to_end() == b""
    session = seen[0]
    assert (session.script, session.channel, session.uniqueid, session.accountcode) == (
        "join",
        "PJSIP/carrier-00000007",
        "leg-1",
        "leg-1",
    )
    assert session.args == ("HUMAN", "", "HUMAN-250-250")
    assert session.env["calleridname"] == "Núñez: Ana"
    assert session.env["rdnis"] == ""


async def test_header_may_come_byte_by_byte() -> None:
    async with serving(let_them_join) as server:
        call = await AgiCall.connect(server.port)
        for byte in b"agi_network_script: join\nagi_calleridname: \xc3\xb1\n\n":
            call.say(bytes([byte]))
            await asyncio.sleep(0.001)
        assert await call.read_command() == 'SET VARIABLE "PD_GO" "join"'


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (b"200 result=1 (HUMAN)\n", "HUMAN"),
        (b"200 result=1 ()\n", ""),
        (b"200 result=1 (a) (b)\n", "a) (b"),
        ("200 result=1 (Núñez)\n".encode(), "Núñez"),
        (b"200 result=0\n", None),
    ],
)
async def test_variable_is_read(reply: bytes, value: str | None) -> None:
    assert await one_session(lambda session: session.get_variable("AMDSTATUS"), reply) == value


async def test_recorder_row_is_removed() -> None:
    async def handler(session: AgiSession) -> None:
        await session.database_del("pd-legs", "leg-1")

    async with serving(handler) as server:
        call = await AgiCall.connect(server.port)
        call.say_header("join")
        assert await call.read_command() == 'DATABASE DEL "pd-legs" "leg-1"'
        call.say(b"200 result=1\n")
        assert await call.read_to_end() == b""


async def test_quotes_and_backslashes_stay_inside_their_argument() -> None:
    async def handler(session: AgiSession) -> None:
        await session.set_variable("PD_MESSAGE", 'a "b" c\\d (ñ) ${X},')

    async with serving(handler) as server:
        call = await AgiCall.connect(server.port)
        call.say_header("join")
        assert await call.read_command() == r'SET VARIABLE "PD_MESSAGE" "a \"b\" c\\d (ñ) ${X},"'


@pytest.mark.parametrize("value", ["a\nHANGUP", "a\r", "a\0b", "\ud800", "x" * 2040])
async def test_argument_that_cannot_be_one_is_refused_before_anything_is_written(value: str) -> None:
    async def work(session: AgiSession) -> None:
        for command in (
            session.set_variable("PD_GO", value),
            session.set_variable(value, "join"),
            session.get_variable(value),
            session.database_del(value, "leg-1"),
            session.database_del("pd-legs", value),
            session.verbose(value),
        ):
            with pytest.raises(AgiValueError):
                await command
        await session.verbose("done")

    assert await one_session(work, b"200 result=1\n") is None


# -- answers that say no ---------------------------------------------------------------------------------------------


async def test_usage_text_of_several_lines_is_read_to_its_end_and_the_session_goes_on() -> None:
    async def work(session: AgiSession) -> str | None:
        with pytest.raises(AgiRefused, match="520 invalid arguments"):
            await session.set_variable("PD_GO", "join")
        return await session.get_variable("PD_GO")

    usage = (
        b"520-Invalid command syntax.  Proper usage follows:\n"
        b" Usage: SET VARIABLE <variablename> <value>\n200 result=9\nHANGUP\n520 End of proper usage.\n"
    )
    assert await one_session(work, usage, b"200 result=1 (yes)\n") == "yes"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"510 Invalid or unknown command\n", AgiRefused),
        (b"520 Invalid command syntax.  Proper usage not available.\n", AgiRefused),
        (b"511 Command Not Permitted on a dead channel or intercept routine\n", AgiHangup),
        (b"200 result=1 (cut\n", AgiProtocolError),
        (b"200 result=\n", AgiProtocolError),
        (b"200\n", AgiProtocolError),
        (b"200 result=1 (x) result=2\n", AgiProtocolError),
        (b"hello\n", AgiProtocolError),
        (b"\n", AgiProtocolError),
        (b"520-Usage\n" + b"more\n" * 200, AgiProtocolError),
        (b"200 result=1 (" + b"x" * 40_000 + b")\n", AgiProtocolError),
    ],
)
async def test_other_answers_are_errors(reply: bytes, error: type[Exception]) -> None:
    assert type(await one_session(let_them_join, reply)) is error


async def test_hangup_in_the_middle_does_not_put_answers_out_of_step() -> None:
    async def work(session: AgiSession) -> tuple[str | None, bool, str | None, bool]:
        first = await session.get_variable("ONE")
        before = session.hung_up
        return first, before, await session.get_variable("TWO"), session.hung_up

    replies = (b"200 result=1 (one)\nHANG", b"UP\nHANGUP\n200 result=1 (two)\n")
    assert await one_session(work, *replies) == ("one", False, "two", True)


async def test_command_without_answer_is_a_timeout_and_the_late_answer_is_nobody_elses() -> None:
    async def work(session: AgiSession) -> None:
        with pytest.raises(AgiTimeout):
            await session.get_variable("ONE")
        await asyncio.sleep(0.1)
        await session.get_variable("TWO")

    outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    async with serving(noting(work, outcome), command_deadline=0.05) as server:
        call = await AgiCall.connect(server.port)
        call.say_header("join")
        await call.read_command()
        await asyncio.sleep(0.08)
        call.say(b"200 result=1 (one)\n")
        assert isinstance(await outcome, AgiHangup)
        assert await call.read_to_end() == b""


# -- clients that are no Asterisk ------------------------------------------------------------------------------------


async def test_connect_and_close_is_harmless_and_silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serving(let_them_join) as server:
        for _ in range(20):
            (await AgiCall.connect(server.port)).hang_up()
            (await AgiCall.connect(server.port)).reset()
            half = await AgiCall.connect(server.port)
            half.say(b"agi_network: yes\nagi_req")
            half.hang_up()
        assert await is_served(server)
    assert caplog.text == ""


async def test_slow_header_ends_at_its_deadline_while_others_are_served() -> None:
    async with serving(let_them_join, header_deadline=0.3) as server:
        slow = await AgiCall.connect(server.port)
        started = time.monotonic()

        async def trickle() -> None:
            while True:
                slow.say(b"a")
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        assert await is_served(server)
        assert time.monotonic() - started < 0.2
        assert await slow.read_to_end() == b""
        assert 0.25 < time.monotonic() - started < 2.0
        trickling.cancel()


@pytest.mark.parametrize(
    "header",
    [
        b"agi_x: " + b"y" * 100_000,
        b"".join(b"agi_arg_%d: x\n" % number for number in range(10_000)) + b"\n",
        b"agi_arg_1: x\nagi_arg_1: y\n\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\n\n",
        b"agi_calleridname: a\nb\n\n",
    ],
)
async def test_header_that_is_too_long_or_none_is_closed(header: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serving(let_them_join, max_header_bytes=8192) as server:
        call = await AgiCall.connect(server.port)
        started = time.monotonic()
        call.say(header)
        assert await call.read_to_end() == b""
        assert time.monotonic() - started < 1.0
        assert "AgiProtocolError" in caplog.text
        assert await is_served(server)


async def test_unknown_script_is_told_to_asterisk_and_closed(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(let_them_join) as server:
        call = await AgiCall.connect(server.port)
        call.say_header("jion")
        assert await call.read_command() == 'VERBOSE "telephony: no such AGI script" "1"'
        call.say(b"200 result=1\n")
        assert await call.read_to_end() == b""
    assert "no script 'jion'" in caplog.text


@pytest.mark.parametrize("how", ["hang_up", "reset"])
async def test_call_that_goes_away_ends_the_handler_and_is_no_error(how: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    async with serving(noting(let_them_join, outcome)) as server:
        call = await AgiCall.connect(server.port)
        call.say_header("join")
        await call.read_command()
        getattr(call, how)()
        async with asyncio.timeout(1):
            assert isinstance(await outcome, AgiHangup)
    assert caplog.text == ""


@pytest.mark.parametrize("how", ["hang_up", "reset"])
async def test_call_that_went_away_while_the_handler_was_thinking_is_no_error(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    gone = asyncio.Event()

    async def think(session: AgiSession) -> None:
        await gone.wait()
        await asyncio.sleep(0.05)
        await let_them_join(session)

    outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    async with serving(noting(think, outcome)) as server:
        call = await AgiCall.connect(server.port)
        call.say_header("join")
        await asyncio.sleep(0.05)
        getattr(call, how)()
        gone.set()
        async with asyncio.timeout(1):
            assert isinstance(await outcome, AgiHangup)
    assert caplog.text == ""


async def test_handler_that_raises_closes_its_own_session_only(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(session: AgiSession) -> None:
        if session.args:
            raise KeyError(session.args[0])
        await let_them_join(session)

    async with serving(handler) as server:
        call = await AgiCall.connect(server.port)
        call.say_header("join", "agi_arg_1: 34600111222")
        assert await call.read_to_end() == b""
        assert await is_served(server)
    assert "FastAGI join: the handler raised KeyError" in caplog.text
    assert "34600111222" not in caplog.text


async def test_session_has_a_limit_as_a_whole(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(lambda session: asyncio.sleep(10), session_deadline=0.1) as server:
        call = await AgiCall.connect(server.port)
        call.say_header("join")
        started = time.monotonic()
        assert await call.read_to_end() == b""
        assert time.monotonic() - started < 0.5
    assert "FastAGI join: took too long" in caplog.text


async def test_one_session_too_many_is_turned_away_and_a_free_place_is_used_again() -> None:
    async with serving(let_them_join, max_sessions=2, header_deadline=30) as server:
        first, second = await AgiCall.connect(server.port), await AgiCall.connect(server.port)
        for call in (first, second):
            call.say_header("join")
            await call.read_command()
        assert await (await AgiCall.connect(server.port)).read_to_end() == b""
        first.say(b"200 result=1\n")
        assert await first.read_to_end() == b""
        assert await is_served(server)


async def test_stop_lets_a_running_session_end_and_takes_no_new_one() -> None:
    async with serving(let_them_join) as server:
        call = await AgiCall.connect(server.port)
        call.say_header("join")
        await call.read_command()
        stopping = asyncio.create_task(server.stop(limit=2.0))
        await asyncio.sleep(0.05)
        with pytest.raises(ConnectionRefusedError):
            await AgiCall.connect(server.port)
        assert not stopping.done()
        call.say(b"200 result=1\n")
        await asyncio.wait_for(stopping, 0.5)


async def test_stop_cuts_off_what_does_not_end_in_time() -> None:
    async with serving(let_them_join) as server:
        call = await AgiCall.connect(server.port)
        call.say_header("join")
        await call.read_command()
        started = time.monotonic()
        await server.stop(limit=0.1)
        assert 0.05 < time.monotonic() - started < 0.5
        assert await call.read_to_end() == b""
