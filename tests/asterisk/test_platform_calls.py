"""The dialplan's contract, each part proven with a real call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple
from uuid import uuid4

import pytest

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from tests.support.bare_ami import BareAmi, Event
from tests.support.gate import Gate
from tests.support.platform import RING_SECONDS

pytestmark = pytest.mark.asterisk

JOINED_WITHIN = 1.0
"""Seconds; 10 ms is usual, this only has to be clearly less than the gate's two seconds of patience."""


@pytest.fixture
async def ami(pbx: Pbx) -> AsyncIterator[BareAmi]:
    async with BareAmi(pbx.ami) as connection:
        yield connection


class Agent(NamedTuple):
    leg: str
    channel: str


@pytest.fixture
async def agent(ami: BareAmi) -> AsyncIterator[Agent]:
    """An agent on hold."""
    leg = await ami.dial("PJSIP/load1", "pd-agent", "hold")
    await ami.until(Event="BridgeEnter", Uniqueid=leg)
    channel = await ami.channel(leg)
    yield Agent(leg, channel)
    await hang_up(ami, channel)


async def hang_up(ami: BareAmi, channel: str) -> None:
    async with BareAmi(ami.login) as other:
        await other.action("Hangup", Channel=channel)


async def customer(
    ami: BareAmi, behaviour: str, *, ring_limit: float = 10.0, fastagi: str = "127.0.0.1:9", **pd: str
) -> str:
    number = fictional_number(behaviour)
    return await ami.dial(
        f"PJSIP/{number}@customers", "pd-customer", "answered", ring_limit=ring_limit, fastagi=fastagi, variables=pd
    )


async def joined(ami: BareAmi, agent: Agent, leg: str, *, within: float = 5.0) -> Event:
    """Wait until customer and agent are in one bridge."""
    entered = await ami.until(Event="BridgeEnter", Uniqueid=leg, within=within)
    await ami.until(Event="BridgeEnter", Uniqueid=agent.leg, BridgeUniqueid=entered["BridgeUniqueid"])
    return entered


def at(event: Event) -> float:
    """Asterisk's own time of an event."""
    return float(event["Timestamp"])


async def test_the_held_agent_hears_a_ringing_tone_when_redirected_and_silence_again_after(
    ami: BareAmi, agent: Agent
) -> None:
    first = ami.seen(Event="BridgeEnter", Uniqueid=agent.leg)[0]
    for entries, exten in ((2, "ringing"), (3, "hold")):
        await ami.action("Redirect", Channel=agent.channel, Context="pd-agent", Exten=exten, Priority="1")
        # A Redirect that meets the channel on its way to the last one's bridge overtakes it: hence one at a time.
        await ami.until(lambda _, n=entries: len(ami.seen(Event="BridgeEnter", Uniqueid=agent.leg)) == n)
    rings = ami.seen(Event="BridgeEnter", Uniqueid=agent.leg)[1]
    assert (first["BridgeTechnology"], first["BridgeName"]) == ("holding_bridge", agent.leg)
    assert (rings["BridgeTechnology"], rings["BridgeName"]) == ("holding_bridge", agent.leg)


async def test_the_service_is_not_told_twice_what_a_call_does(ami: BareAmi, agent: Agent) -> None:
    leg = await customer(ami, "00", PD_AGENT=agent.channel, PD_AMD="off")
    await joined(ami, agent, leg)
    for state in ("Ringing", "Up"):
        assert ami.seen(Event="Newstate", Uniqueid=leg, ChannelStateDesc=state)
    assert not ami.seen(Event="OriginateResponse")
    assert {event["DialStatus"] for event in ami.messages if "DialStatus" in event} == set()
    busy = await customer(ami, "01")
    assert (await ami.until(Event="DialEnd", DestUniqueid=busy))["DialStatus"] == "BUSY"
    assert (await ami.until(Event="OriginateResponse", ActionID=busy))["Response"] == "Failure"


