"""The machine the demo runs on: where things are kept, and which Debian packages it needs.

Everything that has to be built or downloaded once lives in one cache folder and is guarded by one file lock, so that
`make demo` and `make test` started side by side wait for each other instead of building twice.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

Say = Callable[[str], None]

REPOSITORY = Path(__file__).resolve().parents[2]

_APT = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300")  # another apt may be at work for minutes


class SetupError(Exception):
    """Something the demo needs on this machine is missing; the text says what, and how to get it."""


def cache_folder() -> Path:
    """Folder for what is built once; TELEPHONY_CACHE overrides ~/.cache/telephony."""
    folder = Path(os.environ.get("TELEPHONY_CACHE") or Path.home() / ".cache" / "telephony")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


@asynccontextmanager
async def only_one(name: str, *, say: Say) -> AsyncIterator[None]:
    """Hold the cache's lock NAME; waits without limit for another process that holds it (a build takes minutes)."""
    with (cache_folder() / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name}: another process is setting this up, waiting for it")
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield


async def run(command: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a command of the set-up with its output appended to LOG.

    Raises SetupError with the last lines of the output when it fails or is not there.
    """
    with log.open("ab") as out:
        start = out.tell()
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, env=env
            )
        except FileNotFoundError:
            raise SetupError(f"the program {command[0]} is not installed") from None
        try:
            status = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
    if status:
        tail = (await asyncio.to_thread(log.read_bytes))[start:].decode(errors="replace").splitlines()[-8:]
        shown = " ".join(str(word) for word in command[:6])
        raise SetupError("\n".join([f"{shown} ... failed with status {status} (all output: {log}):", *tail]))


async def need_packages(programs: Mapping[str, str], *, say: Say) -> None:
    """Make sure that each program (key: its name or absolute path) is there, from its Debian package (value).

    Missing packages are installed with apt when we are root. Raises SetupError naming the packages when we are not, or
    when apt fails.
    """
    if not _missing(programs):
        return
    async with only_one("packages", say=say):
        missing = _missing(programs)
        if not missing:
            return
        wanted = " ".join(missing)
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise SetupError(f"missing Debian packages: {wanted}. As root: apt-get install {wanted}")
        say(f"installing Debian packages: {wanted}")
        log = cache_folder() / "packages.log"
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        await run([*_APT, "update"], log=log, env=env)
        await run([*_APT, "install", "--no-install-recommends", *missing], log=log, env=env)
        if _missing(programs):
            raise SetupError(f"apt installed {wanted}, but not all programs are there: {', '.join(programs)}")


def _missing(programs: Mapping[str, str]) -> list[str]:
    return sorted(
        {
            package
            for program, package in programs.items()
            if shutil.which(program) is None and not Path(program).is_file()
        }
    )
