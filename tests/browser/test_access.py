"""Everybody can use the pages: axe finds nothing on any screen, and a shift is worked by keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from telephony.demo.customers import fictional_number
from tests.browser import RING
from tests.browser.conftest import Offices
from tests.support.agent_page import AgentPage
from tests.support.axe import violations
from tests.support.premises import PASSWORD, Plan

pytestmark = [*RING, pytest.mark.timeout(240)]


class Inspection:
    """Screens looked at so far, and what axe found on them."""

    def __init__(self) -> None:
        self.found: list[str] = []

    async def look(self, page: AgentPage, screen: str) -> None:
        self.found += [f"{screen}, {one}" for one in await violations(page.page)]

    def check(self) -> None:
        assert not self.found, "\n".join(self.found)


def contacts(*customers: str, first: int) -> list[dict[str, Any]]:
    return [
        {
            "external_id": f"c{n}",
            "name": f"Contact {n}",
            "number": fictional_number(customer, first + n),
            "zone": "Europe/Madrid",
            "company": "Stone Gardening",
            "consent": "yes",
        }
        for n, customer in enumerate(customers)
    ]


async def test_axe_finds_nothing_on_the_agents_screens(offices: Offices) -> None:
    plan = Plan(contacts=contacts("00", "02", "00", first=80), settings={"disabled_actions": ["remove"]})
    here = await offices.found(agents={"ann": "load6"}, plans={"Spring": plan})
    seen, desk = Inspection(), await offices.page()
    await seen.look(desk, "sign-in")
    await desk.at("username").fill(here.username("ann"))
    await desk.at("password").fill("wrong horse")
    await desk.press("sign-in")
    await desk.told("sign-in-error")
    await seen.look(desk, "sign-in refused")
    await desk.sign_in(here.username("ann"), PASSWORD)
    await desk.shows(state="offline")
    await seen.look(desk, "offline")
    await desk.press("phone")
    await desk.told("phone-menu")
    await seen.look(desk, "phone menu")
    await desk.page.keyboard.press("Escape")
    await desk.press("state")
    await desk.told("state-available")
    await seen.look(desk, "state menu")
    await desk.press("state-available")
    await desk.shows(state="previewing")
    await seen.look(desk, "preview")
    await desk.press("accept")
    await desk.shows(state="talking")
    await seen.look(desk, "talking")
    for button, part in (("transfer", "dialog"), ("keypad", "keypad")):
        if await desk.at(button).count():
            await desk.press(button)
            await seen.look(desk, part)
            await desk.page.keyboard.press("Escape")
    await desk.press("hang-up")
    await desk.shows(state="wrap_up")
    await desk.at("disposition", code="callback").check()
    await seen.look(desk, "wrap-up")
    await desk.wrap_up("success")
    await desk.reads("card-name", "Contact 1")
    await desk.press("accept")
    await desk.shows(call_state="ringing")
    await seen.look(desk, "ringing")
    await desk.press("cancel")
    await desk.told("failed")
    await desk.reads("card-name", "Contact 2")
    await seen.look(desk, "after a failed call")
    await desk.press("leave")
    await desk.shows(state="idle")
    await seen.look(desk, "idle")
    seen.check()


PARTS = ("agents", "campaigns", "calls", "limits", "people")
VIEWS = ("progress", "contacts", "import", "settings", "messages")


async def test_axe_finds_nothing_on_the_floors_screens(offices: Offices) -> None:
    plan = Plan(contacts=contacts("00", "02", "00", first=85))
    here = await offices.found(agents={"ann": "load7"}, plans={"Spring": plan})
    seen, floor = Inspection(), await offices.desk(here, "ada")
    for part in PARTS:
        await floor.press(f"tab-{part}")
        await expect(floor.at(f"tab-{part}")).to_have_attribute("aria-current", "page")
        await floor.page.wait_for_load_state("networkidle")
        await seen.look(floor, part)
    await floor.press("tab-campaigns")
    await floor.at("open").first.click()
    for view in VIEWS:
        await floor.press(f"view-{view}")
        await floor.page.wait_for_load_state("networkidle")
        await seen.look(floor, f"campaign {view}")
    seen.check()


async def test_a_shift_by_keyboard_alone(offices: Offices) -> None:
    plan = Plan(contacts=contacts("00", "00", "02", "00", first=90))
    here = await offices.found(agents={"ann": "load8"}, plans={"Spring": plan})
    desk = await offices.page()
    keys = desk.page.keyboard

    async def to(name: str, **data: str) -> None:
        """Tab until this part has the focus."""
        for _ in range(60):
            if await desk.at(name, **data).first.evaluate("part => part === document.activeElement"):
                await desk.page.wait_for_timeout(500)  # a press that comes sooner is the second half of a double one
                return
            await keys.press("Tab")
        raise AssertionError(f"{name} is not reached by Tab")

    await to("username")
    await keys.type(here.username("ann"))
    await to("password")
    await keys.type(PASSWORD)
    await keys.press("Enter")
    await desk.shows(state="offline")
    await to("state")
    await keys.press("Enter")
    await to("state-available")
    await keys.press("Enter")
    await desk.shows(state="previewing")
    await desk.reads("card-name", "Contact 0")
    await desk.page.wait_for_timeout(500)
    await keys.press("Alt+s")
    await desk.reads("card-name", "Contact 1")
    await desk.page.wait_for_timeout(500)
    await keys.press("Alt+a")
    await desk.shows(state="talking")
    await desk.page.wait_for_timeout(500)
    await keys.press("Alt+h")
    await desk.shows(state="wrap_up")
    await to("disposition", code="success")
    await keys.press("Space")
    await to("note")
    await keys.type("by keyboard")
    await to("wrap-up-done")
    await keys.press("Enter")
    await desk.reads("card-name", "Contact 2")
    await desk.page.wait_for_timeout(500)
    await keys.press("Alt+a")
    await desk.shows(state="dialing", call_state="ringing")
    await desk.page.wait_for_timeout(500)
    await keys.press("Alt+c")
    await desk.reads("card-name", "Contact 3")
    await desk.page.wait_for_timeout(500)
    await keys.press("Alt+l")
    await desk.shows(state="idle", reason="left_campaign")
    admin = await offices.client(here, "ada")
    calls = (await admin("GET", "/api/v1/calls")).json["items"]
    assert [(call["outcome"], call["note"] or "") for call in calls] == [
        ("AGENT_CANCELLED", ""),
        ("TALKED", "by keyboard"),
    ]
