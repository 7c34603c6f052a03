"""What supervisors ask over HTTP, with live calls on a real Asterisk: the phones, the books and Asterisk agree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.demo.softphone import AnswerMode
from telephony.settings import Http, Settings
from telephony.store import accounts, schema, teams
from telephony.store.engine import Store
from telephony.web.server import WebServer
from tests.support.line_shift import LineShift, line_shift
from tests.support.office import Client, free_port
from tests.support.platform import NewPhone
from tests.support.premises import HASH, PASSWORD
from tests.support.shift import now

pytestmark = pytest.mark.asterisk

PHONE = "alice"
MODES = ["preview_standard", "preview_direct", "preview"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised:
    """One agent's floor behind its API, and a supervisor of their team who is signed in."""

    shift: LineShift
    sue: Client

    @property
    def agent(self) -> str:
        return self.shift.agents[PHONE]

    async def free(self) -> None:
        answer = await self.sue("POST", f"/api/v1/agents/{self.agent}/free")
        assert answer.status == 204, answer.text

    async def sets(self, state: str, reason: str | None = None, *, status: int = 204) -> None:
        body = {"state": state} | ({"reason": reason} if reason else {})
        answer = await self.sue("POST", f"/api/v1/agents/{self.agent}/state", body)
        assert answer.status == status, answer.text

    async def hangs_up(self, call: str) -> None:
        answer = await self.sue("POST", f"/api/v1/calls/{call}/hang-up")
        assert answer.status == 204, answer.text

    async def is_idle(self, reason: str) -> None:
        await self.shift.state_is(PHONE, "idle")
        assert self.shift.desks[PHONE].agent.idle_reason == reason
        (seen,) = [row for row in (await self.sue("GET", "/api/v1/agents")).json["items"] if row["id"] == self.agent]
        assert (seen["state"], seen["reason"]) == ("idle", reason)

    async def nothing_is_up(self) -> None:
        one = self.shift
        for _ in range(200):
            live = (await one.floor.ground.board.survey()).live
            if not live and set((await one.used()).values()) <= {0} and one.desks[PHONE].reservation.line is None:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"up: {live}, {await one.used()}")

    async def asks(self) -> None:
        """Available and a contact on the screen, in whichever mode."""
        one = self.shift
        await one.available(PHONE)
        if (await one.rows(schema.campaigns))[0].settings["mode"] == "preview":
            await one.floor.next_pull(self.agent, one.here.campaign_id)
        await one.state_is(PHONE, "previewing")


@asynccontextmanager
async def supervised(store: Store, pbx: Pbx, folder: Path, **wanted: Any) -> AsyncIterator[Supervised]:
    async with line_shift(store, pbx, phones=(PHONE,), **wanted) as one:
        new = accounts.NewUser(
            username="sue", name="Sue", role=accounts.Role.SUPERVISOR, password=PASSWORD, cell_id=one.here.cell_id
        )

        def hire(conn: Any) -> None:
            made = accounts.create_user(conn, one.here.tenant_id, new, password_hash=HASH, now=now())
            members = (made["id"], *one.agents.values())
            teams.change_team(conn, one.here.tenant_id, one.here.team_id, teams.TeamChange(user_ids=members))

        await store.run(hire)
        url = str(store.engine.url.render_as_string(hide_password=False))
        settings = Settings(data_dir=folder, database_url=url, http=Http(port=free_port()))
        server = WebServer(settings=settings, store=store, floor=one.floor, changes=one.floor.changes)
        await server.start()
        try:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
                sue = Client(http, server.url)
                signed_in = await sue("POST", "/api/v1/sessions", {"username": "sue", "password": PASSWORD})
                sue.token = signed_in.json["token"]
                yield Supervised(shift=one, sue=sue)
        finally:
            await server.stop()


@pytest.mark.parametrize("mode", MODES)
async def test_free_in_a_conversation_ends_both_phones_calls(
    store: Store, pbx: Pbx, tmp_path: Path, new_phone: NewPhone, mode: str
) -> None:
    phone = await new_phone(PHONE)
    async with supervised(store, pbx, tmp_path, mode=mode) as here:
        await here.asks()
        call = await here.shift.accept(PHONE)
        await here.shift.state_is(PHONE, "talking")
        await here.free()
        await phone.wait_for("CALL_CLOSED", within=5.0)
        row = await here.shift.ended(call)
        assert (row.outcome, row.code, row.disposition is not None) == ("TALKED", "SUPERVISOR", True)
        await here.is_idle("freed")
        await here.nothing_is_up()


@pytest.mark.parametrize("mode", MODES)
async def test_free_while_the_customer_rings(
    store: Store, pbx: Pbx, tmp_path: Path, new_phone: NewPhone, customers: Customers, mode: str
) -> None:
    phone = await new_phone(PHONE)
    number = fictional_number("02", 300 + MODES.index(mode))
    async with supervised(store, pbx, tmp_path, mode=mode, numbers=[number], end_call_enabled=False) as here:
        await here.asks()
        call = await here.shift.accept(PHONE)
        await here.shift.until(lambda: here.shift.desks[PHONE].call.attempt.state == "ringing")
        await here.free()
        await phone.wait_for("CALL_CLOSED", within=5.0)
        row = await here.shift.ended(call)
        assert (row.outcome, row.code) == ("AGENT_CANCELLED", "SUPERVISOR")
        await here.is_idle("freed")
        await here.nothing_is_up()
        assert all(one.answered_at is None for one in await customers.calls() if one.number == number)


