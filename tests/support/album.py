"""Pictures of a desk after each step of the tables, in both languages, compared with what the API says then.

The desk stands still while its picture is taken: each transaction of the floor waits for the camera, so the page shows
exactly what that step left.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser

from telephony.demo.host import REPOSITORY
from telephony.dialer.ground import Ground
from telephony.model.reasons import TEXTS
from telephony.settings import Http, Settings
from telephony.store.engine import Store
from telephony.store.sessions import open_session
from telephony.store.work import change
from telephony.web.auth import COOKIE
from telephony.web.server import WebServer
from tests.support.agent_page import AgentPage
from tests.support.chromium import settled, visitor
from tests.support.office import Client, free_port
from tests.support.page_texts import page_texts
from tests.support.shift import Shift, shift
from tests.support.walks import Pair, Trail, Walk

PICTURES = REPOSITORY / "build" / "pictures"

LANGUAGES = ("en", "es")

ABOUT = {
    "label": "office",
    "zone": "Europe/Madrid",
    "company": "Construcciones y Reformas Hermanos Fernández de la Vega, S. L.",
    "contract": "4711-2026",
    "reason": "The yearly offer was sent in October; asked for a call after the holidays, in the morning if possible.",
}
"""What is known of each contact, beside name and number."""

PATIENCE = 60.0
"""Seconds a walk waits for what it does: every step of it may wait for two pictures."""


_RAW = re.compile(r"\{\w+\}|undefined|\bNaN\b|\[object|\b[a-z]+_[a-z_]+\b|\b[A-Z]+_[A-Z_]+\b")
"""What no text may hold: a value that was not filled in, a key or a code of the program."""


class Album:
    """The pictures of some rows of the tables; `wanted` is what it must hold in the end."""

    def __init__(self, wanted: set[Pair]) -> None:
        self.wanted = wanted
        self.taken: set[Pair] = set()

    @property
    def missing(self) -> set[Pair]:
        return {pair for pair in self.wanted if not all(picture(pair, one).exists() for one in LANGUAGES)}

    def clear(self) -> None:
        for pair in self.wanted:
            for language in LANGUAGES:
                picture(pair, language).unlink(missing_ok=True)

    async def go(self, walk: Walk, browser: Browser, template: Path, folder: Path) -> None:
        """Go a walk with a database of its own, a copy of the template in the folder."""
        database = folder / f"{walk.name}.db"
        await asyncio.to_thread(shutil.copy, template, database)
        store = Store(f"sqlite:///{database}")
        try:
            await self.walk(browser, store, folder, walk)
        finally:
            await store.close()

    async def walk(self, browser: Browser, store: Store, folder: Path, walk: Walk) -> None:
        """Go a way through the tables before the camera."""
        async with scene(browser, store, folder, walk, patience=PATIENCE) as (one, client, pages):
            with Trail() as trail, pytest.MonkeyPatch.context() as patch:
                camera, faults = asyncio.Lock(), list[Exception]()
                stored = Ground.change

                async def watched(ground: Ground, fn: Any, **how: Any) -> Any:
                    result = await stored(ground, fn, **how)
                    async with camera:
                        try:
                            await self._look(trail, client, pages)
                        except Exception as error:
                            # the desk would take it for an error of its own
                            faults.append(error)
                    return result

                patch.setattr(Ground, "change", watched)
                await walk.go(one)
            if faults:
                raise faults[0]

    async def _look(self, trail: Trail, client: Client, pages: Mapping[str, AgentPage]) -> None:
        new = (set(trail.pairs) & self.wanted) - self.taken
        trail.pairs.clear()
        self.taken |= new
        if not new:
            return
        me = (await client("GET", "/api/v1/me")).json
        await asyncio.gather(*(self._take(page, language, me, new) for language, page in pages.items()))

    async def _take(self, page: AgentPage, language: str, me: dict[str, Any], pairs: set[Pair]) -> None:
        await compare(page, me, language)
        await settled(page.page)
        first, *others = [picture(pair, language) for pair in sorted(pairs)]
        first.parent.mkdir(parents=True, exist_ok=True)
        await page.page.screenshot(path=first, animations="disabled")
        for other in others:
            await asyncio.to_thread(shutil.copy, first, other)


def picture(pair: Pair, language: str) -> Path:
    return PICTURES / language / f"{'.'.join(pair)}.png"


async def compare(page: AgentPage, me: dict[str, Any], language: str) -> None:
    """What the page shows is what the API says: its states, and in words."""
    agent, offer, call = me["agent"], me["offer"], me["call"]
    await page.shows(state=agent["state"], offer=offer["id"] if offer else "", call=call["id"] if call else "")
    if call is not None:
        await page.shows(call_state=call["state"])
    seen = await page.page.locator("body").inner_text()
    expected = [page_texts(language)["state"][agent["state"]]]
    if offer is not None:
        expected += [offer["card"]["name"], offer["campaign"]["name"]]
    if call is not None and call["state"] == "ended" and agent["state"] == "wrap_up":
        expected.append(TEXTS[call["outcome"]][LANGUAGES.index(language)])
    raw = _RAW.findall(seen)
    assert not raw, f"on the page in {language}: {raw}\n{seen}"
    missing = [text for text in expected if text.casefold() not in seen.casefold()]
    assert not missing, f"not on the page in {language}: {missing}\n{seen}"


@asynccontextmanager
async def scene(
    browser: Browser, store: Store, folder: Path, walk: Walk, *, patience: float
) -> AsyncIterator[tuple[Shift, Client, dict[str, AgentPage]]]:
    """A floor played by hand behind the real web, and the agent's page in each language."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(shift(store, contacts=walk.contacts, about=ABOUT, **walk.settings))
        one.patience = patience
        settings = Settings(data_dir=folder, database_url=store.url, http=Http(port=free_port()))
        server = WebServer(settings=settings, store=store, floor=one.floor, changes=one.floor.changes)
        await server.start()
        stack.push_async_callback(server.stop)
        lifetime, now = timedelta(hours=1), datetime.now(UTC)
        token = await change(store, lambda work: open_session(work.conn, one.agent, now=now, lifetime=lifetime))
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        cookie = {"name": COOKIE, "value": token, "url": server.url}
        pages = {}
        for language in LANGUAGES:
            opened = visitor(browser, server.url, language=language, cookie=cookie)
            pages[language] = AgentPage(*await stack.enter_async_context(opened))
        yield one, Client(http, server.url, token), pages
