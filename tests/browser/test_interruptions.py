"""A reload, a second tab, a lost network, a service that dies, a double click: the exact state again, nothing twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect

from telephony.demo.customers import Customers
from telephony.store import schema
from tests.browser import RING
from tests.browser.conftest import Offices
from tests.browser.work import LINE_LOST, work
from tests.support.agent_page import AgentPage
from tests.support.tcp_line import TcpLine

pytestmark = [*RING, pytest.mark.timeout(240)]


async def test_a_reload_shows_the_same_in_every_state(offices: Offices, pbx: Any) -> None:
    one = await work(offices, "load1", ["00", "00"])
    desk = one.desk

    async def reload() -> None:
        await desk.page.reload()
        await one.alike(desk)

    await reload()
    await desk.press("accept")
    await desk.shows(call_state="ringing|talking")
    await reload()
    await desk.shows(call_state="talking")
    await reload()
    await desk.told("hang-up")
    await desk.press("hang-up")
    await desk.shows(state="wrap_up")
    await reload()
    await desk.wrap_up("success", note="as before")
    await desk.reads("card-name", "Contact 1")
    await reload()
    await desk.press("leave")
    await desk.shows(state="idle")
    await reload()
    (call,) = await one.rows(schema.attempts)
    assert (call.outcome, call.note) == ("TALKED", "as before")


async def test_a_second_tab_follows_and_nothing_is_done_twice(offices: Offices, customers: Customers) -> None:
    one = await work(offices, "load2", ["00", "00"])
    second = AgentPage(await one.desk.page.context.new_page(), one.desk.watch)
    await second.page.goto("/")
    await one.alike(second)
    press = """() => document.querySelector('[data-testid="accept"]')?.click()"""
    await asyncio.gather(one.desk.page.evaluate(press), second.page.evaluate(press))
    for tab in (one.desk, second):
        await tab.shows(state="talking", call_state="talking")
        await one.alike(tab)
    await second.press("hang-up")
    await one.desk.shows(state="wrap_up")
    await one.desk.wrap_up("success")
    for tab in (one.desk, second):
        await tab.reads("card-name", "Contact 1")
        await one.alike(tab)
    called = [call.number for call in await customers.calls()]
    assert [called.count(number) for number in one.numbers] == [1, 0]
    await one.desk.press("leave")
    await second.shows(state="idle")


async def test_a_lost_network_is_told_and_what_happened_meanwhile_is_there_again(offices: Offices) -> None:
    settings = offices.service.settings
    async with TcpLine("127.0.0.1", settings.http_port) as line:
        one = await work(offices, "load3", ["00", "00"], url=f"http://127.0.0.1:{line.port}")
        one.desk.watch.forgive(LINE_LOST)
        line.cut()
        await expect(one.desk.at("link")).to_have_attribute("data-link", "down")
        await one.desk.told("connection-lost")
        await one.desk.press("accept")  # it cannot be sent; the agent is told so, and it is not sent later
        await one.desk.told("refusal", code="NETWORK")
        offer = (await one.me())["offer"]["id"]
        done = await one.agent("POST", f"/api/v1/offers/{offer}/accept")
        call = done.json["attempt"]
        assert done.status == 200
        while (await one.me())["agent"]["state"] != "talking":  # noqa: ASYNC110 - it is another process that changes it
            await asyncio.sleep(0.05)
        line.mend()
        await one.desk.shows(state="talking", call=call)
        await one.alike(one.desk)
        await expect(one.desk.at("link")).to_have_attribute("data-link", "up")
        await expect(one.desk.at("connection-lost")).to_have_count(0)
        assert len(await one.rows(schema.attempts)) == 1
        await one.desk.press("hang-up")
        await one.desk.shows(state="wrap_up")
        await one.desk.wrap_up("success")
        await one.desk.press("leave")
        await one.desk.shows(state="idle")


async def test_a_service_that_dies_and_comes_back_finds_the_page_waiting(offices: Offices) -> None:
    one = await work(offices, "load4", ["00", "00"])
    one.desk.watch.forgive(LINE_LOST)

    async def dies() -> None:
        await offices.service.kill()
        await expect(one.desk.at("link")).to_have_attribute("data-link", "down")
        await offices.service.start()
        await offices.service.ready()
        await expect(one.desk.at("link")).to_have_attribute("data-link", "up")
        await one.alike(one.desk)

    offer = (await one.desk.data("agent-page"))["offer"]
    await dies()
    await one.desk.shows(state="previewing", offer=offer)
    await one.desk.press("accept")
    await one.desk.shows(state="talking")
    call = (await one.desk.data("agent-page"))["call"]
    await dies()
    await one.desk.shows(state="talking", call=call)
    await one.desk.press("hang-up")
    await one.desk.shows(state="wrap_up")
    await dies()
    await one.desk.wrap_up("success")
    await one.desk.reads("card-name", "Contact 1")
    await one.desk.press("leave")
    await one.desk.shows(state="idle")
    (row,) = await one.rows(schema.attempts)
    assert row.outcome == "TALKED"


async def test_a_double_click_acts_once(offices: Offices, customers: Customers) -> None:
    one = await work(offices, "load5", ["00", "00", "00", "02", "00"])
    desk = one.desk
    for action, following in (("skip", "Contact 1"), ("remove", "Contact 2")):
        await desk.at(action).dblclick()
        await desk.reads("card-name", following)
        await one.alike(desk)
    states = [row.state for row in await one.rows(schema.offers)]
    assert states == ["skipped", "removed", "open"]

    await desk.at("accept").dblclick()
    await desk.shows(state="talking")  # and not cancelled by the button that came in its place
    await desk.at("hang-up").dblclick()
    await desk.shows(state="wrap_up")
    await desk.at("disposition", code="success").check()
    await desk.at("wrap-up-done").dblclick()
    await desk.reads("card-name", "Contact 3")
    await desk.shows(state="previewing")  # and not accepted by the one that came in its place

    await desk.at("accept").dblclick()
    await desk.shows(state="dialing", call_state="ringing")
    await asyncio.sleep(0.5)
    await desk.shows(state="dialing", call_state="ringing")
    await desk.at("cancel").dblclick()
    await desk.reads("card-name", "Contact 4")
    await desk.at("leave").dblclick()
    await desk.shows(state="idle", reason="left_campaign")
    called = [call.number for call in await customers.calls()]
    assert [called.count(number) for number in one.numbers] == [0, 0, 1, 1, 0]
