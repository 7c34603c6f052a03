"""Launcher of a real Asterisk with our dialplan, for the demo and the tests.

One folder holds everything of one instance: rendered configuration, secrets, Asterisk's own database, log.
Instances with different folders and ports run side by side. The folder has the same path for Asterisk as for us, so
`audio` in it can be the service's audio_dir.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from telephony.demo.child import Child
from telephony.demo.host import REPOSITORY, Say, SetupError, run
from telephony.demo.pbx_backend import Backend, engine_answers
from telephony.demo.pbx_docker import DockerBackend
from telephony.demo.pbx_folder import FolderBackend

READY_WITHIN = 30.0
"""Seconds from start to FullyBooted; 0.3 s is usual, a busy test machine needs more."""

AUDIO_MODE = 0o2770
"""What is made in the shared folder gets its group, Asterisk's own, whoever makes it."""

STOP_WITHIN = 10.0
"""Seconds Asterisk gets to hang up its calls before it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiLogin:
    """An AMI user of this PBX."""

    host: str
    port: int
    user: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxSettings:
    """One Asterisk.

    `directory` must be a path without spaces; `rtp_ports` are first and last, two for each leg. `trunks` maps a name
    to host:port. `agents` register with the agents' secret; `static_agents` are "prefix:count:host:port";
    `web_agents`, users with a phone in the browser, need `http_port`.
    """

    directory: Path
    ami_port: int
    sip_port: int
    rtp_ports: tuple[int, int]
    bind: str = "127.0.0.1"
    trunks: Mapping[str, str] = field(default_factory=dict)
    agents: Sequence[str] = ()
    static_agents: Sequence[str] = ()
    web_agents: Sequence[str] = ()
    http_port: int = 8088
    backend: str | None = None


class Pbx:
    """One Asterisk that can be started, stopped, killed and started again; its own database survives all of it."""

    def __init__(self, settings: PbxSettings, *, say: Say = print) -> None:
        self.settings = settings
        self._say = say
        self._directory = settings.directory.resolve()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._secrets = {name: self._secret(name) for name in ("ami", "doctor", "agent", "web")}
        self._backend: Backend | None = None
        self._child: Child | None = None

    def _secret(self, name: str) -> str:
        """Made once for each folder, so that a service started later finds the same."""
        path = self._directory / f"{name}.secret"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24) + "\n")
        return path.read_text().strip()

    @property
    def ami(self) -> AmiLogin:
        """The service's AMI user."""
        return self._login("pd-service", "ami")

    @property
    def doctor(self) -> AmiLogin:
        """The AMI user of `telephony doctor` and of tests: sees all events, may originate."""
        return self._login("pd-doctor", "doctor")

    def _login(self, user: str, secret: str) -> AmiLogin:
        return AmiLogin(host=self.settings.bind, port=self.settings.ami_port, user=user, secret=self._secrets[secret])

    @property
    def agent_secret(self) -> str:
        """SIP password of all registering agents."""
        return self._secrets["agent"]

    @property
    def web_secret(self) -> str:
        """What the passwords of phones in the browser are made from."""
        return self._secrets["web"]

    @property
    def sip_address(self) -> str:
        """host:port for phones."""
        return f"{self.settings.bind}:{self.settings.sip_port}"

    @property
    def audio(self) -> Path:
        """Folder that Asterisk reads and writes, shared with the service."""
        return self._directory / "audio"

    @property
    def running(self) -> bool:
        """Whether the process we started is still there."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        """Process id of Asterisk on the folder back end; of the docker client on the other."""
        return self._child.pid if self._child is not None and self._child.running else None

    def log(self) -> str:
        """Asterisk's log (notices, warnings, errors) since the folder was made."""
        path = self._directory / "log" / "messages.log"
        return path.read_text(errors="replace") if path.exists() else ""

    async def prepare(self) -> None:
        """Build the image or the folder if this has not been done on this machine. Raises SetupError."""
        if self._backend is None:
            self._backend = await choose_backend(self.settings.backend)
        await self._backend.prepare(self._say)

    async def start(self) -> None:
        """Start Asterisk and wait until AMI says FullyBooted.

        Raises SetupError when it ends before that, or is not ready within READY_WITHIN; nothing is left running then.
        """
        if self.running:
            return
        await self.prepare()
        assert self._backend is not None
        await self._backend.clear(self._directory)
        await self._render()
        self._child = await self._backend.spawn(self._directory, log=self._console)
        try:
            await asyncio.wait_for(self._booted(self._child), READY_WITHIN)
        except TimeoutError:
            await self.kill()
            raise SetupError(f"Asterisk was not ready within {READY_WITHIN:.0f} s:\n{await self._tail()}") from None
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """End Asterisk; it is killed when it needs longer than STOP_WITHIN."""
        if self._child is not None and self._backend is not None and self._child.running:
            await self._backend.stop(self._directory, self._child)
            await self._child.ended(within=STOP_WITHIN)

    async def kill(self) -> None:
        """SIGKILL Asterisk, as a crash would: no BYE, no last write to its database (it writes once a second)."""
        if self._child is not None and self._backend is not None and self._child.running:
            await self._backend.kill(self._directory, self._child)
            await self._child.ended(within=STOP_WITHIN)

    async def restart(self) -> None:
        """Stop and start."""
        await self.stop()
        await self.start()

    @property
    def _console(self) -> Path:
        return self._directory / "console.log"

    async def _tail(self) -> str:
        text = await asyncio.to_thread(self._console.read_text, errors="replace")
        return "\n".join(text.splitlines()[-15:])

    async def _render(self) -> None:
        assert self._backend is not None
        d, s = self._directory, self.settings
        state, etc = d / "state", d / "etc"
        await asyncio.to_thread(_make, [state / "spool", state / "cache", d / "run", d / "log", self.audio])
        await asyncio.to_thread(self.audio.chmod, AUDIO_MODE)
        env = {
            "PATH": os.environ["PATH"],
            "PD_AMI_BIND": s.bind,
            "PD_AMI_PORT": str(s.ami_port),
            "PD_AMI_SECRET_FILE": str(d / "ami.secret"),
            "PD_DOCTOR_SECRET_FILE": str(d / "doctor.secret"),
            "PD_AGENT_SECRET_FILE": str(d / "agent.secret"),
            "PD_WEB_SECRET_FILE": str(d / "web.secret"),
            "PD_WEB_AGENTS": " ".join(s.web_agents),
            "PD_HTTP_BIND": s.bind,
            "PD_HTTP_PORT": str(s.http_port),
            "PD_SIP_BIND": s.bind,
            "PD_SIP_PORT": str(s.sip_port),
            "PD_RTP_START": str(s.rtp_ports[0]),
            "PD_RTP_END": str(s.rtp_ports[1]),
            "PD_TRUNKS": " ".join(f"{name}={at}" for name, at in s.trunks.items()),
            "PD_AGENTS": " ".join(s.agents),
            "PD_AGENTS_STATIC": " ".join(s.static_agents),
            "PD_STATE_DIR": str(state),
            "PD_RUN_DIR": str(d / "run"),
            "PD_LOG_DIR": str(d / "log"),
        }
        # Asterisk's user must get through to its own folders; told a file it cannot read, Asterisk takes its defaults.
        await asyncio.to_thread(d.chmod, 0o711)
        await run([REPOSITORY / "dialplan" / "render", etc], log=self._console, env=env)
        if os.geteuid() == 0:
            await asyncio.to_thread(_give, [etc, state, d / "run", d / "log", self.audio], self._backend.owner())

    async def _booted(self, child: Child) -> None:
        """Ask until AMI answers; a process that has ended will not."""
        while child.running:
            try:
                await self._fully_booted()
                return
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.05)
        raise SetupError(f"Asterisk ended with status {child.status} at start:\n{await self._tail()}")

    async def _fully_booted(self) -> None:
        login = self.ami
        reader, writer = await asyncio.open_connection(login.host, login.port)
        try:
            writer.write(f"Action: Login\r\nUsername: {login.user}\r\nSecret: {login.secret}\r\n\r\n".encode())
            while b"FullyBooted" not in (message := await reader.readuntil(b"\r\n\r\n")):
                if b"Response: Error" in message:
                    raise SetupError(f"AMI on port {login.port} refused our secret: another Asterisk is there")
        finally:
            writer.close()


def _make(folders: Sequence[Path]) -> None:
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)


def _give(folders: Sequence[Path], owner: tuple[int, int]) -> None:
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *owner)


async def choose_backend(wanted: str | None = None) -> Backend:
    """The back end WANTED (default: TELEPHONY_PBX), else docker where an engine answers, else folder.

    Raises SetupError for a name other than docker and folder, and for docker without an engine.
    """
    match wanted or os.environ.get("TELEPHONY_PBX"):
        case "folder":
            return FolderBackend()
        case "docker":
            if not await engine_answers():
                raise SetupError("TELEPHONY_PBX=docker, but no Docker engine answers")
            return DockerBackend()
        case None | "":
            return DockerBackend() if await engine_answers() else FolderBackend()
        case other:
            raise SetupError(f"TELEPHONY_PBX must be docker or folder, not {other!r}")
