"""A message dropped into a mailbox, with the switchboard played by hand: the agent is free, the call goes on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, update

from telephony.dialer import message
from telephony.dialer.errors import NoCapacity, NotFound, Refused
from telephony.model.message_drop import When
from telephony.pbx.port import (
    BeepHeard,
    LegAbandoned,
    LegsParted,
    LiveLeg,
    MessagePlayed,
    OrderRefused,
    OrderUnsettled,
    RecordedEnd,
    SpeechEnded,
)
from telephony.store import accounts, infrastructure, messages, schema, views
from telephony.store.accounts import UserChange
from telephony.store.engine import Store
from telephony.store.errors import Invalid
from telephony.store.messages import MessageUse, NewMessage
from tests.support.shift import Shift, found, restart, shift
from tests.unit.test_floor_pull import dialed

pytestmark = pytest.mark.unit

SOUND = "/pbx/audio/messages/hello"


async def equip(one: Shift, *, consent: bool = True, use: MessageUse = MessageUse.VOICEMAIL) -> None:
    """The campaign has a message; every contact has agreed to it, or nobody."""
    new = NewMessage(name="hello.wav", path="hello.wav", seconds=3.0, sha256="0" * 64)

    def run(conn: Any) -> None:
        messages.set_message(conn, one.here.tenant_id, one.here.campaign_id, use, new, now=datetime.now(UTC))
        conn.execute(update(schema.contacts).values(consent=consent))

    await one.store.run(run)


async def dropped(one: Shift, when: When = When.AUTO) -> tuple[str, str, str]:
    """Joined, then the message dropped: (agent leg, attempt, customer leg), the next offer on the screen."""
    await equip(one)
    agent_leg, attempt, leg = await one.talking()
    await one.floor.drop_message(one.agent, attempt, when)
    one.board.tell(LegsParted, leg, agent_leg=agent_leg)
    await one.settle()
    return agent_leg, attempt, leg


async def row(one: Shift, attempt: str) -> Any:
    return next(found_ for found_ in await one.rows(schema.attempts) if found_.id == attempt)


async def being_left(one: Shift) -> Any:
    """What the agent's page shows of messages under way."""
    view = await one.store.run(lambda conn: views.me(conn, one.agent, now=datetime.now(UTC)))
    return view["messages"]


def plays(one: Shift, leg: str) -> int:
    return one.board.orders.count(("play_message", leg))


async def tell(one: Shift, kind: type[Any], leg: str, **values: Any) -> None:
    one.board.tell(kind, leg, **values)
    await one.settle()


async def test_the_agent_gets_the_next_offer_on_the_same_line_while_the_message_waits_for_the_beep(
    store: Store,
) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await dropped(one)
        await one.state_is("previewing")
        assert (await row(one, attempt)).state == "message"
        assert one.board.orders[-2:] == [("set_aside", leg), ("listen", leg)]
        assert len(one.board.agent_calls) == 1
        assert (await one.used())["cell"] == 3  # agent, customer, ear
        assert (await one.used())["tenant"] == 1  # the leg counts until it is gone
        await one.floor.drop_message(one.agent, attempt, When.AUTO)  # once more is as good as once
        assert await being_left(one) == [{"call": attempt, "name": "Customer 0"}]
        await tell(one, BeepHeard, leg)
        assert one.board.sounds == [SOUND]
        await tell(one, MessagePlayed, leg, whole=True)
        one.board.ends(leg, answered=True, rang=True, cause=16)
        await one.settle()
        done = await row(one, attempt)
        assert (done.state, done.outcome, done.code, done.disposition) == ("ended", "MESSAGE_DROPPED", None, None)
        await one.state_is("previewing")
        assert await being_left(one) == []
        contact = await one.contact("c0")
        assert (contact.state, contact.attempts, contact.why) == ("waiting", 1, "MESSAGE_DROPPED")
        assert await one.used() == {"tenant": 0, "data_center": 0, "trunk": 0, "cell": 1}
        assert agent_leg in one.floor.ground.owners
        assert leg not in one.floor.ground.owners


