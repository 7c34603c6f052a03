"""English or Spanish: as the browser prefers, as switched, remembered, and told to the service."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser import RING
from tests.browser.conftest import Offices
from tests.support.page_texts import page_texts
from tests.support.premises import PASSWORD, Plan

pytestmark = [*RING, pytest.mark.timeout(120)]


@pytest.mark.parametrize(("preferred", "shown"), [("es-MX", "es"), ("en-GB", "en"), ("fr", "en")])
async def test_the_browser_chooses_the_language(offices: Offices, preferred: str, shown: str) -> None:
    page = await offices.page(language=preferred)
    await expect(page.at("sign-in")).to_contain_text(page_texts(shown)["signIn"]["submit"])
    assert await page.page.evaluate("() => document.documentElement.lang") == shown


async def test_a_switch_is_seen_at_once_remembered_and_told_to_the_service(offices: Offices) -> None:
    here = await offices.found(agents={"ann": "load37"}, plans={"Spring": Plan(contacts=[])})
    agent = await offices.client(here, "ann")
    desk = await offices.page()
    await desk.at("language").select_option("es")
    await expect(desk.at("sign-in")).to_contain_text(page_texts("es")["signIn"]["submit"])
    await desk.sign_in(here.username("ann"), PASSWORD)
    hint = page_texts("es")["state"]["offline"]
    await expect(desk.at("hint")).to_contain_text(hint)
    await desk.page.reload()
    await expect(desk.at("hint")).to_contain_text(hint)
    assert (await agent("GET", "/api/v1/me")).json["user"]["language"] == "es"
    await desk.at("language").select_option("en")
    await expect(desk.at("hint")).to_contain_text(page_texts("en")["state"]["offline"])
    assert await desk.page.evaluate("() => document.documentElement.lang") == "en"
