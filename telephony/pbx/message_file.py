"""Recorded messages on disk: an upload is checked and converted to what Asterisk plays without further work.

The file comes from outside and a decoder is a large program: ffmpeg runs as a child of its own, told which of three
formats to read, without network or playlists, and with limits on time, memory and what it may write.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 10 * 1024 * 1024
"""Of an upload: two minutes of stereo CD sound are 21 MB, of telephone sound 2 MB, of good MP3 4 MB."""

SECONDS = (1.0, 120.0)
"""Of a message: mailboxes commonly stop recording after two minutes, and a second holds no sentence."""

RATE = 8000
"""Samples a second on every telephone line."""

LOUDNESS, PEAK = -18.0, -3.0
"""dBFS that a message is brought to: its mean as loud as speech on the line is, its loudest moment not clipped."""

SILENT = -50.0
"""dBFS; a recording whose loudest moment is below that holds line noise only."""

MOST_GAIN = 30.0
"""dB; more would make a message of the room's noise."""

TAIL = 0.3
"""Seconds of silence put behind a message: they push its last words through the jitter buffer of the other side, which
keeps the last 100 ms and more for itself when nothing follows."""

CONVERTED_WITHIN = 20.0
"""Seconds of clock and of CPU for each run of the converter; two minutes of MP3 take 0.2 s."""

_LIMITS = (
    "prlimit",
    f"--cpu={CONVERTED_WITHIN:.0f}",
    f"--as={2 << 30}",
    f"--fsize={4 << 20}",
    "--nofile=64",
    "--core=0",
)
"""2 GiB of address space: ffmpeg 9 needs 0.5 to 1, most of it reserved by its threads and never used."""

TOOLS = {"ffmpeg": "ffmpeg", "prlimit": "util-linux"}
"""Programs that must be there, with their Debian packages."""


class UnfitAudio(Exception):
    """The upload is no message: the text says why, and what would be one."""


class NoConverter(Exception):
    """A program that converting needs is not installed; the text names it and its Debian package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFile:
    """A message ready to be played: 8 kHz, 16 bit, mono WAV. `sha256` of the file, hexadecimal."""

    path: Path
    seconds: float
    sha256: str


def missing_tools() -> list[str]:
    """Debian packages that have to be installed before a message can be converted."""
    return [package for program, package in TOOLS.items() if shutil.which(program) is None]


async def take_in(chunks: AsyncIterator[bytes], target: Path) -> MessageFile:
    """Write an upload beside `target`, check it, and convert it to `target` (a .wav; its folder must exist).

    Raises `UnfitAudio`, `NoConverter`, OSError where the folder cannot be written; nothing is left behind then.
    """
    if missing := missing_tools():
        raise NoConverter(f"messages cannot be converted on this machine: apt-get install {' '.join(missing)}")
    upload, sound, plain = (target.with_suffix(suffix) for suffix in (".upload", ".sound", ".plain"))
    try:
        await _store(chunks, upload)
        kind = await asyncio.to_thread(_kind, upload)
        heard = await _ffmpeg("-f", kind, "-i", upload, *_TO_TELEPHONE, "-af", "volumedetect", sound)
        gain = _gain(heard)
        await _ffmpeg(
            "-f", "wav", "-i", sound, *_TO_TELEPHONE, "-af", f"volume={gain:.1f}dB,apad=pad_dur={TAIL}", plain
        )
        seconds, sha256 = await asyncio.to_thread(_checked, plain)
        await asyncio.to_thread(plain.replace, target)
        return MessageFile(path=target, seconds=seconds, sha256=sha256)
    finally:
        for left in (upload, sound, plain):
            await asyncio.to_thread(left.unlink, missing_ok=True)


async def from_file(source: Path, target: Path) -> MessageFile:
    """As `take_in`, of a file on this machine."""

    async def pieces() -> AsyncIterator[bytes]:
        file = await asyncio.to_thread(source.open, "rb")
        try:
            while piece := await asyncio.to_thread(file.read, 1 << 16):
                yield piece
        finally:
            await asyncio.to_thread(file.close)

    return await take_in(pieces(), target)


_TO_TELEPHONE = (
    *("-map", "0:a:0", "-map_metadata", "-1", "-ac", "1", "-ar", str(RATE), "-c:a", "pcm_s16le"),
    *("-t", str(SECONDS[1] + 1), "-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "wav"),
)


async def _store(chunks: AsyncIterator[bytes], path: Path) -> None:
    file, size = await asyncio.to_thread(path.open, "wb"), 0
    try:
        async for chunk in chunks:
            size += len(chunk)
            if size > MOST_BYTES:
                raise UnfitAudio(f"is larger than {MOST_BYTES >> 20} MB; send a shorter one, or MP3 or OGG")
            await asyncio.to_thread(file.write, chunk)
    finally:
        await asyncio.to_thread(file.close)


def _kind(path: Path) -> str:
    """ffmpeg's name of the format, by the file's own first bytes: what the sender calls it may be wrong."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"OggS":
        return "ogg"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        return "mp3"
    raise UnfitAudio("is not WAV, MP3 or OGG; convert it to one of these")


async def _ffmpeg(*arguments: str | Path) -> str:
    """What it said about the sound; raises `UnfitAudio` where it could not read the file."""
    command = [*_LIMITS, "ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-threads", "1", "-filter_threads", "1"]
    command += ["-protocol_whitelist", "file", *map(str, arguments)]
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(CONVERTED_WITHIN):
            _, said = await child.communicate()
    except TimeoutError:
        raise UnfitAudio(f"could not be read within {CONVERTED_WITHIN:.0f} s; save it anew and send that") from None
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode != 0:
        raise UnfitAudio("could not be read as sound; save it anew as WAV, MP3 or OGG")
    return said.decode(errors="replace")


def _gain(said: str) -> float:
    """dB that bring a recording to the wanted loudness, from what `volumedetect` measured of it."""
    levels = {name: float(value) for name, value in re.findall(r"(mean|max)_volume: (-?[0-9.]+) dB", said)}
    if levels.get("max", SILENT) <= SILENT:
        raise UnfitAudio("is silent; send a recording with speech")
    return min(LOUDNESS - levels["mean"], PEAK - levels["max"], MOST_GAIN)


def _checked(path: Path) -> tuple[float, str]:
    """Seconds and SHA-256 of a converted file; it becomes readable for Asterisk."""
    with wave.open(str(path)) as file:
        seconds = file.getnframes() / RATE - TAIL
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        lasts = f"lasts {seconds:.1f} s" if seconds < SECONDS[0] else f"lasts longer than {SECONDS[1]:g} s"
        raise UnfitAudio(f"{lasts}; a message is {SECONDS[0]:g} to {SECONDS[1]:g} s long")
    path.chmod(0o640)  # Asterisk reads it as a member of the folder's group
    return round(seconds, 2), hashlib.sha256(path.read_bytes()).hexdigest()
