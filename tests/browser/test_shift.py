"""A whole shift at the page with the phone in the browser, on a real Asterisk: everything an agent does in a day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from sqlalchemy import update

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.demo.recorded_message import tune
from telephony.demo.softphone import Softphone
from telephony.store import schema
from tests.browser import RING
from tests.browser.conftest import Offices
from tests.support import wav
from tests.support.agent_page import AgentPage
from tests.support.chromium import HUM
from tests.support.office import Client
from tests.support.premises import Plan, Premises
from tests.support.talk import dumps, talking_phone

pytestmark = [*RING, pytest.mark.timeout(300)]

AGENT = "web1"

CUSTOMER_SAYS = 440.0
"""Hz, all the time; the agent's microphone hums `HUM`."""

LOUD = 300.0
"""Amplitude of a tone that is there; a thousand and more are usual after the browser's processing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """An agent at the page, a supervisor at the floor's, and the API; `bob` is a customer who records."""

    here: Premises
    desk: AgentPage
    floor: AgentPage
    agent: Client
    admin: Client
    bob: Softphone
    offices: Offices

    async def card(self, name: str) -> None:
        """This contact is on the screen, as the API tells it."""
        await self.desk.reads("card-name", name)
        await self.desk.shows(state="previewing")
        card = (await self.me())["offer"]["card"]
        assert card["name"] == name
        assert card["number"]["e164"] in await self.desk.text("card-number")

    async def seen(self, **state: str) -> None:
        """The supervisor, beside, sees the agent in this state."""
        row = self.floor.at("floor-agent", agent=self.here.people[AGENT])
        for name, value in state.items():
            await expect(row).to_have_attribute(f"data-{name}", value)

    async def me(self) -> dict[str, Any]:
        return dict((await self.agent("GET", "/api/v1/me")).json)

    async def outcomes(self) -> list[str]:
        """Of all calls so far, the first one first."""
        calls = (await self.admin("GET", "/api/v1/calls?limit=100")).json["items"]
        return [call["outcome"] for call in reversed(calls)]

    async def campaign(self, **settings: Any) -> None:
        """The administrator changes settings; they count from the next offer on."""
        path = f"/api/v1/campaigns/{self.here.campaigns['Spring']}"
        answer = await self.admin("PATCH", path, {"settings": settings})
        assert answer.status == 200, answer.text

    async def room(self, calls: int) -> None:
        tenants = schema.tenants
        change = update(tenants).where(tenants.c.id == self.here.tenant_id).values(max_calls=calls)
        await self.offices.store.run(lambda conn: conn.execute(change))


PEOPLE = (
    ("Skipped", "00"),
    ("Removed", "00"),
    ("Waited for", "00"),
    ("Talked to", "bob"),
    ("Machine", "05"),
    ("Mailbox", "05"),
    ("Busy", "01"),
    ("Cancelled", "02"),
    ("Left", "00"),
)
BOB = fictional_number("00", 90)


@asynccontextmanager
async def shift(offices: Offices, pbx: Pbx, ports: PortBlock, folder: Path, **wanted: Any) -> AsyncIterator[Shift]:
    """Signed in; nothing is chosen yet."""
    rows = [
        {
            "external_id": f"c{n}",
            "name": name,
            "number": BOB if customer == "bob" else fictional_number(customer, 91 + n),
            "zone": "Europe/Madrid",
            "consent": "yes",
            "company": f"{name} Ltd",
        }
        for n, (name, customer) in enumerate(PEOPLE)
    ]
    here = await offices.found(
        agents={AGENT: ""},
        plans={"Spring": Plan(contacts=rows, settings={"amd": "parallel"})},
        softphones={BOB: "bob"},
        **wanted,
    )
    customer_says = await asyncio.to_thread(wav.write_tone, folder / "customer.wav", CUSTOMER_SAYS, 240)
    async with talking_phone(pbx, ports, folder, "bob", customer_says) as bob:
        admin = await offices.client(here, "ada")
        path = f"/api/v1/campaigns/{here.campaigns['Spring']}/voicemail-message"
        headers = {"Content-Type": "audio/wav"}
        answer = await admin("PUT", path, data=tune(), headers=headers)
        assert answer.status in (200, 201, 204), answer.text
        yield Shift(
            here=here,
            desk=await offices.desk(here, AGENT),
            floor=await offices.desk(here, "sue"),
            agent=await offices.client(here, AGENT),
            admin=admin,
            bob=bob,
            offices=offices,
        )


