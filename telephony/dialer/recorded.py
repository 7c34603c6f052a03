"""After the call: each recording's file is looked at, kept or reported, and removed when its time is over.

All of it works from what is stored, so a service that was killed in the middle of a call finds the recordings that
ended meanwhile and treats them as any other.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from telephony.dialer.ground import Ground
from telephony.model.ids import new_id
from telephony.pbx.port import SwitchboardError
from telephony.store import recordings
from telephony.store.engine import StoreUnavailable
from telephony.store.recordings import Due, Kept
from telephony.store.work import Work

log = logging.getLogger(__name__)

LOOK_EVERY = 30.0
"""Seconds between two rounds; the end of a call begins one at once."""

LOOK_AGAIN_AFTER = 0.5
"""Seconds until a file is looked at again that Asterisk has not closed yet; a tenth of one is usual."""

CLOSED_WITHIN = timedelta(seconds=10)
"""What is not closed by then never will be: its Asterisk died."""

SWEEP_EVERY = 3600.0
"""Seconds between two looks for files of calls that were never joined, and for what is too old."""

HEADER = 44
"""Bytes of the header that Asterisk writes: RIFF, a `fmt ` chunk of 16 bytes, `data`."""

BYTES_A_SECOND = 16_000
CHUNK = 1 << 20


class Unfinished(Exception):
    """Asterisk still writes this file."""


class Recorded:
    """Looks after the recordings of one cell. `days` they are kept; 0: for ever."""

    def __init__(self, ground: Ground, *, days: int) -> None:
        self._ground = ground
        self._days = days
        self._swept_at = float("-inf")

    async def watch(self) -> None:
        """Go on until cancelled."""
        wanted = self._ground.recordings_wanted
        while True:
            wanted.clear()
            try:
                await self._round()
            except StoreUnavailable as error:
                log.error("the recordings wait for the database: %s", error)
            except Exception:
                log.exception("looking after the recordings failed, again in %.0f s", LOOK_EVERY)
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await wanted.wait()
            except TimeoutError:
                continue

    async def _round(self) -> None:
        cell = self._ground.place.cell_id
        for one in await self._ground.change(lambda work: recordings.due(work, cell)):
            await self._settle(one)
        if time.monotonic() - self._swept_at > SWEEP_EVERY:
            await self._sweep()
            self._swept_at = time.monotonic()
        for gone in await self._ground.store.run(lambda conn: recordings.to_delete(conn, cell)):
            await self._delete(gone)

    async def _settle(self, one: Due) -> None:
        path = self._ground.audio.recording(one.id)
        late = datetime.now(UTC) - one.closed_at > CLOSED_WITHIN
        try:
            kept = await asyncio.to_thread(look_at, path, one, mend=late)
        except Unfinished:
            asyncio.get_running_loop().call_later(LOOK_AGAIN_AFTER, self._ground.recordings_wanted.set)
            return
        if kept.error:
            log.error("recording %s of attempt %s: %s", one.id, one.attempt_id, kept.error)
        await self._ground.change(lambda work: recordings.settle(work, one, kept))

    async def _delete(self, recording_id: str) -> None:
        path = self._ground.audio.recording(recording_id)
        try:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        except OSError as error:
            log.error("recording %s cannot be removed: %s", recording_id, error.strerror)
            return
        await self._ground.change(lambda work: recordings.deleted(work, recording_id))

    async def _sweep(self) -> None:
        if self._days:
            before = datetime.now(UTC) - timedelta(days=self._days)

            def transaction(work: Work) -> int:
                return recordings.remove_older(work, self._ground.place.cell_id, before)

            count = await self._ground.change(transaction)
            if count:
                log.info("recordings of %d calls are older than %d days and are removed", count, self._days)
        await asyncio.to_thread(remove_empty, self._ground.audio.recordings)

    async def try_out(self) -> None:
        """Where a campaign records: let the PBX record a moment, and say so in the log where nothing arrives."""
        if not await self._ground.store.run(recordings.wanted):
            return
        audio = self._ground.audio
        path = audio.recording(f"trial-{new_id()}")
        try:
            await self._ground.board.try_recording(audio.for_pbx(path))
            await asyncio.to_thread(path.unlink)
            self._ground.recordings_work = True
        except (SwitchboardError, OSError) as error:
            self._ground.recordings_work = False
            log.error("calls cannot be recorded: %s; `telephony doctor` tells what is wrong with the folder", error)


def look_at(path: Path, one: Due, *, mend: bool) -> Kept:
    """What there is of a recording. Raises `Unfinished`; `mend`: it is complete as it is, whatever its header says."""
    try:
        size = path.stat().st_size
        # a header alone may be all that has left Asterisk's buffer by now
        if not mend and (size <= HEADER or _told(path) != size - HEADER):
            raise Unfinished
        if size > HEADER and _told(path) != size - HEADER:
            _mend(path, size)
        sha256, silent = _read(path)
    except FileNotFoundError:
        if not mend:
            raise Unfinished from None
        return Kept(error="MISSING")
    except OSError:
        return Kept(error="UNREADABLE")
    seconds = max(0.0, (size - HEADER) / BYTES_A_SECOND)
    error = ""
    if seconds == 0.0 or (silent and not one.paused):
        error = "EMPTY"
    elif seconds < 0.9 * one.expected - 2.0:
        error = "INCOMPLETE"
    return Kept(error=error, seconds=round(seconds, 3), size=size, sha256=sha256)


def _told(path: Path) -> int:
    """Bytes of sound by the file's header, which Asterisk writes last."""
    with path.open("rb") as file:
        head = file.read(HEADER)
    return int(struct.unpack_from("<I", head, HEADER - 4)[0]) if len(head) == HEADER else -1


def _mend(path: Path, size: int) -> None:
    """Tell the true length in the header of a file whose writer died; as a copy, for it belongs to Asterisk's user."""
    copy = path.with_suffix(".mended")
    with path.open("rb") as broken, copy.open("wb") as whole:
        head = bytearray(broken.read(HEADER))
        struct.pack_into("<I", head, 4, size - 8)
        struct.pack_into("<I", head, HEADER - 4, size - HEADER)
        whole.write(head)
        while chunk := broken.read(CHUNK):
            whole.write(chunk)
    os.replace(copy, path)


def _read(path: Path) -> tuple[str, bool]:
    """SHA-256 of the file, and whether there is no sound in it but digital silence."""
    digest, silent = hashlib.sha256(), True
    with path.open("rb") as file:
        digest.update(file.read(HEADER))
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            silent = silent and not chunk.strip(b"\0")
    return digest.hexdigest(), silent


def remove_empty(folder: Path) -> None:
    """Remove what Asterisk began for calls that were never joined: a header without sound, an hour old."""
    old = time.time() - SWEEP_EVERY
    for path in folder.glob("*.wav"):
        found = path.stat()
        if found.st_size <= HEADER and found.st_mtime < old:
            path.unlink(missing_ok=True)