async def test_the_next_call_is_up_while_the_message_plays(store: Store) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await dropped(one, When.NOW)
        assert plays(one, leg) == 1
        second, other = await one.accepted()
        one.board.appears(other)
        await one.board.asks(other)
        one.board.joins(other, agent_leg)
        await one.state_is("talking")
        assert (await one.used())["tenant"] == 2
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        first = await row(one, attempt)
        assert (first.outcome, first.code) == ("MESSAGE_NOT_LEFT", "cut")
        assert (await row(one, second)).state == "talking"
        await one.state_is("talking")


async def test_a_beep_heard_just_before_starts_it_at_once(store: Store) -> None:
    async with shift(store, amd="parallel") as one:
        await equip(one)
        _, attempt, leg = await one.talking()
        await tell(one, BeepHeard, leg)
        await one.floor.drop_message(one.agent, attempt, When.AUTO)
        await one.settle()
        assert plays(one, leg) == 1
        assert ("set_aside", leg) not in one.board.orders


async def test_silence_after_speech_starts_it_and_a_beep_then_begins_it_again(store: Store) -> None:
    async with shift(store) as one:
        _, attempt, leg = await dropped(one)
        for kind, begun in ((SpeechEnded, 1), (BeepHeard, 2), (BeepHeard, 2)):
            await tell(one, kind, leg)
            assert plays(one, leg) == begun
        await tell(one, MessagePlayed, leg, whole=True)
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        assert (await row(one, attempt)).outcome == "MESSAGE_DROPPED"


async def test_without_a_beep_it_is_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message, "PATIENCE", 0.05)
    async with shift(store) as one:
        _, attempt, leg = await dropped(one)
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        await tell(one, BeepHeard, leg)  # too late
        assert plays(one, leg) == 0
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        done = await row(one, attempt)
        assert (done.outcome, done.code) == ("MESSAGE_NOT_LEFT", "no_beep")


async def test_what_the_switchboard_cannot_play_was_not_left(store: Store) -> None:
    async with shift(store) as one:
        _, attempt, leg = await dropped(one, When.NOW)
        await tell(one, MessagePlayed, leg, whole=False)
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        done = await row(one, attempt)
        assert (done.outcome, done.code) == ("MESSAGE_NOT_LEFT", "not_played")


async def test_a_message_taken_away_while_a_call_drops_it_is_still_played(store: Store) -> None:
    async with shift(store) as one:
        _, attempt, leg = await dropped(one)
        tenant, campaign = one.here.tenant_id, one.here.campaign_id
        await store.run(lambda conn: messages.remove_message(conn, tenant, campaign, MessageUse.VOICEMAIL))
        assert await store.run(lambda conn: messages.sweep(conn, tenant)) == []
        await tell(one, BeepHeard, leg)
        assert one.board.sounds == [SOUND]
        await tell(one, MessagePlayed, leg, whole=True)
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        assert (await row(one, attempt)).outcome == "MESSAGE_DROPPED"
        assert await store.run(lambda conn: messages.sweep(conn, tenant)) == ["hello.wav"]


async def test_the_card_says_beforehand_whether_a_message_can_be_dropped(store: Store) -> None:
    async with shift(store, contacts=4) as one:

        async def said() -> str:
            """By the event that brings the card, and by a page that was just loaded."""
            told = [row.payload for row in await one.rows(schema.events) if row.kind == "offer.opened"]
            view = await one.store.run(lambda conn: views.me(conn, one.agent, now=datetime.now(UTC)))
            assert told[-1]["card"]["message"] == view["offer"]["card"]["message"]
            return str(view["offer"]["card"]["message"])

        async def next_card(*, consent: bool, needed: bool) -> str:
            await equip(one, consent=consent)
            change = update(schema.tenants).values(drop_needs_consent=needed)
            await store.run(lambda conn: conn.execute(change))
            before = one.offer
            await one.floor.decide(one.agent, before, "skip")
            await one.settle()
            await one.state_is("previewing")
            assert one.offer != before
            return await said()

        await one.reserved()
        assert await said() == "none"
        assert await next_card(consent=False, needed=True) == "no_consent"
        assert await next_card(consent=True, needed=True) == "ready"
        assert await next_card(consent=False, needed=False) == "ready"


