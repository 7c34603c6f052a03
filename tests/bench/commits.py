"""How many transactions stand between an accept and its INVITE; counted inside the process that serves it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import aiohttp
from sqlalchemy import Connection, event

from telephony.settings import Http, Settings
from telephony.store.engine import Store
from telephony.store.migrate import upgrade
from telephony.store.sessions import open_session
from telephony.web.server import WebServer
from tests.bench.figures import Figure
from tests.bench.stage import Stage
from tests.support.line_shift import line_shift

AIM = 2.0
PHONE = "load1"


async def measure(stage: Stage) -> list[Figure]:
    folder = stage.folder / "commits"
    folder.mkdir()
    store = Store(f"sqlite:///{folder / 'telephony.db'}")
    await asyncio.to_thread(upgrade, store)
    committed: list[tuple[float, int]] = []  # when, and how many rows this connection had changed by then

    @event.listens_for(store.engine, "commit")
    def _count(conn: Connection) -> None:
        committed.append((time.time(), conn.connection.dbapi_connection.total_changes))  # type: ignore[union-attr]

    async with line_shift(store, stage.pbx, phones=(PHONE,), customers=("02",)) as shift:
        settings = Settings(data_dir=folder, http=Http(port=stage.ports.take()))
        server = WebServer(settings=settings, store=store, floor=shift.floor, changes=shift.floor.changes)
        await server.start()
        offer, agent = await shift.previewing(PHONE), shift.agents[PHONE]
        token = await store.run(
            lambda conn: open_session(conn, agent, now=datetime.now(UTC), lifetime=timedelta(hours=1))
        )
        await asyncio.sleep(1.0)  # the live feed has read all that was told
        pressed, rows = time.time(), committed[-1][1]
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
            async with http.post(f"{server.url}/api/v1/offers/{offer}/accept") as answer:
                assert answer.ok, await answer.text()
                attempt = (await answer.json())["attempt"]
            await shift.until(lambda: shift.desks[PHONE].call.attempt.state == "ringing")
            invited = (await stage.customers.calls())[-1].invited_at
            await shift.floor.cancel(agent, attempt)
            await shift.ended(attempt)
        await server.stop()
    await store.close()
    writes = reads = 0
    for at, changed in committed:
        if pressed <= at <= invited:
            writes, reads = (writes + 1, reads) if changed != rows else (writes, reads + 1)
            rows = changed
    return [
        Figure(
            name="commits before the INVITE",
            value=writes,
            unit="",
            aim=AIM,
            note=f"and {reads} transactions that only read (the sign-in, the live feed)",
        )
    ]