async def test_an_answering_customer_is_joined_at_once_and_the_agent_waits_again_after_the_call(
    ami: BareAmi, agent: Agent
) -> None:
    leg = await customer(ami, "00", PD_AGENT=agent.channel, PD_AMD="off")
    entered = await joined(ami, agent, leg)
    answered = await ami.until(Event="Newstate", Uniqueid=leg, ChannelStateDesc="Up")
    assert at(entered) - at(answered) < JOINED_WITHIN
    await ami.action("Hangup", Channel=await ami.channel(leg))
    row = await ami.recorded(leg)
    back = await ami.until(lambda m: at(m) > at(entered), Event="BridgeEnter", Uniqueid=agent.leg, BridgeName=agent.leg)
    assert back["BridgeTechnology"] == "holding_bridge"
    version, state, _, _, started, picked_up, ended, amd_status, amd_cause, stage = row
    assert (version, state, amd_status, amd_cause, stage) == ("1", "Up", "", "", "join")
    # Two rings lie between the start and the answer.
    assert float(started) + 2 * RING_SECONDS - 0.1 < float(picked_up) < float(ended)
    assert abs(float(picked_up) - at(answered)) < 0.1


async def test_when_the_agent_hangs_up_the_customer_leg_says_how_the_bridge_ended_and_goes(
    ami: BareAmi, agent: Agent
) -> None:
    leg = await customer(ami, "00", PD_AGENT=agent.channel, PD_AMD="off")
    await joined(ami, agent, leg)
    await ami.action("Hangup", Channel=agent.channel)
    told = await ami.until(Event="UserEvent", UserEvent="PdBridge", Leg=leg)
    assert told["Result"] == "SUCCESS"
    await ami.until(Event="Hangup", Uniqueid=leg)
    assert (await ami.recorded(agent.leg))[1] == "Up"


@pytest.mark.parametrize(("behaviour", "status"), [("00", "HUMAN"), ("05", "MACHINE"), ("06", "MACHINE")])
async def test_parallel_detection_joins_first_and_tells_the_verdict_later(
    ami: BareAmi, agent: Agent, behaviour: str, status: str
) -> None:
    leg = await customer(ami, behaviour, PD_AGENT=agent.channel, PD_AMD="parallel")
    entered = await joined(ami, agent, leg)
    verdict = await ami.until(Event="UserEvent", UserEvent="PdAmd", Leg=leg)
    answered = await ami.until(Event="Newstate", Uniqueid=leg, ChannelStateDesc="Up")
    assert at(entered) - at(answered) < JOINED_WITHIN
    assert verdict["Status"] == status
    assert 0.8 < at(verdict) - at(answered) < 3.5
    spies = [m for m in ami.seen(Event="Newchannel") if m["Channel"].startswith("Local/spy@pd-listen")]
    for spy in spies:  # they end with their verdict
        ended = await ami.until(Event="Hangup", Uniqueid=spy["Uniqueid"])
        assert ended["AccountCode"] == f"listen-{leg}"
    assert ami.seen(Event="Hangup", Uniqueid=leg) == []
    await ami.action("Hangup", Channel=await ami.channel(leg))
    assert (await ami.recorded(leg))[7:] == [status, verdict["Cause"], "join"]
    assert len(ami.seen(Event="UserEvent", UserEvent="PdAmd", Leg=leg)) == 1


@pytest.mark.parametrize("how", ["leg ends", "ears close"])
async def test_an_ear_hears_a_leg_of_any_kind_and_ends_with_it_or_when_nobody_listens_any_more(
    ami: BareAmi, agent: Agent, how: str
) -> None:
    connected: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await connected.put((reader, writer))

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as ears:
        leg = await customer(ami, "05", PD_AGENT=agent.channel, PD_AMD="off")
        await joined(ami, agent, leg)
        name, address = uuid4(), "{}:{}".format(*ears.sockets[0].getsockname())
        await ami.action(
            "Originate",
            Channel=f"AudioSocket/{address}/{name}",
            Account=f"listen-{leg}",
            Context="pd-listen",
            Exten="ear",
            Priority="1",
            Async="true",
            variables=[f"PD_SPY={leg}"],
        )
        reader, writer = await connected.get()
        assert await reader.readexactly(19) == b"\x01\x00\x10" + name.bytes
        for _ in range(5):  # 20 ms of 8 kHz signed linear each
            assert await reader.readexactly(3) == b"\x10\x01\x40"
            await reader.readexactly(320)
        if how == "leg ends":
            await ami.action("Hangup", Channel=await ami.channel(leg))
            await reader.read()  # to the end: the channel goes by itself
        writer.close()
        gone = await ami.until(lambda m: m["Channel"].startswith("AudioSocket/"), Event="Hangup")
        assert gone["AccountCode"] == f"listen-{leg}"
        if how == "ears close":
            await asyncio.sleep(0.2)
            assert ami.seen(Event="Hangup", Uniqueid=leg) == []
            await ami.action("Hangup", Channel=await ami.channel(leg))


