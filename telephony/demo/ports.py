"""Blocks of ports for everything that is started side by side on one machine."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

BLOCK = 500
"""Ports per lock file; one demo needs about 400."""


_TIME_WAIT = "06"  # a connection that is over; servers bind such ports anyway


@dataclass(slots=True, kw_only=True)
class PortBlock:
    """Consecutive ports that no other demo or test run on this machine was given."""

    first: int
    last: int
    _next: int = field(init=False)

    def __post_init__(self) -> None:
        self._next = self.first

    def take(self, count: int = 1, *, even: bool = False) -> int:
        """First of COUNT consecutive ports; EVEN starts at an even one, as RTP wants.

        Raises ValueError when the block is used up.
        """
        start = self._next + (self._next % 2 if even else 0)
        if start + count - 1 > self.last:
            raise ValueError(f"no {count} ports left in {self.first}-{self.last}")
        self._next = start + count
        return start


@contextmanager
def claim_ports(size: int = BLOCK) -> Iterator[PortBlock]:
    """Claim SIZE ports until the block is left or the process ends.

    Taken from 10000-31999 (below Linux's own ephemeral ports), or from the range in TELEPHONY_PORTS ("21000-22999").
    Raises RuntimeError when everything is taken.
    """
    low, _, high = os.environ.get("TELEPHONY_PORTS", "10000-31999").partition("-")
    first, last = int(low), int(high)
    blocks = -(-size // BLOCK)
    folder = Path(tempfile.gettempdir()) / "telephony-ports"
    folder.mkdir(exist_ok=True)
    for start in range(first, last + 2 - blocks * BLOCK, BLOCK):
        if not _in_use().isdisjoint(range(start, start + blocks * BLOCK)):
            continue
        with ExitStack() as held:
            if all(_lock(folder / str(start + n * BLOCK), held) for n in range(blocks)):
                yield PortBlock(first=start, last=start + blocks * BLOCK - 1)
                return
    raise RuntimeError(f"no {size} ports free in {first}-{last}; TELEPHONY_PORTS=FIRST-LAST names another range")


def _in_use() -> set[int]:
    """Local ports of all sockets of this machine, whoever owns them."""
    tables = [Path("/proc/net") / name for name in ("tcp", "tcp6", "udp", "udp6")]
    rows = [row.split() for table in tables if table.exists() for row in table.read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] != _TIME_WAIT}


def _lock(path: Path, held: ExitStack) -> bool:
    lock: IO[str] = held.enter_context(path.open("w"))
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
