"""The message that agents of the demo may drop into a mailbox: a tune, made here."""

from __future__ import annotations

import asyncio
import io
import math
import shutil
import struct
import wave
from collections.abc import AsyncIterator, Sequence

from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.message_file import RATE, take_in
from telephony.store.messages import NewMessage, new_name

NAME = "Demo message (a tune)"

_HERTZ = (392.0, 523.25, 659.25, 784.0, 659.25, 523.25)
_NOTE = 0.5
"""Seconds of each note."""

SECONDS = _NOTE * len(_HERTZ)


def tune() -> bytes:
    """A WAV of SECONDS."""
    length = round(_NOTE * RATE)
    samples = [
        round(12_000 * math.sin(math.pi * n / length) * math.sin(2 * math.pi * hertz * n / RATE))
        for hertz in _HERTZ
        for n in range(length)
    ]
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return made.getvalue()


async def lay_in(audio: AudioFolder, campaigns: Sequence[str]) -> dict[str, NewMessage]:
    """A file for each of these campaigns in the folder of messages, converted as an upload is.

    Raises `UnfitAudio`, `NoConverter`, OSError where the folder cannot be written.
    """
    if not campaigns:
        return {}

    async def upload() -> AsyncIterator[bytes]:
        yield tune()

    await asyncio.to_thread(audio.prepare)
    names = {campaign: new_name() for campaign in campaigns}
    first, *others = (audio.messages / name for name in names.values())
    made = await take_in(upload(), first)
    for other in others:
        await asyncio.to_thread(shutil.copy, first, other)
    return {
        campaign: NewMessage(name=NAME, path=name, seconds=made.seconds, sha256=made.sha256)
        for campaign, name in names.items()
    }
