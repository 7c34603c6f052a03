"""Recordings of calls, with the switchboard played by hand and the files written by the test."""

from __future__ import annotations

import asyncio
import logging
import struct
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from telephony.dialer import recorded
from telephony.dialer.errors import NoCapacity, Refused
from telephony.dialer.floor import Floor
from telephony.model.message_drop import When
from telephony.pbx.port import LiveLeg, OrderRefused, OrderUnsettled, RecordedEnd, Survey
from telephony.store import schema
from telephony.store.engine import Store
from telephony.store.recordings import Due
from tests.support import wav
from tests.support.hand_board import HandBoard
from tests.support.shift import Shift, audio_folder, now, restart, shift
from tests.unit.test_floor_message import equip

pytestmark = pytest.mark.unit


async def settled(one: Shift, *states: str) -> list[Any]:
    """The recordings once they are in these states."""
    for _ in range(400):
        rows = await one.rows(schema.recordings)
        if [row.state for row in rows] == list(states):
            return rows
        await asyncio.sleep(0.01)
    raise AssertionError(f"{[(row.state, row.error) for row in rows]} instead of {states}")


async def call_row(one: Shift) -> Any:
    (row,) = await one.rows(schema.attempts)
    return row


async def events(one: Shift, kind: str = "call.recording") -> list[tuple[str, str | None]]:
    rows = await one.rows(schema.events)
    return [(row.payload["state"], row.payload["error"]) for row in rows if row.kind == kind]


def record(folder: Path, name: str, seconds: float, amplitude: int = 6000) -> Path:
    (folder / "recordings").mkdir(exist_ok=True)
    return wav.write_tone(folder / "recordings" / f"{name}.wav", 500, seconds, amplitude)


async def test_all_is_recorded_from_the_join_on_and_kept_with_length_and_checksum(store: Store, tmp_path: Path) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="all") as one:
        _, attempt, leg = await one.talking()
        assert one.board.customer_calls[0].recording == f"{tmp_path}/recordings/{leg}.wav"
        assert (await call_row(one)).recording == "recording"
        record(tmp_path, leg, 1.5)
        one.board.ends(leg, answered=True)
        (row,) = await settled(one, "kept")
        assert (row.id, row.attempt_id, row.agent_id) == (leg, attempt, one.agent)
        assert (row.seconds, row.size, len(row.sha256)) == (1.5, 24_044, 64)
        assert (await call_row(one)).recording == "kept"
        assert await events(one) == [("recording", None), ("kept", None)]


async def test_a_campaign_that_does_not_record_asks_for_none(store: Store, tmp_path: Path) -> None:
    async with shift(store, audio=audio_folder(tmp_path)) as one:
        _, attempt, _ = await one.talking()
        assert one.board.customer_calls[0].recording == ""
        for action in ("start", "stop", "pause", "resume"):
            with pytest.raises(Refused) as refused:
                await one.floor.record(one.agent, attempt, action)
            assert refused.value.code == "ACTION_DISABLED"
        assert await one.rows(schema.recordings) == []


async def test_pause_is_said_when_the_pbx_has_done_it(store: Store, tmp_path: Path) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="all") as one:
        _, attempt, leg = await one.talking()
        one.board.failing["pause_recording"] = OrderUnsettled("no answer")
        with pytest.raises(NoCapacity):
            await one.floor.record(one.agent, attempt, "pause")
        assert (await call_row(one)).recording == "recording"
        await one.floor.record(one.agent, attempt, "pause")
        await one.floor.record(one.agent, attempt, "pause")
        assert (await call_row(one)).recording == "paused"
        await one.floor.record(one.agent, attempt, "resume")
        assert [what for what, at in one.board.orders if at == leg][-3:] == [
            "pause_recording", "pause_recording", "resume_recording",
        ]  # fmt: skip
        assert await events(one) == [("recording", None), ("paused", None), ("recording", None)]
        with pytest.raises(Refused):
            await one.floor.record(one.agent, attempt, "stop")


