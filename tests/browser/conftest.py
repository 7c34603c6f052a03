"""The ring in a real browser: one Chromium and one service for each process of the run, on the run's Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from itertools import count
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser
from sqlalchemy import Table, select

from telephony.demo.host import REPOSITORY, need_packages
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.pbx.message_file import TOOLS
from telephony.store.engine import Store
from telephony.store.migrate import upgrade
from telephony.store.work import change
from tests.support.agent_page import AgentPage
from tests.support.chromium import chromium, hum, visitor
from tests.support.network import outer_address
from tests.support.office import Client
from tests.support.platform import customers, load_phones, pbx, ports
from tests.support.premises import PASSWORD, Plan, Premises, found
from tests.support.service_process import ServiceProcess, ServiceSettings

__all__ = ["customers", "load_phones", "pbx", "ports"]

CELL = "Browser cell"

FAILED = REPOSITORY / "build" / "pictures" / "failed"
"""What the pages of a failed test looked like."""

_FAILED = pytest.StashKey[bool]()

_numbers = count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    microphone = tmp_path_factory.mktemp("microphone") / "hum.wav"
    await asyncio.to_thread(hum, microphone)
    async with chromium(microphone) as running:
        yield running


@pytest.fixture(scope="session")
def network() -> Iterator[None]:
    """An address that is not the loopback's: Asterisk and Chromium offer no other for the sound of calls."""
    with outer_address():
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(
    network: None, pbx: Pbx, ports: PortBlock, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServiceProcess]:
    """A `telephony serve` on an SQLite file; each test founds a tenant of its own in it."""
    await need_packages(TOOLS, say=print)  # messages are converted with them
    folder = tmp_path_factory.mktemp("service")
    url = f"sqlite:///{folder / 'telephony.db'}"
    store = Store(url)
    await asyncio.to_thread(upgrade, store)
    await store.close()
    running = ServiceProcess(
        ServiceSettings.at(
            ports,
            directory=folder,
            database_url=url,
            ami=pbx.ami,
            cell=CELL,
            audio=pbx.audio,
            phones=(pbx.settings.http_port, pbx.web_secret),
        )
    )
    await running.start()
    await running.ready()
    yield running
    await running.stop()


class Offices:
    """Tenants of the running service, and the browsers of the people in them."""

    def __init__(self, browser: Browser, service: ServiceProcess, store: Store, http: aiohttp.ClientSession) -> None:
        self._browser = browser
        self._http = http
        self._stack = AsyncExitStack()
        self._pages: list[AgentPage] = []
        self.service = service
        self.store = store

    async def found(self, *, agents: Mapping[str, str], plans: Mapping[str, Plan], **wanted: Any) -> Premises:
        """A tenant with a name that no other test uses."""
        name = f"t{next(_numbers)}"
        return await change(self.store, lambda work: found(work, name, cell=CELL, agents=agents, plans=plans, **wanted))

    async def page(self, *, url: str = "", **wanted: Any) -> AgentPage:
        """A browser of its own at the sign-in; `url`: another way to the service, `wanted`: language, theme, size."""
        opened = await self._stack.enter_async_context(visitor(self._browser, url or self.service.url, **wanted))
        self._pages.append(AgentPage(*opened))
        return self._pages[-1]

    async def desk(self, here: Premises, person: str, **wanted: Any) -> AgentPage:
        """A browser in which this person is signed in."""
        page = await self.page(**wanted)
        await page.sign_in(here.username(person), PASSWORD)
        return page

    @contextmanager
    def beside(self, browser: Browser) -> Iterator[None]:
        """Whoever comes now uses another browser."""
        usual, self._browser = self._browser, browser
        try:
            yield
        finally:
            self._browser = usual

    async def rows(self, here: Premises, table: Table) -> list[Any]:
        """A tenant's rows, the oldest first."""
        mine = select(table).where(table.c.tenant_id == here.tenant_id).order_by(table.c.id)
        return await self.store.run(lambda conn: list(conn.execute(mine)))

    async def client(self, here: Premises, person: str) -> Client:
        """The same person at the API: what a page shows is compared with what this one is told."""
        client = Client(self._http, self.service.url)
        answer = await client("POST", "/api/v1/sessions", {"username": here.username(person), "password": PASSWORD})
        assert answer.status == 201, answer.text
        client.token = answer.json["token"]
        return client

    async def take_pictures(self, name: str) -> None:
        """What everybody sees at this moment."""
        FAILED.mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(self._pages):
            await page.page.screenshot(path=FAILED / f"{name}-{number}.png")

    async def close(self) -> None:
        """Close the browsers; raises AssertionError where a page did what it must not."""
        await self._stack.aclose()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest_asyncio.fixture(loop_scope="session")
async def offices(request: pytest.FixtureRequest, browser: Browser, service: ServiceProcess) -> AsyncIterator[Offices]:
    store = Store(service.settings.database_url)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        opened = Offices(browser, service, store, http)
        try:
            yield opened
            if request.node.stash.get(_FAILED, False):
                await opened.take_pictures(request.node.name)
        finally:
            await opened.close()
            await store.close()
