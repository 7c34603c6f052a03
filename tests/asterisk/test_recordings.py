"""Recordings on a real Asterisk: what two people said is in the file, what was paused is not, and the books agree."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.demo.softphone import Softphone, SoftphoneSettings
from telephony.store import schema
from telephony.store.engine import Store
from tests.support import wav
from tests.support.line_shift import LineShift, line_shift

pytestmark = pytest.mark.asterisk

AGENT, CUSTOMER = 700.0, 1150.0
"""Hertz of what each says all the time."""

LOUD, FAINT = 2000.0, 60.0
"""Amplitude of a tone of 6000 that is there, after mu-law; and of one that is not."""


@asynccontextmanager
async def talking_phone(pbx: Pbx, ports: PortBlock, folder: Path, name: str, hertz: float) -> AsyncIterator[Softphone]:
    """A phone that answers by itself and says one tone."""
    await asyncio.to_thread(folder.mkdir)
    voice = await asyncio.to_thread(wav.write_tone, folder / "voice.wav", hertz, 60.0)
    rtp = ports.take(4, even=True)
    phone = Softphone(
        SoftphoneSettings(
            name=name,
            secret=pbx.agent_secret,
            pbx=pbx.sip_address,
            directory=folder / "phone",
            sip_port=ports.take(2),
            control_port=ports.take(),
            rtp_ports=(rtp, rtp + 3),
            voice=voice,
        )
    )
    await phone.start()
    try:
        yield phone
    finally:
        await phone.stop()


@asynccontextmanager
async def conversation(
    store: Store, pbx: Pbx, ports: PortBlock, folder: Path, **wanted: Any
) -> AsyncIterator[tuple[LineShift, str]]:
    """Alice talks to bob, who takes the customer's place; the shift and the call."""
    async with (
        talking_phone(pbx, ports, folder / "alice", "alice", AGENT),
        talking_phone(pbx, ports, folder / "bob", "bob", CUSTOMER),
        line_shift(store, pbx, phones=("alice",), **wanted) as one,
    ):
        await store.run(lambda conn: conn.execute(update(schema.trunks).values(dial_template="PJSIP/bob")))
        await one.previewing("alice")
        call = await one.accept("alice")
        await one.state_is("alice", "talking")
        yield one, call


async def kept(one: LineShift, count: int = 1) -> list[Any]:
    """The recordings' rows once all were looked at."""
    for _ in range(100):
        rows = await one.rows(schema.recordings)
        if len(rows) == count and all(row.state in ("kept", "failed") for row in rows):
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError(f"not settled: {[(row.state, row.error) for row in rows]}")


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def both(sound: Any, begin: float, end: float) -> tuple[bool, bool]:
    """Whether the agent and the customer are heard."""
    return tuple(wav.tone(sound, hertz, begin, end) > LOUD for hertz in (AGENT, CUSTOMER))  # type: ignore[return-value]


@pytest.mark.parametrize("mode", ["preview_standard", "preview_direct"])
async def test_both_sides_are_in_the_file_and_what_was_paused_is_not(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str
) -> None:
    async with conversation(store, pbx, ports, tmp_path, mode=mode, recording="all") as (one, call):
        agent = one.agents["alice"]
        await asyncio.sleep(1.0)
        await one.floor.record(agent, call, "pause")
        assert (await one.attempt(call)).recording == "paused"
        await asyncio.sleep(1.0)
        await one.floor.record(agent, call, "resume")
        await asyncio.sleep(1.0)
        await one.floor.hang_up(agent, call)
        row = await one.ended(call)
        (found,) = await kept(one)
        assert (found.state, found.error, found.attempt_id, found.agent_id) == ("kept", None, call, agent)
        assert (await one.attempt(call)).recording == "kept"
        file = pbx.audio / "recordings" / f"{found.id}.wav"
        assert found.sha256 == await asyncio.to_thread(sha256, file)
        sound = wav.samples(file)
        talked = (row.ended_at - row.joined_at).total_seconds()
        assert abs(found.seconds - len(sound) / wav.RATE) < 0.001
        assert abs(found.seconds - talked) < 0.1
        assert both(sound, 0.2, 0.9) == (True, True)
        assert wav.loudness(sound, 1.15, 1.9) == 0
        assert both(sound, 2.3, 2.9) == (True, True)
