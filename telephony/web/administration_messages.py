"""Recorded messages of a campaign: sent, listened to, taken away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.message_file import MOST_BYTES, NoConverter, UnfitAudio, take_in
from telephony.store import inputs, messages
from telephony.store.messages import MessageUse, NewMessage
from telephony.web.administration import campaign_of, tenant_of
from telephony.web.administration_answers import Message
from telephony.web.exchange import Exchange
from telephony.web.problems import Problem
from telephony.web.routes import ADMINISTRATORS, SUPERVISORS, Routes
from telephony.web.sentences import said
from telephony.web.sounds import sound

routes = Routes("Messages")

AUDIO = (
    *("audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave"),
    *("audio/mpeg", "audio/mp3", "audio/ogg", "application/ogg"),
)


class MessageQuery(inputs.Input):
    name: Annotated[inputs.Name, Field(description="shown where the message is; of the file, as a rule")] = "message"


@routes.put(
    "/campaigns/{id}/voicemail-message",
    "Set the message that agents may drop into a mailbox",
    roles=ADMINISTRATORS,
    answer=Message,
    takes=AUDIO,
    errors=("INVALID", "CONVERTER_MISSING", "FOLDER_UNUSABLE"),
)
async def set_voicemail_message(exchange: Exchange, id: str, query: MessageQuery) -> Any:
    """WAV, MP3 or OGG, 1 to 120 s long, at most 10 MB; converted for the telephone. It counts from the next drop on."""
    return await _set(exchange, id, MessageUse.VOICEMAIL, query.name)


@routes.get(
    "/campaigns/{id}/voicemail-message",
    "Listen to it",
    roles=SUPERVISORS,
    answer_type="audio/wav",
    errors=("NOT_FOUND", "BAD_RANGE"),
)
async def voicemail_message(exchange: Exchange, id: str) -> web.StreamResponse:
    return await _listen(exchange, id, MessageUse.VOICEMAIL)


@routes.delete("/campaigns/{id}/voicemail-message", "Take it away", roles=ADMINISTRATORS, status=204)
async def remove_voicemail_message(exchange: Exchange, id: str) -> None:
    """Calls that drop it already go on with it."""
    await _remove(exchange, id, MessageUse.VOICEMAIL)


@routes.put(
    "/campaigns/{id}/abandon-message",
    "Set the message for a customer who answered and no agent is there",
    roles=ADMINISTRATORS,
    answer=Message,
    takes=AUDIO,
    errors=("INVALID", "CONVERTER_MISSING", "FOLDER_UNUSABLE"),
)
async def set_abandon_message(exchange: Exchange, id: str, query: MessageQuery) -> Any:
    """WAV, MP3 or OGG, 1 to 120 s long, at most 10 MB; converted for the telephone. It counts from the next call on."""
    return await _set(exchange, id, MessageUse.ABANDON, query.name)


@routes.get(
    "/campaigns/{id}/abandon-message",
    "Listen to it",
    roles=SUPERVISORS,
    answer_type="audio/wav",
    errors=("NOT_FOUND", "BAD_RANGE"),
)
async def abandon_message(exchange: Exchange, id: str) -> web.StreamResponse:
    return await _listen(exchange, id, MessageUse.ABANDON)


@routes.delete("/campaigns/{id}/abandon-message", "Take it away", roles=ADMINISTRATORS, status=204)
async def remove_abandon_message(exchange: Exchange, id: str) -> None:
    await _remove(exchange, id, MessageUse.ABANDON)


async def _set(exchange: Exchange, campaign_id: str, use: MessageUse, name: str) -> Any:
    tenant_id = await tenant_of(exchange)
    await campaign_of(exchange, tenant_id, campaign_id)
    folder, file_name = _folder(exchange), messages.new_name()
    try:
        made = await take_in(exchange.chunks(MOST_BYTES), folder / file_name)
    except UnfitAudio as error:
        raise Problem("INVALID", errors=[{"field": "file", "message": said(str(error), exchange.language)}]) from error
    except NoConverter as error:
        raise Problem("CONVERTER_MISSING", detail=str(error)) from error
    except OSError as error:
        raise Problem("FOLDER_UNUSABLE") from error
    new = NewMessage(name=name, path=file_name, seconds=made.seconds, sha256=made.sha256)
    stored = await exchange.run(
        lambda conn: messages.set_message(conn, tenant_id, campaign_id, use, new, now=exchange.now)
    )
    await _sweep(exchange, tenant_id, folder)
    return stored


async def _listen(exchange: Exchange, campaign_id: str, use: MessageUse) -> web.StreamResponse:
    tenant_id = await tenant_of(exchange)
    await campaign_of(exchange, tenant_id, campaign_id)
    found = await exchange.run(lambda conn: messages.message(conn, tenant_id, campaign_id, use))
    path = _folder(exchange) / found["path"]
    if not await asyncio.to_thread(path.is_file):
        raise Problem("NOT_FOUND", detail="The file of this message is gone; set the message again")
    return await sound(exchange, path, name=use.value)


async def _remove(exchange: Exchange, campaign_id: str, use: MessageUse) -> None:
    tenant_id = await tenant_of(exchange)
    await exchange.run(lambda conn: messages.remove_message(conn, tenant_id, campaign_id, use))
    await _sweep(exchange, tenant_id, _folder(exchange))


async def _sweep(exchange: Exchange, tenant_id: str, folder: Path) -> None:
    for name in await exchange.run(lambda conn: messages.sweep(conn, tenant_id)):
        await asyncio.to_thread((folder / name).unlink, missing_ok=True)


def _folder(exchange: Exchange) -> Path:
    return AudioFolder.of(exchange.services.settings).messages
