"""An agent at work in a real browser, with contacts that do as their numbers say."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from telephony.demo.customers import fictional_number
from tests.browser.conftest import Offices
from tests.support.agent_page import AgentPage
from tests.support.chromium import PATIENCE, settled
from tests.support.office import Client
from tests.support.premises import Plan, Premises

LINE_LOST = r"net::ERR_|WebSocket connection to"
"""What the browser itself says of a line that was cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An agent at a page with contacts that do as their numbers say."""

    here: Premises
    desk: AgentPage
    agent: Client
    numbers: tuple[str, ...]
    offices: Offices

    async def me(self) -> dict[str, Any]:
        return dict((await self.agent("GET", "/api/v1/me")).json)

    async def alike(self, desk: AgentPage) -> None:
        """The page shows what the API says, as soon as both speak of the same moment."""
        said: dict[str, str] = {}
        shown: dict[str, str] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE / 1000):
                while not said or said != {name: shown.get(name, "") for name in said}:
                    me = await self.me()
                    offer, call = me["offer"] or {}, me["call"] or {}
                    said = {
                        "state": me["agent"]["state"],
                        "reason": me["agent"]["reason"] or "",
                        "offer": offer.get("id", ""),
                        "call": call.get("id", ""),
                        "callState": call.get("state", ""),
                    }
                    await settled(desk.page)
                    shown = await desk.data("agent-page")
        assert said == {name: shown.get(name, "") for name in said}

    async def rows(self, table: Any) -> list[Any]:
        """Of this tenant."""
        return await self.offices.rows(self.here, table)


_first = iter(range(100, 300, 5))


async def work(offices: Offices, phone: str, customers: Sequence[str], *, url: str = "", **settings: Any) -> Work:
    """Signed in and available; the first contact is on the screen."""
    first = next(_first)
    numbers = tuple(fictional_number(customer, first + n) for n, customer in enumerate(customers))
    rows = [{"external_id": f"c{n}", "name": f"Contact {n}", "number": number} for n, number in enumerate(numbers)]
    here = await offices.found(agents={"ann": phone}, plans={"Spring": Plan(contacts=rows, settings=settings)})
    desk = await offices.desk(here, "ann", url=url)
    await desk.go("available")
    await desk.shows(state="previewing")
    await desk.reads("card-name", "Contact 0")
    agent = await offices.client(here, "ann")
    return Work(here=here, desk=desk, agent=agent, numbers=numbers, offices=offices)
