"""Hold, mute and digits at a desk, with the switchboard played by hand: told when done, and true after every end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telephony.dialer.errors import NoCapacity, NotFound, Refused
from telephony.model.ids import new_id
from telephony.model.message_drop import When
from telephony.pbx.port import LiveLeg, OrderUnsettled, RecordedEnd, UnknownLeg
from telephony.store import schema
from telephony.store.engine import Store
from tests.support.shift import Shift, audio_folder, found, restart, shift

pytestmark = pytest.mark.unit


async def call_row(one: Shift) -> Any:
    (row,) = await one.rows(schema.attempts)
    return row


async def told(one: Shift) -> list[dict[str, Any]]:
    rows = await one.rows(schema.events)
    return [row.payload for row in rows if row.kind == "call.controls"]


def orders(one: Shift, *legs: str) -> list[str]:
    """What was ordered about these legs since the conversation began."""
    return [what for what, leg in one.board.orders if leg in legs and what not in ("ring_agent", "call_customer")]


async def test_hold_and_back_is_told_when_done_and_twice_is_once(store: Store) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await one.talking()
        one.board.failing["park"] = UnknownLeg("gone")
        with pytest.raises(Refused):
            await one.floor.calls.hold(one.agent, attempt, held=True)
        assert (await call_row(one)).held_since is None
        for held in (True, True, False, False):
            await one.floor.calls.hold(one.agent, attempt, held=held)
        assert orders(one, leg) == ["park", "join"]
        assert [(event["call"], event["held"], event["muted"]) for event in await told(one)] == [
            (attempt, True, False),
            (attempt, False, False),
        ]
        row = await call_row(one)
        assert (row.held_since, row.held_for > 0) == (None, True)
        one.board.ends(leg, answered=True)
        await one.state_is("wrap_up")
        with pytest.raises(Refused):
            await one.floor.calls.hold(one.agent, attempt, held=True)
        with pytest.raises(NotFound):
            await one.floor.calls.hold(one.agent, new_id(), held=True)
        assert agent_leg


@pytest.mark.parametrize("who", ["customer", "agent"])
async def test_who_hangs_up_on_hold_ends_the_call_that_was_talked(store: Store, who: str) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await one.talking()
        await one.floor.calls.hold(one.agent, attempt, held=True)
        one.board.ends({"customer": leg, "agent": agent_leg}[who], answered=True)
        await one.state_is("wrap_up")
        if who == "agent":
            await one.until(lambda: ("hang_up", leg) in one.board.orders)
            one.board.ends(leg, answered=True)
        await one.settle()
        row = await call_row(one)
        assert (row.state, row.outcome) == ("ended", "TALKED")


async def test_a_muted_agent_is_heard_by_the_next_customer_on_the_line(store: Store) -> None:
    async with shift(store, keep_line=True) as one:
        agent_leg, attempt, leg = await one.talking()
        for muted in (True, True):
            await one.floor.calls.mute(one.agent, attempt, muted=muted)
        assert (await call_row(one)).muted
        await one.floor.calls.hold(one.agent, attempt, held=True)
        await one.floor.calls.hold(one.agent, attempt, held=False)
        one.board.ends(leg, answered=True)
        await one.state_is("wrap_up")
        await one.until(lambda: orders(one, agent_leg)[-1:] == ["unmute"])
        assert orders(one, agent_leg).count("mute") == 1


async def test_digits_only_in_a_conversation(store: Store) -> None:
    async with shift(store) as one:
        await one.reserved()
        attempt, leg = await one.accepted()
        with pytest.raises(Refused):
            await one.floor.calls.send_digits(one.agent, attempt, "1")
        one.board.appears(leg)
        assert await one.board.asks(leg) == "join"
        one.board.joins(leg, one.board.agent_calls[0].leg)
        await one.state_is("talking")
        await one.floor.calls.send_digits(one.agent, attempt, "12#")
        await one.floor.calls.hold(one.agent, attempt, held=True)
        with pytest.raises(Refused):
            await one.floor.calls.send_digits(one.agent, attempt, "3")
        with pytest.raises(Refused):
            await one.floor.drop_message(one.agent, attempt, When.NOW)
        assert orders(one, leg) == ["send_digits 12#", "park"]


async def test_a_recording_on_demand_rests_while_the_customer_is_on_hold(store: Store, tmp_path: Path) -> None:
    async with shift(store, audio=audio_folder(tmp_path), recording="on_demand") as one:
        _, attempt, leg = await one.talking()
        await one.floor.record(one.agent, attempt, "start")
        await one.floor.calls.hold(one.agent, attempt, held=True)
        with pytest.raises(Refused):
            await one.floor.record(one.agent, attempt, "start")
        (first,) = await one.rows(schema.recordings)
        assert first.state == "stopped"
        await one.floor.calls.hold(one.agent, attempt, held=False)
        assert [row.state for row in await one.rows(schema.recordings)] == ["stopped", "recording"]
        assert orders(one, leg, first.id) == ["record", "stop_recording", "park", "join", "record"]


@pytest.mark.parametrize("stored", ["held", "talking"])
async def test_a_service_that_starts_again_finds_the_customer_on_hold_and_takes_them_back(
    store: Store, stored: str
) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await one.talking()
        if stored == "held":
            await one.floor.calls.hold(one.agent, attempt, held=True)
        await restart(one, found(live=[LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=leg, state="up", parked=True)]))
        row = await call_row(one)
        assert (row.state, row.held_since is not None) == ("talking", True)
        await one.floor.calls.hold(one.agent, attempt, held=False)
        assert orders(one, leg) == ["join"]
        await one.state_is("talking")


@pytest.mark.parametrize("end", ["customer", "agent", "both"])
async def test_ends_on_hold_while_the_service_was_away_are_settled_as_talked(store: Store, end: str) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await one.talking()
        await one.floor.calls.hold(one.agent, attempt, held=True)
        legs = {"customer": leg, "agent": agent_leg}
        gone = [one_leg for who, one_leg in legs.items() if end in (who, "both")]
        live = [
            LiveLeg(leg=one_leg, state="up", parked=one_leg == leg) for one_leg in legs.values() if one_leg not in gone
        ]
        ended = [
            RecordedEnd(leg=one_leg, answered=True, rang=True, cause=16, sip=None, joined=one_leg == leg)
            for one_leg in gone
        ]
        await restart(one, found(live=live, ended=ended))
        if end == "agent":
            await one.until(lambda: ("hang_up", leg) in one.board.orders)
            one.board.ends(leg, answered=True)
        await one.settle()
        row = await call_row(one)
        assert (row.state, row.outcome) == ("ended", "TALKED")
        await one.state_is("wrap_up")


async def test_an_order_that_got_no_answer_is_settled_by_the_survey(store: Store) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await one.talking()
        one.board.failing["park"] = OrderUnsettled("silence")
        one.board.survey_now = found(
            live=[LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=leg, state="up", parked=True)]
        )
        with pytest.raises(NoCapacity):
            await one.floor.calls.hold(one.agent, attempt, held=True)
        desk = one.floor.desks[one.agent]
        await one.until(lambda: desk.call is not None and desk.call.controls.held)
        assert (await call_row(one)).state == "talking"
