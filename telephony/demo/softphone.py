"""An agent's phone without a human: baresip, a real softphone, under remote control.

It is controlled over its `ctrl_tcp` module (netstrings of JSON) and writes what it hears into WAV files. Facts about
baresip 1.0 that shape this file: at the end of its microphone file it hangs up, a microphone that never sends leaves
Asterisk without RTP, and it takes the UDP and TCP port of `sip_port` and TCP of the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from telephony.demo.child import DIES_WITH_US, Child
from telephony.demo.host import Say, need_packages

READY_WITHIN = 15.0
"""Seconds from start to registered; half a second is usual."""

ANSWER_WITHIN = 5.0
"""Seconds baresip gets to answer a command."""

PROGRAMS = {"baresip": "baresip-core"}
"""What a phone runs, and its Debian package."""

_BARESIP_MODULES = Path("/usr/lib/baresip/modules")
_WAV_RATE = 8000  # G.711's; baresip does not resample the microphone file
_WAV_HEADER = 44


class AnswerMode(StrEnum):
    """What the phone does with an incoming call."""

    AUTO = "auto"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftphoneSettings:
    """One phone.

    `pbx` is host:port. `sip_port` and the next one are taken, `control_port` too, and the ports of `rtp_ports` (first,
    last; 4 suffice). The microphone is `voice` (8 kHz mono 16 bit WAV; its end hangs up) or `silence` seconds of
    silence, which baresip holds in memory (16 kB each).
    """

    name: str
    secret: str
    pbx: str
    directory: Path
    sip_port: int
    control_port: int
    rtp_ports: tuple[int, int]
    bind: str = "127.0.0.1"
    answer_mode: AnswerMode = AnswerMode.AUTO
    voice: Path | None = None
    silence: int = 1800


class PhoneError(Exception):
    """The phone refused a command, ended, or did not do in time what was waited for."""


class Softphone:
    """One running baresip; bound to the event loop it was started in."""

    def __init__(self, settings: SoftphoneSettings, *, say: Say = print) -> None:
        self.settings = settings
        self.events: list[dict[str, Any]] = []
        self._say = say
        self._directory = settings.directory.resolve()
        self._child: Child | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._news = asyncio.Condition()
        self._token = 0

    @property
    def heard(self) -> Path:
        """Folder with one `dump-*-dec.wav` for each call: what the agent heard."""
        return self._directory / "heard"

    async def start(self) -> None:
        """Start the phone and wait until it is registered. Raises SetupError when it is not
        installed, PhoneError when it does not register."""
        await need_packages(PROGRAMS, say=self._say)
        await asyncio.to_thread(self._configure)
        log = self._directory / "console.log"
        self._child = await Child.start([*DIES_WITH_US, "baresip", "-f", self._directory], log=log)
        try:
            async with asyncio.timeout(READY_WITHIN):
                reader = await self._connect(self._child)
                self._reader = asyncio.create_task(self._read(reader))
                if not await self.registered():
                    await self.wait_for("REGISTER_OK", within=READY_WITHIN)
        except (TimeoutError, PhoneError):
            await self.kill()
            raise PhoneError(f"{self.settings.name} did not register within {READY_WITHIN:.0f} s, see {log}") from None

    async def registered(self) -> bool:
        """Whether the PBX accepted the registration."""
        return "\x1b[32mOK" in await self.command("reginfo")  # in green

    async def accept(self) -> None:
        """Answer the incoming call."""
        await self.command("accept")

    async def hang_up(self) -> None:
        """End the call; an incoming call that was not answered is rejected (486)."""
        await self.command("hangup")

    async def answer(self, mode: AnswerMode) -> None:
        """What to do with the next incoming calls."""
        await self.command("answermode", mode)

    async def dtmf(self, digits: str) -> None:
        """Press keys during the call."""
        for digit in digits:
            await self.command("sndcode", digit)

    async def speak(self, wav: Path) -> None:
        """Say something from now on: 8 kHz mono 16 bit WAV, whose end hangs up."""
        await self.command("ausrc", f"aufile,{wav}")

    async def wait_for(self, kind: str, *, within: float, after: int = 0) -> dict[str, Any]:
        """First event of this type (CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED ...) from position AFTER in `events`.

        A phone that answers by itself has no CALL_INCOMING. Raises PhoneError after WITHIN seconds.
        """

        def found() -> dict[str, Any] | None:
            return next((event for event in self.events[after:] if event["type"] == kind), None)

        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(found)
        except TimeoutError:
            seen = ", ".join(event["type"] for event in self.events[after:])
            raise PhoneError(f"no {kind} within {within} s, only: {seen}") from None
        event = found()
        assert event is not None
        return event

    async def stop(self) -> None:
        """Hang up, unregister and end."""
        if self._child is not None and self._child.running:
            with contextlib.suppress(PhoneError):
                await self.command("quit")
            await self._child.ended(within=ANSWER_WITHIN)
        await self._disconnect()

    async def kill(self) -> None:
        """SIGKILL: the phone vanishes without BYE and stays registered."""
        if self._child is not None and self._child.running:
            await self._child.kill()
        await self._disconnect()

    async def command(self, name: str, parameters: str | None = None) -> str:
        """Send one of baresip's commands; returns its text. Raises PhoneError when it is refused or not answered."""
        if self._writer is None:
            raise PhoneError(f"{self.settings.name} is not running")
        self._token += 1
        token = str(self._token)
        request = {"command": name, "token": token, **({"params": parameters} if parameters else {})}
        text = json.dumps(request).encode()
        answer = self._answers[token] = asyncio.get_running_loop().create_future()
        self._writer.write(b"%d:%s," % (len(text), text))
        try:
            reply = await asyncio.wait_for(answer, ANSWER_WITHIN)
        except TimeoutError:
            raise PhoneError(f"{self.settings.name} did not answer {name}") from None
        finally:
            self._answers.pop(token, None)
        if not reply["ok"]:
            raise PhoneError(f"{self.settings.name} refused {name}: {reply.get('data')}")
        return str(reply.get("data", ""))

    async def _connect(self, child: Child) -> asyncio.StreamReader:
        while child.running:
            with contextlib.suppress(OSError):
                reader, self._writer = await asyncio.open_connection(self.settings.bind, self.settings.control_port)
                return reader
            await asyncio.sleep(0.05)
        raise PhoneError(f"baresip ended with status {child.status}, see {self._directory / 'console.log'}")

    async def _disconnect(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Read netstrings until the phone ends; waiters get an error then."""
        try:
            while True:
                size = int((await reader.readuntil(b":"))[:-1])
                message = json.loads((await reader.readexactly(size + 1))[:-1])
                if message.get("event"):
                    async with self._news:
                        self.events.append(message)
                        self._news.notify_all()
                elif (answer := self._answers.get(message.get("token", ""))) is not None and not answer.done():
                    answer.set_result(message)
        except (asyncio.IncompleteReadError, OSError):
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(PhoneError(f"{self.settings.name} ended"))

    def _configure(self) -> None:
        s = self.settings
        self.heard.mkdir(parents=True, exist_ok=True)
        microphone = s.voice
        if microphone is None:
            microphone = self._directory / "silence.wav"
            _write_silence(microphone, s.silence)
        (self._directory / "config").write_text(
            f"""poll_method epoll
sip_listen {s.bind}:{s.sip_port}
net_interface {s.bind}
rtp_ports {s.rtp_ports[0]}-{s.rtp_ports[1]}
audio_source aufile,{microphone}
audio_player aubridge,ear
audio_alert aubridge,bell
ausrc_srate {_WAV_RATE}
auplay_srate {_WAV_RATE}
ausrc_channels 1
auplay_channels 1
snd_path {self.heard}
statmode_default off
module_path {_BARESIP_MODULES}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {s.bind}:{s.control_port}
"""
        )
        (self._directory / "accounts").write_text(
            f"<sip:{s.name}@{s.pbx}>;auth_user={s.name};auth_pass={s.secret};answermode={s.answer_mode};"
            "audio_codecs=pcmu;regint=60\n"
        )
        (self._directory / "contacts").touch()


def _write_silence(path: Path, seconds: int) -> None:
    """A WAV of zeros; the file system stores only its header."""
    size = seconds * _WAV_RATE * 2
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", _WAV_HEADER - 8 + size) + b"WAVEfmt ")
        file.write(
            struct.pack("<IHHIIHH", 16, 1, 1, _WAV_RATE, _WAV_RATE * 2, 2, 16) + b"data" + struct.pack("<I", size)
        )
        file.truncate(_WAV_HEADER + size)