async def test_no_message_no_consent_no_call_each_is_refused_and_the_call_goes_on(store: Store) -> None:
    async with shift(store) as one:
        _, attempt, _ = await one.talking()
        with pytest.raises(Refused, match="no message"):
            await one.floor.drop_message(one.agent, attempt, When.AUTO)
        await equip(one, consent=False)
        with pytest.raises(Refused, match="not agreed"):
            await one.floor.drop_message(one.agent, attempt, When.AUTO)
        with pytest.raises(NotFound):
            await one.floor.drop_message(one.agent, one.here.campaign_id, When.AUTO)
        assert (await row(one, attempt)).state == "talking"
        await store.run(lambda conn: conn.execute(update(schema.tenants).values(drop_needs_consent=False)))
        await one.floor.drop_message(one.agent, attempt, When.AUTO)
        await one.state_is("previewing")


async def test_it_is_refused_where_nothing_can_listen_but_now_needs_no_ear(store: Store) -> None:
    async with shift(store) as one:
        await equip(one)
        _, attempt, _ = await one.talking()
        await store.run(lambda conn: conn.execute(update(schema.cells).values(max_channels=2)))
        with pytest.raises(NoCapacity) as refused:
            await one.floor.drop_message(one.agent, attempt, When.AUTO)
        assert refused.value.code == "CELL_CHANNEL_LIMIT"
        await one.floor.drop_message(one.agent, attempt, When.NOW)
        assert (await row(one, attempt)).state == "message"


async def test_it_cannot_be_dropped_before_they_are_joined(store: Store) -> None:
    async with shift(store) as one:
        await equip(one)
        await one.reserved()
        attempt, leg = await one.accepted()
        one.board.appears(leg)
        with pytest.raises(Refused, match="joined"):
            await one.floor.drop_message(one.agent, attempt, When.NOW)


async def test_a_wish_to_pause_is_honoured_when_the_message_is_dropped(store: Store) -> None:
    async with shift(store) as one:
        await equip(one)
        agent_leg, attempt, _ = await one.talking()
        await one.floor.set_state(one.agent, "idle", "break")
        await one.floor.drop_message(one.agent, attempt, When.AUTO)
        await one.state_is("idle")
        assert ("hang_up", agent_leg) in one.board.orders


# After a start or a lost link


@pytest.mark.parametrize(
    ("doing", "orders", "then"),
    [
        ("waiting", ["set_aside", "listen"], BeepHeard),
        ("", ["set_aside", "listen"], BeepHeard),  # killed before it was taken from the agent
        ("playing", [], None),
    ],
)
async def test_a_restarted_service_goes_on_with_the_message(
    store: Store, doing: str, orders: list[str], then: type[Any] | None
) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await dropped(one)
        await one.state_is("previewing")
        await restart(
            one,
            found(live=[LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=leg, state="up", message=doing)]),
        )
        assert [what for what, which in one.board.orders if which == leg] == orders
        assert (await row(one, attempt)).state == "message"
        if then is not None:
            await tell(one, then, leg)
            assert one.board.sounds == [SOUND]
        await tell(one, MessagePlayed, leg, whole=True)
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        assert (await row(one, attempt)).outcome == "MESSAGE_DROPPED"
        await one.state_is("previewing")


async def test_it_is_nobodys_call_after_a_start_also_where_its_agent_has_no_other(store: Store) -> None:
    async with shift(store, contacts=1) as one:
        agent_leg, attempt, leg = await dropped(one)
        await one.state_is("available")
        one.board.ends(agent_leg, answered=True)
        await one.settle()
        await restart(one, found(live=[LiveLeg(leg=leg, state="up", message="waiting")]))
        assert one.floor.desks[one.agent].call is None
        await tell(one, BeepHeard, leg)
        assert plays(one, leg) == 1
        await tell(one, MessagePlayed, leg, whole=True)
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        assert (await row(one, attempt)).outcome == "MESSAGE_DROPPED"


