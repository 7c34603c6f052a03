"""Recorded messages of a campaign, sent over HTTP and from the command line, through the real converter."""

from __future__ import annotations

import asyncio
import io
import math
import struct
import subprocess
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from telephony.pbx import message_file
from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.message_file import UnfitAudio, take_in
from telephony.store.accounts import Role
from tests.support.office import Answer, Client, Office

pytestmark = pytest.mark.asterisk

RATE = 44100


def tone(seconds: float, *, level: float = 0.1) -> bytes:
    """A WAV as an office's recorder makes it: 44.1 kHz, stereo, `level` of full scale."""
    peak = level * 32767
    samples = (round(peak * math.sin(2 * math.pi * 440 * n / RATE)) for n in range(round(seconds * RATE)))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<hh", one, one) for one in samples))
    return out.getvalue()


def encoded(folder: Path, name: str, *options: str) -> bytes:
    """Three seconds of tone in another format."""
    source, target = folder / "source.wav", folder / name
    source.write_bytes(tone(3))
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-i", source, *options, target], check=True)
    return target.read_bytes()


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def content(path: Path) -> bytes:
    return path.read_bytes()


def samples_of(path: Path) -> tuple[int, ...]:
    """The samples of a file that must be what Asterisk plays."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        frames = file.readframes(file.getnframes())
    return struct.unpack(f"<{len(frames) // 2}h", frames)


@pytest.fixture
def messages(office: Office) -> Path:
    audio = AudioFolder.of(office.server._settings)
    audio.prepare()
    return audio.messages


async def send(
    client: Client, campaign: str, data: bytes, *, kind: str = "audio/wav", use: str = "voicemail"
) -> Answer:
    path = f"/api/v1/campaigns/{campaign}/{use}-message"
    return await client("PUT", path, data=data, headers={"Content-Type": kind}, params={"name": "hello.wav"})


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("message.wav", (), "audio/wav"),
        ("message.mp3", ("-b:a", "96k"), "audio/mpeg"),
        ("message.ogg", ("-c:a", "libvorbis"), "audio/ogg"),
        ("opus.ogg", ("-c:a", "libopus"), "audio/ogg"),
    ],
)
async def test_what_people_record_becomes_telephone_sound(
    office: Office, messages: Path, tmp_path: Path, name: str, options: tuple[str, ...], kind: str
) -> None:
    await office.hire("boss", Role.TENANT_ADMIN, office.acme.tenant_id)
    boss = await office.sign_in("boss")
    sent = await send(
        boss, office.acme.campaign_id, await asyncio.to_thread(encoded, tmp_path, name, *options), kind=kind
    )
    assert (sent.status, sent.json["name"]) == (200, "hello.wav"), sent.text
    assert sent.json["seconds"] == pytest.approx(3.0, abs=0.1)
    (stored,) = files(messages)
    assert mode_of(stored) == 0o640
    samples = samples_of(stored)
    mean = 20 * math.log10(math.sqrt(sum(one * one for one in samples) / len(samples)) / 32768)
    assert mean == pytest.approx(-18.0, abs=1.0)  # sent at -23 dBFS: brought to the loudness of speech
    heard = await office.http.get(
        f"{office.url}/api/v1/campaigns/{office.acme.campaign_id}/voicemail-message",
        headers={"Authorization": f"Bearer {boss.token}"},
    )
    assert (heard.headers["Content-Type"], await heard.read()) == ("audio/wav", content(stored))
    campaign = (await boss("GET", f"/api/v1/campaigns/{office.acme.campaign_id}")).json
    assert campaign["voicemail_message"]["seconds"] == sent.json["seconds"]
    assert campaign["abandon_message"] is None


async def test_a_new_message_takes_the_old_ones_place_and_one_taken_away_is_gone(
    office: Office, messages: Path
) -> None:
    await office.hire("boss", Role.TENANT_ADMIN, office.acme.tenant_id)
    boss, campaign = await office.sign_in("boss"), office.acme.campaign_id
    first = (await send(boss, campaign, tone(1.5))).json
    await send(boss, campaign, tone(1.5), use="abandon")
    second = (await send(boss, campaign, tone(2))).json
    assert first["id"] != second["id"]
    assert len(files(messages)) == 2
    path = f"/api/v1/campaigns/{campaign}/voicemail-message"
    assert (await boss("DELETE", path)).status == 204
    assert (await boss("DELETE", path)).status == 204  # it is gone, as asked
    assert (await boss("GET", path)).code == "NOT_FOUND"
    assert len(files(messages)) == 1
    assert (await send(boss, office.globex.campaign_id, tone(1.5))).code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (tone(0.4), "1 to 120 s long"),
        (tone(2, level=0.001), "silent"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "not WAV, MP3 or OGG"),
        (b"ID3" + bytes(5000), "could not be read"),
        (tone(2)[:40], "could not be read"),
        (b"", "not WAV, MP3 or OGG"),
    ],
    ids=["short", "silent", "playlist", "no sound in it", "cut off", "empty"],
)
async def test_what_is_no_message_is_refused_with_the_reason_and_leaves_nothing(
    office: Office, messages: Path, data: bytes, said: str
) -> None:
    await office.hire("boss", Role.TENANT_ADMIN, office.acme.tenant_id)
    refused = await send(await office.sign_in("boss"), office.acme.campaign_id, data)
    assert refused.code == "INVALID"
    (error,) = refused.json["errors"]
    assert error["field"] == "file"
    assert said in error["message"]
    assert not files(messages)


async def test_a_message_longer_than_allowed_and_one_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / "long.mp3"
    command = ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "sine=duration=125", "-b:a", "32k", long]
    await asyncio.to_thread(subprocess.run, command, check=True)
    with pytest.raises(UnfitAudio, match="longer than 120 s"):
        await take_in(pieces(content(long)), tmp_path / "out.wav")
    monkeypatch.setattr(message_file, "MOST_BYTES", 100_000)
    with pytest.raises(UnfitAudio, match="larger than"):
        await take_in(pieces(tone(2)), tmp_path / "out.wav")
    assert [path.name for path in files(tmp_path)] == ["long.mp3"]


async def test_a_decoder_that_goes_on_for_ever_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_file, "CONVERTED_WITHIN", 0.01)
    with pytest.raises(UnfitAudio, match="could not be read within"):
        await take_in(pieces(tone(2)), tmp_path / "out.wav")
    assert not files(tmp_path)
