"""What hundreds of offers leave behind in the agent's page: heap after garbage collection, nodes of the document."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from playwright.async_api import Browser, CDPSession, Page

from tests.bench.desktop import Desktop
from tests.bench.figures import Figure
from tests.bench.pace import within
from tests.bench.pages import page_of
from tests.bench.stage import Stage, workplace

EARLY, LATE = 100, 500
"""Offers between which the heap is compared."""

EVERY = 10
"""One offer in so many becomes a call; the others are skipped."""

OFFER_LIMIT = 30.0
"""Seconds for one offer, with its call."""

NOTICES = 6.0
"""Seconds after which the notices that go by themselves are gone."""

MB = 1_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """Bytes of the heap and nodes after all garbage is collected; `kept`: nodes that are in no document, too."""

    heap: int
    nodes: int
    kept: int


async def measure(stage: Stage, browser: Browser) -> list[Figure]:
    async with workplace(stage, "long-shift", agents=1, contacts=LATE + 50) as place:
        (desktop,) = place.desktops
        await place.all_offered()
        async with page_of(browser, place.service.url, desktop) as page:
            devtools = await page.context.new_cdp_session(page)
            await _offers(page, desktop, EARLY)
            early = await _weigh(page, devtools)
            await _offers(page, desktop, LATE - EARLY)
            late = await _weigh(page, devtools)
    what = f"from offer {EARLY} to offer {LATE}"
    return [
        Figure(
            name=f"heap grown {what}",
            value=(late.heap - early.heap) / MB,
            unit="MB",
            aim=2.0,
            note=f"{late.heap / MB:.1f} MB then",
        ),
        Figure(name=f"DOM nodes more {what}", value=late.nodes - early.nodes, unit="", aim=0.0, note=f"{late.nodes}"),
        Figure(name=f"nodes kept more {what}", value=late.kept - early.kept, unit="", note=f"{late.kept}"),
    ]


async def _offers(page: Page, desktop: Desktop, count: int) -> None:
    """This many offers, the page keeping up; it shows the next one in the end."""
    for number in range(count):
        async with within(OFFER_LIMIT, f"offer {number} of {count}"):
            offer = await _shown(page, desktop)
            if number % EVERY == 0:
                await desktop.call(talk=0.1)
            else:
                desktop.offer = None
                await desktop.ask("POST", f"/offers/{offer}/skip")
    await _shown(page, desktop)


async def _shown(page: Page, desktop: Desktop) -> str:
    """The open offer, once it is on the screen."""
    await desktop.offered()
    assert desktop.offer is not None
    offer, _ = desktop.offer
    await page.locator(f'[data-testid="agent-page"][data-offer="{offer}"]').wait_for()
    return offer


async def _weigh(page: Page, devtools: CDPSession) -> Weight:
    await asyncio.sleep(NOTICES)
    for _ in range(3):
        await devtools.send("HeapProfiler.collectGarbage")
    used = await devtools.send("Runtime.getHeapUsage")
    counted = await devtools.send("Memory.getDOMCounters")
    nodes = await page.evaluate("() => document.getElementsByTagName('*').length")
    return Weight(heap=int(used["usedSize"]), nodes=int(nodes), kept=int(counted["nodes"]))