async def test_it_holds_its_agent_to_the_cell_and_is_settled_though_that_one_works_here_no_more(store: Store) -> None:
    async with shift(store, contacts=1) as one:
        agent_leg, attempt, leg = await dropped(one)
        await one.state_is("available")
        one.board.ends(agent_leg, answered=True)
        await one.floor.set_state(one.agent, "offline")
        elsewhere = infrastructure.NewCell(name="Elsewhere", data_center_id=one.here.data_center_id, max_channels=9)

        def move(conn: Connection) -> None:
            cell = str(infrastructure.create_cell(conn, elsewhere)["id"])
            change = UserChange(cell_id=cell)
            accounts.change_user(conn, one.here.tenant_id, one.agent, change, now=datetime.now(UTC))

        with pytest.raises(Invalid, match="message still up"):
            await store.run(move)
        await store.run(lambda conn: conn.execute(update(schema.users).values(active=False)))
        over = RecordedEnd(leg=leg, answered=True, rang=True, cause=16, sip=None, message_left=True)
        await restart(one, found(ended=[over]))
        assert (await row(one, attempt)).outcome == "MESSAGE_DROPPED"
        assert set((await one.used()).values()) == {0}


@pytest.mark.parametrize(("left", "outcome"), [(True, "MESSAGE_DROPPED"), (False, "MESSAGE_NOT_LEFT")])
async def test_a_message_that_ended_meanwhile_is_settled_from_the_flight_recorder(
    store: Store, left: bool, outcome: str
) -> None:
    async with shift(store) as one:
        agent_leg, attempt, leg = await dropped(one)
        await one.state_is("previewing")
        over = RecordedEnd(leg=leg, answered=True, rang=True, cause=16, sip=None, message_left=left)
        await restart(one, found(live=[LiveLeg(leg=agent_leg, state="up")], ended=[over]))
        done = await row(one, attempt)
        assert (done.outcome, done.code) == (outcome, None if left else "cut")
        assert await one.used() == {"tenant": 0, "data_center": 0, "trunk": 0, "cell": 1}
        assert (await one.contact("c0")).attempts == 1


async def test_an_order_whose_answer_was_lost_is_settled_by_the_survey(store: Store) -> None:
    async with shift(store) as one:
        await equip(one)
        agent_leg, attempt, leg = await one.talking()
        one.board.survey_now = found(
            live=[LiveLeg(leg=agent_leg, state="up"), LiveLeg(leg=leg, state="up", message="waiting")]
        )
        one.board.failing["set_aside"] = OrderUnsettled("the answer was lost")
        await one.floor.drop_message(one.agent, attempt, When.AUTO)
        await one.until(lambda: ("listen", leg) in one.board.orders)
        await tell(one, BeepHeard, leg)
        assert plays(one, leg) == 1


async def test_a_mailbox_that_cannot_be_listened_to_is_given_up_not_kept_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message, "PATIENCE", 0.05)
    async with shift(store) as one:
        await equip(one)
        _, attempt, leg = await one.talking()
        one.board.failing["listen"] = OrderRefused("no more can be listened to")
        await one.floor.drop_message(one.agent, attempt, When.AUTO)
        await one.until(lambda: ("hang_up", leg) in one.board.orders)


@pytest.mark.parametrize(("when", "order"), [(When.NOW, "play_message"), (When.AUTO, "set_aside")])
async def test_a_customer_who_cannot_be_taken_from_the_agent_is_hung_up_not_kept_on_the_line(
    store: Store, when: When, order: str
) -> None:
    async with shift(store) as one:
        await equip(one)
        _, attempt, leg = await one.talking()
        one.board.failing[order] = OrderRefused("not now")
        await one.floor.drop_message(one.agent, attempt, when)
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        done = await row(one, attempt)
        assert (done.outcome, done.code) == ("MESSAGE_NOT_LEFT", "not_played")


