"""The supervisor's page: the floor as it moves, a list taken in, settings refused and saved, a removal undone."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from telephony.demo.customers import fictional_number
from tests.browser import RING
from tests.browser.conftest import Offices
from tests.support.agent_page import AgentPage
from tests.support.premises import Plan, Premises

pytestmark = [*RING, pytest.mark.timeout(120)]

LIST = "Código;Nombre;Teléfono;Ciudad\n1;José <b>Núñez</b>;{0};Málaga\n2;Corto;12;León\n"


def contact(name: str, number: str) -> dict[str, Any]:
    return {"external_id": name, "name": name, "number": number}


@pytest.fixture
def number() -> str:
    return fictional_number("00")


async def floor(offices: Offices, person: str, *, phone: str = "", **plan: Any) -> tuple[Premises, AgentPage]:
    here = await offices.found(agents={"ann": phone, "bob": ""}, plans={"Spring": Plan(**plan)})
    return here, await offices.desk(here, person)


async def campaign(page: AgentPage, view: str) -> None:
    await page.press("tab-campaigns")
    await page.press("open")
    await page.press(f"view-{view}")


async def test_the_floor_moves_by_itself_and_a_supervisor_moves_it(offices: Offices) -> None:
    here, page = await floor(offices, "sue", phone="load20", contacts=[], running=False)
    ann = await offices.client(here, "ann")
    row = page.at("floor-agent", agent=here.people["ann"])
    await expect(row).to_have_attribute("data-state", "offline")
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))

    assert (await ann("PUT", "/api/v1/me/state", {"state": "available"})).status == 204
    await expect(row).to_have_attribute("data-state", "available")
    await row.locator('[data-testid="set-idle"]').click()
    await expect(row).to_have_attribute("data-state", "idle")
    assert (await ann("GET", "/api/v1/me")).json["agent"]["reason"] == "supervisor"
    await expect(row).to_contain_text("set by a supervisor")
    assert [url for url in asked if "/agents?" in url] == []  # the feed tells it all

    await page.at("agent-search").fill("bo")
    await expect(page.at("floor-agent")).to_have_count(1)
    await page.at("agent-search").fill("nobody")
    await expect(page.at("floor-agent")).to_have_count(0)


async def test_a_supervisor_listens_joins_hangs_up_and_frees(offices: Offices, number: str) -> None:
    here, page = await floor(offices, "sue", phone="load21", contacts=[contact("Maria", number)])
    sue, ann = await offices.client(here, "sue"), await offices.client(here, "ann")
    assert (await sue("PUT", "/api/v1/me/phone", {"phone": "load22"})).status == 204
    await page.page.reload()
    row = page.at("floor-agent", agent=here.people["ann"])
    assert (await ann("PUT", "/api/v1/me/state", {"state": "available"})).status == 204
    await expect(row).to_have_attribute("data-state", "previewing")
    await expect(row).to_contain_text("Maria")
    offer = (await ann("GET", "/api/v1/me")).json["offer"]["id"]
    assert (await ann("POST", f"/api/v1/offers/{offer}/accept")).status == 200
    await expect(row).to_have_attribute("data-state", "talking")

    for mode in ("listen", "whisper", "barge"):
        button = row.locator(f'[data-testid="{mode}"]')
        await button.click()
        await expect(button).to_have_attribute("aria-pressed", "true")
    await expect(row).to_contain_text("Sue listens")
    await row.locator('[data-testid="barge"]').click()
    await expect(row.locator('[data-testid="barge"]')).to_have_attribute("aria-pressed", "false")
    await page.press("tab-calls")
    await expect(page.at("floor-call")).to_contain_text(number)
    await page.press("hang-up")
    await page.press("confirm-yes")
    await expect(page.at("floor-call")).to_have_count(0)
    await page.press("tab-agents")
    await expect(row).to_have_attribute("data-state", "wrap_up")
    await row.locator('[data-testid="free"]').click()
    await page.press("confirm-yes")
    await expect(row).to_have_attribute("data-reason", "freed")


async def test_a_campaign_is_started_and_stopped_and_says_why_it_does_not_dial(offices: Offices, number: str) -> None:
    here, page = await floor(offices, "sue", contacts=[contact("Maria", number)], running=False)
    card = page.at("floor-campaign", campaign=here.campaigns["Spring"])
    await page.press("tab-campaigns")
    await expect(card).to_have_attribute("data-running", "false")
    await page.press("start")
    await expect(card).to_have_attribute("data-running", "true")
    await page.press("open")
    why = await page.told("why")
    await expect(why).to_contain_text("No agent is available")
    await page.press("stop")
    await page.press("confirm-yes")
    await expect(why).to_contain_text("campaign was stopped", ignore_case=True)


async def test_a_strangers_list_is_mapped_and_what_is_rejected_comes_back(
    offices: Offices, number: str, tmp_path: Path
) -> None:
    here, page = await floor(offices, "sue", contacts=[], running=False)
    await campaign(page, "import")
    data = LIST.format(number).encode("cp1252")
    await page.at("import-file").set_input_files({"name": "marzo.csv", "mimeType": "text/csv", "buffer": data})

    await expect(page.at("import-verdict")).to_have_attribute("data-bad", "1")
    assert await page.at("import-encoding").input_value() == "windows-1252"
    columns = page.at("import-column")
    assert [await columns.nth(n).input_value() for n in range(4)] == ["external_id", "name", "number", "Ciudad"]
    await expect(page.at("preview-row").first).to_contain_text("<b>Núñez</b>")
    await columns.nth(0).select_option("")
    await expect(page.at("import-problem")).to_contain_text("external_id")
    await expect(page.at("import-start")).to_have_attribute("aria-disabled", "true")
    await columns.nth(0).select_option("external_id")
    await expect(page.at("import-problem")).to_have_count(0)
    await page.press("import-start")
    await expect(page.at("import-added")).to_have_attribute("data-n", "1")
    await expect(page.at("import-rejected")).to_have_attribute("data-n", "1")

    async with page.page.expect_download() as coming:
        await page.at("rejections").first.click()
    await (await coming.value).save_as(tmp_path / "rejected.csv")
    with (tmp_path / "rejected.csv").open(newline="", encoding="utf-8") as file:
        assert [(row["_row"], row["_field"], row["external_id"]) for row in csv.DictReader(file)] == [
            ("3", "number", "2")
        ]
    sue = await offices.client(here, "sue")
    taken = (await sue("GET", f"/api/v1/campaigns/{here.campaigns['Spring']}/contacts")).json["items"]
    assert [(one["name"], one["fields"]) for one in taken] == [("José <b>Núñez</b>", {"Ciudad": "Málaga"})]


async def test_a_removal_is_undone(offices: Offices, number: str) -> None:
    _, page = await floor(offices, "sue", contacts=[contact("Maria", number)], running=False)
    await campaign(page, "contacts")
    row = page.at("contact")
    await expect(row).to_have_attribute("data-state", "waiting")
    await page.press("remove-contact")
    await page.at("remove-why").fill("moved away")
    await page.press("remove-do")
    await expect(row).to_have_attribute("data-state", "removed")
    await expect(row).to_contain_text("moved away")
    await page.press("undo")
    await expect(row).to_have_attribute("data-state", "waiting")


async def test_a_setting_is_checked_at_the_page_and_by_the_service_and_then_counts(offices: Offices) -> None:
    here, page = await floor(offices, "ada", contacts=[], running=False)
    await campaign(page, "settings")
    ring = page.at("setting-ring_limit")
    await expect(ring).to_have_attribute("max", "80")  # the service's own description was read
    await ring.fill("5")
    await expect(ring).to_have_attribute("aria-invalid", "true")
    await expect(page.at("settings-save")).to_have_attribute("aria-disabled", "true")
    await ring.fill("40")
    await page.at("setting-name").fill(" ")  # what only the service knows to be wrong
    await page.press("settings-save")
    await expect(page.at("setting-name")).to_have_attribute("aria-invalid", "true")
    await page.at("setting-name").fill("Summer")
    await page.press("settings-save")
    await expect(page.at("settings-status")).to_contain_text("Saved")
    ada = await offices.client(here, "ada")
    changed = (await ada("GET", f"/api/v1/campaigns/{here.campaigns['Spring']}")).json
    assert (changed["name"], changed["settings"]["ring_limit"]) == ("Summer", 40)


async def test_a_supervisor_reads_settings_and_changes_none(offices: Offices) -> None:
    _, page = await floor(offices, "sue", contacts=[], running=False)
    await campaign(page, "settings")
    await expect(page.at("setting-ring_limit")).to_be_disabled()
    await expect(page.at("settings-save")).to_have_count(0)
    await expect(page.at("tab-people")).to_have_count(0)


async def test_the_agents_stand_in_the_order_of_a_column_by_keyboard_too(offices: Offices) -> None:
    here, page = await floor(offices, "sue", contacts=[], running=False)
    bob = await offices.client(here, "bob")
    assert (await bob("PUT", "/api/v1/me/state", {"state": "idle", "reason": "lunch"})).status == 204
    names = page.page.locator('[data-testid="floor-agent"] th b')
    await expect(names).to_have_text(["Ann", "Bob", "Sue"])
    await expect(page.at("head-name")).to_have_attribute("aria-sort", "ascending")
    await page.at("sort-name").focus()
    await page.page.keyboard.press("Enter")
    await expect(names).to_have_text(["Sue", "Bob", "Ann"])
    await expect(page.at("head-name")).to_have_attribute("aria-sort", "descending")
    await page.page.keyboard.press("Tab")
    await page.page.keyboard.press("Space")
    await expect(page.at("head-state")).to_have_attribute("aria-sort", "ascending")
    assert await page.at("head-name").get_attribute("aria-sort") is None
    await expect(names).to_have_text(["Bob", "Ann", "Sue"])  # not ready before offline, and those by name
    await page.press("sort-state")
    await expect(names).to_have_text(["Ann", "Sue", "Bob"])


async def test_a_recorded_call_is_found_and_heard(offices: Offices, number: str) -> None:
    plan = {"contacts": [contact("Maria", number)], "settings": {"recording": "all"}}
    here, page = await floor(offices, "sue", phone="load23", **plan)
    ann = await offices.client(here, "ann")
    assert (await ann("PUT", "/api/v1/me/state", {"state": "available"})).status == 204
    await expect(page.at("floor-agent", agent=here.people["ann"])).to_have_attribute("data-state", "previewing")
    offer = (await ann("GET", "/api/v1/me")).json["offer"]["id"]
    assert (await ann("POST", f"/api/v1/offers/{offer}/accept")).status == 200
    await expect(page.at("floor-agent", agent=here.people["ann"])).to_have_attribute("data-state", "talking")
    await asyncio.sleep(2.0)  # something to hear
    call = (await ann("GET", "/api/v1/me")).json["call"]["id"]
    assert (await ann("POST", f"/api/v1/calls/{call}/hang-up")).status == 204
    await expect(page.at("floor-agent", agent=here.people["ann"])).to_have_attribute("data-state", "wrap_up")
    async with asyncio.timeout(30):
        while (await ann("GET", "/api/v1/calls")).json["items"][0]["recording"] != "kept":  # noqa: ASYNC110 - over there
            await asyncio.sleep(0.1)

    await page.press("tab-calls")
    row = page.at("past-call", call=call)
    await row.locator('[data-testid="recordings"]').click()
    sound = row.locator('[data-testid="recording"]')
    await expect(sound).to_be_visible()
    heard = await sound.evaluate(
        """async (sound) => {
          sound.muted = true;
          await sound.play();
          await new Promise((done) => {
            sound.addEventListener('timeupdate', () => sound.currentTime > 0.5 && done());
          });
          const known = sound.duration;
          sound.currentTime = known - 0.3;  // from another place of the file
          await new Promise((done) => { sound.addEventListener('ended', done); });
          return [known, sound.currentTime];
        }"""
    )
    assert 1.0 < heard[0] < 30.0, heard
    assert heard[1] == pytest.approx(heard[0], abs=0.1)
