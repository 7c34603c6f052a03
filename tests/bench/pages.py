"""An agent's page in a Chromium, signed in already; how long its first sight takes and how much it loads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page

from telephony.web.auth import COOKIE
from tests.bench.desktop import Desktop
from tests.bench.figures import Figure, middle
from tests.bench.pace import within
from tests.bench.stage import Stage, workplace
from tests.support.chromium import visitor

OPENED = 10
"""Times the first page is opened, each in a browser without anything kept."""

LIMIT = 30.0
"""Seconds for one opening."""

KB = 1000.0

# A page is usable in the frame in which the agent's buttons are drawn.
_USABLE = """
(() => {
  const look = () => {
    if (document.querySelector('[data-testid="agent-page"]')) window.usableAt ??= performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()
"""


@asynccontextmanager
async def page_of(browser: Browser, url: str, desktop: Desktop) -> AsyncIterator[Page]:
    """The page of whoever sits at this desktop, fully there; fails where it did what it must not."""
    async with visitor(browser, url, cookie=_cookie(url, desktop)) as (page, _):
        await page.locator('[data-testid="agent-page"]').wait_for()
        yield page


def _cookie(url: str, desktop: Desktop) -> dict[str, str]:
    return {"name": COOKIE, "value": desktop.seat.token, "url": url}


async def measure(stage: Stage, browser: Browser) -> list[Figure]:
    async with workplace(stage, "first-page", agents=1, contacts=1) as place:
        (desktop,) = place.desktops
        opened = [await _open(browser, place.service.url, desktop) for _ in range(OPENED)]
    times, sizes = zip(*opened, strict=True)
    note = f"signed in, nothing cached, {OPENED} times"
    return [
        Figure(name="first page usable, median", value=middle(times), unit="ms", aim=1000.0, note=note),
        Figure(name="first page usable, slowest", value=max(times), unit="ms", aim=1000.0, note=note),
        Figure(name="first page, all it loads, compressed", value=max(sizes) / KB, unit="kB", aim=250.0, note=note),
    ]


async def _open(browser: Browser, url: str, desktop: Desktop) -> tuple[float, float]:
    """Milliseconds until the page is usable, bytes on the wire with their headers."""
    context = await browser.new_context(base_url=url)
    try:
        async with within(LIMIT, "the first page"):
            await context.add_cookies([_cookie(url, desktop)])  # type: ignore[list-item]  # its type is not exported
            await context.add_init_script(_USABLE)
            page = await context.new_page()
            network = await context.new_cdp_session(page)
            await network.send("Network.enable")
            loaded: list[float] = []
            network.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
            await page.goto("/")
            await page.wait_for_function("() => window.usableAt !== undefined")
            usable = float(await page.evaluate("() => window.usableAt"))
            await page.wait_for_load_state("networkidle")
            return usable, sum(loaded)
    finally:
        await context.close()