async def test_an_agent_who_has_just_hung_up_wraps_up_and_drops_nothing(store: Store) -> None:
    async with shift(store) as one:
        await equip(one)
        agent_leg, attempt, leg = await one.talking()
        one.board.ends(agent_leg, answered=True)
        with pytest.raises(Refused, match="joined"):
            await one.floor.drop_message(one.agent, attempt, When.NOW)
        one.board.ends(leg, answered=True, rang=True)
        await one.state_is("wrap_up")
        await one.settle()
        await one.floor.wrap_up(one.agent, attempt, disposition="success")
        await one.state_is("available")


# What a campaign wants done with machines


@pytest.mark.parametrize("cause", ["MAXWORDS-4-3", "LONGGREETING-1500-1500", "MAXWORDLENGTH-5000-5000"])
async def test_a_machine_hears_the_message_and_the_agent_gets_the_next_offer(store: Store, cause: str) -> None:
    async with shift(store, amd="inline", amd_treatment="drop_message") as one:
        await equip(one)
        agent_leg = await one.reserved()
        attempt, leg = await one.accepted()
        one.board.appears(leg)
        one.board.answers(leg)
        assert await one.board.asks(leg, "MACHINE", cause) == "message"
        await one.state_is("previewing")
        assert ("hold", agent_leg) in one.board.orders
        await tell(one, BeepHeard, leg)
        await tell(one, MessagePlayed, leg, whole=True)
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        done = await row(one, attempt)
        assert (done.outcome, done.amd_verdict) == ("MESSAGE_DROPPED", "MACHINE")


async def test_a_machine_whose_agent_is_gone_hears_the_message_through_a_restart(store: Store) -> None:
    async with shift(store, amd="inline", amd_treatment="drop_message") as one:
        await equip(one)
        agent_leg = await one.reserved()
        attempt, leg = await one.accepted()
        one.board.appears(leg)
        one.board.answers(leg)
        one.board.ends(agent_leg, answered=True)
        await one.state_is("idle")
        assert await one.board.asks(leg, "MACHINE", "MAXWORDS-4-3") == "message"
        await restart(one, found(live=[LiveLeg(leg=leg, state="up", message="waiting")]))
        assert one.floor.desks[one.agent].call is None
        await tell(one, BeepHeard, leg)
        await tell(one, MessagePlayed, leg, whole=True)
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        assert (await row(one, attempt)).outcome == "MESSAGE_DROPPED"
        assert not one.floor.desks[one.agent].unfinished


async def test_a_machine_is_hung_up_on(store: Store) -> None:
    async with shift(store, amd="inline", amd_treatment="hang_up") as one:
        await one.reserved()
        attempt, leg = await one.accepted()
        one.board.appears(leg)
        one.board.answers(leg)
        assert await one.board.asks(leg, "MACHINE", "MAXWORDS-4-3") == "end"
        one.board.ends(leg, answered=True, rang=True, cause=16)
        await one.state_is("previewing")
        done = await row(one, attempt)
        assert done.outcome == "MACHINE_HUNG_UP"
        assert (await one.contact("c0")).why == "MACHINE_HUNG_UP"


@pytest.mark.parametrize("treatment", ["drop_message", "hang_up"])
@pytest.mark.parametrize(
    ("verdict", "cause"),
    [
        ("HUMAN", "HUMAN-800-800"),
        ("NOTSURE", "TOOLONG-3500"),
        ("NOTSURE", "NOAUDIODATA-TOOLONG-3500"),
        ("MACHINE", "INITIALSILENCE-2500-2500"),
        ("HANGUP", ""),
        ("", ""),
    ],
)
async def test_whatever_may_be_a_human_goes_to_the_agent(
    store: Store, treatment: str, verdict: str, cause: str
) -> None:
    async with shift(store, amd="inline", amd_treatment=treatment) as one:
        await equip(one)
        await one.reserved()
        _, leg = await one.accepted()
        one.board.appears(leg)
        one.board.answers(leg)
        assert await one.board.asks(leg, verdict, cause) == "join"


