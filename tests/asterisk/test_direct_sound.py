"""Direct preview by ear: the agent hears the network itself, and of the call nothing is lost."""

from __future__ import annotations

import asyncio
from array import array
from pathlib import Path

import numpy as np
import pytest

from telephony.demo.customers import Customers
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.store.engine import Store
from tests.support import wav
from tests.support.hearing import ALIKE, WINDOW, Piece, lost, mu_law, pieces, sound
from tests.support.line_shift import line_shift
from tests.support.talk import conversation, dumps, talking_phone

pytestmark = pytest.mark.asterisk

PACKET = 160
"""Samples: 20 ms, what may be lost at most."""

SPEECH = round(1.2 * wav.RATE)
"""From here on the announcement is speech; of the tones before, one moment is like another."""

TONE = 500.0
"""Amplitude of one of the two frequencies of a tone that Asterisk makes."""


SPOKEN = 3 * wav.RATE
"""Samples until the customer has said all."""


def noise(path: Path, seed: int, samples: int = 60 * wav.RATE) -> Path:
    """A minute in which no two moments are alike, silent after so many samples."""
    said = np.random.default_rng(seed).normal(0, 4000, 60 * wav.RATE).clip(-20000, 20000)
    said[samples:] = 0
    return wav.write(path, said.astype("<i2").tobytes())


async def test_from_the_first_word_on_nothing_is_lost_either_way(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path
) -> None:
    voices = noise(tmp_path / "agent.wav", 1), noise(tmp_path / "customer.wav", 2, SPOKEN)
    async with conversation(store, pbx, ports, tmp_path, voices, mode="preview_direct") as talk:
        await asyncio.sleep(4.0)
        await talk.bob.hang_up()
        await talk.shift.ended(talk.call)
    customer_said, agent_heard = [sound((await dumps(*of))[0]) for of in ((talk.bob, "enc"), (talk.alice, "dec"))]
    agent_said, customer_heard = [sound((await dumps(*of))[0]) for of in ((talk.alice, "enc"), (talk.bob, "dec"))]
    to_agent, to_customer = pieces(customer_said, agent_heard), pieces(agent_said, customer_heard)
    print(f"lost to the agent: {to_agent[0].said_at / 8} ms at first, then {_ms(to_agent)}; back {_ms(to_customer)}")
    for found in (to_agent, to_customer):
        assert min(piece.alike for piece in found) > ALIKE
        assert lost(found) < PACKET
    assert to_agent[0].said_at < PACKET
    assert to_agent[-1].said_at > SPOKEN - WINDOW - PACKET
    assert to_customer[-1].heard_at > SPOKEN


def _ms(found: list[Piece]) -> str:
    return f"{lost(found) / 8:g} ms of {len(found) * 20 / 1000:g} s"


async def test_the_agent_hears_announcement_busy_tone_and_ringing_and_gets_the_next_offer_on_the_line(
    store: Store, pbx: Pbx, ports: PortBlock, customers: Customers, tmp_path: Path
) -> None:
    silence = wav.write(tmp_path / "silence.wav", bytes(60 * wav.RATE * 2))
    offered = ("01", "13", "02", "00")
    async with (
        talking_phone(pbx, ports, tmp_path, "alice", silence) as alice,
        line_shift(store, pbx, phones=("alice",), customers=offered, mode="preview_direct") as one,
    ):
        await one.previewing("alice")
        outcomes = []
        for number in offered[:3]:
            call = await one.accept("alice")
            if number == "02":
                await asyncio.sleep(1.5)
                assert one.state("alice") == "dialing"
                await one.floor.cancel(one.agents["alice"], call)
            outcomes.append((await one.ended(call)).outcome)
            await one.state_is("alice", "previewing")  # the next one, without a new ring
            await asyncio.sleep(1.0)
        assert outcomes == ["CUSTOMER_BUSY", "CUSTOMER_UNAVAILABLE", "AGENT_CANCELLED"]
        assert len([event for event in alice.events if event["type"] == "CALL_ESTABLISHED"]) == 1
    (path,) = await dumps(alice, "dec")
    heard = wav.samples(path)
    announced = mu_law(customers.sounds / "announcement.ulaw")
    whole = [piece for piece in pieces(announced, sound(path)) if piece.alike > ALIKE]
    assert whole[0].said_at < PACKET
    assert whole[-1].said_at > 0.9 * len(announced)
    assert lost([piece for piece in whole if piece.said_at > SPEECH]) < PACKET
    begin, end = whole[0].heard_at / wav.RATE, whole[-1].heard_at / wav.RATE
    assert _loudest(heard, 0.0, begin, 480.0, 620.0) > TONE  # busy
    assert _loudest(heard, end, len(heard) / wav.RATE, 440.0, 480.0) > TONE  # ringing


def _loudest(heard: array[int], begin: float, end: float, one: float, other: float) -> float:
    """The amplitude of the fainter of two frequencies where both are loudest, between two moments in seconds."""
    moments = np.arange(begin, end - 0.2, 0.1)
    return max((min(wav.tone(heard, hertz, at, at + 0.2) for hertz in (one, other)) for at in moments), default=0.0)
