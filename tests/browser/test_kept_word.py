"""What an agent has pressed is done, whatever happens meanwhile; and nothing of a session is left for the next one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from playwright.async_api import Route, expect
from sqlalchemy import select, update

from telephony.store import messages, schema
from telephony.store.messages import MessageUse, NewMessage
from tests.browser import RING
from tests.browser.conftest import Offices
from tests.browser.work import LINE_LOST, Work, work
from tests.support.agent_page import AgentPage
from tests.support.premises import PASSWORD, Plan
from tests.support.tcp_line import TcpLine

pytestmark = [*RING, pytest.mark.timeout(240)]


async def listed(one: Work, *which: int) -> None:
    """Wait until these of the contacts, and no others, are on the do-not-call list."""
    wanted = {one.numbers[n] for n in which}
    mine = select(schema.do_not_call.c.e164).where(schema.do_not_call.c.tenant_id == one.here.tenant_id)
    found: set[str] = set()
    for _ in range(600):
        found = set(await one.offices.store.run(lambda conn: conn.execute(mine).scalars().all()))
        if found == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError((found, wanted))


async def give_message(one: Work) -> None:
    """The campaign has a recorded message, on paper: none of it is played."""
    new = NewMessage(name="hello.wav", path="hello.wav", seconds=3.0, sha256="0" * 64)
    tenant, campaign = one.here.tenant_id, one.here.campaigns["Spring"]
    at = datetime.now(UTC)
    await one.offices.store.run(
        lambda conn: messages.set_message(conn, tenant, campaign, MessageUse.VOICEMAIL, new, now=at)
    )


async def test_do_not_call_is_taken_back_or_carried_out_whatever_comes_between(offices: Offices) -> None:
    one = await work(offices, "load31", ["00"] * 7)
    desk = one.desk
    await desk.press("do-not-call")
    await desk.told("do-not-call-pending")
    for decision in ("accept", "skip", "remove", "leave"):
        await expect(desk.at(decision)).to_have_attribute("aria-disabled", "true")
    await desk.press("do-not-call-undo")
    await expect(desk.at("accept")).not_to_have_attribute("aria-disabled", "true")
    await desk.press("skip")
    await desk.reads("card-name", "Contact 1")
    await listed(one)

    # by itself
    await desk.press("do-not-call")
    await desk.reads("card-name", "Contact 2")
    await desk.told("notice", kind="do_not_call")
    await listed(one, 1)

    # a reload
    await desk.press("do-not-call")
    await desk.page.reload()
    await desk.reads("card-name", "Contact 3")
    await listed(one, 1, 2)
    await desk.told("notice", kind="do_not_call")

    # another decision, by another tab
    await desk.press("do-not-call")
    offer = (await desk.data("agent-page"))["offer"]
    assert (await one.agent("POST", f"/api/v1/offers/{offer}/skip")).status == 200
    await desk.reads("card-name", "Contact 4")
    await listed(one, 1, 2, 3)

    # the wrap-up
    await desk.press("accept")
    await desk.shows(state="talking")
    await desk.press("hang-up")
    await desk.shows(state="wrap_up")
    await desk.at("disposition", code="success").check()
    await desk.press("do-not-call")
    await desk.press("wrap-up-done")
    await desk.reads("card-name", "Contact 5")
    await listed(one, 1, 2, 3, 4)

    # nothing: once it is done the button says so, after a reload too
    await desk.press("accept")
    await desk.shows(state="talking")
    await desk.press("do-not-call")
    await expect(desk.at("do-not-call")).to_contain_text("this number is on the list")
    await listed(one, 1, 2, 3, 4, 5)
    await desk.page.reload()
    await expect(desk.at("do-not-call")).to_contain_text("this number is on the list")
    await desk.press("hang-up")
    await desk.shows(state="wrap_up")
    await desk.wrap_up("success")

    # the end of the session
    await desk.reads("card-name", "Contact 6")
    await desk.press("do-not-call")
    await desk.told("do-not-call-pending")
    await desk.press("sign-out")
    await desk.told("sign-in-form")
    await listed(one, 1, 2, 3, 4, 5, 6)


async def test_do_not_call_outlives_a_lost_network_and_the_page(offices: Offices) -> None:
    settings = offices.service.settings
    async with TcpLine("127.0.0.1", settings.http_port) as line:
        one = await work(offices, "load32", ["00"] * 3, url=f"http://127.0.0.1:{line.port}")
        one.desk.watch.forgive(LINE_LOST)
        line.cut()
        await one.desk.press("do-not-call")
        told = await one.desk.told("notice", kind="do_not_call")
        await expect(told).to_contain_text("Contact 0")
        await listed(one)
        line.mend()
        await listed(one, 0)
        await one.desk.reads("card-name", "Contact 1")

        await one.desk.press("do-not-call")
        await one.desk.page.close()
        await listed(one, 0, 1)

        # a session that a supervisor ended: done in the next one of the same user, not in another's
        desk = AgentPage(await one.desk.page.context.new_page(), one.desk.watch)
        await desk.page.goto("/")
        await desk.reads("card-name", "Contact 2")
        await desk.press("do-not-call")
        await desk.told("do-not-call-pending")
        await offices.store.run(lambda conn: conn.execute(schema.sessions.delete()))
        await desk.told("sign-in-form")
        await desk.sign_in(one.here.username("sue"), PASSWORD)
        await desk.press("sign-out")
        await desk.told("sign-in-form")
        await listed(one, 0, 1)
        await desk.sign_in(one.here.username("ann"), PASSWORD)
        await listed(one, 0, 1, 2)


async def test_a_call_is_ended_whatever_else_is_under_way(offices: Offices) -> None:
    one = await work(offices, "load33", ["00", "02", "00"])
    desk = one.desk
    desk.watch.forgive(LINE_LOST)
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await desk.press("accept")
    await desk.shows(state="talking")
    drop = desk.at("drop-message")
    await expect(drop).to_have_attribute("aria-disabled", "true")
    await expect(drop).to_contain_text("the campaign has no recorded message")
    await give_message(one)
    await desk.page.reload()
    await expect(drop).to_contain_text("the contact has not agreed")
    consent = update(schema.contacts).where(schema.contacts.c.tenant_id == one.here.tenant_id).values(consent=True)
    await offices.store.run(lambda conn: conn.execute(consent))
    await desk.page.reload()
    await expect(drop).not_to_have_attribute("aria-disabled", "true")
    await desk.page.route("**/drop-message", hold)
    await desk.press("drop-message")
    await desk.press("hang-up")
    await desk.shows(state="wrap_up")
    assert len(held) == 1
    for route in held:
        await route.abort()
    await desk.wrap_up("success")

    # the answer to an accept is late: the feed has told of the call before
    await desk.reads("card-name", "Contact 1")
    late = asyncio.Event()

    async def delay(route: Route) -> None:
        answer = await route.fetch()
        await late.wait()
        await route.fulfill(response=answer)

    await desk.page.route("**/accept", delay)
    await desk.press("accept")
    await desk.shows(state="dialing", call_state="ringing")
    await desk.press("cancel")
    await desk.reads("card-name", "Contact 2")
    late.set()
    await desk.press("leave")
    await desk.shows(state="idle")


async def test_who_signs_out_leaves_nothing_behind(offices: Offices) -> None:
    one = await work(offices, "load34", ["00", "00"])
    desk = one.desk
    await desk.press("accept")
    await desk.shows(state="talking")
    await desk.press("hang-up")
    await desk.shows(state="wrap_up")
    await desk.at("note").fill("said something private")
    answers = asyncio.Event()

    async def late(route: Route) -> None:
        answer = await route.fetch()
        await answers.wait()
        await route.fulfill(response=answer)

    await desk.page.route("**/api/v1/me", late)
    async with desk.page.expect_request("**/api/v1/me"):
        await desk.press("state")
        await desk.press("idle-reason", value="lunch")
    await desk.press("sign-out")
    await desk.told("sign-in-form")
    answers.set()
    await asyncio.sleep(0.5)
    await expect(desk.at("sign-in-form")).to_be_visible()
    await expect(desk.at("agent-page")).to_have_count(0)
    kept = await desk.page.evaluate("() => JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert "private" not in kept
    assert "Contact" not in kept
    assert one.numbers[0] not in kept


async def test_a_microphone_that_is_allowed_too_late_is_closed_again(offices: Offices) -> None:
    here = await offices.found(agents={"web8": "load35"}, plans={"Spring": Plan(contacts=[])})
    page = await offices.page()
    # the browser's question stays open until the test answers it
    await page.page.add_init_script(
        """const media = navigator.mediaDevices, ask = media.getUserMedia.bind(media);
        window.given = [];
        media.getUserMedia = async (wanted) => {
          const stream = await ask(wanted);
          window.given.push(...stream.getTracks());
          await new Promise((done) => { window.allow = done; });
          return stream;
        };"""
    )
    await page.page.reload()
    await page.sign_in(here.username("web8"), PASSWORD)
    await page.press("phone-browser")
    await page.phone_is("asking")
    await page.page.wait_for_function("() => window.allow")
    await page.press("phone-sip")
    await page.press("phone-save")
    await expect(page.at("phone")).to_have_attribute("data-phone", "sip")
    await page.page.evaluate("() => window.allow()")
    await page.page.wait_for_function("() => window.given.every((track) => track.readyState === 'ended')")


async def test_a_phone_whose_account_cannot_be_read_says_so_and_tries_again(offices: Offices) -> None:
    here = await offices.found(agents={"web12": "load36"}, plans={"Spring": Plan(contacts=[])})
    page = await offices.desk(here, "web12")
    failing = True

    async def away(route: Route) -> None:
        if failing and route.request.method == "GET":
            await route.fulfill(status=503, json={"code": "PBX_UNREACHABLE", "status": 503})
        else:
            await route.continue_()

    page.watch.forgive("status of 503")
    await expect(page.at("phone-browser")).to_be_visible()
    await page.page.route("**/api/v1/me/phone", away)
    await page.press("phone-browser")
    await page.phone_is("lost")
    failing = False
    await page.phone_is("ready")
