"""Whatever is in a contact is shown as text, foreign pages can do nothing, and a session ends at once."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect
from sqlalchemy import update

from telephony.demo.customers import fictional_number
from telephony.demo.ports import PortBlock
from telephony.store import schema
from tests.browser import RING
from tests.browser.conftest import Offices
from tests.support.agent_page import AgentPage
from tests.support.premises import Plan, Premises

pytestmark = [*RING, pytest.mark.timeout(180)]

MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script><b>bold</b> {name} ${7*7} &amp;'
RIGHT_TO_LEFT = "שלום עולם مرحبا 12-34 (abc)"
EMOJI = "👩‍👩‍👧‍👦 🇪🇸 e\u0301 \u200b\ufe0f"
LONG = "Longword" * 1250
"""10,000 characters without a space."""


async def previewing(offices: Offices, phone: str, index: int, **fields: str) -> tuple[Premises, AgentPage]:
    """A contact with these fields is on the screen."""
    row: dict[str, Any] = {"external_id": "c0", "name": "Plain", "number": fictional_number("00", index)}
    short = {name: value[:4000] for name, value in fields.items()}
    here = await offices.found(agents={"ann": phone}, plans={"Spring": Plan(contacts=[row | short])})
    contacts = schema.contacts
    stored = {name: value for name, value in fields.items() if name != "name"}
    if stored:
        # also what a list could not bring in: the page must stand more than the service takes
        change = update(contacts).where(contacts.c.tenant_id == here.tenant_id).values(fields=stored)
        await offices.store.run(lambda conn: conn.execute(change))
    desk = await offices.desk(here, "ann")
    await desk.go("available")
    await desk.shows(state="previewing")
    return here, desk


async def test_what_is_in_a_contact_is_shown_as_text(offices: Offices) -> None:
    fields = {"name": MARKUP, "remarks": MARKUP, "hebrew": RIGHT_TO_LEFT, "emoji": EMOJI, "story": LONG}
    _, desk = await previewing(offices, "load10", 60, **fields)
    await desk.reads("card-name", MARKUP)
    for name in ("remarks", "hebrew", "emoji", "story"):
        await expect(desk.at("card-field", field=name)).to_contain_text(fields[name])
    inside = '[data-testid="card"] :is(img, script, b:not([class]), iframe, object)'
    assert await desk.page.locator(inside).count() == 0
    assert await desk.page.title() not in ("1", "2")
    for width in (1280, 390):
        await desk.page.set_viewport_size({"width": width, "height": 800})
        assert await desk.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        await expect(desk.at("accept")).to_be_visible()
    # text that runs the other way does not turn what stands beside it around
    assert (
        await desk.page.evaluate("() => getComputedStyle(document.querySelector('[data-testid=card]')).direction")
        == "ltr"
    )
    await desk.press("skip")


async def test_the_page_may_run_nothing_but_its_own_files(offices: Offices) -> None:
    page = await offices.page()
    page.watch.forgive("Content Security Policy|Refused to|violates")
    answer = await page.page.request.get("/")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    done = await page.page.evaluate(
        """async () => {
          const inline = document.createElement('script');
          inline.textContent = 'window.inlineRan = true';
          document.head.append(inline);
          const styled = document.createElement('div');
          styled.setAttribute('style', 'color: red');
          document.body.append(styled);
          setTimeout('window.textRan = true', 0);
          await new Promise(done => setTimeout(done, 50));
          const abroad = await fetch('https://example.org/').then(() => true, () => false);
          return [window.inlineRan ?? false, getComputedStyle(styled).color === 'rgb(255, 0, 0)',
                  window.textRan ?? false, abroad];
        }"""
    )
    assert done == [False, False, False, False]


async def test_a_foreign_page_cannot_act_with_the_agents_session(offices: Offices, ports: PortBlock) -> None:
    here, desk = await previewing(offices, "load11", 61)
    offer = (await desk.data("agent-page"))["offer"]
    foreign = await desk.page.context.new_page()
    desk.watch.forgive("")  # what the foreign page does is not the page's fault
    await foreign.goto(offices.service.url.replace("127.0.0.1", "localhost"))
    told = await foreign.evaluate(
        """async ([url, offer]) => {
          const ask = (path, method, type) => fetch(url + path, {
            method, mode: type ? 'cors' : 'no-cors', credentials: 'include', body: method === 'GET' ? undefined : '{}',
            headers: type ? {'Content-Type': type} : {},
          }).then(answer => answer.type + answer.status, () => 'refused');
          return [await ask(`/api/v1/offers/${offer}/accept`, 'POST', ''),
                  await ask('/api/v1/me/state', 'PUT', 'application/json'),
                  await ask('/api/v1/me', 'GET', 'application/json')];
        }""",
        [offices.service.url, offer],
    )
    assert told[1:] == ["refused", "refused"]
    await desk.shows(state="previewing", offer=offer)
    cookies = {one["name"]: one["value"] for one in await desk.page.context.cookies()}
    async with aiohttp.ClientSession(cookies=cookies) as http:
        path = f"{offices.service.url}/api/v1/offers/{offer}/accept"
        for origin in ("https://evil.example", "null"):
            async with http.post(path, headers={"Origin": origin}) as answer:
                assert (answer.status, (await answer.json(content_type=None))["code"]) == (403, "ORIGIN_REFUSED")
    assert await offices.rows(here, schema.attempts) == []
    await desk.press("leave")


async def test_a_session_that_ends_leaves_nothing_on_an_open_page(offices: Offices) -> None:
    here, desk = await previewing(offices, "load12", 62)
    admin = await offices.client(here, "ada")
    answer = await admin("PATCH", f"/api/v1/users/{here.people['ann']}", {"active": False})
    assert answer.status == 200, answer.text
    await expect(desk.at("username")).to_be_visible()
    assert "Plain" not in await desk.page.locator("body").inner_text()


async def test_a_role_that_changes_takes_effect_on_an_open_page(offices: Offices) -> None:
    here = await offices.found(agents={"ann": "load13"}, plans={"Spring": Plan(contacts=[])})
    desk = await offices.desk(here, "ann")
    await desk.shows(state="offline")
    admin = await offices.client(here, "ada")
    answer = await admin("PATCH", f"/api/v1/users/{here.people['ann']}", {"role": "supervisor"})
    assert answer.status == 200, answer.text
    await expect(desk.at("tab-floor")).to_be_visible()
    answer = await admin("PATCH", f"/api/v1/users/{here.people['ann']}", {"role": "agent"})
    assert answer.status == 200, answer.text
    await expect(desk.at("tab-floor")).to_have_count(0)
    await desk.shows(state="offline")


async def test_signing_out_in_one_tab_signs_out_the_other(offices: Offices) -> None:
    here = await offices.found(agents={"ann": "load14"}, plans={"Spring": Plan(contacts=[])})
    desk = await offices.desk(here, "ann")
    second = AgentPage(await desk.page.context.new_page(), desk.watch)
    await second.page.goto("/")
    await second.shows(state="offline")
    await desk.press("sign-out")
    for tab in (desk, second):
        await expect(tab.at("username")).to_be_visible()
