"""Walks of a call, from its placing to the wrap-up."""

from __future__ import annotations

from datetime import UTC, datetime

from telephony.dialer.requests import Target
from telephony.model.message_drop import When
from telephony.model.transfer import TransferEvent
from telephony.pbx.port import BeepHeard, LiveLeg, MachineVerdict, MessagePlayed, PbxUnreachable, RecordedEnd
from telephony.store import campaigns
from telephony.store.work import change
from tests.support.shift import Shift, found
from tests.support.walks import (
    PULL,
    Walks,
    asterisk_restarts,
    desktop_lost,
    equip,
    free,
    line_ends,
    link_returns,
    pull_calls_agent,
    pull_dials,
    pull_talks,
    pulled,
    ringing,
    up,
    wish,
    wrapping_up,
)

THROUGH_CALLS = Walks()


# -- the call -----------------------------------------------------------------------------------------------------


@THROUGH_CALLS.add()
async def a_conversation(one: Shift) -> None:
    agent_leg, attempt, leg = await ringing(one)
    one.board.answers(leg)
    await one.board.asks(leg)
    one.board.joins(leg, agent_leg)
    await one.state_is("talking")
    await one.floor.hang_up(one.agent, attempt)
    one.board.ends(leg, answered=True, rang=True, cause=16)
    await one.state_is("wrap_up")
    await line_ends(one, agent_leg)
    await one.floor.wrap_up(one.agent, attempt, disposition="success", note="sold")


@THROUGH_CALLS.add()
async def wishes_in_a_call(one: Shift) -> None:
    agent_leg, attempt, leg = await ringing(one)
    await wish(one, "idle", "offline", "available")
    await desktop_lost(one)
    one.board.answers(leg)
    await one.board.asks(leg)
    one.board.joins(leg, agent_leg)
    await one.state_is("talking")
    await wish(one, "idle", "offline", "available")
    await desktop_lost(one)
    one.board.ends(leg, answered=True, rang=True, cause=16)
    await one.state_is("wrap_up")
    await wish(one, "idle", "offline", "available")
    await desktop_lost(one)
    await line_ends(one, agent_leg)
    await one.floor.wrap_up(one.agent, attempt, disposition="success")
    await one.state_is("idle")


@THROUGH_CALLS.add()
async def offline_after_the_call(one: Shift) -> None:
    agent_leg, attempt, _ = await wrapping_up(one)
    await line_ends(one, agent_leg)
    await wish(one, "offline")
    await one.floor.wrap_up(one.agent, attempt, disposition="not_interested")


@THROUGH_CALLS.add(keep_line=True)
async def the_line_is_kept(one: Shift) -> None:
    _, attempt, _ = await wrapping_up(one)
    await one.floor.wrap_up(one.agent, attempt, disposition="success")
    await one.state_is("previewing")


@THROUGH_CALLS.add(keep_line=True)
async def a_kept_line_is_lost(one: Shift) -> None:
    agent_leg, attempt, _ = await wrapping_up(one)
    one.board.ends(agent_leg, answered=True)
    await one.settle()
    await one.floor.wrap_up(one.agent, attempt, disposition="success")


@THROUGH_CALLS.add(keep_line=True)
async def asterisk_dies_in_wrap_up(one: Shift) -> None:
    await wrapping_up(one)
    await asterisk_restarts(one)


@THROUGH_CALLS.add()
async def a_busy_customer(one: Shift) -> None:
    await one.reserved()
    _, leg = await one.accepted()
    one.board.appears(leg)
    one.board.ends(leg, cause=17, sip=486)
    await one.state_is("previewing")


@THROUGH_CALLS.add()
async def answered_at_once(one: Shift) -> None:
    await one.reserved()
    _, leg = await one.accepted()
    one.board.appears(leg)
    one.board.answers(leg)
    await one.settle()
    one.board.ends(leg, answered=True, cause=16)
    await one.state_is("previewing")