@pytest.mark.parametrize(("behaviour", "status"), [("00", "HUMAN"), ("05", "MACHINE"), ("08", "NOTSURE")])
async def test_inline_detection_holds_the_customer_until_the_verdict_and_never_longer_than_its_limit(
    ami: BareAmi, agent: Agent, behaviour: str, status: str
) -> None:
    async with Gate("join") as gate:
        leg = await customer(ami, behaviour, fastagi=gate.address, PD_AGENT=agent.channel, PD_AMD="inline")
        entered = await joined(ami, agent, leg, within=8)
        answered = await ami.until(Event="Newstate", Uniqueid=leg, ChannelStateDesc="Up")
        verdict = await ami.until(Event="UserEvent", UserEvent="PdAmd", Leg=leg)
    assert verdict["Status"] == status
    assert 0.8 < at(entered) - at(answered) < 3.6
    request = gate.requests[0]
    assert (request["agi_network_script"], request["agi_uniqueid"]) == ("join", leg)
    assert (request["agi_arg_1"], request["agi_arg_2"]) == (status, verdict["Cause"])
    await ami.action("Hangup", Channel=await ami.channel(leg))
    assert (await ami.recorded(leg))[7] == status


async def test_inline_detection_takes_its_arguments_from_the_campaign(ami: BareAmi, agent: Agent) -> None:
    # A greeting of 200 ms is too long: even a hello is a machine then.
    leg = await customer(ami, "00", PD_AGENT=agent.channel, PD_AMD="inline", PD_AMD_ARGS='"2500,200,800,3500"')
    verdict = await ami.until(Event="UserEvent", UserEvent="PdAmd", Leg=leg)
    assert (verdict["Status"], verdict["Cause"]) == ("MACHINE", "LONGGREETING-200-200")
    await ami.action("Hangup", Channel=await ami.channel(leg))


async def test_the_gate_can_end_a_call_that_was_cancelled_before_the_answer(ami: BareAmi, agent: Agent) -> None:
    async with Gate("end") as gate:
        leg = await customer(ami, "00", fastagi=gate.address, PD_AGENT=agent.channel, PD_AMD="off")
        await ami.until(Event="Hangup", Uniqueid=leg)
    assert ami.seen(Event="BridgeEnter", Uniqueid=leg) == []
    assert ami.seen(Event="Hangup", Uniqueid=agent.leg) == []


async def test_a_service_that_says_nothing_for_two_seconds_does_not_keep_customer_and_agent_apart(
    ami: BareAmi, agent: Agent
) -> None:
    async with Gate(None) as gate:
        leg = await customer(ami, "00", fastagi=gate.address, PD_AGENT=agent.channel, PD_AMD="off")
        entered = await joined(ami, agent, leg)
        answered = await ami.until(Event="Newstate", Uniqueid=leg, ChannelStateDesc="Up")
    assert len(gate.requests) == 1
    assert 1.8 < at(entered) - at(answered) < 2.6
    # The limit was the gate's, not the call's.
    await asyncio.sleep(2.5)
    assert ami.seen(Event="Hangup", Uniqueid=leg) == []
    await ami.action("Hangup", Channel=await ami.channel(leg))


