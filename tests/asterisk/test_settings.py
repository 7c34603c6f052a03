"""Settings of a campaign that no other test shows with real phones (the table: test_settings_are_honoured.py)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.pbx import Pbx
from telephony.demo.softphone import AnswerMode
from telephony.dialer.errors import Refused
from telephony.model.hours import WEEKDAYS
from telephony.store import campaigns, schema
from telephony.store.campaigns import CampaignChange
from telephony.store.engine import Store
from tests.support.bare_ami import BareAmi
from tests.support.line_shift import LineShift, line_shift
from tests.support.platform import NewPhone

pytestmark = pytest.mark.asterisk

PHONE = "load1"


async def offers(one: LineShift) -> list[Any]:
    return sorted(await one.rows(schema.offers), key=lambda row: row.opened_at)


async def contact(one: LineShift, external_id: str) -> Any:
    (row,) = [row for row in await one.rows(schema.contacts) if row.external_id == external_id]
    return row


async def legs_up(pbx: Pbx, one: LineShift) -> set[str]:
    """This shift's legs that are channels of Asterisk, asked with a manager login of its own."""
    async with BareAmi(pbx.doctor) as ami:
        channels = {row["Uniqueid"] for row in await ami.listed("CoreShowChannels")}
    return channels & {leg.id for leg in await one.rows(schema.legs)}


async def dialed(customers: Customers, number: str, since: float) -> int:
    return sum(call.number == number and call.invited_at >= since for call in await customers.calls())


@pytest.mark.parametrize("action", ["skip", "remove", "idle"])
async def test_the_timers_action_runs_also_where_agents_may_not(store: Store, pbx: Pbx, action: str) -> None:
    wanted = {"offer_timeout": 10, "offer_timeout_action": action, "disabled_actions": ["skip", "remove"]}
    async with line_shift(store, pbx, customers=("00", "00"), **wanted) as one:
        await one.previewing(PHONE)
        line = one.desks[PHONE].reservation.line.leg_id
        for asked in ("skip", "remove"):
            with pytest.raises(Refused) as refused:
                await one.decide(PHONE, asked)
            assert refused.value.code == "ACTION_DISABLED"
        first = one.desks[PHONE].preview.offer.id

        def over() -> bool:
            shown = one.desks[PHONE].preview.offer
            return shown is None or shown.id != first

        await one.until(over, 15.0, "the timer's action")
        row = (await offers(one))[0]
        assert (row.state, row.action, row.closed_by) == ("timed_out", action, None)
        assert 9.9 < (row.closed_at - row.opened_at).total_seconds() < 13.0
        left = {"skip": ("waiting", 1), "remove": ("removed", 0), "idle": ("waiting", 0)}[action]
        found = await contact(one, "c0")
        assert (found.state, found.skips) == left
        if action == "idle":
            await one.state_is(PHONE, "idle")
            assert one.desks[PHONE].agent.idle_reason == "offer_timeout"
            await one.until(lambda: one.desks[PHONE].reservation.line is None, what="the line's end")
            assert await legs_up(pbx, one) == set()
        else:
            await one.state_is(PHONE, "previewing")
            assert await legs_up(pbx, one) == {line}


async def test_the_timer_that_accepts_calls_the_customer(store: Store, pbx: Pbx, customers: Customers) -> None:
    number = fictional_number("02", 215)
    wanted = {"offer_timeout": 1, "offer_timeout_action": "accept"}
    async with line_shift(store, pbx, numbers=[number], **wanted) as one:
        await one.previewing(PHONE)
        shown = (await offers(one))[0].opened_at.timestamp()
        await one.until(lambda: (call := one.desks[PHONE].call) is not None and call.attempt.state == "ringing")
        assert await dialed(customers, number, shown + 0.9) == 1
        row = (await offers(one))[0]
        assert (row.state, row.action, row.closed_by) == ("timed_out", "accept", None)


@pytest.mark.parametrize("keep", [True, False])
async def test_a_kept_line_stays_up_through_the_wrap_up(store: Store, pbx: Pbx, keep: bool) -> None:
    async with line_shift(store, pbx, customers=("00", "00"), keep_line=keep) as one:
        await one.previewing(PHONE)
        line = one.desks[PHONE].reservation.line.leg_id
        attempt = await one.accept(PHONE)
        await one.state_is(PHONE, "talking")
        await one.floor.hang_up(one.agents[PHONE], attempt)
        await one.state_is(PHONE, "wrap_up")
        if not keep:
            await one.until(lambda: one.desks[PHONE].reservation.line is None, what="the line's end")
        assert await legs_up(pbx, one) == ({line} if keep else set())
        await one.wrap_up(PHONE, attempt)
        await one.state_is(PHONE, "previewing")
        assert (one.desks[PHONE].reservation.line.leg_id == line) is keep
        agent_legs = [leg.id for leg in await one.rows(schema.legs) if leg.kind == "agent"]
        assert len(agent_legs) == (1 if keep else 2)


