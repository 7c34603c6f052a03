"""An agent whose phone is the browser: chosen, rung, and in trouble."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

from telephony.dialer import phones
from telephony.dialer.errors import Refused
from telephony.store import accounts, views
from telephony.store.engine import Store
from telephony.store.errors import Invalid
from telephony.store.schema import events
from tests.support.shift import Shift, shift

pytestmark = pytest.mark.unit

ENDPOINT = "pd-web-acme.ann"


async def me(one: Shift) -> dict[str, str]:
    def read(conn: Connection) -> dict[str, str]:
        found: dict[str, str] = views.me(conn, one.agent, now=datetime.now(UTC))["agent"]
        return found

    return await one.store.run(read)


async def rename(one: Shift, username: str) -> None:
    change = accounts.UserChange(username=username)
    await one.store.run(
        lambda conn: accounts.change_user(conn, one.here.tenant_id, one.agent, change, now=datetime.now(UTC))
    )


async def test_the_browser_that_was_chosen_is_called_until_a_sip_phone_is(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.use_browser(one.agent)
        assert ((await me(one))["phone"], (await me(one))["phone_kind"]) == (ENDPOINT, "browser")
        await one.reserved()
        assert (one.board.agent_calls[0].phone, one.board.agent_calls[0].in_browser) == (ENDPOINT, True)
        with pytest.raises(Refused, match="while no call is up"):
            await one.floor.set_phone(one.agent, "1001")
        await one.floor.set_state(one.agent, "idle")
        one.board.ends(one.board.agent_calls[0].leg, answered=True)
        await one.settle()
        await one.floor.set_phone(one.agent, "1001")
        assert ((await me(one))["phone"], (await me(one))["phone_kind"]) == ("1001", "sip")
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: len(one.board.agent_calls) == 2)
        assert (one.board.agent_calls[1].phone, one.board.agent_calls[1].in_browser) == ("1001", False)


async def test_a_browser_that_is_not_connected_is_told_as_what_it_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phones, "REGISTERS_WITHIN", 0.05)
    async with shift(store) as one:
        await one.floor.use_browser(one.agent)
        one.board.phones[ENDPOINT] = False
        with pytest.raises(Refused, match="phone in your browser is not connected"):
            await one.floor.set_state(one.agent, "available")


async def test_the_phone_in_the_browser_goes_by_the_users_name(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.use_browser(one.agent)
        await rename(one, "ann@acme.example")
        assert (await me(one))["phone"] == "pd-web-ann_-acme.example"
        await one.floor.set_phone(one.agent, "1001")
        await rename(one, "n" * 58)
        assert (await me(one))["phone"] == "1001"
        with pytest.raises(Invalid, match="too long"):
            await one.floor.use_browser(one.agent)


@pytest.mark.parametrize("code", ["microphone_blocked", "microphone_missing"])
async def test_who_cannot_speak_is_given_no_work(store: Store, code: str) -> None:
    async with shift(store, contacts=0) as one:
        await one.floor.use_browser(one.agent)
        await one.floor.set_state(one.agent, "available")
        await one.floor.phone_trouble(one.agent, code, None)
        assert ((await me(one))["state"], (await me(one))["reason"]) == ("idle", code)


async def test_a_microphone_that_is_missing_when_the_phone_rings_is_the_reason_whoever_tells_first(
    store: Store,
) -> None:
    async with shift(store) as one:
        await one.floor.use_browser(one.agent)
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: len(one.board.agent_calls) == 1)
        await one.floor.phone_trouble(one.agent, "microphone_missing", None)
        one.board.ends(one.board.agent_calls[0].leg, sip=480, cause=19)
        await one.settle()
        assert ((await me(one))["state"], (await me(one))["reason"]) == ("idle", "microphone_missing")
        assert (await one.contact("c0")).state == "waiting"
        await one.floor.set_state(one.agent, "available")
        await one.until(lambda: len(one.board.agent_calls) == 2)
        one.board.ends(one.board.agent_calls[1].leg, sip=480, cause=19)
        await one.state_is("idle")
        assert (await me(one))["reason"] == "agent_unavailable"
        await one.floor.phone_trouble(one.agent, "microphone_blocked", None)
        assert (await me(one))["reason"] == "microphone_blocked"


async def test_trouble_in_a_call_is_told_and_the_call_goes_on(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.use_browser(one.agent)
        _, attempt, _ = await one.talking()
        await one.floor.phone_trouble(one.agent, "microphone_missing", attempt)
        await one.floor.phone_trouble(one.agent, "no_sound", attempt)
        assert (await me(one))["state"] == "talking"
        told = [row.payload for row in await one.rows(events) if row.kind == "phone.trouble"]
        assert [(one["code"], one["call"]) for one in told] == [("microphone_missing", attempt), ("no_sound", attempt)]


async def test_a_sip_phone_knows_no_microphone_trouble(store: Store) -> None:
    async with shift(store, contacts=0) as one:
        await one.floor.set_state(one.agent, "available")
        await one.floor.phone_trouble(one.agent, "microphone_blocked", None)
        assert (await me(one))["state"] == "available"