@THROUGH_CALLS.add()
async def nobody_answers(one: Shift) -> None:
    _, _, leg = await ringing(one)
    one.board.ends(leg, rang=True, cause=19, ring_limit_reached=True)
    await one.state_is("previewing")


@THROUGH_CALLS.add()
async def the_second_trunk(one: Shift) -> None:
    await one.second_trunk()
    await one.reserved()
    _, first = await one.accepted()
    one.board.appears(first)
    one.board.ends(first, cause=34, sip=503)
    await one.until(lambda: len(one.board.customer_calls) == 2)


@THROUGH_CALLS.add()
async def no_link_at_the_moment_of_dialing(one: Shift) -> None:
    await one.reserved()
    one.board.failing["play_ringing"] = PbxUnreachable("cut by the test")
    await one.floor.decide(one.agent, one.offer, "accept")
    await one.settle()


@THROUGH_CALLS.add()
async def cancelled_before_it_rings(one: Shift) -> None:
    await one.reserved()
    attempt, leg = await one.accepted()
    await one.floor.cancel(one.agent, attempt)
    await one.settle()
    one.board.appears(leg)
    await one.settle()
    one.board.ends(leg, cause=16, sip=487)
    await one.state_is("previewing")


@THROUGH_CALLS.add()
async def cancelled_and_answered_all_the_same(one: Shift) -> None:
    agent_leg, attempt, leg = await ringing(one)
    await one.floor.cancel(one.agent, attempt)
    one.board.answers(leg)
    one.board.joins(leg, agent_leg)
    await one.settle()
    one.board.ends(leg, answered=True, rang=True, cause=16)
    await one.state_is("previewing")


@THROUGH_CALLS.add()
async def the_agent_hangs_up_while_it_is_placed(one: Shift) -> None:
    agent_leg = await one.reserved()
    _, leg = await one.accepted()
    one.board.ends(agent_leg, answered=True)
    await one.settle()
    one.board.appears(leg)
    one.board.ends(leg, cause=16, sip=487)
    await one.settle()


@THROUGH_CALLS.add()
async def the_agent_hangs_up_while_it_rings(one: Shift) -> None:
    agent_leg, _, leg = await ringing(one)
    one.board.ends(agent_leg, answered=True)
    await one.settle()
    one.board.ends(leg, rang=True, cause=16, sip=487)
    await one.settle()


@THROUGH_CALLS.add()
async def cancelled_and_the_agent_hangs_up(one: Shift) -> None:
    agent_leg, attempt, leg = await ringing(one)
    await one.floor.cancel(one.agent, attempt)
    one.board.ends(agent_leg, answered=True)
    await one.settle()
    one.board.ends(leg, rang=True, cause=16, sip=487)
    await one.settle()


@THROUGH_CALLS.add()
async def a_customer_whom_nobody_joins(one: Shift) -> None:
    agent_leg, _, leg = await ringing(one)
    one.board.answers(leg)
    await one.settle()
    one.board.ends(agent_leg, answered=True)
    await one.settle()
    one.board.ends(leg, answered=True, rang=True, cause=16)
    await one.settle()


@THROUGH_CALLS.add()
async def hung_up_before_the_join(one: Shift) -> None:
    _, attempt, leg = await ringing(one)
    one.board.answers(leg)
    await one.settle()
    await one.floor.hang_up(one.agent, attempt)
    one.board.ends(leg, answered=True, rang=True, cause=16)
    await one.settle()


@THROUGH_CALLS.add()
async def the_agents_phone_ends_the_conversation(one: Shift) -> None:
    agent_leg, _, leg = await one.talking()
    one.board.ends(agent_leg, answered=True)
    await one.settle()
    one.board.ends(leg, answered=True, rang=True, cause=16)
    await one.settle()


@THROUGH_CALLS.add()
async def freed_while_it_rings(one: Shift) -> None:
    agent_leg, _, leg = await ringing(one)
    await free(one)
    await line_ends(one, leg)
    await line_ends(one, agent_leg)


