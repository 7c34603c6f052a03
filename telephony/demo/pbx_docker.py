"""Asterisk from the image of docker/asterisk, on the host's network."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

from telephony.demo.child import Child
from telephony.demo.host import REPOSITORY, Say, cache_folder, only_one, run
from telephony.demo.pbx_backend import ASTERISK_UID, HOST_NAME, name_service_files


class DockerBackend:
    """One container for each folder, named by it."""

    name = "docker"

    def __init__(self) -> None:
        recipe = hashlib.sha256()
        for path in sorted([*(REPOSITORY / "docker" / "asterisk").iterdir(), *(REPOSITORY / "dialplan").iterdir()]):
            recipe.update(path.name.encode() + b"\0" + path.read_bytes())
        self._image = f"telephony-asterisk:{recipe.hexdigest()[:12]}"

    async def prepare(self, say: Say) -> None:
        if await self._quiet("image", "inspect", self._image) == 0:
            return
        async with only_one("asterisk-image", say=say):
            if await self._quiet("image", "inspect", self._image) == 0:
                return
            say("building the Asterisk image (once, about a minute)")
            log = cache_folder() / "asterisk-image.log"
            await run(
                ["docker", "build", "-t", self._image, "-f", REPOSITORY / "docker/asterisk/Dockerfile", REPOSITORY],
                log=log,
            )

    def owner(self) -> tuple[int, int]:
        if os.geteuid() == 0:
            return ASTERISK_UID, ASTERISK_UID
        return os.getuid(), os.getgid()  # we could not give files away; the container runs as ourselves

    async def spawn(self, folder: Path, *, log: Path) -> Child:
        uid, gid = self.owner()
        mounts = [f"--volume={folder}:{folder}"]
        files = await asyncio.to_thread(name_service_files, folder)
        mounts += [f"--volume={path}:{inside}:ro" for path, inside in files.items()]
        command = ["docker", "run", "--rm", "--name", _name(folder), "--network", "host", "--user", f"{uid}:{gid}"]
        command += ["--hostname", HOST_NAME, "--entrypoint", "asterisk", *mounts, self._image]
        return await Child.start([*command, "-C", folder / "etc" / "asterisk.conf", "-f"], log=log)

    async def kill(self, folder: Path, child: Child) -> None:
        await self._quiet("kill", "--signal", "KILL", _name(folder))

    async def stop(self, folder: Path, child: Child) -> None:
        await self._quiet("kill", "--signal", "TERM", _name(folder))

    async def clear(self, folder: Path) -> None:
        await self._quiet("rm", "--force", _name(folder))

    async def _quiet(self, *arguments: str) -> int:
        process = await asyncio.create_subprocess_exec(
            "docker",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await process.wait()


def _name(folder: Path) -> str:
    return f"telephony-pbx-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
