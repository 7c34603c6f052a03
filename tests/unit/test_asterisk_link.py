"""The switchboard and an Asterisk that answers late, not at all, or in another order; the test plays Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from telephony.model.ids import new_id
from telephony.pbx.asterisk import AsteriskSwitchboard
from telephony.pbx.port import (
    AgentCall,
    Event,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LinkLost,
    LinkUp,
    OrderRefused,
    OrderUnsettled,
    PbxUnreachable,
    UnknownLeg,
)
from tests.support.scripted_peer import ManagerConnection, ScriptedAsterisk, SentAction

pytestmark = pytest.mark.unit


class Scene:
    """One switchboard and Asterisk's end of its link."""

    def __init__(
        self, board: AsteriskSwitchboard, events: list[Event], peer: ScriptedAsterisk, asterisk: ManagerConnection
    ) -> None:
        self.board = board
        self.peer = peer
        self.events = events
        self.asterisk = asterisk
        self.tasks: list[asyncio.Task[None]] = []

    def order(self, order: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(order))
        return self.tasks[-1]

    def ring(self, leg: str) -> asyncio.Task[None]:
        return self.order(self.board.ring_agent(AgentCall(leg=leg, phone="alice", ring_limit=10)))

    async def read(self, name: str) -> SentAction:
        action = await self.asterisk.read_action()
        assert action.name == name
        return action

    async def until(self, kind: type[Event], count: int = 1) -> None:
        async with asyncio.timeout(3):
            while sum(isinstance(event, kind) for event in self.events) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.002)

    async def lose_and_restore_the_link(self) -> None:
        self.asterisk.reset()
        self.asterisk = await self.peer.next_connection()
        await self.asterisk.accept_login()
        await self.until(LinkUp, 2)

    async def answer_with_nothing(self, name: str) -> None:
        action = await self.read(name)
        self.asterisk.answer(action, "EventList: start")
        self.asterisk.say_event(f"{name}Complete", f"ActionID: {action.action_id}", "EventList: Complete")

    async def deny_channel(self, leg: str, *, recorded: bool = False) -> None:
        """Answers of an Asterisk that has no such channel now, nor, if not `recorded`, its end."""
        asked = await self.read("Getvar")
        assert asked["channel"] == leg
        self.asterisk.answer(asked, "Message: No such channel", response="Error")
        asked = await self.read("Getvar")
        assert asked["variable"] == f"DB_EXISTS(pd-legs/{leg})"
        self.asterisk.answer(asked, f"Value: {int(recorded)}")

    def say_failure(self, leg: str, channel: str = "PJSIP/alice") -> None:
        self.asterisk.say_event("OriginateResponse", f"ActionID: {leg}", "Response: Failure", f"Channel: {channel}")

    def say(self, name: str, leg: str, *lines: str) -> None:
        self.asterisk.say_event(name, f"Uniqueid: {leg}", f"AccountCode: {leg}", *lines)


async def gate(question: object) -> str:
    return "join"


@asynccontextmanager
async def scene(**settings: Any) -> AsyncIterator[Scene]:
    async with ScriptedAsterisk() as peer:
        events: list[Event] = []
        board = AsteriskSwitchboard(host="127.0.0.1", port=peer.port, username="u", secret="s", **settings)
        board.subscribe(events.append, gate)
        await board.start()
        asterisk = await peer.next_connection()
        await asterisk.accept_login()
        made = Scene(board, events, peer, asterisk)
        try:
            await made.until(LinkUp)
            yield made
        finally:
            await board.stop()
            await asyncio.gather(*made.tasks, return_exceptions=True)


async def test_no_more_than_so_many_originates_without_a_channel() -> None:
    async with scene(max_originates=2, originate_wait=0.3) as made:
        legs = [new_id() for _ in range(4)]
        orders = [made.ring(leg) for leg in legs]
        for leg in legs[:2]:
            action = await made.read("Originate")
            assert action.action_id == leg
            made.asterisk.answer(action)
        await asyncio.gather(*orders[:2])
        made.say("Newchannel", legs[0])
        action = await made.read("Originate")
        assert action.action_id == legs[2], "the place of a leg that appeared goes to the next"
        made.asterisk.answer(action)
        with pytest.raises(PbxUnreachable, match="does not keep up"):
            await orders[3]
        made.say_failure(legs[1])
        await made.deny_channel(legs[1])
        question = await made.read("Getvar")
        made.asterisk.answer(question, "Value: UNAVAILABLE")
        await made.until(LegEnded)
        again = made.ring(legs[3])
        action = await made.read("Originate")
        assert action.action_id == legs[3], "an order that was certainly not sent may be given again"
        made.asterisk.answer(action)
        await again


