"""A program the launcher started: Asterisk, sipp, baresip."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DIES_WITH_US = ("setpriv", "--pdeathsig", "TERM")
"""Prefix of a command that is to end when the launcher dies without cleaning up (util-linux, in every Debian)."""

# The kernel sends the death signal when the *thread* that started the child ends, so one thread that lives as long as
# the process starts them all. Starting from a thread also keeps fork and exec out of the caller's event loop.
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")


class Child:
    """A running program; not bound to the event loop it was started from."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: Sequence[str | Path], *, log: Path, cwd: Path | None = None) -> Child:
        """Start COMMAND with its output appended to LOG, in a session of its own (Ctrl-C reaches only the launcher).

        Raises FileNotFoundError when the program is not there.
        """
        loop = asyncio.get_running_loop()
        return cls(await loop.run_in_executor(_STARTER, _start, command, log, cwd))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status, None while it runs."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        return self.status is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it has ended."""
        self._process.send_signal(number)

    async def stop(self, *, within: float) -> None:
        """SIGTERM, and SIGKILL after WITHIN seconds."""
        self.send(signal.SIGTERM)
        await self.ended(within=within)

    async def ended(self, *, within: float) -> None:
        """Wait until it has ended by itself; SIGKILL after WITHIN seconds."""
        try:
            await asyncio.to_thread(self._process.wait, within)
        except subprocess.TimeoutExpired:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL."""
        self.send(signal.SIGKILL)
        await asyncio.to_thread(self._process.wait)


def _start(command: Sequence[str | Path], log: Path, cwd: Path | None) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd, start_new_session=True
        )