async def test_a_customer_whose_agent_is_gone_is_abandoned_not_held(ami: BareAmi) -> None:
    leg = await customer(ami, "00", PD_AGENT="PJSIP/load1-deadbeef", PD_AMD="off", PD_ABANDON="beep")
    told = await ami.until(Event="UserEvent", UserEvent="PdBridge", Leg=leg)
    assert told["Result"] == "NONEXISTENT"
    gone = await ami.until(Event="Hangup", Uniqueid=leg)
    assert at(gone) - at(told) > 0.1  # the beep was played


async def test_a_dropped_message_frees_the_agent_at_once_and_tells_when_it_was_played(
    ami: BareAmi, agent: Agent
) -> None:
    leg = await customer(ami, "05", PD_AGENT=agent.channel, PD_AMD="off", PD_MESSAGE="vm-goodbye")
    entered = await joined(ami, agent, leg)
    await ami.action("Redirect", Channel=await ami.channel(leg), Context="pd-customer", Exten="message", Priority="1")
    await ami.until(lambda m: at(m) > at(entered), Event="BridgeEnter", Uniqueid=agent.leg, BridgeName=agent.leg)
    told = await ami.until(Event="UserEvent", UserEvent="PdMessage", Leg=leg)
    assert told["Status"] == "SUCCESS"
    await ami.until(Event="Hangup", Uniqueid=leg)


@pytest.mark.parametrize(
    ("behaviour", "cause", "sip", "state"),
    [
        ("01", "17", "486", "Down"),
        ("03", "1", "404", "Down"),
        ("04", "34", "503", "Down"),
        ("10", "21", "603", "Down"),
        ("02", "19", "480", "Ringing"),
    ],
)
async def test_a_leg_that_is_never_answered_tells_why_in_its_hangup_and_in_the_flight_recorder(
    ami: BareAmi, behaviour: str, cause: str, sip: str, state: str
) -> None:
    leg = await customer(ami, behaviour, ring_limit=1.5, PD_AMD="off")
    ended = await ami.until(Event="Hangup", Uniqueid=leg)
    assert (ended["Cause"], ended["TechCause"], ended["ChannelStateDesc"]) == (cause, sip, state)
    row = await ami.recorded(leg)
    assert (row[0], row[1], row[2], row[5]) == ("1", state, cause, "")
    # Nobody refused a call that rang out: the last SIP answer was the ringing.
    assert row[3] == ("180" if behaviour == "02" else sip)
    assert float(row[4]) < float(row[6])


async def test_an_announcement_before_the_failure_is_heard_before_the_call_fails(ami: BareAmi) -> None:
    leg = await customer(ami, "13", PD_AMD="off")
    ended = await ami.until(Event="Hangup", Uniqueid=leg, within=10)
    placed = await ami.until(Event="Newchannel", Uniqueid=leg)
    assert ended["TechCause"] == "503"
    assert at(ended) - at(placed) > 4
    assert "PROGRESS" in [m["DialStatus"] for m in ami.seen(Event="DialState", DestUniqueid=leg)]


async def test_a_cancelled_call_stops_ringing_at_the_customer(ami: BareAmi, customers: Customers) -> None:
    leg = await customer(ami, "02", PD_AMD="off")
    await ami.until(Event="Newstate", Uniqueid=leg, ChannelStateDesc="Ringing")
    await ami.action("Hangup", Channel=await ami.channel(leg))
    await ami.until(Event="Hangup", Uniqueid=leg)
    await asyncio.sleep(0.3)
    rang = [call for call in await customers.calls() if call.number == fictional_number("02")]
    assert rang[-1].answered_at is None
    assert rang[-1].ended_at is not None


async def test_settled_rows_are_cleared_over_agi(ami: BareAmi) -> None:
    async with Gate("unused") as gate:
        await ami.action(
            "Originate",
            Channel="Local/s@pd-forget/n",
            Context="pd-forget",
            Exten="s",
            Priority="1",
            Async="true",
            variables=[f"PD_FASTAGI={gate.address}"],
        )
        async with asyncio.timeout(5):
            while not gate.requests:  # noqa: ASYNC110  # Asterisk decides when it connects
                await asyncio.sleep(0.01)
    assert gate.requests[0]["agi_network_script"] == "forget"
