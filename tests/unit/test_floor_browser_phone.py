"""An agent whose phone is the browser: chosen, rung, and in trouble."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from telephony.dialer import phones, recovery
from telephony.dialer.errors import Refused
from telephony.pbx.port import LiveLeg, OrderUnsettled, RecordedEnd
from telephony.store import accounts, views
from telephony.store.engine import Store
from telephony.store.errors import Invalid
from telephony.store.schema import attempts, events, legs, reservations
from tests.support.shift import Shift, found, restart, shift

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


# -- the page is loaded anew --------------------------------------------------------------------------------------


async def in_a_call(one: Shift) -> tuple[str, str, str]:
    """Talking at the browser: (agent leg, attempt, customer leg)."""
    await one.floor.use_browser(one.agent)
    agent_leg, attempt, leg = await one.talking()
    one.board.channels.update((agent_leg, leg))
    return agent_leg, attempt, leg


async def comes_back(one: Shift, old: str) -> str:
    """The old leg ends and the page is called anew; the new leg."""
    before = len(one.board.agent_calls)
    one.board.ends(old, answered=True, cause=16)
    await one.until(lambda: len(one.board.agent_calls) > before)
    return one.board.agent_calls[-1].leg


async def away(one: Shift, attempt: str) -> bool:
    view = await one.store.run(lambda conn: views.call_view(conn, one.here.tenant_id, attempt))
    return bool(view["away"])


def since(one: Shift, mark: int) -> list[tuple[str, str]]:
    return one.board.orders[mark:]


async def test_a_page_that_lost_its_call_is_called_anew_and_the_customer_waits(store: Store) -> None:
    async with shift(store) as one:
        old, attempt, customer = await in_a_call(one)
        mark = len(one.board.orders)
        await one.floor.phone_attached(one.agent, None)
        await one.until(lambda: since(one, mark) == [("park", customer), ("hang_up", old)])
        assert await away(one, attempt)
        new = await comes_back(one, old)
        assert (one.board.agent_calls[-1].phone, one.board.agent_calls[-1].in_browser) == (ENDPOINT, True)
        one.board.answers(new)
        await one.until(lambda: since(one, mark)[2:] == [("ring_agent", new), ("join", customer)])
        assert not await away(one, attempt)
        assert one.floor.desks[one.agent].agent.state == "talking"
        reservation = (await one.rows(reservations))[0]
        assert (reservation.leg_id, reservation.ended_at) == (new, None)
        assert {leg.id: leg.outcome for leg in await one.rows(legs) if leg.kind == "agent"} == {
            old: "page_reloaded",
            new: None,
        }
        assert (await one.used())["cell"] == 2, "one line, one customer"
        # and the call ends as any other
        one.board.ends(customer, answered=True, cause=16)
        await one.state_is("wrap_up")
        assert ("hang_up", new) in one.board.orders


async def test_a_page_that_still_has_its_call_is_left_alone(store: Store) -> None:
    async with shift(store) as one:
        old, attempt, _ = await in_a_call(one)
        mark = len(one.board.orders)
        await one.floor.phone_attached(one.agent, old)
        await one.settle()
        assert since(one, mark) == []
        assert not await away(one, attempt)


async def test_a_sip_phone_or_a_page_without_a_line_has_nothing_to_bring_back(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.phone_attached(one.agent, None)
        await one.talking()
        mark = len(one.board.orders)
        await one.floor.phone_attached(one.agent, None)
        await one.settle()
        assert since(one, mark) == []


async def test_loaded_anew_again_and_again(store: Store) -> None:
    async with shift(store) as one:
        old, _, customer = await in_a_call(one)
        await one.floor.phone_attached(one.agent, None)
        await one.floor.phone_attached(one.agent, None)
        second = await comes_back(one, old)
        one.board.appears(second)
        await one.floor.phone_attached(one.agent, None)  # while the second leg rings
        third = await comes_back(one, second)
        one.board.ends(third, cause=20)  # the page was not there
        await one.settle()
        mark = len(one.board.orders)
        await one.floor.phone_attached(one.agent, None)
        await one.until(lambda: since(one, mark) != [])
        fourth = one.board.agent_calls[-1].leg
        one.board.answers(fourth)
        await one.until(lambda: since(one, mark) == [("ring_agent", fourth), ("join", customer)])
        assert one.board.orders.count(("park", customer)) == 1
        assert len({old, second, third, fourth}) == 4
        assert (await one.used())["cell"] == 2


@pytest.mark.parametrize("when", ["old leg never ends", "page never answers", "page cannot be called"])
async def test_not_back_in_time_is_as_if_the_agent_had_hung_up(
    store: Store, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(recovery, "RECOVERY_WITHIN", 0.3)
    async with shift(store) as one:
        old, attempt, customer = await in_a_call(one)
        await one.floor.phone_attached(one.agent, None)
        if when == "old leg never ends":
            desk = one.floor.desks[one.agent]
            await one.until(lambda: desk.recovery.state == "given_up")
            one.board.ends(old, answered=True)
        else:
            new = await comes_back(one, old)
            one.board.appears(new)
            if when == "page cannot be called":
                one.board.ends(new, cause=20)
            else:
                await one.until(lambda: ("hang_up", new) in one.board.orders)
                one.board.ends(new, rang=True, cause=19)
        await one.state_is("wrap_up")
        await one.until(lambda: ("hang_up", customer) in one.board.orders)
        one.board.ends(customer, answered=True, cause=16)
        await one.settle()
        row = next(row for row in await one.rows(attempts) if row.id == attempt)
        assert (row.outcome, row.away) == ("TALKED", False)
        assert (await one.rows(reservations))[0].end == "phone_lost"
        assert (await one.used()).get("cell", 0) == 0


async def test_a_customer_who_hangs_up_while_the_page_comes_back(store: Store) -> None:
    async with shift(store) as one:
        old, _, customer = await in_a_call(one)
        await one.floor.phone_attached(one.agent, None)
        new = await comes_back(one, old)
        one.board.appears(new)
        one.board.ends(customer, answered=True, cause=16)
        await one.state_is("wrap_up")
        await one.until(lambda: ("hang_up", new) in one.board.orders)
        one.board.ends(new, answered=True)
        await one.until(lambda: one.floor.desks[one.agent].reservation.line is None)
        assert (await one.used()).get("cell", 0) == 0


async def test_a_customer_on_hold_stays_there_and_a_muted_agent_stays_muted(store: Store) -> None:
    async with shift(store) as one:
        old, attempt, customer = await in_a_call(one)
        await one.floor.calls.mute(one.agent, attempt, muted=True)
        await one.floor.calls.hold(one.agent, attempt, held=True)
        mark = len(one.board.orders)
        await one.floor.phone_attached(one.agent, None)
        new = await comes_back(one, old)
        one.board.answers(new)
        await one.until(lambda: ("mute", new) in one.board.orders)
        await one.settle()
        assert since(one, mark) == [("hang_up", old), ("ring_agent", new), ("mute", new)]
        await one.floor.calls.hold(one.agent, attempt, held=False)
        assert one.board.orders[-1] == ("join", customer)


async def test_while_a_contact_is_shown_the_line_comes_back_and_the_offer_stays(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.use_browser(one.agent)
        old = await one.reserved()
        offer = one.offer
        await one.floor.phone_attached(one.agent, None)
        new = await comes_back(one, old)
        done = await one.floor.decide(one.agent, offer, "accept")  # faster than the page
        await one.settle()
        assert one.board.customer_calls == []
        one.board.answers(new)
        await one.until(lambda: len(one.board.customer_calls) == 1)
        assert (done["state"], one.board.customer_calls[0].agent_leg) == ("accepted", new)
        assert ("play_ringing", new) in one.board.orders


async def test_while_a_customer_rings_the_line_comes_back_and_takes_the_answer(store: Store) -> None:
    async with shift(store) as one:
        await one.floor.use_browser(one.agent)
        old = await one.reserved()
        _, customer = await one.accepted()
        one.board.appears(customer)
        one.board.rings(customer)
        await one.floor.phone_attached(one.agent, None)
        new = await comes_back(one, old)
        asked = asyncio.create_task(one.board.asks(customer))  # answered before the page is back
        await one.settle()
        assert not asked.done()
        one.board.answers(new)
        assert await asked == "join"
        assert one.board.orders.index(("answer_to", customer)) > one.board.orders.index(("play_ringing", new))


async def test_a_customer_who_is_dialed_from_the_line_is_joined_first(store: Store) -> None:
    async with shift(store, mode="preview_direct") as one:
        await one.floor.use_browser(one.agent)
        old = await one.reserved()
        one.board.channels.add(old)
        await one.floor.decide(one.agent, one.offer, "accept")
        await one.until(lambda: len(one.board.direct_calls) == 1)
        customer = one.board.direct_calls[0].leg
        assert await one.board.asks_to_dial(customer) == "dial"
        one.board.appears(customer)
        one.board.rings(customer)
        mark = len(one.board.orders)
        await one.floor.phone_attached(one.agent, None)
        await one.settle()
        assert since(one, mark) == [], "to end the line would end the ringing"
        one.board.answers(customer)
        one.board.joins(customer, old)
        await one.until(lambda: since(one, mark) == [("park", customer), ("hang_up", old)])
        new = await comes_back(one, old)
        one.board.answers(new)
        await one.until(lambda: one.board.orders[-1] == ("join", customer))


async def test_a_restart_while_the_page_is_called_joins_them_when_it_answers(store: Store) -> None:
    async with shift(store) as one:
        old, attempt, customer = await in_a_call(one)
        await one.floor.phone_attached(one.agent, None)
        new = await comes_back(one, old)
        live = [LiveLeg(leg=customer, state="up", parked=True), LiveLeg(leg=new, state="ringing")]
        await restart(one, found(live=live))
        assert await away(one, attempt)
        one.board.answers(new)
        await one.until(lambda: ("join", customer) in one.board.orders)
        assert not await away(one, attempt)


async def test_a_restart_before_the_page_was_called_ends_the_call(store: Store) -> None:
    async with shift(store) as one:
        old, _, customer = await in_a_call(one)
        await one.floor.phone_attached(one.agent, None)
        await comes_back(one, old)
        await restart(one, found(live=[LiveLeg(leg=customer, state="up", parked=True)]))
        await one.until(lambda: ("hang_up", customer) in one.board.orders)
        assert one.floor.desks[one.agent].agent.state == "wrap_up"


async def test_an_agent_whose_page_does_not_come_back_while_a_contact_is_shown_is_idle(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "RECOVERY_WITHIN", 0.2)
    async with shift(store) as one:
        await one.floor.use_browser(one.agent)
        old = await one.reserved()
        await one.floor.phone_attached(one.agent, None)
        one.board.ends(await comes_back(one, old), cause=20)
        await one.state_is("idle")
        assert (await me(one))["reason"] == "phone_lost"
        assert (await one.contact("c0")).state == "waiting"


async def test_a_leg_that_ended_for_want_of_sound_is_called_anew_where_the_page_is_there(store: Store) -> None:
    async with shift(store) as one:
        old, attempt, customer = await in_a_call(one)
        assert one.board.customer_calls[0].keep
        mark = len(one.board.orders)
        one.board.ends(old, answered=True, cause=44)
        await one.until(lambda: len(one.board.agent_calls) == 2)
        assert await away(one, attempt)
        new = one.board.agent_calls[-1].leg
        one.board.answers(new)
        await one.until(lambda: since(one, mark) == [("ring_agent", new), ("join", customer)])
        assert not await away(one, attempt)
        assert (await one.used())["cell"] == 2


@pytest.mark.parametrize(("cause", "there"), [(16, True), (44, False)])
async def test_a_page_that_hung_up_or_is_not_there_has_ended_the_call(store: Store, cause: int, there: bool) -> None:
    async with shift(store) as one:
        old, _, customer = await in_a_call(one)
        one.board.phones[ENDPOINT] = there
        one.board.ends(old, answered=True, cause=cause)
        await one.state_is("wrap_up")
        await one.until(lambda: ("hang_up", customer) in one.board.orders)
        assert len(one.board.agent_calls) == 1


async def test_loaded_anew_before_the_new_leg_has_a_channel(store: Store) -> None:
    async with shift(store) as one:
        old, _, customer = await in_a_call(one)
        await one.floor.phone_attached(one.agent, None)
        second = await comes_back(one, old)
        await one.floor.phone_attached(one.agent, None)  # Asterisk has not made its channel yet
        await one.until(lambda: one.board.orders[-1] == ("hang_up", second))
        one.board.appears(second)
        await one.until(lambda: one.board.orders.count(("hang_up", second)) == 2)
        third = await comes_back(one, second)
        one.board.answers(third)
        await one.until(lambda: one.board.orders[-1] == ("join", customer))


async def test_a_dead_leg_whose_hang_up_was_lost_is_ended_when_the_link_is_back(store: Store) -> None:
    async with shift(store) as one:
        old, _, customer = await in_a_call(one)
        one.board.failing["hang_up"] = OrderUnsettled("no answer")
        one.board.survey_now = found(
            live=[LiveLeg(leg=old, state="up"), LiveLeg(leg=customer, state="up", parked=True)],
        )
        await one.floor.phone_attached(one.agent, None)
        await one.until(lambda: ("hang_up", old) in one.board.orders)


async def test_a_page_that_answers_before_the_call_is_settled_is_joined_by_the_survey(store: Store) -> None:
    async with shift(store) as one:
        old, attempt, customer = await in_a_call(one)
        await one.floor.phone_attached(one.agent, None)
        new = await comes_back(one, old)
        one.board.appears(new)
        one.board.link_lost()
        await one.settle()
        mark = len(one.board.orders)
        one.board._up = True
        one.board.answers(new)
        await one.settle()
        one.board.survey_now = found(
            live=[LiveLeg(leg=new, state="up"), LiveLeg(leg=customer, state="up", parked=True)],
        )
        one.board.link_up()
        await one.until(lambda: since(one, mark)[-1:] == [("join", customer)])
        assert ("play_ringing", new) not in one.board.orders
        row = next(row for row in await one.rows(attempts) if row.id == attempt)
        assert (row.away, row.held_since) == (False, None)


async def test_a_mailbox_that_hangs_up_does_not_end_the_line_that_dials_the_next_customer(
    store: Store,
) -> None:
    async with shift(store, mode="preview_direct") as one:
        await one.floor.use_browser(one.agent)
        old = await one.reserved()
        one.board.channels.add(old)
        await one.floor.decide(one.agent, one.offer, "accept")
        await one.until(lambda: len(one.board.direct_calls) == 1)
        customer = one.board.direct_calls[0].leg
        assert await one.board.asks_to_dial(customer) == "dial"
        one.board.appears(customer)
        one.board.rings(customer)
        await one.floor.phone_attached(one.agent, None)
        await one.settle()
        desk = one.floor.desks[one.agent]
        mark = len(one.board.orders)
        desk.post(desk.recovery.line_free)  # what the end of a call that went on without this agent leads to
        await one.settle()
        assert since(one, mark) == []


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_survey_for_somebody_else_does_not_end_a_line_whose_page_is_away(store: Store, recorded: bool) -> None:
    async with shift(store) as one:
        old, _, customer = await in_a_call(one)
        await one.floor.phone_attached(one.agent, None)
        second = await comes_back(one, old)
        one.board.ends(second, cause=20)  # the page was not there
        await one.settle()
        desk = one.floor.desks[one.agent]
        desk.reservation._since = datetime.now(UTC) - timedelta(seconds=5)
        ended = [RecordedEnd(leg=second, answered=False, rang=False, cause=20, sip=None)] if recorded else []
        survey = found(live=[LiveLeg(leg=customer, state="up", parked=True)], ended=ended)
        await one.floor._reconcile(survey, one.floor._links, datetime.now(UTC))
        await one.settle()
        await one.floor.phone_attached(one.agent, None)
        await one.until(lambda: len(one.board.agent_calls) == 3)
        one.board.answers(one.board.agent_calls[-1].leg)
        await one.until(lambda: one.board.orders[-1] == ("join", customer))
        assert ("hang_up", customer) not in one.board.orders
