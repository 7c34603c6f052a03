"""The agents' softphones and the customers' voices: real registration, real audio."""

from __future__ import annotations

import asyncio
import hashlib
import re
import wave
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.demo.pbx_backend import HOST_NAME
from telephony.demo.softphone import AnswerMode
from telephony.model.browser_phone import endpoint_of, password_of
from tests.support.bare_ami import BareAmi
from tests.support.platform import NewPhone

pytestmark = pytest.mark.asterisk

LOUD = 1000
"""A sample beyond this (of 32767) is speech or a tone; a quiet line stays below 50."""


@pytest.fixture
async def ami(pbx: Pbx) -> AsyncIterator[BareAmi]:
    async with BareAmi(pbx.ami) as connection:
        yield connection


async def device_state(ami: BareAmi, name: str) -> str:
    return (await ami.action("Getvar", Variable=f"DEVICE_STATE(PJSIP/{name})"))["Value"]


def loudest(folder: Path) -> int:
    """Loudest sample of all that a phone heard."""
    peaks = [0]
    for path in folder.glob("*-dec.wav"):
        with wave.open(str(path)) as audio:
            samples = array("h", audio.readframes(audio.getnframes()))
        peaks += [max(abs(sample) for sample in samples)] if samples else []
    return max(peaks)


async def test_a_phone_registers_and_the_manager_link_is_told_when_it_comes_and_goes(
    ami: BareAmi, new_phone: NewPhone
) -> None:
    phone = await new_phone("alice")
    await ami.until(Event="ContactStatus", EndpointName="alice", ContactStatus="Reachable")
    assert await device_state(ami, "alice") == "NOT_INUSE"
    await phone.stop()
    await ami.until(Event="ContactStatus", EndpointName="alice", ContactStatus="Removed")
    assert await device_state(ami, "alice") == "UNAVAILABLE"


async def test_a_call_to_a_phone_that_is_not_registered_fails_at_once(ami: BareAmi) -> None:
    answer = await ami.action(
        "Originate",
        Channel="PJSIP/bob",
        Context="pd-agent",
        Exten="hold",
        Priority="1",
        Async="true",
        ActionID="nobody",
    )
    assert answer["Response"] == "Success"
    told = await ami.until(Event="OriginateResponse", ActionID="nobody", within=1)
    assert (told["Response"], told["Reason"]) == ("Failure", "0")


async def test_an_agent_lets_it_ring_answers_rejects_and_hangs_up(ami: BareAmi, new_phone: NewPhone) -> None:
    phone = await new_phone("alice", AnswerMode.MANUAL)
    # Not answered in time.
    leg = await ami.dial("PJSIP/alice", "pd-agent", "hold", ring_limit=1)
    await phone.wait_for("CALL_INCOMING", within=3)
    ended = await ami.until(Event="Hangup", Uniqueid=leg)
    assert (ended["Cause"], ended["ChannelStateDesc"]) == ("19", "Ringing")
    # Rejected.
    heard = len(phone.events)
    leg = await ami.dial("PJSIP/alice", "pd-agent", "hold")
    await phone.wait_for("CALL_INCOMING", within=3, after=heard)
    await phone.hang_up()
    ended = await ami.until(Event="Hangup", Uniqueid=leg)
    assert (ended["Cause"], ended["TechCause"]) == ("17", "486")
    # Answered, then ended by the agent.
    heard = len(phone.events)
    leg = await ami.dial("PJSIP/alice", "pd-agent", "hold")
    await phone.wait_for("CALL_INCOMING", within=3, after=heard)
    await phone.accept()
    await ami.until(Event="BridgeEnter", Uniqueid=leg)
    await phone.hang_up()
    assert (await ami.recorded(leg))[1] == "Up"