async def test_on_demand_each_start_is_a_part_and_holds_two_channels(store: Store, tmp_path: Path) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="on_demand") as one:
        _, attempt, leg = await one.talking()
        assert one.board.customer_calls[0].recording == ""
        before = (await one.used())["cell"]
        await one.floor.record(one.agent, attempt, "start")
        await one.floor.record(one.agent, attempt, "start")
        assert (await one.used())["cell"] == before + 2
        (first,) = await one.rows(schema.recordings)
        record(tmp_path, first.id, 0.5)
        await one.floor.record(one.agent, attempt, "stop")
        await settled(one, "kept")
        assert (await one.used())["cell"] == before
        await one.floor.record(one.agent, attempt, "start")
        second = (await one.rows(schema.recordings))[1]
        assert (await call_row(one)).recording == "recording"
        record(tmp_path, second.id, 0.5)
        one.board.ends(leg, answered=True)
        await settled(one, "kept", "kept")
        assert [at for what, at in one.board.orders if what == "stop_recording"] == [first.id]
        assert (await call_row(one)).recording == "kept"


async def test_what_the_pbx_refuses_to_record_is_a_failure_somebody_sees(store: Store, tmp_path: Path) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="on_demand") as one:
        _, attempt, _ = await one.talking()
        before = (await one.used())["cell"]
        one.board.failing["record"] = OrderRefused("no")
        with pytest.raises(Refused):
            await one.floor.record(one.agent, attempt, "start")
        assert await events(one) == [("recording", None), ("failed", "NOT_BEGUN")]
        assert (await one.used())["cell"] == before
        await one.floor.record(one.agent, attempt, "start")  # and it may be tried again
        assert [row.state for row in await one.rows(schema.recordings)] == ["failed", "recording"]


async def test_without_room_for_a_listening_pair_nothing_is_recorded(store: Store, tmp_path: Path) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="on_demand") as one:
        _, attempt, _ = await one.talking()
        await store.run(lambda conn: conn.execute(update(schema.cells).values(max_channels=3)))
        with pytest.raises(NoCapacity) as refused:
            await one.floor.record(one.agent, attempt, "start")
        assert refused.value.code == "CELL_CHANNEL_LIMIT"
        assert await one.rows(schema.recordings) == []


@pytest.mark.parametrize(
    ("seconds", "amplitude", "talked", "error"),
    [(0.0, 0, 2, "EMPTY"), (2.0, 0, 2, "EMPTY"), (1.0, 6000, 30, "INCOMPLETE")],
)
async def test_an_empty_recording_is_told_logged_and_in_the_calls_row(
    store: Store,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    amplitude: int,
    talked: int,
    error: str,
) -> None:
    monkeypatch.setattr(recorded, "CLOSED_WITHIN", timedelta(seconds=1))
    async with shift(store, audio=audio_folder(tmp_path), recording="all") as one:
        _, attempt, leg = await one.talking()
        began = update(schema.recordings).values(started_at=now() - timedelta(seconds=talked))
        await store.run(lambda conn: conn.execute(began))
        record(tmp_path, leg, seconds, amplitude)
        with caplog.at_level(logging.ERROR):
            one.board.ends(leg, answered=True)
            (row,) = await settled(one, "failed")
        assert row.error == error
        assert (await call_row(one)).recording == "failed"
        assert (await events(one))[-1] == ("failed", error)
        assert f"recording {leg} of attempt {attempt}: {error}" in caplog.text


def test_a_file_with_nothing_but_its_header_may_still_be_in_asterisks_buffer(tmp_path: Path) -> None:
    ids = {"id": "r", "tenant_id": "t", "attempt_id": "a", "agent_id": "g"}
    due = Due(**ids, paused=False, expected=0.6, ended_at=now(), closed_at=now())
    file = record(tmp_path, due.id, 0.0)
    assert file.stat().st_size == recorded.HEADER
    with pytest.raises(recorded.Unfinished):
        recorded.look_at(file, due, mend=False)
    assert recorded.look_at(file, due, mend=True).error == "EMPTY"
    record(tmp_path, due.id, 0.6)
    assert recorded.look_at(file, due, mend=False).error == ""


async def test_what_was_paused_all_the_time_may_be_silent(store: Store, tmp_path: Path) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="all") as one:
        _, attempt, leg = await one.talking()
        await one.floor.record(one.agent, attempt, "pause")
        record(tmp_path, leg, 1.0, 0)
        one.board.ends(leg, answered=True)
        await settled(one, "kept")


