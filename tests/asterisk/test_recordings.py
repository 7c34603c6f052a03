"""Recordings on a real Asterisk: what two people said is in the file, what was paused is not, and the books agree."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.dialer.floor import Floor
from telephony.store import schema
from telephony.store.engine import Store
from tests.support import wav
from tests.support.line_shift import LineShift, hang_up_all, switchboard
from tests.support.talk import conversation

pytestmark = pytest.mark.asterisk

AGENT, CUSTOMER = 700.0, 1150.0
"""Hertz of what each says all the time."""

LOUD, FAINT = 2000.0, 60.0
"""Amplitude of a tone of 6000 that is there, after mu-law; and of one that is not."""


async def tones(folder: Path) -> tuple[Path, Path]:
    """What the agent and the customer say."""
    return (
        await asyncio.to_thread(wav.write_tone, folder / "agent.wav", AGENT, 60.0),
        await asyncio.to_thread(wav.write_tone, folder / "customer.wav", CUSTOMER, 60.0),
    )


async def kept(one: LineShift, count: int = 1) -> list[Any]:
    """The recordings' rows once all were looked at."""
    for _ in range(400):
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
    voices = await tones(tmp_path)
    async with conversation(store, pbx, ports, tmp_path, voices, mode=mode, recording="all") as talk:
        one, call = talk.shift, talk.call
        agent = one.agents["alice"]
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(1.0)
        await one.floor.record(agent, call, "pause")
        paused = clock()
        assert (await one.attempt(call)).recording == "paused"
        await asyncio.sleep(1.0)
        paused = clock() - paused
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
        assert abs(found.seconds - talked) < 0.3  # by the service's clock, which a busy machine delays
        begin, end = wav.longest_silence(sound)
        assert end - begin > paused - 0.1  # from its answer to the next request nothing of either is there
        assert both(sound, 0.2, begin - 0.1) == (True, True)
        assert both(sound, end + 0.3, found.seconds - 0.1) == (True, True)


async def test_on_demand_two_parts_and_nothing_of_what_was_said_between(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path
) -> None:
    voices = await tones(tmp_path)
    async with conversation(store, pbx, ports, tmp_path, voices, mode="preview_direct", recording="on_demand") as talk:
        one, call, agent = talk.shift, talk.call, talk.shift.agents["alice"]
        for action, pause in (("start", 1.0), ("stop", 1.0), ("start", 0.6)):
            await one.floor.record(agent, call, action)
            await asyncio.sleep(pause)
        await one.floor.hang_up(agent, call)
        await one.ended(call)
        rows = await kept(one, 2)
        for row, length in zip(rows, (1.0, 0.6), strict=True):
            assert (row.state, row.error, row.on_demand) == ("kept", None, True)
            assert abs(row.seconds - length) < 0.3
            assert both(wav.samples(pbx.audio / "recordings" / f"{row.id}.wav"), 0.1, 0.5) == (True, True)
        assert (await one.used())["cell"] <= 1  # at most the agent's line


async def test_a_call_that_ends_without_the_service_is_recorded_whole_and_found_by_the_next(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path
) -> None:
    voices = await tones(tmp_path)
    async with conversation(store, pbx, ports, tmp_path, voices, recording="all") as talk:
        one, ground = talk.shift, talk.shift.floor.ground
        await one.floor.stop()
        await asyncio.sleep(1.0)
        await talk.bob.hang_up()
        await asyncio.sleep(0.3)
        one.floor = Floor(store=store, board=switchboard(pbx), place=ground.place, audio=ground.audio)
        await one.floor.start()
        try:
            (row,) = await kept(one)
            assert (row.state, row.error) == ("kept", None)
            assert row.seconds > 0.9  # the second alone, but for the frames that were on their way at its two ends
            sound = wav.samples(pbx.audio / "recordings" / f"{row.id}.wav")
            assert both(sound, row.seconds - 0.6, row.seconds - 0.1) == (True, True)
        finally:
            await hang_up_all(one.floor)
            await one.floor.stop()