@pytest.mark.parametrize(
    ("state", "cause", "missing"),
    [("UNAVAILABLE", 20, False), ("INVALID", 0, True), ("NOT_INUSE", 0, False), ("", 0, False)],
)
async def test_a_leg_that_asterisk_could_not_make(state: str, cause: int, missing: bool) -> None:
    async with scene() as made:
        leg = new_id()
        order = made.ring(leg)
        made.asterisk.answer(await made.read("Originate"))
        await order
        made.say_failure(leg)
        await made.deny_channel(leg)
        question = await made.read("Getvar")
        assert question["variable"] == "DEVICE_STATE(PJSIP/alice)"
        made.asterisk.answer(question, f"Value: {state}")
        await made.until(LegEnded)
        (end,) = (event for event in made.events if isinstance(event, LegEnded))
        assert (end.appeared, end.cause, end.missing_endpoint) == (False, cause, missing)
        made.say_failure(leg)
        made.say("Hangup", leg, "Cause: 19", "ChannelState: 0")
        await asyncio.sleep(0.05)
        assert sum(isinstance(event, LegEnded) for event in made.events) == 1


@pytest.mark.parametrize("gone", [True, False], ids=["in the flight recorder", "still up"])
async def test_a_failure_that_overtakes_its_channel_is_not_believed(gone: bool) -> None:
    async with scene() as made:
        leg = new_id()
        order = made.ring(leg)
        made.asterisk.answer(await made.read("Originate"))
        await order
        made.say_failure(leg)
        if gone:
            await made.deny_channel(leg, recorded=True)
        else:
            made.asterisk.answer(await made.read("Getvar"), f"Value: {leg}")
        await asyncio.sleep(0.05)
        made.say("Newchannel", leg)
        made.say("Hangup", leg, "Cause: 34", "TechCause: 503", "ChannelState: 0")
        await made.until(LegEnded)
        await asyncio.sleep(0.05)
        legs = [event for event in made.events if not isinstance(event, LinkUp)]
        assert [type(event) for event in legs] == [LegAppeared, LegEnded]
        assert isinstance(legs[1], LegEnded)
        assert legs[1].sip == 503


async def test_a_channel_that_appears_while_asterisk_is_asked_about_it() -> None:
    async with scene() as made:
        leg = new_id()
        order = made.ring(leg)
        made.asterisk.answer(await made.read("Originate"))
        await order
        made.say_failure(leg)
        await made.deny_channel(leg)
        question = await made.read("Getvar")
        made.say("Newchannel", leg)
        made.asterisk.answer(question, "Value: NOT_INUSE")
        made.say("Hangup", leg, "Cause: 17", "TechCause: 486", "ChannelState: 0")
        await made.until(LegEnded)
        await asyncio.sleep(0.05)
        assert [type(event) for event in made.events] == [LinkUp, LegAppeared, LegEnded]


async def test_a_refused_originate_may_not_be_given_again_under_the_same_id() -> None:
    async with scene() as made:
        leg = new_id()
        order = made.ring(leg)
        made.asterisk.answer(await made.read("Originate"), "Message: Uniqueid already in use", response="Error")
        with pytest.raises(OrderRefused, match="already in use"):
            await order
        with pytest.raises(OrderRefused, match="ordered before"):
            await made.ring(leg)


async def test_the_ringing_tone_is_awaited_and_asked_for_once() -> None:
    async with scene() as made:
        leg = new_id()
        order = made.order(made.board.play_ringing(leg))
        redirect = await made.read("Redirect")
        assert (redirect["channel"], redirect["exten"]) == (leg, "ringing")
        made.asterisk.answer(redirect)
        made.say("BridgeEnter", leg, "BridgeUniqueid: a", "BridgeCreator: BridgeWait", "Exten: hold")
        await asyncio.sleep(0.05)
        assert not order.done(), "an old hold bridge is not the ringing tone"
        made.say("BridgeEnter", leg, "BridgeUniqueid: b", "BridgeCreator: BridgeWait", "Exten: ringing")
        await order
        await made.board.play_ringing(leg)


async def test_the_ringing_tone_that_does_not_come() -> None:
    async with scene(ringing_deadline=0.1) as made:
        order = made.order(made.board.play_ringing(new_id()))
        made.asterisk.answer(await made.read("Redirect"))
        with pytest.raises(OrderUnsettled):
            await order


async def test_the_agent_hangs_up_while_the_ringing_tone_is_awaited() -> None:
    async with scene() as made:
        leg = new_id()
        order = made.order(made.board.play_ringing(leg))
        made.asterisk.answer(await made.read("Redirect"))
        made.say("Hangup", leg, "Cause: 16", "ChannelState: 6")
        with pytest.raises(UnknownLeg):
            await order