@THROUGH_CALLS.add()
async def freed_from_a_conversation(one: Shift) -> None:
    agent_leg, _, leg = await one.talking()
    await free(one)
    await line_ends(one, leg)
    await line_ends(one, agent_leg)


@THROUGH_CALLS.add()
async def freed_from_a_wrap_up(one: Shift) -> None:
    agent_leg, _, _ = await wrapping_up(one)
    await line_ends(one, agent_leg)
    await free(one)


# -- machines and messages ----------------------------------------------------------------------------------------


@THROUGH_CALLS.add(amd="parallel")
async def a_message_is_dropped(one: Shift) -> None:
    await equip(one)
    _, attempt, leg = await one.talking()
    one.board.tell(MachineVerdict, leg, verdict="MACHINE", cause="MAXWORDS-4-3")
    one.board.tell(BeepHeard, leg)
    await one.settle()
    await one.floor.drop_message(one.agent, attempt, When.NOW)
    await one.settle()
    one.board.tell(MessagePlayed, leg, whole=True)
    one.board.ends(leg, answered=True, rang=True, cause=16)
    await one.settle()


@THROUGH_CALLS.add(amd="inline", amd_treatment="drop_message")
async def a_machine_gets_its_message_unheard(one: Shift) -> None:
    await equip(one)
    _, _, leg = await ringing(one)
    assert await one.board.asks(leg, "MACHINE", "MAXWORDS-4-3") == "message"
    await one.settle()
    desk = one.floor.desks[one.agent]
    await desk.ask(desk.messages[leg]._patience_over)
    one.board.ends(leg, answered=True, rang=True, cause=16)
    await one.settle()


@THROUGH_CALLS.add()
async def the_link_is_lost_while_a_message_plays(one: Shift) -> None:
    await equip(one)
    agent_leg, attempt, leg = await one.talking()
    await one.floor.drop_message(one.agent, attempt, When.NOW)
    await one.settle()
    await link_returns(one, up(agent_leg), LiveLeg(leg=leg, state="up", message="playing"))


@THROUGH_CALLS.add(**PULL)
async def a_message_is_dropped_without_a_line(one: Shift) -> None:
    await equip(one)
    attempt, agent_leg, _ = await pull_talks(one)
    await one.floor.drop_message(one.agent, attempt, When.NOW)
    await line_ends(one, agent_leg)


# -- handed over --------------------------------------------------------------------------------------------------


async def handed_over(one: Shift) -> tuple[str, str, str]:
    """The customer talks with a third party: (attempt, customer leg, third party's leg); the agent wraps up."""
    agent_leg, attempt, leg = await one.talking()
    await one.floor.calls.transfer(one.agent, attempt, TransferEvent.BLIND, Target(number="+442079460999"))
    third = one.board.third_calls[-1].leg
    one.board.appears(third)
    one.board.rings(third)
    one.board.answers(third)
    await line_ends(one, agent_leg)
    await one.state_is("wrap_up")
    return attempt, leg, third


@THROUGH_CALLS.add()
async def handed_over_and_hung_up(one: Shift) -> None:
    _, leg, third = await handed_over(one)
    await link_returns(one, up(leg, third), up(third, leg))
    one.board.ends(leg, answered=True, rang=True, cause=16)
    one.board.ends(third, answered=True)
    await one.settle()


@THROUGH_CALLS.add()
async def handed_over_and_ended_by_a_supervisor(one: Shift) -> None:
    attempt, leg, _ = await handed_over(one)
    await one.floor.supervision.hang_up(one.agent, attempt)
    await line_ends(one, leg)


# -- the mode preview: the agent asks -----------------------------------------------------------------------------


@THROUGH_CALLS.add(**PULL)
async def asked_for_and_busy(one: Shift) -> None:
    _, agent_leg, leg = await pull_dials(one)
    one.board.ends(leg, cause=17, sip=486)
    await line_ends(one, agent_leg)


@THROUGH_CALLS.add(**PULL)
async def asked_for_and_the_phone_not_answered(one: Shift) -> None:
    _, agent_leg = await pull_calls_agent(one)
    one.board.ends(agent_leg, rang=True, cause=19, ring_limit_reached=True)
    await one.settle()


