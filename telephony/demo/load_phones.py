"""Hundreds of agents' phones for load tests: one sipp."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from telephony.demo.call_log import Call, read_calls
from telephony.demo.child import DIES_WITH_US, Child
from telephony.demo.host import REPOSITORY, Say, SetupError, need_packages


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPhonesSettings:
    """Phones for `PbxSettings.static_agents` ("load:200:<bind>:<port>"); `media_port` is named in their SDP."""

    directory: Path
    port: int
    media_port: int
    bind: str = "127.0.0.1"


class LoadPhones:
    """Hundreds of phones on one port that answer at once, say nothing, and keep the line until it is ended."""

    def __init__(self, settings: LoadPhonesSettings, *, say: Say = print) -> None:
        self.settings = settings
        self._say = say
        self._child: Child | None = None

    async def start(self) -> None:
        """Start them. Raises SetupError when sipp ends at once."""
        await need_packages({"sipp": "sip-tester"}, say=self._say)
        s = self.settings
        await asyncio.to_thread(s.directory.mkdir, parents=True, exist_ok=True)
        log = s.directory / "console.log"
        command: list[str | Path] = [
            *DIES_WITH_US,
            "sipp",
            "-sf",
            REPOSITORY / "docker" / "softphone" / "load-phones.xml",
        ]
        command += ["-i", s.bind, "-mi", s.bind, "-p", str(s.port), "-mp", str(s.media_port)]
        # As for the customers: no screens into the log, no end by sipp's own watchdog, 200 to OPTIONS.
        command += ["-aa", "-nostdin", "-f", "86400", "-watchdog_interval", "0", "-buff_size", "4194304"]
        command += ["-trace_logs", "-log_file", s.directory / "calls.log", "-log_overwrite", "false"]
        self._child = await Child.start(command, log=log, cwd=s.directory)
        await asyncio.sleep(0.3)  # a port in use ends sipp within some milliseconds
        if not self._child.running:
            raise SetupError(f"sipp ended with status {self._child.status}, see {log}")

    async def calls(self) -> list[Call]:
        """All INVITEs since the directory was made, in the order they came; the number is the phone's name."""
        return await asyncio.to_thread(read_calls, self.settings.directory / "calls.log")

    async def stop(self) -> None:
        """End them at once, without BYE."""
        if self._child is not None and self._child.running:
            await self._child.kill()
