"""From an event of Asterisk to the screen of a real Chromium, with a hundred desktops connected.

A few agents have the page; the other desktops are clients of the live feed that work as well. An event's time is
Asterisk's own (the Timestamp of the manager's event), the screen's that of the frame that follows the change of the
page, a bare client's that of its arrival; all are clocks of this machine. What the bare clients of manager and live
feed need in the same run tells how much of it is the machine's.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from playwright.async_api import Browser, Page
from sqlalchemy import select

from telephony.store import schema
from telephony.store.engine import Store
from tests.bench.desktop import Desktop
from tests.bench.figures import Figure, middle, quantile
from tests.bench.machine import Effort, browsers
from tests.bench.pace import within
from tests.bench.pages import page_of
from tests.bench.stage import Stage, Workplace, workplace
from tests.bench.watch import Kind, Watch

AGENTS = 100
PAGES = 2
CALLS = 50
"""Of each agent with a page: three events each."""

RATE = 2.0
"""Calls a second that the others make meanwhile."""

TALK = 0.5

WRITES = 0.5
"""Seconds of the wrap-up: one that is over within a frame is never on the screen."""

LIMIT = 300.0
"""Seconds for all calls; two for each are usual."""

CALL_LIMIT = 30.0
"""Seconds for one call from its offer to its wrap-up."""

# A line for each change of what the page is about, with the time of the frame in which it is drawn (epoch ms).
_NOTES = """
() => {
  window.notes = [];
  const root = document.querySelector('[data-testid="agent-page"]');
  const note = () => requestAnimationFrame(() => {
    const {state, call, callState} = root.dataset;
    window.notes.push({at: performance.timeOrigin + performance.now(), state, call, callState});
  });
  new MutationObserver(note).observe(root, {attributes: true});
}
"""


class Wait(NamedTuple):
    """Milliseconds from Asterisk's note of an event to each who is told of it."""

    screen: float
    manager: float
    feed: float


async def measure(stage: Stage, browser: Browser) -> list[Figure]:
    contacts = AGENTS + PAGES * CALLS + round(RATE * LIMIT) + 50
    async with workplace(stage, "screen", agents=AGENTS, contacts=contacts) as place, AsyncExitStack() as stack:
        await place.all_offered()
        looked_at, others = place.desktops[:PAGES], place.desktops[PAGES:]
        pages = [await stack.enter_async_context(page_of(browser, place.service.url, one)) for one in looked_at]
        watch = await stack.enter_async_context(Watch(stage.pbx.doctor))
        effort = Effort(service=[place.service.pid], asterisk=[stage.pbx.pid], browser=browsers(), bench=[os.getpid()])
        began = time.monotonic()
        await _calls(looked_at, pages, others)
        told, seconds = effort.told(), time.monotonic() - began
        waits = [
            wait
            for one, page in zip(looked_at, pages, strict=True)
            for wait in _waits(one, await _customers(place, one), await page.evaluate("() => window.notes"), watch)
        ]
    return _figures(waits, told, seconds)


async def _calls(looked_at: Sequence[Desktop], pages: Sequence[Page], others: Sequence[Desktop]) -> None:
    """All calls of those who are looked at, while the others work; raises AssertionError after `LIMIT`."""
    over = asyncio.Event()
    async with within(LIMIT, "the calls of all desktops"), asyncio.TaskGroup() as group:
        group.create_task(_work(others, over))
        for page in pages:
            await page.evaluate(_NOTES)
        async with asyncio.TaskGroup() as measured:
            for one in looked_at:
                measured.create_task(_shift(one))
        over.set()


async def _shift(desktop: Desktop) -> None:
    for _ in range(CALLS):
        async with within(CALL_LIMIT, f"a call of {desktop.phone}"):
            await desktop.offered()
            _, call = await desktop.talked(talk=TALK)
            await asyncio.sleep(WRITES)
            await desktop.wrap_up(call)


async def _work(desktops: Sequence[Desktop], over: asyncio.Event) -> None:
    """All of them in turn, `RATE` calls a second, none begun once it is over; returns after the last one's end."""
    free = deque(desktops)

    async def one(desktop: Desktop) -> None:
        async with within(CALL_LIMIT, f"a call of {desktop.phone}"):
            await desktop.offered()
            await desktop.call(talk=TALK)
        free.append(desktop)

    async with asyncio.TaskGroup() as group:
        while not over.is_set():
            if free:
                group.create_task(one(free.popleft()))
            await asyncio.sleep(1 / RATE)


async def _customers(place: Workplace, desktop: Desktop) -> list[tuple[str, str]]:
    """Leg and call of each customer of an agent."""
    store = Store(place.database_url)
    legs = schema.legs
    wanted = select(legs.c.id, legs.c.attempt_id).where(
        legs.c.agent_id == desktop.seat.agent_id, legs.c.kind == "customer"
    )
    rows = await store.run(lambda conn: list(conn.execute(wanted)))
    await store.close()
    assert len(rows) == CALLS, f"{len(rows)} calls instead of {CALLS}"
    return [(leg, call) for leg, call in rows]


def _waits(
    desktop: Desktop, customers: Sequence[tuple[str, str]], notes: Sequence[dict[str, Any]], watch: Watch
) -> list[Wait]:
    """Of each event of an agent's calls, Asterisk's, the feed's and the page's account of it."""
    waits = []
    for leg, call in customers:
        shown = [note for note in notes if note["call"] == call]
        events: list[tuple[Kind, str, list[float]]] = [
            ("ringing", "ringing", [note["at"] for note in shown if note["callState"] == "ringing"]),
            ("joined", "talking", [note["at"] for note in shown if note["callState"] == "talking"]),
            ("ended", "ended", [note["at"] for note in shown if note["state"] == "wrap_up"]),
        ]
        for kind, state, drawn in events:
            known = {one: len(watch.moments[leg, one]) for one in ("ringing", "joined", "ended")}
            assert watch.moments[leg, kind], f"Asterisk told nothing of {kind}: {known}; the page showed {shown}"
            assert drawn, f"the page never showed {kind}"
            moment, *_ = watch.moments[leg, kind]
            waits.append(
                Wait(
                    screen=drawn[0] - moment.happened * 1000,
                    manager=(moment.arrived - moment.happened) * 1000,
                    feed=(desktop.told_at[call, state] - moment.happened) * 1000,
                )
            )
    return waits


def _figures(waits: Sequence[Wait], told: str, seconds: float) -> list[Figure]:
    found = []
    for word, part, aim in (("median", 0.5, 100.0), ("p99", 0.99, 300.0)):
        screen, manager, feed = (quantile(one, part) for one in zip(*waits, strict=True))
        name = f"event of Asterisk on the screen, {AGENTS} desktops, {word}"
        note = f"{len(waits)} events; bare clients: manager {manager:.1f}, live feed {feed:.1f} ms"
        found.append(Figure(name=name, value=screen, unit="ms", aim=aim, note=note))
    note = f"{seconds:.0f} s; {told}"
    name = "of it between the live feed's bare client and the screen, median"
    value = middle([wait.screen - wait.feed for wait in waits])
    return [*found, Figure(name=name, value=value, unit="ms", note=note)]