async def test_a_call_that_ended_while_the_service_was_dead_has_its_recording(store: Store, tmp_path: Path) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="all") as one:
        agent_leg, _, leg = await one.talking()
        record(tmp_path, leg, 1.0)
        ended = RecordedEnd(leg=leg, answered=True, rang=True, cause=16, sip=None, joined=True)
        alive = LiveLeg(leg=agent_leg, state="up")
        await restart(one, Survey(live={agent_leg: alive}, ended={leg: ended}, running_since=0.0))
        await settled(one, "kept")


async def test_a_call_that_was_joined_while_the_service_was_dead_has_its_recording(
    store: Store, tmp_path: Path
) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="all") as one:
        agent_leg = await one.reserved()
        _, leg = await one.accepted()
        one.board.appears(leg)
        one.board.rings(leg)
        await one.settle()
        record(tmp_path, leg, 1.0)
        live = {
            agent_leg: LiveLeg(leg=agent_leg, state="up", joined_to=leg),
            leg: LiveLeg(leg=leg, state="up", joined_to=agent_leg),
        }
        await restart(one, Survey(live=live, ended={}, running_since=0.0))
        await one.state_is("talking")
        assert (await call_row(one)).recording == "recording"
        one.board.ends(leg, answered=True)
        await settled(one, "kept")


async def test_a_file_whose_asterisk_died_is_mended(store: Store, tmp_path: Path) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="all") as one:
        _, _, leg = await one.talking()
        file = record(tmp_path, leg, 1.0)
        with file.open("r+b") as open_file:
            open_file.seek(40)
            open_file.write(struct.pack("<I", 0))
        one.board.ends(leg, answered=True)
        await one.state_is("wrap_up")
        await asyncio.sleep(0.7)
        assert [row.state for row in await one.rows(schema.recordings)] == ["recording"]  # still being written
        long_ago = update(schema.attempts).values(ended_at=now() - timedelta(minutes=1))
        await store.run(lambda conn: conn.execute(long_ago))
        one.floor.recordings_changed()
        (row,) = await settled(one, "kept")
        assert (row.seconds, wav.seconds(file)) == (1.0, 1.0)


async def test_what_is_too_old_is_removed_with_its_file(store: Store, tmp_path: Path) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="all") as one:
        _, _, leg = await one.talking()
        file = record(tmp_path, leg, 1.0)
        one.board.ends(leg, answered=True)
        await settled(one, "kept")
        old = update(schema.recordings).values(ended_at=now() - timedelta(days=31))
        await store.run(lambda conn: conn.execute(old))
        await one.floor.stop()
        one.floor = Floor(store=store, board=HandBoard(), place=one.place, audio=one.audio, recording_days=30)
        await one.floor.start()
        (row,) = await settled(one, "removed")
        await one.until(lambda: not file.exists())
        assert (row.removed_by, len(row.sha256)) == (None, 64)
        assert (await call_row(one)).recording == "removed"


async def test_where_a_campaign_records_the_pbx_is_tried_at_the_start(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="all") as one:  # whose switchboard writes nothing
        await one.until(lambda: not one.floor.recordings_work)
        assert "calls cannot be recorded" in caplog.text
        assert "telephony doctor" in caplog.text


@pytest.mark.parametrize("setting", ["all", "on_demand"])
async def test_a_message_that_is_dropped_is_not_recorded(store: Store, tmp_path: Path, setting: str) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording=setting) as one:
        await equip(one)
        _, attempt, leg = await one.talking()
        if setting == "on_demand":
            await one.floor.record(one.agent, attempt, "start")
        (row,) = await one.rows(schema.recordings)
        record(tmp_path, row.id, 0.5)
        await one.floor.drop_message(one.agent, attempt, When.NOW)
        await one.settle()
        assert [row.ended_at is None for row in await one.rows(schema.recordings)] == [False]
        assert (("stop_recording", row.id) in one.board.orders) is (setting == "on_demand")
        one.board.ends(leg, answered=True)
        (row,) = await settled(one, "kept")
        assert (row.ended_at - row.started_at).total_seconds() < 2.0