@pytest.mark.parametrize("mode", ["preview_standard", "preview"])
async def test_free_while_the_agents_own_phone_rings(
    store: Store, pbx: Pbx, tmp_path: Path, new_phone: NewPhone, mode: str
) -> None:
    phone = await new_phone(PHONE, AnswerMode.MANUAL)
    async with supervised(store, pbx, tmp_path, mode=mode) as here:
        if mode == "preview":
            await here.asks()
            await here.shift.accept(PHONE)
        else:
            await here.shift.available(PHONE)
        await phone.wait_for("CALL_INCOMING", within=5.0)
        await here.free()
        await phone.wait_for("CALL_CLOSED", within=5.0)
        await here.is_idle("freed")
        await here.nothing_is_up()
        (contact,) = await here.shift.rows(schema.contacts)
        assert (contact.state, contact.attempts) == ("waiting", 0)
        assert [row.outcome for row in await here.shift.rows(schema.attempts)] == ["NOT_PLACED"] * (mode == "preview")


async def test_free_with_a_contact_on_the_screen_and_in_wrap_up_on_a_kept_line(
    store: Store, pbx: Pbx, tmp_path: Path, new_phone: NewPhone
) -> None:
    phone = await new_phone(PHONE)
    async with supervised(store, pbx, tmp_path, keep_line=True, customers=("00", "00")) as here:
        await here.asks()
        await here.free()
        await phone.wait_for("CALL_CLOSED", within=5.0)
        await here.is_idle("freed")
        await here.nothing_is_up()
        assert {row.state for row in await here.shift.rows(schema.contacts)} == {"waiting"}
        seen = len(phone.events)
        await here.asks()
        call = await here.shift.accept(PHONE)
        await here.shift.state_is(PHONE, "talking")
        await here.hangs_up(call)
        await here.shift.state_is(PHONE, "wrap_up")
        assert here.shift.desks[PHONE].reservation.line is not None
        await here.free()
        await phone.wait_for("CALL_CLOSED", within=5.0, after=seen)
        await here.is_idle("freed")
        await here.nothing_is_up()
        row = await here.shift.attempt(call)
        assert (row.outcome, row.code, row.disposition is not None) == ("TALKED", "SUPERVISOR", True)


@pytest.mark.parametrize("mode", MODES)
async def test_a_supervisor_hangs_up_where_the_agent_may_not_and_the_agent_goes_on(
    store: Store, pbx: Pbx, tmp_path: Path, new_phone: NewPhone, customers: Customers, mode: str
) -> None:
    await new_phone(PHONE)
    index = 310 + MODES.index(mode)
    numbers = [fictional_number("02", index), fictional_number("00", index)]
    async with supervised(store, pbx, tmp_path, mode=mode, numbers=numbers, end_call_enabled=False) as here:
        one = here.shift
        await here.asks()
        rings = await one.accept(PHONE)
        await one.until(lambda: one.desks[PHONE].call.attempt.state == "ringing")
        await here.hangs_up(rings)
        row = await one.ended(rings)
        assert (row.outcome, row.code) == ("AGENT_CANCELLED", "SUPERVISOR")
        await one.until(lambda: one.state(PHONE) in ("previewing", "available"))
        if mode == "preview":
            await one.until(lambda: one.desks[PHONE].reservation.line is None)
            await one.floor.next_pull(here.agent, one.here.campaign_id)
        await one.state_is(PHONE, "previewing")
        talks = await one.accept(PHONE)
        await one.state_is(PHONE, "talking")
        await here.hangs_up(talks)
        row = await one.ended(talks)
        assert (row.outcome, row.code, row.cancelled_by) == ("TALKED", "SUPERVISOR", "supervisor")
        await one.state_is(PHONE, "wrap_up")
        calls = {call.number: call for call in await customers.calls() if call.number in numbers}
        assert [calls[number].answered_at is not None for number in numbers] == [False, True]


async def test_a_supervisor_sets_states_beside_and_in_a_call(
    store: Store, pbx: Pbx, tmp_path: Path, new_phone: NewPhone
) -> None:
    phone = await new_phone(PHONE)
    async with supervised(store, pbx, tmp_path) as here:
        one = here.shift
        await one.floor.set_state(here.agent, "idle", "lunch")
        await here.sets("available")  # and is rung for the contact that waits
        await one.state_is(PHONE, "previewing")
        call = await one.accept(PHONE)
        await one.state_is(PHONE, "talking")
        await here.sets("idle", "training")
        assert one.state(PHONE) == "talking"
        assert [event["type"] for event in phone.events].count("CALL_CLOSED") == 0
        await here.hangs_up(call)
        await one.state_is(PHONE, "wrap_up")
        await one.wrap_up(PHONE, call)
        await here.is_idle("training")
        await here.nothing_is_up()
        await phone.stop()
        for _ in range(200):
            if await one.floor.phone_ready(PHONE) is False:
                break
            await asyncio.sleep(0.05)
        await here.sets("available", status=409)