async def test_the_link_goes_while_orders_are_on_it() -> None:
    async with scene() as made:
        leg = new_id()
        placing, ringing = made.ring(leg), made.order(made.board.play_ringing(new_id()))
        await made.read("Originate")
        made.asterisk.answer(await made.read("Redirect"))
        await asyncio.sleep(0.02)
        made.asterisk.reset()
        for order in (placing, ringing):
            with pytest.raises(OrderUnsettled):
                await order
        await made.until(LinkLost)
        with pytest.raises(PbxUnreachable):
            await made.board.hang_up(leg)
        with pytest.raises(OrderRefused, match="ordered before"):
            await made.ring(leg)
        assert not any(isinstance(event, LegEnded) for event in made.events), "the survey tells, nobody guesses"


@pytest.mark.parametrize("held", [True, False], ids=["held by its listener", "forgotten by Asterisk"])
async def test_a_leg_whose_end_is_not_told_is_ended_for_good(monkeypatch: pytest.MonkeyPatch, held: bool) -> None:
    monkeypatch.setattr("telephony.pbx.asterisk.GONE_WITHIN", 0.05)
    async with scene() as made:
        leg, listener = new_id(), "1700000000.42"
        order = made.ring(leg)
        made.asterisk.answer(await made.read("Originate"))
        await order
        made.say("Newchannel", leg)
        made.say("Newstate", leg, "ChannelState: 6", "ChannelStateDesc: Up")
        await made.until(LegAnswered)
        hangup = made.order(made.board.hang_up(leg))
        made.asterisk.answer(await made.read("Hangup"))
        await hangup
        asked = await made.read("CoreShowChannels")
        made.asterisk.answer(asked, "EventList: start")
        mine = (f"ActionID: {asked.action_id}", f"Uniqueid: {listener}", f"AccountCode: listen-{leg}")
        other = (f"ActionID: {asked.action_id}", "Uniqueid: 1700000000.43", f"AccountCode: listen-{new_id()}")
        made.asterisk.say_event("CoreShowChannel", *mine)
        made.asterisk.say_event("CoreShowChannel", *other)
        made.asterisk.say_event("CoreShowChannelsComplete", f"ActionID: {asked.action_id}", "EventList: Complete")
        ended = await made.read("Hangup")
        assert ended["channel"] == listener
        made.asterisk.answer(ended)
        again = await made.read("Hangup")
        assert again["channel"] == leg
        if held:
            made.asterisk.answer(again)
            made.say("Hangup", leg, "Cause: 16", "ChannelState: 6")
        else:
            made.asterisk.answer(again, "Message: No such channel", response="Error")
        await made.until(LegEnded)
        (end,) = [event for event in made.events if isinstance(event, LegEnded)]
        assert (end.leg, end.answered) == (leg, True)


async def test_after_the_link_was_lost_only_the_survey_says_who_is_up() -> None:
    async with scene() as made:
        leg = new_id()
        order = made.ring(leg)
        made.asterisk.answer(await made.read("Originate"))
        await order
        made.say("Newchannel", leg)
        await made.until(LegAppeared)
        await made.lose_and_restore_the_link()
        survey = asyncio.create_task(made.board.survey())
        await made.answer_with_nothing("CoreShowChannels")
        await made.answer_with_nothing("DBGetTree")
        assert (await survey).live == {}


async def test_an_order_that_waited_for_its_place_when_the_link_went_may_be_given_again() -> None:
    async with scene(max_originates=1) as made:
        first, second = new_id(), new_id()
        order = made.ring(first)
        made.asterisk.answer(await made.read("Originate"))
        await order
        waiting = made.ring(second)
        await asyncio.sleep(0.02)
        await made.lose_and_restore_the_link()
        with pytest.raises(PbxUnreachable):
            await waiting
        again = made.ring(second)
        action = await made.read("Originate")
        assert action.action_id == second
        made.asterisk.answer(action)
        await again


async def test_an_originate_without_an_answer_does_not_keep_its_place() -> None:
    async with scene(max_originates=1) as made:
        first, second = made.ring(new_id()), new_id()
        await made.read("Originate")
        with pytest.raises(OrderUnsettled):  # after the link's 5 s
            await first
        made.ring(second)
        while (action := await made.asterisk.read_action()).name == "Ping":
            made.asterisk.answer(action, "Ping: Pong")
        assert (action.name, action.action_id) == ("Originate", second)


async def test_a_fastagi_address_in_use_is_said_at_the_start() -> None:
    async with scene(fastagi_port=0) as made:
        port = int(made.board.fastagi_address.rpartition(":")[2])
        second = AsteriskSwitchboard(host="127.0.0.1", port=1, username="u", secret="s", fastagi_port=port)
        with pytest.raises(OrderRefused, match=f"cannot listen for FastAGI on 127.0.0.1:{port}"):
            await second.start()
        await second.stop()
