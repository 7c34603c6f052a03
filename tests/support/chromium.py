"""Debian's Chromium with a microphone that hums, and what no page of ours may do in it."""

from __future__ import annotations

import asyncio
import re
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebError,
    async_playwright,
)

from telephony.demo.host import need_packages

PROGRAM = "/usr/bin/chromium"
PACKAGES = {PROGRAM: "chromium"}

PATIENCE = 30_000.0
"""Milliseconds a page has for what is waited for: a tenth of a second is usual, ten programs at each core are not."""

WIDE = {"width": 1280, "height": 720}
NARROW = {"width": 390, "height": 844}

HUM = 700
"""Hz; a whole number of waves a second."""

MICROPHONE_RATE = 48_000

_REFUSAL = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
"""What the browser itself writes about an answer; those of the API are no fault of the page."""


@asynccontextmanager
async def chromium(microphone: Path, *, allowed: bool = True) -> AsyncIterator[Browser]:
    """A headless Chromium from Debian's package; `microphone`: a WAV (48 kHz, mono, 16 bit) said again and again.

    Not `allowed`: whoever asks for the microphone is refused, as by a user.
    """
    await need_packages(PACKAGES, say=print)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=PROGRAM,
            args=[
                "--no-sandbox",  # the tests may run as root
                *(["--use-fake-ui-for-media-stream"] if allowed else []),
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        try:
            yield browser
        finally:
            await browser.close()


def hum(path: Path) -> None:
    """What the microphone hears: HUM, which Chromium repeats without a gap.

    It swells four times a second like a voice: a steady tone is noise to the browser, which takes it out.
    """
    times = np.arange(MICROPHONE_RATE) / MICROPHONE_RATE
    loud = 0.35 * (1 - np.cos(2 * np.pi * 4 * times))
    sound = (32767 * loud * np.sin(2 * np.pi * HUM * times)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MICROPHONE_RATE)
        file.writeframes(sound.tobytes())


class Watch:
    """Notes what a context's pages did wrong: errors, what the Content-Security-Policy stopped, foreign hosts."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.faults: list[str] = []
        self._host = urlsplit(url).netloc
        self._forgiven: list[re.Pattern[str]] = []
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)

    def forgive(self, pattern: str) -> None:
        """Faults of this text belong to the story: a line that was cut, an origin that was refused."""
        self._forgiven.append(re.compile(pattern))

    def check(self) -> None:
        found = [one for one in self.faults if not any(known.search(one) for known in self._forgiven)]
        assert not found, "\n".join(found)

    def _console(self, message: ConsoleMessage) -> None:
        address = urlsplit(message.location.get("url", "")).path
        if message.type == "error" and not (_REFUSAL.match(message.text) and address.startswith("/api/")):
            self.faults.append(f"console: {message.text} ({address})")

    def _error(self, error: WebError) -> None:
        self.faults.append(f"uncaught: {error.error}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != self._host:
            self.faults.append(f"foreign host: {request.url}")


@asynccontextmanager
async def visitor(
    browser: Browser,
    url: str,
    *,
    language: str = "en",
    theme: str = "light",
    size: dict[str, int] | None = None,
    microphone: bool = True,
    cookie: dict[str, str] | None = None,
) -> AsyncIterator[tuple[Page, Watch]]:
    """A browser of one person, with cookies of its own, at our page; fails where the page did what it must not.

    `cookie`: that of a session, for one who is signed in already.
    """
    context = await browser.new_context(
        locale=language,
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": (size or WIDE)["width"], "height": (size or WIDE)["height"]},
        reduced_motion="reduce",
        permissions=["microphone"] if microphone else [],
        base_url=url,
    )
    context.set_default_timeout(PATIENCE)
    watch = Watch(context, url)
    try:
        if cookie is not None:
            await context.add_cookies([cookie])  # type: ignore[list-item]  # its type is not exported
        page = await context.new_page()
        await page.goto("/")
        yield page, watch
        watch.check()
    finally:
        await context.close()


async def settled(page: Page) -> None:
    """The next picture is drawn: what was told before is on the screen."""
    await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    await asyncio.sleep(0)
