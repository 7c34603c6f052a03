"""An address for the sound of calls in browsers, on machines that have none but the loopback's."""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from telephony.demo.host import SetupError, cache_folder, need_packages

ADDRESS = "10.99.199.1/24"
NAME = "pd-test0"


def _has_one() -> bool:
    """Whether an interface beside the loopback is up and has an IPv4 address."""
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    addresses = [
        one.address for name, all_ in psutil.net_if_addrs().items() if name in up for one in all_ if "." in one.address
    ]
    return any(not ipaddress.ip_address(one).is_loopback for one in addresses)


@contextmanager
def outer_address() -> Iterator[None]:
    """Make a pair of virtual interfaces where there is none; it goes with the last run that wanted it.

    Raises SetupError where one is needed and we are not root.
    """
    if _has_one() and NAME not in psutil.net_if_addrs():
        yield
        return
    if os.geteuid() != 0:
        raise SetupError("phones in browsers need a network interface beside the loopback, and root may make one")
    asyncio.run(need_packages({"ip": "iproute2"}, say=print))
    with (cache_folder() / f"{NAME}.lock").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        if not _has_one():
            _ip(f"link add {NAME} type veth peer name {NAME}p")
            for command in (f"addr add {ADDRESS} dev {NAME}", f"link set {NAME} up", f"link set {NAME}p up"):
                _ip(command)
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody else's any more
                _ip(f"link del {NAME}")


def _ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)
