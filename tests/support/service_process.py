"""The service as users run it: a process of its own, set by its environment, that a test may kill at any moment."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from telephony.demo.child import DIES_WITH_US, Child
from telephony.demo.pbx import AmiLogin
from telephony.demo.ports import PortBlock
from telephony.settings import PREFIX

READY_WITHIN = 60.0
"""Seconds from the start to readiness; two are usual, a machine with ten programs at each core took 30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """One service; `directory` takes its log, `database_url` may be any it takes, `audio` is Asterisk's folder,
    `phones` the port of its HTTP server and the secret of phones in browsers.
    """

    directory: Path
    database_url: str
    ami: AmiLogin
    http_port: int
    fastagi_port: int
    ears_port: int
    cell: str = "Acme cell"
    data_center: str = "Acme hall"
    audio: Path | None = None
    phones: tuple[int, str] | None = None

    @classmethod
    def at(cls, ports: PortBlock, **values: Any) -> ServiceSettings:
        """With two ports of a block."""
        return cls(http_port=ports.take(), fastagi_port=ports.take(), ears_port=ports.take(), **values)


class ServiceProcess:
    """A `telephony serve` that can be started, killed and started again."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.http_port}"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def status(self) -> int | None:
        """Exit status of the last start; None while it runs."""
        return self._child.status if self._child is not None else None

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def log(self) -> str:
        """Everything it wrote since the directory was made."""
        path = self._log
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def _log(self) -> Path:
        return self.settings.directory / f"{self.settings.cell.replace(' ', '-')}.log"

    async def start(self) -> None:
        """Start the process; `ready()` waits until it can make calls."""
        s = self.settings
        s.directory.mkdir(parents=True, exist_ok=True)
        given = {
            "DATA_DIR": str(s.directory),
            "DATABASE_URL": s.database_url,
            "HTTP_PORT": str(s.http_port),
            "AMI_HOST": s.ami.host,
            "AMI_PORT": str(s.ami.port),
            "AMI_USERNAME": s.ami.user,
            "AMI_SECRET": s.ami.secret,
            "FASTAGI_PORT": str(s.fastagi_port),
            "EARS_PORT": str(s.ears_port),
            "CELL_NAME": s.cell,
            "CELL_DATA_CENTER": s.data_center,
            "CELL_URL": self.url,
            "LOG_LEVEL": "info",
        }
        if s.audio is not None:
            given["AUDIO_DIR"] = str(s.audio)
        if s.phones is not None:
            given |= {"PHONES_PORT": str(s.phones[0]), "PHONES_SECRET": s.phones[1]}
        clean = [word for name in os.environ if name.startswith(PREFIX) for word in ("-u", name)]
        command = ["env", *clean, *(f"{PREFIX}{name}={value}" for name, value in given.items())]
        command += [sys.executable, "-m", "telephony.cli", "serve"]
        self._child = await Child.start([*DIES_WITH_US, *command], log=self._log)

    async def ready(self, within: float = READY_WITHIN) -> None:
        """Wait until /readyz says yes."""
        await self.answers(200, within=within)

    async def answers(self, status: int, *, within: float = READY_WITHIN) -> dict[str, Any]:
        """Wait until /readyz answers with a status; its body."""
        last: Any = None
        try:
            async with asyncio.timeout(within):
                while self.running:
                    last = await self.readyz()
                    if last is not None and last[0] == status:
                        return dict(last[1])
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        tail = "\n".join(self.log.splitlines()[-12:])
        raise AssertionError(f"/readyz never answered {status}, last {last}; exit status {self.status}\n{tail}")

    async def readyz(self) -> tuple[int, dict[str, Any]] | None:
        """Status and body of /readyz; None while nobody listens."""
        try:
            async with aiohttp.ClientSession() as http, http.get(f"{self.url}/readyz") as answer:
                return answer.status, json.loads(await answer.text())
        except (aiohttp.ClientError, OSError):
            return None

    async def ended(self, within: float = 30.0) -> int:
        """Wait until it has ended by itself; its exit status, -9 where it had to be killed."""
        assert self._child is not None
        await self._child.ended(within=within)
        assert self._child.status is not None
        return self._child.status

    async def kill(self) -> None:
        """SIGKILL: no last word to anybody."""
        if self._child is not None:
            await self._child.kill()

    async def stop(self) -> None:
        """SIGTERM, as systemd and Docker end it."""
        if self._child is not None and self._child.running:
            self._child.send(signal.SIGTERM)
            await self._child.ended(within=10.0)
