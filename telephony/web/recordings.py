"""Recordings of calls: what there is, listening, removing. Agents start, stop and pause; they do not listen."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from telephony.pbx.audio_folder import AudioFolder
from telephony.store import recordings
from telephony.store.work import change
from telephony.web.answers import Recording
from telephony.web.exchange import Exchange
from telephony.web.problems import Problem
from telephony.web.routes import ADMINISTRATORS, DESK, SUPERVISORS, Routes
from telephony.web.sounds import sound

routes = Routes("Recordings")


class Action(StrEnum):
    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"


class RecordingAction(BaseModel):
    model_config = ConfigDict(extra="forbid")

    action: Action = Field(
        description="start or stop where the campaign's recording is on_demand, pause or resume where it is all"
    )


@routes.post(
    "/calls/{id}/recording",
    "Start, stop, pause or resume the recording of my call",
    roles=DESK,
    status=204,
    errors=("ACTION_DISABLED", "NOT_AVAILABLE", "CELL_CHANNEL_LIMIT", "PBX_UNREACHABLE", "NO_DESK"),
)
async def record(exchange: Exchange, id: str, body: RecordingAction) -> None:
    """Answered when Asterisk has done it: after the answer to `pause` a card number may be said."""
    await exchange.floor.record(exchange.agent_id, id, body.action)


@routes.get("/calls/{id}/recordings", "A call's recordings", roles=SUPERVISORS, answer=list[Recording])
async def of_call(exchange: Exchange, id: str) -> Any:
    """For supervisors those of their teams' agents."""
    tenant_id, teams = exchange.tenant_id, exchange.teams
    return await exchange.run(lambda conn: recordings.of_call(conn, tenant_id, id, teams))


@routes.get(
    "/recordings/{id}",
    "Listen to a recording",
    roles=SUPERVISORS,
    answer_type="audio/wav",
    errors=("NOT_FOUND", "BAD_RANGE"),
)
async def listen(exchange: Exchange, id: str) -> web.StreamResponse:
    """WAV, 8 kHz, both sides in one channel; `Range` is understood."""
    tenant_id, teams = exchange.tenant_id, exchange.teams
    found = await exchange.run(lambda conn: recordings.recording(conn, tenant_id, id, teams))
    path = AudioFolder.of(exchange.services.settings).recording(id)
    if found["state"] not in ("kept", "failed") or not await asyncio.to_thread(path.is_file):
        raise Problem("NOT_FOUND", detail=f"There is nothing to listen to: the recording is {found['state']}")
    return await sound(exchange, path, name=id)


@routes.delete("/recordings/{id}", "Remove a recording for good", roles=ADMINISTRATORS, status=204, errors=("IN_USE",))
async def remove(exchange: Exchange, id: str) -> None:
    """The file is deleted within a minute; that there was one, and who removed it, stays written down."""
    tenant_id, by = exchange.tenant_id, exchange.caller.user_id
    await change(exchange.services.store, lambda work: recordings.remove(work, tenant_id, id, by=by))
    exchange.floor.recordings_changed()
