"""Transfers at a desk, the switchboard played by hand: what fails brings the two together, what succeeds lives on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from telephony.dialer.errors import ContactWithdrawn, NoCapacity, NotFound, Refused
from telephony.dialer.requests import Target
from telephony.model.transfer import TransferEvent, TransferState
from telephony.pbx.port import LiveLeg, OrderRefused, OrderUnsettled, PbxUnreachable, RecordedEnd
from telephony.store import accounts, beside, schema
from telephony.store.engine import Store
from tests.support.shift import Shift, found, now, restart, shift

pytestmark = pytest.mark.unit

NUMBER = Target(number="+442079460999")
BLIND, CONSULT = TransferEvent.BLIND, TransferEvent.CONSULT
COMPLETE, CANCEL = TransferEvent.COMPLETE, TransferEvent.CANCEL


@asynccontextmanager
async def handing(store: Store, **wanted: Any) -> AsyncIterator[Handing]:
    """A conversation that may be handed over, and a colleague named Bea, idle for lunch."""
    async with shift(store, **wanted) as one:
        new = accounts.NewUser(
            username="bea",
            name="Bea",
            role=accounts.Role.AGENT,
            password="correct horse",
            cell_id=one.here.cell_id,
            phone="1002",
        )
        made = await store.run(
            lambda conn: accounts.create_user(conn, one.here.tenant_id, new, password_hash="-", now=now())
        )
        agent_leg, attempt, customer = await one.talking()
        bea = str(made["id"])
        await one.floor.set_state(bea, "idle", "lunch")
        yield Handing(one, agent_leg, attempt, customer, bea)


class Handing:
    def __init__(self, one: Shift, agent_leg: str, attempt: str, customer: str, bea: str) -> None:
        self.one = one
        self.agent_leg, self.attempt, self.customer, self.bea = agent_leg, attempt, customer, bea

    async def ask(self, action: TransferEvent, to: Target | None = None) -> TransferState:
        return await self.one.floor.calls.transfer(self.one.agent, self.attempt, action, to)

    @property
    def third(self) -> str:
        return self.one.board.third_calls[-1].leg

    async def ringing(self, action: TransferEvent, to: Target = NUMBER) -> str:
        await self.ask(action, to)
        self.one.board.appears(self.third)
        self.one.board.rings(self.third)
        await self.one.settle()
        return self.third

    async def row(self) -> Any:
        (row,) = await self.one.rows(schema.attempts)
        return row

    async def stands(self) -> tuple[str, str | None, bool]:
        """(state of the call, of its transfer, customer on hold)."""
        await self.one.settle()
        row = await self.row()
        return row.state, row.transfer_state, row.held_since is not None

    def orders(self) -> list[str]:
        """Since the conversation began, by whom they are about."""
        names = {self.agent_leg: "agent", self.customer: "customer"}
        names |= {call.leg: "third" for call in self.one.board.third_calls}
        done = [f"{what} {names[leg]}" for what, leg in self.one.board.orders if leg in names]
        return done[done.index("call_customer customer") + 1 :]

    async def together_again(self) -> None:
        assert await self.stands() == ("talking", None, False)
        await self.one.state_is("talking")
        assert self.orders()[-1] == "join customer"

    async def colleague(self) -> tuple[str, str | None]:
        await self.one.settle()
        desk = await self.one.floor.desk(self.bea)

        async def nothing() -> None:
            return None

        await desk.ask(nothing)
        return desk.agent.state.value, desk.agent.idle_reason

    async def failed(self) -> list[str]:
        return [row.payload["why"] for row in await self.one.rows(schema.events) if row.kind == "call.transfer_failed"]


# -- what succeeds


async def test_blind_to_a_number(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        before = await one.used()
        third = await hand.ringing(BLIND)
        assert await hand.stands() == ("talking", "blind", True)
        call = one.board.third_calls[0]
        assert (call.dial, call.caller_name) == ("PJSIP/+442079460999@carrier", "")
        used = await one.used()
        assert (used["trunk"], used["cell"]) == (before["trunk"] + 1, before["cell"] + 1)
        one.board.answers(third)
        await one.state_is("wrap_up")
        row = await hand.row()
        assert (row.state, row.transfer_to, row.held_since) == ("transferred", "+442079460999", None)
        assert hand.orders() == ["park customer", "call_third third", "join customer", "hang_up agent"]
        one.board.ends(hand.agent_leg, answered=True)
        await one.floor.wrap_up(one.agent, hand.attempt, disposition="success", note="sold")
        await one.until(lambda: len(one.board.agent_calls) == 2)  # the next contact, while the call lives on
        used = await one.used()
        assert (used["tenant"], used["trunk"]) == (1, 2)
        assert (await one.contact("c0")).state == "in_attempt"
        one.board.ends(third, answered=True)
        one.board.ends(hand.customer, answered=True)
        await one.settle()
        (row,) = [row for row in await one.rows(schema.attempts) if row.id == hand.attempt]
        assert (row.state, row.outcome, row.disposition, row.note) == ("ended", "TALKED", "success", "sold")
        assert (await one.contact("c0")).state == "done"
        assert (await one.used())["trunk"] == 0


async def test_consultation_with_a_colleague_who_takes_it(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        assert await hand.colleague() == ("idle", "lunch")
        third = await hand.ringing(CONSULT, Target(agent_id=hand.bea))
        assert (one.board.third_calls[0].dial, one.board.third_calls[0].caller_name) == ("PJSIP/1002", "Ann")
        assert await hand.colleague() == ("idle", "transfer")
        one.board.answers(third)
        assert await hand.stands() == ("talking", "talking", True)
        assert hand.orders()[-1] == "join third"
        await one.floor.calls.send_digits(one.agent, hand.attempt, "1")
        assert hand.orders()[-1] == "send_digits 1 third"
        with pytest.raises(Refused):
            await one.floor.calls.hold(one.agent, hand.attempt, held=False)
        assert await hand.ask(COMPLETE) is TransferState.HANDED_OVER
        assert await hand.ask(COMPLETE) is TransferState.HANDED_OVER
        assert hand.orders()[-3:-1] == ["park third", "join customer"]
        await one.state_is("wrap_up")
        assert await hand.colleague() == ("idle", "transfer")
        one.board.ends(hand.customer, answered=True)
        await one.until(lambda: "hang_up third" in hand.orders())
        one.board.ends(third, answered=True)
        assert await hand.colleague() == ("idle", "lunch")
        row = await hand.row()
        assert (row.outcome, row.transfer_to) == ("TALKED", "Bea")


async def test_complete_while_it_rings_goes_on_as_blind(store: Store) -> None:
    async with handing(store) as hand:
        third = await hand.ringing(CONSULT)
        assert await hand.ask(COMPLETE) is TransferState.BLIND
        hand.one.board.answers(third)
        await hand.one.state_is("wrap_up")
        assert (await hand.row()).state == "transferred"


async def test_an_available_colleague_is_not_rung_meanwhile_and_available_again_afterwards(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        one.floor.live_opened(hand.bea)
        await one.floor.set_state(hand.bea, "available")
        third = await hand.ringing(BLIND, Target(agent_id=hand.bea))
        assert await hand.colleague() == ("idle", "transfer")
        assert await one.store.run(lambda conn: beside.colleagues(conn, one.agent)) == []
        await one.floor.set_state(hand.bea, "idle", "break")  # kept for afterwards
        await one.floor.set_state(hand.bea, "available")
        assert await hand.colleague() == ("idle", "transfer")
        one.board.ends(third, rang=True, sip=486, cause=17)
        await hand.together_again()
        assert await hand.failed() == ["busy"]
        assert (await hand.colleague())[0] == "available"
        (free,) = await one.store.run(lambda conn: beside.colleagues(conn, one.agent))
        assert (free["id"], free["name"], free["state"]) == (hand.bea, "Bea", "available")


# -- what fails, or is taken back


@pytest.mark.parametrize("action", [BLIND, CONSULT])
async def test_taken_back_while_it_rings_before_and_after_the_channel_appears(
    store: Store, action: TransferEvent
) -> None:
    async with handing(store) as hand:
        board = hand.one.board
        await hand.ask(action, NUMBER)
        first = hand.third
        assert await hand.ask(CANCEL) is TransferState.NONE
        assert await hand.ask(CANCEL) is TransferState.NONE
        await hand.together_again()
        board.appears(first)
        await hand.one.until(lambda: board.orders.count(("hang_up", first)) == 2)
        board.ends(first)
        third = await hand.ringing(action)
        assert third != first
        await hand.ask(CANCEL)
        await hand.together_again()
        board.answers(third)  # too late
        await hand.one.until(lambda: board.orders.count(("hang_up", third)) == 2)
        board.ends(third, answered=True)
        assert await hand.stands() == ("talking", None, False)
        assert (await hand.one.used())["trunk"] == 1


async def test_taken_back_from_the_consultation(store: Store) -> None:
    async with handing(store) as hand:
        third = await hand.ringing(CONSULT)
        hand.one.board.answers(third)
        await hand.one.settle()
        assert await hand.ask(CANCEL) is TransferState.NONE
        assert hand.orders()[-3:] == ["park third", "hang_up third", "join customer"]
        await hand.together_again()


@pytest.mark.parametrize("action", [BLIND, CONSULT])
@pytest.mark.parametrize(("sip", "why"), [(486, "busy"), (480, "no_answer"), (603, "declined"), (404, "invalid")])
async def test_a_third_party_who_does_not_come(store: Store, action: TransferEvent, sip: int, why: str) -> None:
    async with handing(store) as hand:
        third = await hand.ringing(action)
        hand.one.board.ends(third, rang=True, sip=sip)
        await hand.together_again()
        assert await hand.failed() == [why]


async def test_a_third_party_who_hangs_up_in_the_consultation(store: Store) -> None:
    async with handing(store) as hand:
        third = await hand.ringing(CONSULT)
        hand.one.board.answers(third)
        await hand.one.settle()
        hand.one.board.ends(third, answered=True)
        await hand.together_again()
        assert await hand.failed() == ["hung_up"]


@pytest.mark.parametrize("action", [BLIND, CONSULT])
async def test_a_join_that_is_refused_brings_the_customer_back(store: Store, action: TransferEvent) -> None:
    async with handing(store) as hand:
        third = await hand.ringing(action)
        hand.one.board.failing["join"] = OrderRefused("no")
        hand.one.board.answers(third)
        await hand.together_again()
        assert "hang_up third" in hand.orders()


async def test_what_cannot_be_called_leaves_the_two_together(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        for wrong, to in (
            (NotFound, Target(agent_id=one.agent)),
            (NotFound, Target(agent_id="01a00000-0000-7000-8000-000000000000")),
        ):
            with pytest.raises(wrong):
                await hand.ask(BLIND, to)
        one.board.phones["1002"] = False
        with pytest.raises(Refused) as refused:
            await hand.ask(BLIND, Target(agent_id=hand.bea))
        assert refused.value.code == "PHONE_NOT_REGISTERED"
        one.board.phones["1002"] = True
        one.board.failing["call_third"] = PbxUnreachable("no link")
        with pytest.raises(NoCapacity):
            await hand.ask(BLIND, Target(agent_id=hand.bea))
        await hand.together_again()
        assert await hand.colleague() == ("idle", "lunch")
        await one.store.run(lambda conn: conn.execute(update(schema.trunks).values(number_ranges=["+1"])))
        with pytest.raises(ContactWithdrawn) as withdrawn:
            await hand.ask(BLIND, NUMBER)
        assert withdrawn.value.code == "NUMBER_NOT_ALLOWED"
        await one.store.run(lambda conn: conn.execute(update(schema.trunks).values(number_ranges=[], max_channels=1)))
        with pytest.raises(NoCapacity) as full:
            await hand.ask(BLIND, NUMBER)
        assert (full.value.code, full.value.used, full.value.limit) == ("TRUNK_CHANNEL_LIMIT", 1, 1)
        assert await hand.stands() == ("talking", None, False)
        with pytest.raises(Refused):
            await hand.ask(COMPLETE)


async def test_a_colleague_at_work_cannot_be_called_and_nobody_two_at_a_time(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        await one.floor.set_state(hand.bea, "offline")
        with pytest.raises(Refused):
            await hand.ask(CONSULT, Target(agent_id=hand.bea))
        await one.floor.set_state(hand.bea, "idle")
        await hand.ringing(CONSULT, Target(agent_id=hand.bea))
        with pytest.raises(Refused):
            await hand.ask(BLIND, NUMBER)
        with pytest.raises(Refused):
            await hand.ask(BLIND, Target(agent_id=hand.bea))
        assert await hand.colleague() == ("idle", "transfer")


# -- who hangs up


@pytest.mark.parametrize("stage", ["ringing", "consultation"])
@pytest.mark.parametrize("who", ["customer", "agent", "by request", "supervisor", "freed"])
async def test_a_hang_up_ends_the_call_and_the_transfer_with_it(store: Store, stage: str, who: str) -> None:
    async with handing(store) as hand:
        one, board = hand.one, hand.one.board
        third = await hand.ringing(CONSULT, Target(agent_id=hand.bea))
        if stage == "consultation":
            board.answers(third)
            await one.settle()
        match who:
            case "customer":
                board.ends(hand.customer, answered=True)
            case "agent":
                board.ends(hand.agent_leg, answered=True)
            case "by request":
                await one.floor.hang_up(one.agent, hand.attempt)
            case "supervisor":
                await one.floor.supervision.hang_up(one.agent, hand.attempt)
            case "freed":
                await one.floor.supervision.free(one.agent)
        if who != "customer":
            await one.until(lambda: "hang_up customer" in hand.orders())
            board.ends(hand.customer, answered=True)
        await one.until(lambda: "hang_up third" in hand.orders())
        board.ends(third, answered=stage == "consultation")
        await one.state_is("idle" if who == "freed" else "wrap_up")
        if who != "agent":
            await one.until(lambda: "hang_up agent" in hand.orders())
            board.ends(hand.agent_leg, answered=True)
        await one.settle()
        row = await hand.row()
        assert (row.state, row.outcome, row.transfer_state, row.transferred_at) == ("ended", "TALKED", None, None)
        assert await hand.colleague() == ("idle", "lunch")
        assert set((await one.used()).values()) == {0}


async def test_the_customer_hangs_up_in_the_moment_of_the_hand_over(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        third = await hand.ringing(BLIND)
        one.board.failing["join"] = OrderUnsettled("silence")
        one.board.survey_now = found(
            live=[LiveLeg(leg=hand.agent_leg, state="up"), LiveLeg(leg=third, state="up")],
            ended=[RecordedEnd(leg=hand.customer, answered=True, rang=True, cause=16, sip=None, joined=True)],
        )
        one.board.answers(third)
        await one.state_is("wrap_up")
        await one.until(lambda: "hang_up third" in hand.orders())
        assert (await hand.row()).outcome == "TALKED"


async def test_a_supervisor_ends_a_call_that_was_handed_over_and_its_agent_cannot(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        third = await hand.ringing(BLIND)
        one.board.answers(third)
        await one.state_is("wrap_up")
        with pytest.raises(Refused):
            await one.floor.hang_up(one.agent, hand.attempt)
        await one.floor.wrap_up(one.agent, hand.attempt, disposition="success")
        await one.floor.supervision.hang_up(one.agent, hand.attempt)
        await one.until(lambda: "hang_up customer" in hand.orders())


async def test_freed_in_the_wrap_up_of_a_call_that_lives_on(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        third = await hand.ringing(BLIND)
        one.board.answers(third)
        await one.state_is("wrap_up")
        await one.floor.supervision.free(one.agent)
        await one.state_is("idle")
        row = await hand.row()
        assert (row.state, row.disposition is not None) == ("transferred", True)
        assert "hang_up customer" not in hand.orders()
        one.board.ends(hand.customer, answered=True)
        await one.settle()
        assert (await hand.row()).outcome == "TALKED"
        assert (await one.contact("c0")).state != "in_attempt"


async def test_a_callback_agreed_while_the_call_lives_on_is_kept_for_its_end(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        third = await hand.ringing(BLIND)
        one.board.answers(third)
        await one.state_is("wrap_up")
        at = now() + timedelta(days=2)
        await one.floor.wrap_up(one.agent, hand.attempt, disposition="callback", callback_at=at, callback_mine=True)
        assert (await one.contact("c0")).state == "in_attempt"
        one.board.ends(hand.customer, answered=True)
        await one.settle()
        contact = await one.contact("c0")
        assert (contact.state, contact.callback_at, contact.callback_agent_id) == ("callback", at, one.agent)


# -- a service that starts again


def up(*legs: str, **facts: Any) -> list[LiveLeg]:
    return [LiveLeg(leg=leg, state="up", **facts) for leg in legs]


@pytest.mark.parametrize("action", [BLIND, CONSULT])
async def test_restart_while_it_rings_and_then_they_answer(store: Store, action: TransferEvent) -> None:
    async with handing(store) as hand:
        third = await hand.ringing(action, Target(agent_id=hand.bea))
        await restart(
            hand.one,
            found(
                live=[
                    *up(hand.agent_leg),
                    *up(hand.customer, parked=True),
                    LiveLeg(leg=third, state="ringing"),
                ]
            ),
        )
        assert await hand.stands() == ("talking", action.value, True)
        assert await hand.colleague() == ("idle", "transfer")
        hand.one.board.answers(third)
        await hand.one.settle()
        orders = [what for what, leg in hand.one.board.orders if leg in (third, hand.customer)]
        assert orders == ["join"]
        assert (await hand.row()).state == ("transferred" if action is BLIND else "talking")


async def test_restart_after_the_answer_that_was_not_seen(store: Store) -> None:
    async with handing(store) as hand:
        third = await hand.ringing(BLIND)
        live = [*up(hand.agent_leg, third), *up(hand.customer, parked=True)]
        await restart(hand.one, found(live=live))
        await hand.one.state_is("wrap_up")
        assert (await hand.row()).state == "transferred"


async def test_restart_in_the_consultation_goes_on_there(store: Store) -> None:
    async with handing(store) as hand:
        third = await hand.ringing(CONSULT)
        hand.one.board.answers(third)
        await hand.one.settle()
        live = [
            LiveLeg(leg=hand.agent_leg, state="up", joined_to=third),
            LiveLeg(leg=third, state="up", joined_to=hand.agent_leg),
            *up(hand.customer, parked=True),
        ]
        await restart(hand.one, found(live=live))
        assert await hand.stands() == ("talking", "talking", True)
        hand.one.board.ends(third, answered=True)
        await hand.one.until(lambda: ("join", hand.customer) in hand.one.board.orders)
        assert await hand.stands() == ("talking", None, False)


async def test_restart_after_the_third_party_went(store: Store) -> None:
    async with handing(store) as hand:
        third = await hand.ringing(CONSULT, Target(agent_id=hand.bea))
        ended = [RecordedEnd(leg=third, answered=False, rang=True, cause=17, sip=486)]
        await restart(hand.one, found(live=[*up(hand.agent_leg), *up(hand.customer, parked=True)], ended=ended))
        await hand.one.until(lambda: ("join", hand.customer) in hand.one.board.orders)
        assert await hand.stands() == ("talking", None, False)
        assert await hand.colleague() == ("idle", "lunch")


@pytest.mark.parametrize("stored", ["passing", "wrap_up", "wrapped up"])
async def test_restart_when_the_customer_talks_to_the_third_party(store: Store, stored: str) -> None:
    async with handing(store) as hand:
        one = hand.one
        third = await hand.ringing(BLIND, Target(agent_id=hand.bea))
        if stored == "passing":
            one.board.failing["join"] = OrderUnsettled("the service died here")
            one.board._up = False
        one.board.answers(third)
        if stored != "passing":
            await one.state_is("wrap_up")
            one.board.ends(hand.agent_leg, answered=True)
        if stored == "wrapped up":
            await one.floor.set_state(one.agent, "idle")
            await one.floor.wrap_up(one.agent, hand.attempt, disposition="success")
        live = [
            LiveLeg(leg=hand.customer, state="up", joined_to=third),
            LiveLeg(leg=third, state="up", joined_to=hand.customer),
            *(up(hand.agent_leg) if stored == "passing" else []),
        ]
        await restart(one, found(live=live))
        assert (await hand.row()).state == "transferred"
        await one.state_is("idle" if stored == "wrapped up" else "wrap_up")
        assert await hand.colleague() == ("idle", "transfer")
        assert ("hang_up", third) not in one.board.orders
        one.board.ends(hand.customer, answered=True)
        await one.until(lambda: ("hang_up", third) in one.board.orders)
        one.board.ends(third, answered=True)
        await one.settle()
        assert (await hand.row()).outcome == "TALKED"
        assert await hand.colleague() == ("idle", "lunch")
        contact = await one.contact("c0")
        assert contact.state == ("done" if stored == "wrapped up" else "in_attempt")


async def test_restart_after_everybody_went(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        third = await hand.ringing(CONSULT, Target(agent_id=hand.bea))
        one.board.answers(third)
        await one.settle()
        ended = [
            RecordedEnd(leg=leg, answered=True, rang=True, cause=16, sip=None, joined=leg == hand.customer)
            for leg in (hand.agent_leg, hand.customer, third)
        ]
        await restart(one, found(ended=ended))
        await one.state_is("wrap_up")
        row = await hand.row()
        assert (row.outcome, row.transfer_state) == ("TALKED", None)
        assert await hand.colleague() == ("idle", "lunch")
        assert set((await one.used()).values()) == {0}


@pytest.mark.parametrize("told", ["ended", "answered"])
async def test_what_the_third_party_does_before_a_lost_link_is_settled_counts_afterwards(
    store: Store, told: str
) -> None:
    async with handing(store) as hand:
        one, board = hand.one, hand.one.board
        third = await hand.ringing(BLIND)
        board.link_lost()
        await one.settle()
        assert (await hand.row()).state == "unknown"
        if told == "ended":
            board.ends(third, rang=True, sip=486)
        else:
            board.answers(third)
        await one.settle()
        ringing = LiveLeg(leg=third, state="ringing")  # the survey was begun before
        board.survey_now = found(live=[*up(hand.agent_leg), *up(hand.customer, parked=True), ringing])
        board.link_up()
        if told == "ended":
            await one.until(lambda: "join customer" in hand.orders())
            assert await hand.stands() == ("talking", None, False)
            await one.state_is("talking")
        else:
            await one.state_is("wrap_up")
            assert (await hand.row()).state == "transferred"


async def test_a_survey_from_before_the_third_party_was_called_does_not_end_the_transfer(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        asked = now()  # another desk's trouble: the channel list is read, and then this desk calls somebody
        third = await hand.ringing(CONSULT, Target(agent_id=hand.bea))
        one.board.answers(third)
        await one.settle()
        survey = found(live=[*up(hand.agent_leg, joined_to=hand.customer), *up(hand.customer)])
        await one.floor._reconcile(survey, one.floor._links, asked)
        assert await hand.stands() == ("talking", "talking", True)
        assert await hand.colleague() == ("idle", "transfer")
        assert (await one.used())["cell"] == 3
        one.board.ends(third, answered=True)
        await hand.together_again()


async def test_nobody_else_is_called_before_the_last_third_party_is_gone(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        await hand.ask(CONSULT, Target(agent_id=hand.bea))
        first = hand.third
        await hand.ask(CANCEL)
        with pytest.raises(Refused, match="still ending"):
            await hand.ask(BLIND, NUMBER)  # before its channel has appeared
        one.board.appears(first)
        await one.until(lambda: one.board.orders.count(("hang_up", first)) == 2)
        one.board.ends(first)
        assert await hand.colleague() == ("idle", "lunch")
        second = await hand.ringing(BLIND)
        one.board.answers(second)
        await one.state_is("wrap_up")
        assert (await hand.row()).transfer_to == "+442079460999"


async def test_a_colleague_who_is_about_to_be_called_is_not_let_go_by_a_survey(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        desk, go_on = await one.floor.desk(one.agent), asyncio.Event()
        desk.post(lambda: wait(go_on))  # this desk is at something else
        asked = asyncio.create_task(hand.ask(CONSULT, Target(agent_id=hand.bea)))
        bea = await one.floor.desk(hand.bea)
        await one.until(lambda: bea.colleague.busy)
        one.floor.free_colleague(hand.bea)  # as every survey asks
        await bea.ask(bea.was_moved)
        go_on.set()
        await asked
        assert await hand.colleague() == ("idle", "transfer")


async def wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_a_colleague_who_signs_off_in_the_call_is_offline_after_it_and_not_rung_in_it(store: Store) -> None:
    async with handing(store) as hand:
        one = hand.one
        third = await hand.ringing(BLIND, Target(agent_id=hand.bea))
        one.board.answers(third)
        await one.state_is("wrap_up")
        await one.floor.set_state(hand.bea, "available")
        await one.floor.set_state(hand.bea, "offline")
        assert await hand.colleague() == ("idle", "transfer")
        one.board.ends(third, answered=True)
        assert await hand.colleague() == ("offline", None)