@THROUGH_CALLS.add(**PULL)
async def asked_for_without_a_link(one: Shift) -> None:
    offer = await pulled(one)
    one.board.failing["ring_agent"] = PbxUnreachable("cut by the test")
    await one.floor.decide(one.agent, offer, "accept")
    await one.settle()


@THROUGH_CALLS.add(**PULL)
async def asked_for_and_cancelled(one: Shift) -> None:
    attempt, agent_leg = await pull_calls_agent(one)
    await one.floor.cancel(one.agent, attempt)
    await line_ends(one, agent_leg)


@THROUGH_CALLS.add(**PULL)
async def asked_for_and_stopped_meanwhile(one: Shift) -> None:
    _, agent_leg = await pull_calls_agent(one)
    here = one.here
    await change(one.store, lambda work: campaigns.run_campaign(work, here.tenant_id, here.campaign_id, running=False))
    one.board.answers(agent_leg)
    await one.settle()


@THROUGH_CALLS.add(**PULL)
async def asked_for_and_the_link_lost(one: Shift) -> None:
    _, agent_leg = await pull_calls_agent(one)
    await link_returns(one, LiveLeg(leg=agent_leg, state="ringing"))


# -- a lost link --------------------------------------------------------------------------------------------------


@THROUGH_CALLS.add()
async def the_link_is_lost_while_it_is_placed(one: Shift) -> None:
    agent_leg = await one.reserved()
    _, leg = await one.accepted()
    one.board.link_lost()
    await one.settle()
    await link_returns(one, up(agent_leg), LiveLeg(leg=leg, state="down"))


@THROUGH_CALLS.add()
async def the_link_is_lost_while_it_rings(one: Shift) -> None:
    agent_leg, _, leg = await ringing(one)
    await link_returns(one, up(agent_leg), LiveLeg(leg=leg, state="ringing"))
    await link_returns(one, up(agent_leg), up(leg))
    await link_returns(one, up(agent_leg, leg), up(leg, agent_leg))
    await link_returns(one, up(agent_leg, leg), up(leg, agent_leg))


@THROUGH_CALLS.add()
async def the_link_is_lost_in_a_cancel(one: Shift) -> None:
    agent_leg, attempt, leg = await ringing(one)
    await one.floor.cancel(one.agent, attempt)
    await link_returns(one, up(agent_leg), LiveLeg(leg=leg, state="ringing"))


@THROUGH_CALLS.add()
async def a_call_that_ended_unseen(one: Shift) -> None:
    agent_leg, _, leg = await ringing(one)
    over = RecordedEnd(leg=leg, answered=False, rang=True, cause=17, sip=486)
    await link_returns(one, up(agent_leg), ended=[over])


@THROUGH_CALLS.add()
async def an_end_that_comes_before_the_survey(one: Shift) -> None:
    agent_leg, _, leg = await ringing(one)
    one.board.link_lost()
    await one.settle()
    one.board.survey_now = found(live=[up(agent_leg)])
    one.board.ends(leg, rang=True, cause=16, sip=603)
    await one.settle()


@THROUGH_CALLS.add()
async def asterisk_dies_in_a_conversation(one: Shift) -> None:
    await one.talking()
    await asterisk_restarts(one)


@THROUGH_CALLS.add()
async def the_agents_line_is_lost_and_the_customers_is_not(one: Shift) -> None:
    agent_leg, _, leg = await one.talking()
    one.board.link_lost()
    await one.settle()
    one.board.survey_now = found(live=[up(leg, agent_leg)], since=datetime.now(UTC).timestamp() + 60)
    one.board.link_up()
    await one.settle()
    one.board.ends(leg, answered=True, rang=True, cause=16)
    await one.settle()


@THROUGH_CALLS.add()
async def asterisk_dies_while_it_is_dialed(one: Shift) -> None:
    await ringing(one)
    await asterisk_restarts(one)
