"""Customers who answered and found no agent: counted, told as a rate, and left alone for three days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from telephony.model.reasons import Withdrawal
from telephony.store import abandonment, due, offers, permission, schema
from telephony.store.engine import Store
from telephony.store.work import Work, change
from tests.support.office import Office
from tests.support.shift import Shift, settings, shift
from tests.unit.test_web_calls import called

pytestmark = pytest.mark.unit

THREE_DAYS = timedelta(hours=72)


async def abandoned(one: Shift) -> None:
    """The customer answers and waits for the verdict; meanwhile the agent's phone hangs up."""
    agent_leg = await one.reserved()
    _, leg = await one.accepted()
    one.board.appears(leg)
    one.board.answers(leg)
    one.board.ends(agent_leg, answered=True)
    await one.settle()
    assert await one.board.asks(leg, "HUMAN", "HUMAN-800-800") == "abandon"
    one.board.ends(leg, answered=True, rang=True)
    await one.settle()


async def test_nobody_was_there_for_an_answered_customer(store: Store) -> None:
    async with shift(store, amd="inline", retry_after={"ABANDONED": 5}) as one:
        before = datetime.now(UTC)
        await abandoned(one)
        (row,) = await one.rows(schema.attempts)
        assert row.outcome == "ABANDONED"
        assert one.floor.desks[one.agent].agent.state == "idle"
        (pause,) = await store.run(lambda conn: list(conn.execute(select(schema.number_pauses))))
        assert (pause.e164, pause.why) == (row.e164, "ABANDONED")
        assert before + THREE_DAYS <= pause.until <= datetime.now(UTC) + THREE_DAYS
        contact = await one.contact("c0")
        assert (contact.state, contact.attempts, contact.due_at) == ("waiting", 1, pause.until)


async def test_the_number_rests_for_all_but_an_agents_own_callback(store: Store) -> None:
    async with shift(store, amd="inline") as one:
        await store.run(lambda conn: conn.execute(update(schema.tenants).values(min_gap=0)))
        await abandoned(one)

        def may_be_called(work: Work) -> Any:
            contact = offers.contact_of(work, contact_id)
            (number,) = due.numbers_of_contact(work.conn, contact_id)
            refused = permission.denied(work, settings(), contact, number)
            return refused.code if refused else None

        contact_id = (await one.contact("c0")).id
        table = schema.contacts
        for owed, agent, answer in (
            (None, None, Withdrawal.MIN_GAP),
            (datetime.now(UTC), None, Withdrawal.MIN_GAP),
            (datetime.now(UTC), one.agent, None),
        ):
            values = {"callback_at": owed, "callback_agent_id": agent}
            await store.run(
                lambda conn, values=values: conn.execute(update(table).where(table.c.id == contact_id).values(**values))
            )
            assert await change(store, may_be_called) is answer


async def test_the_same_number_in_another_contact_is_not_claimed(store: Store) -> None:
    async with shift(store, amd="inline", contacts=2) as one:
        await store.run(lambda conn: conn.execute(update(schema.tenants).values(min_gap=0)))
        await store.run(lambda conn: conn.execute(update(schema.numbers).values(e164="+442079460000")))
        await abandoned(one)
        await one.floor.set_state(one.agent, "available")
        await one.settle()
        assert len(one.board.agent_calls) == 1
        other = await one.contact("c1")
        assert other.state == "waiting"
        assert other.due_at > datetime.now(UTC) + THREE_DAYS - timedelta(minutes=1)


async def test_the_rate_over_a_day_and_a_month(office: Office) -> None:
    here, now = office.acme, datetime.now(UTC)

    def happened(conn: Any) -> None:
        for hours, outcome, joined in (
            (1, "ABANDONED", None),
            (2, "TALKED", now),
            (3, "VOICEMAIL_LEFT", now),
            (4, "TALKED", now),
            (5, "CUSTOMER_BUSY", None),
            (6, "MACHINE_HUNG_UP", None),
            (30, "ABANDONED", None),
            (24 * 29, "TALKED", now),
            (24 * 31, "ABANDONED", None),
        ):
            id_ = called(conn, here, outcome=outcome, joined_at=joined)
            at = now - timedelta(hours=hours)
            conn.execute(update(schema.attempts).where(schema.attempts.c.id == id_).values(granted_at=at))
        called(conn, office.globex, outcome="ABANDONED")

    await office.store.run(happened)
    expected = {
        "hours_24": {"abandoned": 1, "connected": 3, "rate": 0.25},
        "days_30": {"abandoned": 2, "connected": 4, "rate": 0.3333},
    }
    assert await office.store.run(lambda conn: abandonment.rates(conn, [here.campaign_id], now=now)) == expected
    told = (await office.stranger()("GET", "/metrics")).text
    assert f'telephony_abandoned_rate{{campaign="{here.campaign_id}"}} 0.25\n' in told


async def test_no_calls_no_rate(office: Office) -> None:
    found = await office.store.run(
        lambda conn: abandonment.rates(conn, [office.acme.campaign_id], now=datetime.now(UTC))
    )
    assert {one["rate"] for one in found.values()} == {0.0}
