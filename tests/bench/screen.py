"""The desktop in a real browser: from Asterisk's event to the screen, the first page, what a long shift leaves behind.

One Chromium with one agent's page; the other desktops are clients of the live feed that work as well. An event's time
is Asterisk's own (the Timestamp of the manager's event), the screen's that of the frame that follows the change of the
page; both are clocks of this machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, CDPSession, Page
from sqlalchemy import select

from telephony.demo.pbx import AmiLogin
from telephony.store import schema
from telephony.store.engine import Store
from telephony.web.auth import COOKIE
from tests.bench.desktop import Desktop
from tests.bench.figures import Figure, middle, quantile
from tests.bench.stage import Stage, Workplace, workplace
from tests.support.chromium import chromium, hum, visitor

AGENTS = 100
CALLS = 100
"""Of the agent whose page is looked at: three events each."""

RATE = 2.0
"""Calls a second that the others make meanwhile."""

TALK = 0.5

WRITES = 0.5
"""Seconds of the wrap-up: one that is over within a frame is never on the screen."""

OPENED = 10
"""Times the first page is opened, each in a browser without anything kept."""

EARLY, LATE = 100, 500
"""Offers between which the heap is compared."""

EVERY = 10
"""One offer in so many becomes a call; the others are skipped."""

KB, MB = 1000.0, 1_000_000.0

# A line for each change of what the page is about, with the time of the frame in which it is drawn (epoch ms).
_NOTES = """
() => {
  window.notes = [];
  const root = document.querySelector('[data-testid="agent-page"]');
  const note = () => requestAnimationFrame(() => {
    const {state, call, callState, offer} = root.dataset;
    window.notes.push({at: performance.timeOrigin + performance.now(), state, call, callState, offer});
  });
  new MutationObserver(note).observe(root, {attributes: true});
}
"""

_USABLE = """
(() => {
  const look = () => {
    const there = document.querySelector('[data-testid="agent-page"], [data-testid="username"]');
    if (there) window.usableAt ??= performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()
"""


async def measure(stage: Stage) -> list[Figure]:
    microphone = stage.folder / "hum.wav"
    await asyncio.to_thread(hum, microphone)
    async with chromium(microphone) as browser:
        return [*await _to_the_screen(stage, browser), *await _long_shift(stage, browser)]


@asynccontextmanager
async def _page_of(browser: Browser, place: Workplace, desktop: Desktop) -> AsyncIterator[Page]:
    cookie = {"name": COOKIE, "value": desktop.seat.token, "url": place.service.url}
    async with visitor(browser, place.service.url, cookie=cookie) as (page, _):
        await page.locator('[data-testid="agent-page"]').wait_for()
        yield page


# -- from Asterisk to the screen ----------------------------------------------------------------------------------


async def _to_the_screen(stage: Stage, browser: Browser) -> list[Figure]:
    contacts = AGENTS + CALLS + round(RATE * CALLS * 4) + 50
    async with workplace(stage, "screen", agents=AGENTS, contacts=contacts) as place:
        figures = await _first_page(browser, place)
        await place.all_offered()
        mine, *others = place.desktops
        async with _page_of(browser, place, mine) as page, Watch(stage.pbx.doctor) as watch:
            await page.evaluate(_NOTES)
            busy = asyncio.create_task(_work(others))
            for _ in range(CALLS):
                await mine.offered()
                _, call = await mine.talked(talk=TALK)
                await asyncio.sleep(WRITES)
                await mine.wrap_up(call)
            busy.cancel()
            await asyncio.gather(busy, return_exceptions=True)
            notes = await page.evaluate("() => window.notes")
        waits = await _waits(place, mine, notes, watch)
    what = f"event of Asterisk on the screen, {AGENTS} desktops, {len(waits)} events"
    note = f"the others make {RATE:g} calls a second"
    return [
        *figures,
        Figure(name=f"{what}, median", value=middle(waits), unit="ms", aim=100.0, note=note),
        Figure(name=f"{what}, p99", value=quantile(waits, 0.99), unit="ms", aim=300.0, note=note),
    ]


async def _work(desktops: list[Desktop]) -> None:
    """All of them in turn, `RATE` calls a second, until cancelled."""
    async with asyncio.TaskGroup() as group:
        free: asyncio.Queue[Desktop] = asyncio.Queue()
        for desktop in desktops:
            free.put_nowait(desktop)

        async def one(desktop: Desktop) -> None:
            await desktop.offered()
            await desktop.call(talk=TALK)
            free.put_nowait(desktop)

        while True:
            group.create_task(one(await free.get()))
            await asyncio.sleep(1 / RATE)


async def _waits(place: Workplace, desktop: Desktop, notes: list[dict[str, Any]], watch: Watch) -> list[float]:
    """Milliseconds from each event of the agent's calls to the page that showed it."""
    store = Store(place.database_url)
    legs = schema.legs
    mine = select(legs.c.id, legs.c.attempt_id).where(
        legs.c.agent_id == desktop.seat.agent_id, legs.c.kind == "customer"
    )
    rows = await store.run(lambda conn: list(conn.execute(mine)))
    await store.close()
    waits = []
    for leg, call in rows:
        shown = [note for note in notes if note["call"] == call]
        for kind, true in (
            ("ringing", lambda note: note["callState"] == "ringing"),
            ("joined", lambda note: note["callState"] == "talking"),
            ("ended", lambda note: note["state"] == "wrap_up"),
        ):
            at = watch.times.get((leg, kind))
            seen = next((note["at"] for note in shown if true(note)), None)
            assert at is not None, f"Asterisk told nothing of {kind}"
            assert seen is not None, f"the page never showed {kind}"
            waits.append(seen - at * 1000)
    return waits


class Watch:
    """When Asterisk told what happened to each customer's leg (epoch seconds), by a connection of our own."""

    def __init__(self, login: AmiLogin) -> None:
        self._login = login
        self.times: dict[tuple[str, str], float] = {}

    async def __aenter__(self) -> Watch:
        reader, self._writer = await asyncio.open_connection(self._login.host, self._login.port)
        login = f"Action: Login\r\nUsername: {self._login.user}\r\nSecret: {self._login.secret}\r\n\r\n"
        self._writer.write(login.encode())
        self._task = asyncio.create_task(self._read(reader))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        self._writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while data := await reader.read(65536):
            *blocks, rest = (rest + data).split(b"\r\n\r\n")
            for block in blocks:
                if block.startswith((b"Event: Newstate", b"Event: BridgeEnter", b"Event: Hangup\r")):
                    pairs = (line.partition(": ") for line in block.decode().split("\r\n"))
                    self._take({name: value for name, _, value in pairs})

    def _take(self, event: Mapping[str, str]) -> None:
        kind = {"Newstate": "ringing", "BridgeEnter": "joined", "Hangup": "ended"}[event["Event"]]
        if kind == "ringing" and event["ChannelStateDesc"] != "Ringing":
            return
        self.times.setdefault((event["Uniqueid"], kind), float(event["Timestamp"]))


# -- the first page -----------------------------------------------------------------------------------------------


async def _first_page(browser: Browser, place: Workplace) -> list[Figure]:
    seat = place.desktops[0].seat
    cookie = {"name": COOKIE, "value": seat.token, "url": place.service.url}
    times, sizes = [], []
    for _ in range(OPENED):
        context = await browser.new_context(base_url=place.service.url)
        await context.add_cookies([cookie])  # type: ignore[list-item]  # its type is not exported
        await context.add_init_script(_USABLE)
        page = await context.new_page()
        network = await context.new_cdp_session(page)
        await network.send("Network.enable")
        loaded: list[float] = []
        network.on("Network.loadingFinished", lambda event, loaded=loaded: loaded.append(event["encodedDataLength"]))
        await page.goto("/")
        await page.wait_for_function("() => window.usableAt !== undefined")
        times.append(await page.evaluate("() => window.usableAt"))
        await page.wait_for_load_state("networkidle")
        sizes.append(sum(loaded))
        await context.close()
    note = f"signed in, nothing cached, {OPENED} times"
    return [
        Figure(name="first page usable, median", value=middle(times), unit="ms", aim=1000.0, note=note),
        Figure(name="first page usable, slowest", value=max(times), unit="ms", aim=1000.0, note=note),
        Figure(name="first page, all it loads, compressed", value=max(sizes) / KB, unit="kB", aim=250.0, note=note),
    ]


# -- a long shift -------------------------------------------------------------------------------------------------


async def _long_shift(stage: Stage, browser: Browser) -> list[Figure]:
    async with workplace(stage, "long-shift", agents=1, contacts=LATE + 50) as place:
        (desktop,) = place.desktops
        await place.all_offered()
        async with _page_of(browser, place, desktop) as page:
            devtools = await page.context.new_cdp_session(page)
            await _offers(page, desktop, EARLY)
            early, nodes = await _weigh(page, devtools)
            await _offers(page, desktop, LATE - EARLY)
            late, nodes_then = await _weigh(page, devtools)
    what = f"from offer {EARLY} to offer {LATE}"
    return [
        Figure(
            name=f"heap grown {what}", value=(late - early) / MB, unit="MB", aim=2.0, note=f"{late / MB:.1f} MB then"
        ),
        Figure(name=f"DOM nodes more {what}", value=nodes_then - nodes, unit="", aim=0.0, note=f"{nodes_then} then"),
    ]


async def _offers(page: Page, desktop: Desktop, count: int) -> None:
    """This many offers, the page keeping up; it shows the next one in the end."""
    for number in range(count):
        await desktop.offered()
        assert desktop.offer is not None
        offer, _ = desktop.offer
        await page.locator(f'[data-testid="agent-page"][data-offer="{offer}"]').wait_for()
        if number % EVERY == 0:
            await desktop.call(talk=0.1)
        else:
            desktop.offer = None
            await desktop.ask("POST", f"/offers/{offer}/skip")
    await desktop.offered()


async def _weigh(page: Page, devtools: CDPSession) -> tuple[int, int]:
    """Bytes on the heap and nodes of the document after all garbage is collected."""
    await asyncio.sleep(6.0)  # notices that go by themselves are gone
    for _ in range(3):
        await devtools.send("HeapProfiler.collectGarbage")
    used = await devtools.send("Runtime.getHeapUsage")
    return int(used["usedSize"]), int(await page.evaluate("() => document.getElementsByTagName('*').length"))