async def test_agent_and_customer_hear_each_other_and_the_held_agent_hears_the_ringing_tone(
    ami: BareAmi, new_phone: NewPhone, customers: Customers
) -> None:
    phone = await new_phone("carol")
    agent = await ami.dial("PJSIP/carol", "pd-agent", "hold")
    await ami.until(Event="BridgeEnter", Uniqueid=agent)
    channel = await ami.channel(agent)
    await asyncio.sleep(1)
    await ami.action("Hangup", Channel=channel)
    await phone.wait_for("CALL_CLOSED", within=3)
    assert loudest(phone.heard) < LOUD  # on hold: nothing

    heard = len(phone.events)
    agent = await ami.dial("PJSIP/carol", "pd-agent", "ringing")
    await ami.until(Event="BridgeEnter", Uniqueid=agent)
    await asyncio.sleep(1)
    await ami.action("Hangup", Channel=await ami.channel(agent))
    await phone.wait_for("CALL_CLOSED", within=3, after=heard)
    assert loudest(phone.heard) > LOUD  # ringing tone

    for path in phone.heard.iterdir():
        path.unlink()
    heard = len(phone.events)
    agent = await ami.dial("PJSIP/carol", "pd-agent", "hold")
    await ami.until(Event="BridgeEnter", Uniqueid=agent)
    number = fictional_number("06")
    leg = await ami.dial(
        f"PJSIP/{number}@customers", "pd-customer", "answered", variables={"PD_AGENT": await ami.channel(agent)}
    )
    await ami.until(Event="BridgeEnter", Uniqueid=leg)
    await asyncio.sleep(1.5)
    # Asterisk counts what the agent's phone sent: 50 packets a second.
    sent = await ami.action("Getvar", Channel=await ami.channel(agent), Variable="CHANNEL(rtcp,rxcount)")
    assert int(sent["Value"]) > 50
    await phone.hang_up()
    await phone.wait_for("CALL_CLOSED", within=3, after=heard)
    assert loudest(phone.heard) > LOUD  # the greeting
    assert [call.number for call in await customers.calls()][-1] == number


async def test_a_phone_that_vanishes_without_goodbye_frees_its_line_within_seconds(
    ami: BareAmi, new_phone: NewPhone
) -> None:
    phone = await new_phone("bob")
    leg = await ami.dial("PJSIP/bob", "pd-agent", "hold")
    await ami.until(Event="BridgeEnter", Uniqueid=leg)
    await asyncio.sleep(1)
    await phone.kill()
    ended = await ami.until(Event="Hangup", Uniqueid=leg, within=14)
    assert ended["Cause"] == "44"


async def test_a_phone_in_the_browser_is_sent_a_host_name_that_begins_with_a_letter(pbx: Pbx) -> None:
    """Whatever this machine's own is: what comes from 4752c44f35bb is no SIP message to a browser's phone."""
    phone = endpoint_of(pbx.settings.web_agents[0])
    address = f"http://127.0.0.1:{pbx.settings.http_port}/ws"
    async with aiohttp.ClientSession() as http, http.ws_connect(address, protocols=("sip",)) as socket:
        await socket.send_str(_register(phone, 1, ""))
        challenge = dict(re.findall(r'(\w+)="([^"]*)"', await socket.receive_str(timeout=10)))
        await socket.send_str(_register(phone, 2, _response(challenge, phone, password_of(pbx.web_secret, phone))))
        told = [await socket.receive_str(timeout=10) for _ in range(2)]  # the question may overtake the answer
        (question,) = (one for one in told if not one.startswith("SIP/2.0 200"))
        assert question.startswith("OPTIONS ")
        assert re.findall(rf"(?m)^(From|Contact): <sip:{phone}@([^:>]+)", question) == [
            ("From", HOST_NAME),
            ("Contact", HOST_NAME),
        ]
        await socket.send_str(_register(phone, 3, "", expires=0))


def _register(phone: str, number: int, further: str, *, expires: int = 60) -> str:
    return (
        "REGISTER sip:pbx.invalid SIP/2.0\r\n"
        f"Via: SIP/2.0/WS test.invalid;branch=z9hG4bKname{number}\r\n"
        f"From: <sip:{phone}@pbx.invalid>;tag=name\r\nTo: <sip:{phone}@pbx.invalid>\r\n"
        f"Contact: <sip:page@test.invalid;transport=ws>;expires={expires}\r\n"
        f"Call-ID: name-of-the-host\r\nCSeq: {number} REGISTER\r\nMax-Forwards: 70\r\n{further}"
        "Content-Length: 0\r\n\r\n"
    )


def _response(challenge: dict[str, str], phone: str, password: str) -> str:
    """RFC 8760, MD5 with qop auth."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    first = md5(f"{phone}:{challenge['realm']}:{password}")
    answer = md5(f"{first}:{challenge['nonce']}:00000001:c:auth:{md5('REGISTER:sip:pbx.invalid')}")
    given = "".join(f', {name}="{challenge[name]}"' for name in ("realm", "nonce", "opaque"))
    return (
        f'Authorization: Digest username="{phone}"{given}, uri="sip:pbx.invalid", qop=auth, nc=00000001, cnonce="c",'
        f' algorithm=MD5, response="{answer}"\r\n'
    )