@pytest.mark.parametrize("treatment", ["drop_message", "hang_up"])
async def test_a_machine_that_is_told_before_the_survey_goes_to_the_agent(store: Store, treatment: str) -> None:
    async with shift(store, amd="inline", amd_treatment=treatment) as one:
        await equip(one)
        agent_leg = await one.reserved()
        attempt, leg = await one.accepted()
        one.board.appears(leg)
        one.board.answers(leg)
        one.board.link_lost()
        assert await one.board.asks(leg, "MACHINE", "MAXWORDS-4-3") == "join"
        both = LiveLeg(leg=agent_leg, state="up", joined_to=leg), LiveLeg(leg=leg, state="up", joined_to=agent_leg)
        one.board.survey_now = found(live=list(both))
        one.board.link_up()
        await one.state_is("talking")
        assert (await row(one, attempt)).amd_verdict == "MACHINE"


@pytest.mark.parametrize("lacking", ["message", "consent"])
async def test_a_machine_that_may_not_hear_the_message_goes_to_the_agent(store: Store, lacking: str) -> None:
    async with shift(store, amd="inline", amd_treatment="drop_message") as one:
        if lacking == "consent":
            await equip(one, consent=False)
        await one.reserved()
        _, leg = await one.accepted()
        one.board.appears(leg)
        one.board.answers(leg)
        assert await one.board.asks(leg, "MACHINE", "MAXWORDS-4-3") == "join"


# Nobody there


async def test_a_customer_the_switchboard_found_no_agent_for_was_abandoned_and_hears_the_message(store: Store) -> None:
    async with shift(store) as one:
        await equip(one, use=MessageUse.ABANDON)
        await one.reserved()
        attempt, leg = await one.accepted()
        assert one.board.customer_calls[-1].abandon_sound == SOUND
        one.board.appears(leg)
        assert await one.board.asks(leg) == "join"
        await tell(one, LegAbandoned, leg)
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        assert (await row(one, attempt)).outcome == "ABANDONED"


async def test_in_pull_the_agents_line_ends_and_the_agent_may_ask_for_the_next(store: Store) -> None:
    async with shift(store, mode="preview") as one:
        await equip(one)
        attempt, agent_leg, leg = await dialed(one)
        await one.board.asks_to_dial(leg)
        one.board.appears(leg)
        one.board.answers(leg)
        one.board.joins(leg, agent_leg)
        await one.state_is("talking")
        await one.floor.drop_message(one.agent, attempt, When.AUTO)
        await one.state_is("available")
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        one.board.ends(agent_leg, answered=True)
        await one.settle()
        assert (await row(one, attempt)).state == "message"
        pulled = await one.floor.next_pull(one.agent, one.here.campaign_id)
        assert pulled.offer_id is not None
        await tell(one, BeepHeard, leg)
        await tell(one, MessagePlayed, leg, whole=True)
        one.board.ends(leg, answered=True, rang=True)
        await one.settle()
        assert (await row(one, attempt)).outcome == "MESSAGE_DROPPED"


async def test_in_pull_a_wish_to_pause_is_honoured(store: Store) -> None:
    async with shift(store, mode="preview") as one:
        await equip(one)
        attempt, agent_leg, leg = await dialed(one)
        await one.board.asks_to_dial(leg)
        one.board.answers(leg)
        one.board.joins(leg, agent_leg)
        await one.state_is("talking")
        await one.floor.set_state(one.agent, "idle", "break")
        await one.floor.drop_message(one.agent, attempt, When.NOW)
        await one.state_is("idle")
        await one.until(lambda: ("hang_up", agent_leg) in one.board.orders)
        assert plays(one, leg) == 1
