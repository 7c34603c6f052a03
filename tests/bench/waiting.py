"""What it costs when nothing happens: a hundred agents on hold look at an offer for a minute."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import psutil
from sqlalchemy import make_url

from tests.bench.figures import Figure
from tests.bench.stage import Stage, workplace

AGENTS = 100
SECONDS = 60.0
SETTLE = 3.0
MIB = 1024 * 1024


async def measure(stage: Stage) -> list[Figure]:
    async with workplace(stage, "waiting", agents=AGENTS, contacts=AGENTS + 10, offer_timeout=600) as place:
        await place.all_offered()
        await asyncio.sleep(SETTLE)
        file = Path(str(make_url(place.database_url).database))
        service, asterisk = psutil.Process(place.service.pid), psutil.Process(stage.pbx.pid)
        with sqlite3.connect(file) as reader:
            written = _written(reader, file)
            before, pbx_before = service.cpu_times(), asterisk.cpu_times()
            await asyncio.sleep(SECONDS)
            after, pbx_after = service.cpu_times(), asterisk.cpu_times()
            changed = sum(one != other for one, other in zip(_written(reader, file), written, strict=True))
        reader.close()
        memory = service.memory_info().rss
        states = {desktop.state for desktop in place.desktops}
        assert states == {"previewing"}, states
    used = after.user + after.system - before.user - before.system
    pbx = pbx_after.user + pbx_after.system - pbx_before.user - pbx_before.system
    what = f"{AGENTS} reserved agents, {SECONDS:.0f} s"
    return [
        Figure(name=f"{what}: service CPU", value=used / SECONDS * 100, unit="% of a core", aim=2.0),
        Figure(name=f"{what}: service memory", value=memory / MIB, unit="MB", aim=120.0),
        Figure(name=f"{what}: signs of a database write", value=changed, unit="of 4", aim=0.0),
        Figure(name=f"{what}: Asterisk CPU", value=pbx / SECONDS * 100, unit="% of a core"),
    ]


def _written(reader: sqlite3.Connection, file: Path) -> tuple[int, ...]:
    """What any commit of another connection would change: SQLite's own counter, and size and time of the log."""
    version = reader.execute("PRAGMA data_version").fetchone()[0]
    log = Path(f"{file}-wal").stat()
    return version, log.st_size, log.st_mtime_ns, file.stat().st_mtime_ns
