"""The stories of what is recorded of a call, told alike by every switchboard."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

import pytest

from telephony.model.ids import new_id
from telephony.pbx.port import (
    CustomerCall,
    DirectCall,
    LegEnded,
    LegRang,
    LegsJoined,
    LegsParted,
    OrderRefused,
    UnknownLeg,
)
from tests.support import wav
from tests.support.port_stories import RINGS_LONG, PortBench, let_pass, reserve, told, wait_for

WRITTEN_WITHIN = 2.0
"""Seconds until a file is complete after the end of what it records."""

TALKS_ON = "06"
"""A customer who speaks for ten seconds without a long pause."""


class RecordingBench(PortBench, Protocol):
    @property
    def recordings(self) -> Path:
        """A folder that switchboard and test both use under this path."""


async def talk_recorded(bench: RecordingBench, agent: str, file: Path | None, *, direct: bool = False) -> str:
    leg, dial, recording = new_id(), bench.dial(TALKS_ON), str(file or "")
    if direct:
        await bench.board.call_from_agent(
            DirectCall(leg=leg, agent_leg=agent, dial=dial, ring_limit=RINGS_LONG, recording=recording)
        )
    else:
        await bench.board.call_customer(
            CustomerCall(leg=leg, agent_leg=agent, dial=dial, ring_limit=RINGS_LONG, recording=recording)
        )
    await wait_for(bench, LegsJoined, leg)
    return leg


async def end(bench: RecordingBench, leg: str) -> float:
    """Hang up; how long they were joined."""
    await bench.board.hang_up(leg)
    ended = await wait_for(bench, LegEnded, leg)
    return ended.at - told(bench, LegsJoined, leg)[0].at


def size_of(file: Path) -> int:
    return file.stat().st_size if file.exists() else -1


async def written(file: Path) -> Path:
    """The file once it grows no more; time here is real also where the switchboard's is not."""
    before = -1
    for _ in range(round(WRITTEN_WITHIN / 0.1)):
        now = await asyncio.to_thread(size_of, file)
        if now == before > 44:
            return file
        before = now
        await asyncio.sleep(0.1)
    raise AssertionError(f"{file.name} was not written within {WRITTEN_WITHIN} s")


class RecordingStories:
    """Inherit this beside `PortStories`."""

    @pytest.mark.parametrize("direct", [False, True])
    async def test_recorded_from_the_join_to_the_end_with_silence_where_it_was_paused(
        self, bench: RecordingBench, direct: bool
    ) -> None:
        file = bench.recordings / f"{new_id()}.wav"
        leg = await talk_recorded(bench, await reserve(bench), file, direct=direct)
        await let_pass(bench, 1.5)
        await bench.board.pause_recording(leg, paused=True)
        await let_pass(bench, 1.0)
        await bench.board.pause_recording(leg, paused=False)
        await let_pass(bench, 1.5)
        talked = await end(bench, leg)
        sound = wav.samples(await written(file))
        assert abs(len(sound) / wav.RATE - talked) < 0.1
        begin, end_ = wav.longest_silence(sound)
        assert end_ - begin > 0.9  # who speaks makes no such pause, and no line of theirs is without a sound
        assert wav.loudness(sound, 0.5, begin - 0.1) > 300
        assert wav.loudness(sound, end_ + 0.2, len(sound) / wav.RATE) > 300

    @pytest.mark.parametrize("direct", [False, True])
    async def test_nothing_is_recorded_of_a_customer_who_was_set_aside(
        self, bench: RecordingBench, direct: bool
    ) -> None:
        file = bench.recordings / f"{new_id()}.wav"
        leg = await talk_recorded(bench, await reserve(bench), file, direct=direct)
        await let_pass(bench, 1.0)
        await bench.board.set_aside(leg)
        parted = await wait_for(bench, LegsParted, leg)
        await let_pass(bench, 1.0)
        await end(bench, leg)
        talked = parted.at - told(bench, LegsJoined, leg)[0].at
        assert abs(wav.seconds(await written(file)) - talked) < 0.15

    async def test_recorded_on_demand_in_two_files(self, bench: RecordingBench) -> None:
        leg = await talk_recorded(bench, await reserve(bench), None)
        tapes = new_id(), new_id()
        first, second = (bench.recordings / f"{tape}.wav" for tape in tapes)
        with pytest.raises(OrderRefused):
            await bench.board.pause_recording(leg, paused=True)
        await bench.board.record(leg, tape=tapes[0], file=str(first))
        await let_pass(bench, 1.0)
        await bench.board.stop_recording(tapes[0])
        await let_pass(bench, 0.5)
        with pytest.raises(UnknownLeg):
            await bench.board.stop_recording(tapes[0])
        await bench.board.record(leg, tape=tapes[1], file=str(second))
        await let_pass(bench, 0.6)
        await end(bench, leg)
        assert abs(wav.seconds(await written(first)) - 1.0) < 0.15
        assert abs(wav.seconds(await written(second)) - 0.6) < 0.15
        assert wav.loudness(wav.samples(first), 0.1, 0.9) > 300

    async def test_no_sound_is_recorded_of_who_was_not_joined(self, bench: RecordingBench) -> None:
        file = bench.recordings / f"{new_id()}.wav"
        leg = new_id()
        call = DirectCall(
            leg=leg,
            agent_leg=await reserve(bench),
            dial=bench.dial("02"),
            ring_limit=RINGS_LONG,
            recording=str(file),
        )
        await bench.board.call_from_agent(call)
        await wait_for(bench, LegRang, leg)
        await bench.board.hang_up(leg)
        await wait_for(bench, LegEnded, leg)
        await let_pass(bench, 0.5)
        assert await asyncio.to_thread(size_of, file) <= 44
        with pytest.raises(UnknownLeg):
            await bench.board.record(leg, tape=new_id(), file=str(file))

    async def test_a_recording_is_tried_without_a_telephone(self, bench: RecordingBench) -> None:
        file = bench.recordings / f"{new_id()}.wav"
        await bench.board.try_recording(str(file))
        assert wav.seconds(await written(file)) > 0.5