@pytest.mark.parametrize("mode", ["preview_standard", "preview_direct"])
async def test_the_customer_sees_the_campaigns_number_where_the_trunk_allows_it(
    store: Store, pbx: Pbx, new_phone: NewPhone, mode: str
) -> None:
    campaign, trunk = "+12025550188", "+12025550177"
    phone = await new_phone("carol", AnswerMode.MANUAL)
    async with line_shift(store, pbx, customers=("00", "00", "00"), mode=mode, caller_id=campaign) as one:

        def allow(conn: Connection, numbers: list[str]) -> None:
            conn.execute(update(schema.trunks).values(caller_ids=numbers, dial_template="PJSIP/carol"))

        await one.store.run(lambda conn: allow(conn, [trunk, campaign]))
        await one.previewing(PHONE)
        for seen in (campaign, trunk):
            before = len(phone.events)
            attempt = await one.accept(PHONE)
            invite = await phone.wait_for("CALL_INCOMING", within=10, after=before)
            assert f"sip:{seen}@" in invite["peeruri"]
            await one.floor.cancel(one.agents[PHONE], attempt)
            await one.ended(attempt)
            await one.state_is(PHONE, "previewing")
            await one.store.run(lambda conn: allow(conn, [trunk]))  # no longer the campaign's


async def test_the_card_has_the_campaigns_fields_once_the_agent_has_answered(
    store: Store, pbx: Pbx, new_phone: NewPhone
) -> None:
    phone = await new_phone("alice", AnswerMode.MANUAL)
    shown = [{"name": "plan", "label": "Tariff"}, {"name": "city", "label": "Town"}]
    async with line_shift(store, pbx, phones=("alice",), card_fields=shown) as one:
        fields = {"city": "Leeds", "plan": "Basic", "secret": "no"}
        await one.store.run(lambda conn: conn.execute(update(schema.contacts).values(fields=fields)) and None)
        await one.available("alice")
        invite = await phone.wait_for("CALL_INCOMING", within=10)
        assert await offers(one) == []
        assert not any(word in str(invite) for word in ("Leeds", "Basic", "Customer 0", fictional_number("00", 0)))
        await phone.accept()
        await one.state_is("alice", "previewing")
        (offer,) = await offers(one)
        assert [(field["label"], field["value"]) for field in offer.card["fields"]] == [
            ("Tariff", "Basic"),
            ("Town", "Leeds"),
        ]


async def test_a_disposition_of_the_campaign_decides_on_the_customer(store: Store, pbx: Pbx) -> None:
    own = [
        {"code": "never", "label": "Never", "rule": "do_not_call"},
        {"code": "soon", "label": "Soon", "rule": "retry", "retry_after": 7},
        {"code": "sold", "label": "Sold", "rule": "close"},
    ]
    wanted = {"dispositions": own, "default_disposition": "sold", "keep_line": True}
    async with line_shift(store, pbx, customers=("00", "00", "00"), **wanted) as one:
        await one.previewing(PHONE)
        for code in ("never", "soon", "sold"):
            attempt = await one.accept(PHONE)
            await one.state_is(PHONE, "talking")
            await one.floor.hang_up(one.agents[PHONE], attempt)
            await one.state_is(PHONE, "wrap_up")
            with pytest.raises(ValueError, match="success"):
                await one.wrap_up(PHONE, attempt, "success")
            await one.wrap_up(PHONE, attempt, code)
            if code != "sold":
                await one.state_is(PHONE, "previewing")
        found = [await contact(one, f"c{n}") for n in range(3)]
        assert [row.state for row in found] == ["blocked", "waiting", "done"]
        talks = await one.rows(schema.attempts)
        wrapped = next(row.wrapped_up_at for row in talks if row.contact_id == found[1].id)
        assert round((found[1].due_at - wrapped).total_seconds() / 60) >= 7
        listed = await one.store.run(lambda conn: conn.execute(select(schema.do_not_call.c.e164)).scalars().all())
        assert listed == [fictional_number("00", 0)]


async def test_outside_its_hours_nobody_is_rung_for_a_campaign(store: Store, pbx: Pbx, customers: Customers) -> None:
    number = fictional_number("01", 216)
    async with line_shift(store, pbx, numbers=[number]) as one:
        await one.previewing(PHONE)
        since = (await offers(one))[0].opened_at.timestamp()
        in_three_days = WEEKDAYS[(datetime.now(UTC).weekday() + 3) % 7]
        closed = CampaignChange(settings={"calling_hours": {in_three_days: [["09:00", "17:00"]]}})
        here = one.here
        await one.store.run(
            lambda conn: campaigns.change_campaign(conn, here.tenant_id, here.campaign_id, closed) and None
        )
        await one.decide(PHONE, "leave")
        await one.state_is(PHONE, "idle")
        before = len(await one.rows(schema.legs))
        await one.available(PHONE)
        for _ in range(3):
            one.floor.wake()
            await one.floor.desks[one.agents[PHONE]].ask(one.floor.desks[one.agents[PHONE]].reservation.find_contact)
        assert one.state(PHONE) == "available"
        assert len(await one.rows(schema.legs)) == before
        assert (await contact(one, "c0")).waits_for == "hours"
        assert await dialed(customers, number, since) == 0
