"""A second pair of eyes: pyst2, which shares no code with ours, says the same things to the same peers."""

from __future__ import annotations

import asyncio
import io
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from asterisk.agi import AGI
from asterisk.manager import Manager

from telephony.pbx.fastagi import AgiSession, FastAgiServer
from tests.support.ami_service import Service
from tests.support.scripted_peer import AgiCall, ManagerConnection, ScriptedAsterisk, SentAction

pytestmark = [pytest.mark.unit, pytest.mark.filterwarnings("ignore::DeprecationWarning:asterisk")]

ORIGINATE: dict[str, Any] = {
    "Action": "Originate",
    "ActionID": "leg-1",
    "Channel": "PJSIP/34600111222@carrier",
    "CallerID": '"Ana Núñez" <34900100100>',
    "Async": "true",
    "Variable": ["LEG=leg-1", 'PD_AMD_ARGS="2500,1500"'],
}


def lines(action: SentAction) -> list[bytes]:
    return sorted(action.raw.removesuffix(b"\r\n\r\n").split(b"\r\n"))


async def play(line: ManagerConnection) -> tuple[SentAction, SentAction]:
    login = await line.accept_login()
    originate = await line.read_action()
    line.answer(originate, "Message: Originate successfully queued")
    return login, originate


async def test_pyst2_and_our_link_write_the_same_actions_and_read_the_same_answers() -> None:
    async with ScriptedAsterisk() as pbx:
        pyst2 = Manager()

        def log_in_and_originate() -> Any:
            pyst2.connect("127.0.0.1", pbx.port)
            pyst2.login("dialer", "hunter2")
            return pyst2.send_action(dict(ORIGINATE))

        calling = asyncio.create_task(asyncio.to_thread(log_in_and_originate))
        line = await pbx.next_connection()
        their_login, their_originate = await play(line)
        theirs = await calling
        line.hang_up()
        async with Service(pbx.port) as service:
            playing = asyncio.create_task(play(await pbx.next_connection()))
            await service.until_up()
            ours = await service.link.send(ORIGINATE)
            our_login, our_originate = await playing
    assert lines(our_originate) == lines(their_originate)
    assert (our_login["username"], our_login["secret"]) == (their_login["username"], their_login["secret"])
    assert ours["message"] == theirs.get_header("Message") == "Originate successfully queued"


@pytest.fixture
def sighup_left_alone() -> Iterator[None]:
    """pyst2's AGI class takes the signal for itself."""
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("sighup_left_alone")
@pytest.mark.parametrize("value", ["join", "", "a b,c", "Núñez", "100%"])
async def test_pyst2_and_our_session_write_the_same_agi_commands(value: str) -> None:
    async def handler(session: AgiSession) -> None:
        await session.set_variable("PD_GO", value)
        assert await session.get_variable("AMDSTATUS") == "HUMAN"
        await session.database_del("pd-legs", "leg-1")

    answers = [b"200 result=1\n", b"200 result=1 (HUMAN)\n", b"200 result=1\n"]
    server = FastAgiServer(host="127.0.0.1", port=0, scripts={"join": handler})
    await server.start()
    call = await AgiCall.connect(server.port)
    call.say_header("join")
    ours = []
    for answer in answers:
        ours.append(await call.read_command())
        call.say(answer)
    assert await call.read_to_end() == b""
    await server.stop()

    written = io.StringIO()
    script = AGI(
        stdin=io.StringIO("agi_network_script: join\n\n" + b"".join(answers).decode()),
        stdout=written,
        stderr=io.StringIO(),
    )
    script.set_variable("PD_GO", value)
    assert script.get_variable("AMDSTATUS") == "HUMAN"
    script.database_del("pd-legs", "leg-1")
    assert ours == written.getvalue().splitlines()
