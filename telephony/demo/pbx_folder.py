"""Asterisk from Debian forky's own packages in a folder, for machines without a Docker engine (root only)."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
from pathlib import Path

from telephony.demo.child import Child
from telephony.demo.host import Say, SetupError, cache_folder, need_packages, only_one, run
from telephony.demo.pbx_backend import ASTERISK_UID, HOST_NAME, name_service_files

# debootstrap of Debian 12 has no script named forky: sid's is the same; the empty mirror is the default one.
# A frozen mirror's release file may be out of date: the packages' signatures are still checked.
# policy-rc.d 101 keeps the package from starting a daemon of its own.
_BUILD = r"""
set -eu
root=$1
debootstrap --variant=minbase forky "$root" "" /usr/share/debootstrap/scripts/sid
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
echo 'Acquire::Check-Valid-Until "false";' > "$root/etc/apt/apt.conf.d/99frozen-mirror"
mount -t proc proc "$root/proc"
chroot "$root" groupadd --system --gid $2 asterisk
chroot "$root" useradd --system --uid $2 --gid $2 --home-dir /var/lib/asterisk --shell /usr/sbin/nologin asterisk
chroot "$root" apt-get -q update
chroot "$root" apt-get -q -y install --no-install-recommends asterisk asterisk-core-sounds-en
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
touch "$root/etc/resolv.conf" "$root/etc/hosts"
"""

# Mounts and host name live in namespaces of this process alone: they are gone with it, even after a SIGKILL. Each step
# is an exec, so that the process the launcher started is Asterisk itself. setpriv's death signal ends Asterisk with a
# launcher that died.
_RUN = r"""
set -eu
root=$1 folder=$2 uid=$3 name=$4
hostname "$name"
mount --bind "$folder" "$root$folder"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
shift 4
for file in "$@"; do mount --bind "$folder/$file" "$root/etc/$file"; done
exec chroot "$root" setpriv --reuid "$uid" --regid "$uid" --clear-groups --pdeathsig TERM \
    asterisk -C "$folder/etc/asterisk.conf" -f
"""

_NAMESPACE = ("unshare", "--mount", "--uts", "--propagation", "private", "sh", "-c")


class FolderBackend:
    """A debootstrap of forky with the asterisk package, entered by chroot."""

    name = "folder"

    def __init__(self) -> None:
        # A changed recipe is another folder: a running Asterisk keeps the one it started from.
        recipe = hashlib.sha256(_BUILD.encode()).hexdigest()[:8]
        self._root = cache_folder() / f"asterisk-forky-{recipe}"

    async def prepare(self, say: Say) -> None:
        if os.geteuid() != 0:
            raise SetupError("running Asterisk from a folder needs root (chroot); or start a Docker engine")
        if self._complete():
            return
        async with only_one("asterisk-folder", say=say):
            if self._complete():
                return
            await need_packages({"debootstrap": "debootstrap"}, say=say)
            partial = self._root.with_suffix(".partial")
            if partial.exists():
                say("removing an unfinished Asterisk folder")
                await asyncio.to_thread(shutil.rmtree, partial)
            say(f"building Asterisk from Debian packages in {self._root} (once, about a minute)")
            log = cache_folder() / "asterisk-folder.log"
            env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            await run([*_NAMESPACE, _BUILD, "build", partial, str(ASTERISK_UID)], log=log, env=env)
            partial.rename(self._root)  # last step: a folder of this name is complete

    def _complete(self) -> bool:
        return self._root.is_dir()

    def owner(self) -> tuple[int, int]:
        return ASTERISK_UID, ASTERISK_UID

    async def spawn(self, folder: Path, *, log: Path) -> Child:
        inside = Path(f"{self._root}{folder}")
        await asyncio.to_thread(inside.mkdir, parents=True, exist_ok=True)
        names = [path.name for path in await asyncio.to_thread(name_service_files, folder)]
        command: list[str | Path] = [*_NAMESPACE, _RUN, "run", self._root, folder, str(ASTERISK_UID), HOST_NAME, *names]
        return await Child.start(command, log=log)

    async def kill(self, folder: Path, child: Child) -> None:
        child.send(signal.SIGKILL)

    async def stop(self, folder: Path, child: Child) -> None:
        child.send(signal.SIGTERM)

    async def clear(self, folder: Path) -> None:
        """Nothing is left: Asterisk ends with its launcher."""