async def test_a_whole_shift(
    offices: Offices, pbx: Pbx, ports: PortBlock, customers: Customers, tmp_path: Path
) -> None:
    async with shift(offices, pbx, ports, tmp_path) as one:
        desk = one.desk
        await desk.shows(state="offline")
        await desk.phone_in_browser()
        await desk.go("available")

        await one.card("Skipped")
        await one.seen(state="previewing")
        await desk.press("skip")
        await one.card("Removed")
        await one.campaign(offer_timeout=10)
        await desk.press("remove")
        await one.card("Waited for")
        assert (await desk.data("countdown"))["action"] == "skip"
        await one.campaign(offer_timeout=600)

        await one.card("Talked to")
        await desk.told("notice")
        await desk.press("accept")
        await desk.shows(state="talking", call_state="talking")
        await one.seen(state="talking")
        await desk.phone_is("in_call")
        hertz, loud = await desk.hears()
        assert abs(hertz - CUSTOMER_SAYS) < 10, (hertz, loud)
        await asyncio.sleep(2.0)
        await desk.press("hang-up")
        await desk.shows(state="wrap_up")
        await one.seen(state="wrap_up")
        assert (await desk.data("outcome"))["outcome"] == "TALKED"
        await desk.wrap_up("success", note="wants the letter")

        await one.card("Machine")
        await desk.press("accept")
        await desk.told("verdict", verdict="MACHINE")
        await desk.told("beep")
        await desk.press("voicemail-left")
        await desk.press("hang-up")
        await desk.shows(state="wrap_up")
        await desk.wrap_up("answering_machine")

        await one.card("Mailbox")
        await desk.press("accept")
        await desk.told("beep")
        await desk.press("drop-message")

        await one.card("Busy")
        await one.room(0)
        await desk.press("accept")
        refusal = await desk.told("refusal", code="TENANT_CALL_LIMIT")
        assert "0" in await refusal.inner_text()
        await one.room(10)
        await desk.press("accept")

        await one.card("Cancelled")
        await desk.told("failed", outcome="CUSTOMER_BUSY")
        await desk.press("accept")
        await desk.shows(state="dialing", call_state="ringing")
        await desk.press("cancel")

        await one.card("Left")
        await desk.press("leave")
        await desk.shows(state="idle", reason="left_campaign")
        await one.seen(state="idle", reason="left_campaign")

        await _settled(one)
        assert await one.outcomes() == [
            "TALKED",
            "VOICEMAIL_LEFT",
            "MESSAGE_DROPPED",
            "CUSTOMER_BUSY",
            "AGENT_CANCELLED",
        ]
        untouched = _numbers("Skipped", "Removed", "Waited for", "Left")
        assert untouched.isdisjoint(call.number for call in await customers.calls())
        await _the_customer_heard_the_agent(one)


def _numbers(*names: str) -> set[str]:
    return {fictional_number(customer, 91 + n) for n, (name, customer) in enumerate(PEOPLE) if name in names}


async def _settled(one: Shift) -> None:
    """No call is up any more."""
    async with asyncio.timeout(30):
        while None in await one.outcomes():  # noqa: ASYNC110 - it is another process that changes it
            await asyncio.sleep(0.1)


async def _the_customer_heard_the_agent(one: Shift) -> None:
    """By the recording that the customer's phone made."""
    (customer,) = await dumps(one.bob, "dec")
    heard = await asyncio.to_thread(wav.samples, customer)
    assert wav.tone(heard, HUM, 0.5, 2.0) > LOUD
    assert wav.tone(heard, CUSTOMER_SAYS, 0.5, 2.0) < LOUD
