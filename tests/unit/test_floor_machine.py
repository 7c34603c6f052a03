"""What a verdict does to a call: it ends a fax before anybody is joined with it, and never a call that is joined."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from telephony.model.machine_detection import Verdict, verdict_of
from telephony.pbx.port import MachineVerdict, RecordedEnd, Survey
from telephony.store import schema
from telephony.store.engine import Store
from telephony.store.work import change
from tests.support.company import take_in
from tests.support.shift import Shift, shift

pytestmark = pytest.mark.unit

TWO_NUMBERS = {"external_id": "two", "name": "Twice", "number": "+442079460090", "number_2": "+442079460091"}


async def attempt_row(one: Shift, attempt_id: str) -> Any:
    table = schema.attempts
    return await one.store.run(lambda conn: conn.execute(select(table).where(table.c.id == attempt_id)).one())


async def fax_answers(one: Shift) -> tuple[str, str]:
    """A customer's leg that turns out to be a fax machine; the attempt and its contact."""
    attempt, leg = await one.accepted()
    one.board.appears(leg)
    one.board.rings(leg)
    one.board.answers(leg)
    one.board.tell(MachineVerdict, leg, verdict="FAX", cause="CED")
    assert await one.board.asks(leg, "FAX", "CED") == "end"
    one.board.ends(leg, answered=True, rang=True)
    await one.state_is("previewing")
    row = await attempt_row(one, attempt)
    assert (row.state, row.outcome, row.amd_verdict, row.amd_cause) == ("ended", "FAX", "FAX", "FAX CED")
    assert row.joined_at is None
    return attempt, row.contact_id


async def test_a_fax_is_ended_and_the_next_offer_comes_on_the_same_line(store: Store) -> None:
    async with shift(store, amd="inline") as one:
        agent_leg = await one.reserved()
        _, contact_id = await fax_answers(one)
        assert len(one.board.agent_calls) == 1
        assert one.floor.desks[one.agent].reservation.line.leg_id == agent_leg
        assert (await one.used())["tenant"] == 0
        contacts = {row.id: row for row in await one.rows(schema.contacts)}
        assert (contacts[contact_id].state, contacts[contact_id].why) == ("blocked", "invalid")


async def test_a_verdict_that_the_switchboard_says_twice_is_told_once(store: Store) -> None:
    async with shift(store, amd="inline") as one:
        await one.reserved()
        await fax_answers(one)
        assert [event.kind for event in await one.rows(schema.events)].count("call.amd") == 1


async def test_a_fax_closes_its_number_and_the_contact_is_tried_on_the_other(store: Store) -> None:
    async with shift(store, contacts=0, amd="inline") as one:
        await change(store, lambda work: take_in(work, one.here, TWO_NUMBERS))
        await change(store, lambda work: take_in(work, one.here, {"external_id": "x", "number": "+442079460092"}))
        one.floor.wake()
        await one.reserved()
        _, contact_id = await fax_answers(one)
        numbers = {row.e164: row.status for row in await one.rows(schema.numbers)}
        assert (numbers["+442079460090"], numbers["+442079460091"]) == ("fax", "open")
        contact = await one.contact("two")
        assert (contact.id, contact.state, contact.why, contact.attempts) == (contact_id, "waiting", "FAX", 1)


async def test_a_fax_that_ended_while_the_service_was_away_is_a_fax(store: Store) -> None:
    async with shift(store, amd="inline") as one:
        await one.reserved()
        attempt, leg = await one.accepted()
        one.board.appears(leg)
        one.board.link_lost()
        end = RecordedEnd(
            leg=leg, answered=True, rang=True, cause=16, sip=200, answered_at=1.0, amd_verdict="FAX", amd_cause="CED"
        )
        one.board.survey_now = Survey(live={}, ended={leg: end}, running_since=0.0)
        one.board.link_up()
        await one.until(lambda: leg in one.floor.ground.settled)
        assert (await attempt_row(one, attempt)).outcome == "FAX"


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("NOTSURE", "TOOLONG-3500"),
        ("NOTSURE", "TIMEOUT"),
        ("NOTSURE", "NOAUDIODATA-TOOLONG-3500"),
        ("MACHINE", "INITIALSILENCE-3000-3000"),
        ("MACHINE", "LONGGREETING-1400-1400"),
        ("HUMAN", "HUMAN-1000-1000"),
        ("HANGUP", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("amd", ["inline", "parallel"])
async def test_every_other_verdict_leaves_the_customer_with_the_agent(
    store: Store, amd: str, status: str, cause: str
) -> None:
    async with shift(store, amd=amd) as one:
        agent_leg = await one.reserved()
        attempt, leg = await one.accepted()
        one.board.appears(leg)
        one.board.answers(leg)
        asked = (status, cause) if amd == "inline" else ("", "")
        assert await one.board.asks(leg, *asked) == "join"
        one.board.joins(leg, agent_leg)
        await one.state_is("talking")
        one.board.tell(MachineVerdict, leg, verdict=status, cause=cause)
        await one.settle()
        row = await attempt_row(one, attempt)
        assert (row.state, row.amd_verdict) == ("talking", verdict_of(status, cause).value)
        assert row.amd_verdict != Verdict.FAX
        assert ("hang_up", leg) not in one.board.orders
