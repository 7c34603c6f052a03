"""Who may listen to recordings, and what they get."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from telephony.model.ids import new_id
from telephony.store import teams
from telephony.store.accounts import Role
from telephony.store.schema import recordings
from tests.support import wav
from tests.support.company import Company
from tests.support.office import Office
from tests.unit.test_web_calls import NOW, called

pytestmark = pytest.mark.unit


def recorded(conn: Connection, here: Company, *, agent_id: str = "", state: str = "kept") -> tuple[str, str]:
    """A call and its recording."""
    call, recording = called(conn, here, agent_id=agent_id), new_id()
    conn.execute(
        insert(recordings).values(
            id=recording,
            tenant_id=here.tenant_id,
            cell_id=here.cell_id,
            campaign_id=here.campaign_id,
            attempt_id=call,
            agent_id=agent_id or here.agent_id,
            on_demand=False,
            state=state,
            started_at=NOW,
            ended_at=NOW + timedelta(seconds=1),
            seconds=1.0,
            size=16_044,
            sha256="0" * 64,
        )
    )
    return call, recording


async def sound(folder: Path, recording: str) -> bytes:
    def write() -> bytes:
        path = folder / "audio" / "recordings"
        path.mkdir(parents=True, exist_ok=True)
        return wav.write_tone(path / f"{recording}.wav", 500, 1.0).read_bytes()

    return await asyncio.to_thread(write)


async def test_a_supervisor_hears_the_own_teams_agents_and_nobody_else_may(office: Office, tmp_path: Path) -> None:
    other = await office.hire("acme.otto", Role.AGENT, office.acme.tenant_id)
    call, recording = await office.store.run(lambda conn: recorded(conn, office.acme))
    _, others = await office.store.run(lambda conn: recorded(conn, office.acme, agent_id=other))
    _, foreign = await office.store.run(lambda conn: recorded(conn, office.globex))
    content = await sound(tmp_path, recording)
    sue = await office.hire("acme.sue", Role.SUPERVISOR, office.acme.tenant_id)
    await office.hire("acme.tim", Role.SUPERVISOR, office.acme.tenant_id)
    await office.hire("acme.tess", Role.TENANT_ADMIN, office.acme.tenant_id)
    members = teams.TeamChange(user_ids=(office.acme.agent_id, sue))
    await office.store.run(lambda conn: teams.change_team(conn, office.acme.tenant_id, office.acme.team_id, members))
    supervisor, stranger, chief, agent = [
        await office.sign_in(name) for name in ("acme.sue", "acme.tim", "acme.tess", "acme.ann")
    ]
    (row,) = (await supervisor("GET", f"/api/v1/calls/{call}/recordings")).json
    assert (row["id"], row["seconds"], row["sha256"]) == (recording, 1.0, "0" * 64)
    heard = await supervisor("GET", f"/api/v1/recordings/{recording}", headers={"Range": "bytes=0-3"})
    assert (heard.status, heard.text, heard.headers["Content-Type"]) == (206, "RIFF", "audio/wav")
    assert heard.headers["Content-Range"] == f"bytes 0-3/{len(content)}"
    for wrong in (f"bytes={len(content)}-", "bytes=x"):
        refused = await supervisor("GET", f"/api/v1/recordings/{recording}", headers={"Range": wrong})
        assert (refused.status, refused.code) == (416, "BAD_RANGE")
        assert refused.headers["Content-Range"] == f"bytes */{len(content)}"
    assert heard.headers["Cache-Control"] == "no-store"
    await sound(tmp_path, others)
    await sound(tmp_path, foreign)
    for who, path, status in (
        (supervisor, f"recordings/{others}", 404),
        (stranger, f"recordings/{recording}", 404),
        (stranger, f"calls/{call}/recordings", 404),
        (chief, f"recordings/{foreign}", 404),
        (agent, f"recordings/{recording}", 403),
        (agent, f"calls/{call}/recordings", 403),
        (office.stranger(), f"recordings/{recording}", 401),
    ):
        assert (await who("GET", f"/api/v1/{path}")).status == status, path
    async with chief.http.get(
        f"{chief.url}/api/v1/recordings/{recording}", headers={"Authorization": f"Bearer {chief.token}"}
    ) as whole:
        assert await whole.read() == content


async def test_only_administrators_remove_a_recording_and_who_did_stays_written(office: Office, tmp_path: Path) -> None:
    call, recording = await office.store.run(lambda conn: recorded(conn, office.acme))
    await sound(tmp_path, recording)
    await office.hire("acme.sue", Role.SUPERVISOR, office.acme.tenant_id)
    tess = await office.hire("acme.tess", Role.TENANT_ADMIN, office.acme.tenant_id)
    await office.hire("globex.gus", Role.TENANT_ADMIN, office.globex.tenant_id)
    for name, status in (("acme.sue", 403), ("globex.gus", 404), ("acme.tess", 204)):
        who = await office.sign_in(name)
        assert (await who("DELETE", f"/api/v1/recordings/{recording}")).status == status
    assert ("recordings_changed",) in office.floor.asked
    gone = await who("GET", f"/api/v1/recordings/{recording}")
    assert (gone.status, "removed" in gone.json["detail"]) == (404, True)
    (row,) = (await who("GET", f"/api/v1/calls/{call}/recordings")).json
    assert (row["state"], row["removed_by"]) == ("removed", tess)
    (shown,) = (await who("GET", "/api/v1/calls")).json["items"]
    assert shown["recording"] == "removed"


async def test_what_still_runs_can_be_neither_heard_nor_removed(office: Office, tmp_path: Path) -> None:
    _, recording = await office.store.run(lambda conn: recorded(conn, office.acme, state="recording"))
    await sound(tmp_path, recording)
    await office.hire("acme.tess", Role.TENANT_ADMIN, office.acme.tenant_id)
    chief = await office.sign_in("acme.tess")
    assert (await chief("GET", f"/api/v1/recordings/{recording}")).status == 404
    assert (await chief("DELETE", f"/api/v1/recordings/{recording}")).status == 409


async def test_an_agent_asks_for_start_stop_pause_and_resume(office: Office) -> None:
    agent, call = await office.agent(), new_id()
    for action in ("start", "stop", "pause", "resume"):
        assert (await agent("POST", f"/api/v1/calls/{call}/recording", {"action": action})).status == 204
    asked = [what for what in office.floor.asked if what[0] == "record"]
    assert [what[3] for what in asked] == ["start", "stop", "pause", "resume"]
    wrong = await agent("POST", f"/api/v1/calls/{call}/recording", {"action": "erase"})
    assert (wrong.status, wrong.json["errors"][0]["field"]) == (422, "action")


async def test_results_of_recordings_are_counted(office: Office) -> None:
    for error in (None, None, "EMPTY"):
        told = {"call": new_id(), "recording": new_id(), "state": "failed" if error else "kept", "error": error}
        await office.tell("call.recording", told, agent_id=office.acme.agent_id)
    await asyncio.sleep(0.2)
    figures = (await office.stranger()("GET", "/metrics")).text
    assert 'telephony_recordings_total{result="kept"} 2.0' in figures
    assert 'telephony_recordings_total{result="EMPTY"} 1.0' in figures
    assert "telephony_recordings_work 1.0" in figures


async def test_a_call_that_was_never_recorded_has_none(office: Office) -> None:
    call = await office.store.run(lambda conn: called(conn, office.acme))
    await office.hire("acme.tess", Role.TENANT_ADMIN, office.acme.tenant_id)
    chief = await office.sign_in("acme.tess")
    assert (await chief("GET", f"/api/v1/calls/{call}/recordings")).json == []
