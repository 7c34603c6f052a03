"""Hold, mute and digits on a real Asterisk between real phones: recordings prove who heard what."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.dialer.floor import Floor
from telephony.pbx.asterisk import AsteriskSwitchboard
from telephony.pbx.port import PARKED_LIMIT
from telephony.store.engine import Store
from tests.asterisk.test_recordings import AGENT, CUSTOMER, kept, tones
from tests.support import wav
from tests.support.line_shift import switchboard
from tests.support.runs import runs
from tests.support.talk import Talk, conversation, dumps

pytestmark = pytest.mark.asterisk

MODES = pytest.mark.parametrize("mode", ["preview_standard", "preview_direct", "preview"])
HOLD = 425.0
"""Hertz of the two short tones of a call on hold."""


async def end(talk: Talk) -> None:
    await talk.shift.floor.hang_up(talk.shift.agents["alice"], talk.call)
    row = await talk.shift.ended(talk.call)
    assert (row.outcome, row.joined_at is not None) == ("TALKED", True)
    await talk.alice.hang_up()  # baresip closes its recordings with the call


@MODES
async def test_hold_is_heard_as_hold_and_by_nobody_else_and_not_recorded(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str
) -> None:
    voices = await tones(tmp_path)
    async with conversation(store, pbx, ports, tmp_path, voices, mode=mode, recording="all") as talk:
        one, call, agent = talk.shift, talk.call, talk.shift.agents["alice"]
        for held in (True, False):
            await asyncio.sleep(1.0)
            await one.floor.calls.hold(agent, call, held=held)
        await asyncio.sleep(1.0)
        await end(talk)
        (customers,) = await dumps(talk.bob, "dec")
        (agents,) = await dumps(talk.alice, "dec")
        heard = wav.samples(customers)
        assert runs(heard, AGENT, least=0.5) == [(AGENT,), (), (AGENT,)]
        beeps = [
            at / 10
            for at in range(int(len(heard) / wav.RATE * 10))
            if wav.tone(heard, HOLD, at / 10, at / 10 + 0.1) > 900
        ]
        assert 1 <= len(beeps) <= 4  # two short tones at its begin
        # the agent's hold has no packets, so the phone's recording goes on where it stopped
        assert [run for run in runs(wav.samples(agents), CUSTOMER, AGENT, HOLD, least=0.5) if run] == [(CUSTOMER,)]
        (row,) = await kept(one)
        assert (row.state, row.error) == ("kept", None)
        recorded = wav.samples(pbx.audio / "recordings" / f"{row.id}.wav")
        assert 1.6 < row.seconds < 2.6
        assert runs(recorded, AGENT, CUSTOMER) == [(AGENT, CUSTOMER)]


@MODES
async def test_a_muted_agent_hears_and_is_heard_as_silence_and_digits_arrive(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str
) -> None:
    voices = await tones(tmp_path)
    async with conversation(store, pbx, ports, tmp_path, voices, mode=mode) as talk:
        one, call, agent = talk.shift, talk.call, talk.shift.agents["alice"]
        for muted in (True, False):
            await asyncio.sleep(1.0)
            await one.floor.calls.mute(agent, call, muted=muted)
        await asyncio.sleep(1.0)
        # two requests at once keep their order
        await asyncio.gather(*(one.floor.calls.send_digits(agent, call, digits) for digits in ("12*", "#D")))
        pressed = [event["param"] for event in talk.bob.events if event["type"] == "CALL_DTMF_START"]
        assert pressed == list("12*#D")
        await end(talk)
        (customers,) = await dumps(talk.bob, "dec")
        (agents,) = await dumps(talk.alice, "dec")
        assert runs(wav.samples(agents), CUSTOMER, AGENT) == [(CUSTOMER,)]
        assert runs(wav.samples(customers), AGENT, least=0.5)[:3] == [(AGENT,), (), (AGENT,)]


@MODES
@pytest.mark.parametrize("who", ["alice", "bob"])
async def test_hang_up_on_hold_by_either_side(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str, who: str
) -> None:
    voices = await tones(tmp_path)
    async with conversation(store, pbx, ports, tmp_path, voices, mode=mode) as talk:
        one = talk.shift
        await one.floor.calls.hold(one.agents["alice"], talk.call, held=True)
        await {"alice": talk.alice, "bob": talk.bob}[who].hang_up()
        assert (await one.ended(talk.call)).outcome == "TALKED"
        await one.state_is("alice", "wrap_up")


@MODES
async def test_a_restarted_service_finds_the_customer_on_hold(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str
) -> None:
    voices = await tones(tmp_path)
    async with conversation(store, pbx, ports, tmp_path, voices, mode=mode) as talk:
        one, agent = talk.shift, talk.shift.agents["alice"]
        await one.floor.calls.hold(agent, talk.call, held=True)
        await one.restart_floor(pbx)
        row = await one.attempt(talk.call)
        assert (row.state, row.held_since is not None) == ("talking", True)
        await one.floor.calls.hold(agent, talk.call, held=False)
        await asyncio.sleep(0.5)
        await end(talk)


@MODES
async def test_a_customer_whom_nobody_comes_back_to_is_ended_without_a_service(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str
) -> None:
    voices = await tones(tmp_path)
    async with conversation(store, pbx, ports, tmp_path, voices, mode=mode) as talk:
        one, agent = talk.shift, talk.shift.agents["alice"]
        await one.floor.calls.hold(agent, talk.call, held=True)
        board = one.floor.ground.board
        assert isinstance(board, AsteriskSwitchboard)
        channel = board._book.channel(one.desks["alice"].call.leg.id)
        left = await board._link.send({"Action": "Getvar", "Channel": channel, "Variable": "TIMEOUT(absolute)"})
        assert PARKED_LIMIT - 30 < float(left.text("Value")) <= PARKED_LIMIT
        # its time is nearly up, and the service is gone
        await board._link.send({"Action": "Setvar", "Channel": channel, "Variable": "TIMEOUT(absolute)", "Value": "1"})
        ground = one.floor.ground
        await one.floor.stop()
        await talk.bob.wait_for("CALL_CLOSED", within=5.0)
        one.floor = Floor(store=store, board=switchboard(pbx), place=ground.place, audio=ground.audio)
        await one.floor.start()
        one.floor.live_opened(agent)
        assert (await one.ended(talk.call)).outcome == "TALKED"
        await one.state_is("alice", "wrap_up")
