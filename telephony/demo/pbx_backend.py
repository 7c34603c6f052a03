"""How the launcher runs Asterisk: from the Docker image, or from the same Debian packages in a folder."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from telephony.demo.child import Child
from telephony.demo.host import Say

ASTERISK_UID = 5060
"""User and group Asterisk runs as in both back ends (docker/asterisk/Dockerfile names the same number)."""

HOST_NAME = "asterisk"
"""What Asterisk takes for its host's name. It stands in the From and Contact of what phones in the browser are sent,
and they drop a name whose last part begins with a digit (RFC 3261, 25.1: toplabel), as a container's own mostly does.
"""

ENGINE_ANSWERS_WITHIN = 10.0
"""Seconds; a Docker engine that needs longer to say its version is no help."""


class Backend(Protocol):
    """Where Asterisk comes from."""

    name: str

    async def prepare(self, say: Say) -> None:
        """Build what is missing; returns at once when everything is there. Raises SetupError."""

    def owner(self) -> tuple[int, int]:
        """User and group id that Asterisk's files must belong to."""

    async def spawn(self, folder: Path, *, log: Path) -> Child:
        """Start Asterisk in the foreground with FOLDER/etc/asterisk.conf; FOLDER has the same path inside."""

    async def kill(self, folder: Path, child: Child) -> None:
        """SIGKILL Asterisk itself. Does not wait."""

    async def stop(self, folder: Path, child: Child) -> None:
        """Ask Asterisk to end (SIGTERM): it hangs up all calls. Does not wait."""

    async def clear(self, folder: Path) -> None:
        """Remove what an earlier launcher that died left running for FOLDER."""


async def engine_answers() -> bool:
    """Whether a Docker engine answers on this machine."""
    if shutil.which("docker") is None:
        return False
    process = await asyncio.create_subprocess_exec(
        "docker",
        "version",
        "--format",
        "{{.Server.Version}}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await asyncio.wait_for(process.wait(), ENGINE_ANSWERS_WITHIN) == 0
    except TimeoutError:
        process.kill()
        await process.wait()
        return False


def name_service_files(folder: Path) -> Mapping[Path, str]:
    """Files that keep Asterisk from asking a DNS server: path inside -> its text's path in FOLDER.

    Without them each PJSIP call looks up the host's own name, stalls 5 s where no server answers, and a burst of calls
    fails in the blocked task pool.
    """
    texts = {
        "hosts": f"127.0.0.1 localhost {HOST_NAME}\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "resolv.conf": "",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return {folder / name: f"/etc/{name}" for name in texts}
