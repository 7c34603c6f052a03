"""Signing in and out in a browser."""

from __future__ import annotations

from tests.browser import RING
from tests.browser.conftest import Offices
from tests.support.premises import PASSWORD, Plan

pytestmark = RING


async def test_an_agent_signs_in_and_the_page_does_nothing_it_must_not(offices: Offices) -> None:
    here = await offices.found(agents={"ann": "load30"}, plans={"Spring": Plan(contacts=[])})
    desk = await offices.page()
    await desk.page.get_by_label("User name").fill(here.username("ann"))
    await desk.page.get_by_label("Password").fill(PASSWORD)
    await desk.page.get_by_role("button", name="Sign in").click()
    await desk.shows(state="offline")
    agent = await offices.client(here, "ann")
    assert (await agent("GET", "/api/v1/me")).json["agent"]["state"] == "offline"
