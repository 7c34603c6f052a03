"""Walks of an agent up to the decision about an offer."""

from __future__ import annotations

from telephony.store import campaigns
from telephony.store.work import change
from tests.support.shift import Shift
from tests.support.walks import (
    PULL,
    Walks,
    asterisk_restarts,
    desktop_lost,
    free,
    line_ends,
    pulled,
    reserved_without_room,
    room,
    rung,
    time_is_up,
    wish,
)

TO_OFFERS = Walks()

ONE_A_SECOND = 40
"""Contacts: without room one is tried each second and rests then, and a walk waits for its pictures."""


# -- without work -------------------------------------------------------------------------------------------------


@TO_OFFERS.add(contacts=0)
async def resting(one: Shift) -> None:
    await wish(one, "offline", "idle", "idle", "offline", "available", "available", "idle", "available", "offline")
    await wish(one, "available")
    await desktop_lost(one)


@TO_OFFERS.add()
async def a_phone_that_is_not_answered(one: Shift) -> None:
    leg = await rung(one)
    one.board.rings(leg)
    one.board.ends(leg, rang=True, cause=19, sip=480, ring_limit_reached=True)
    await one.state_is("idle")


@TO_OFFERS.add()
async def second_thoughts_while_it_rings(one: Shift) -> None:
    for leave in ("idle", "offline", ""):
        leg = await rung(one)
        await (wish(one, leave) if leave else desktop_lost(one))
        await line_ends(one, leg)


@TO_OFFERS.add()
async def asterisk_dies_while_it_rings(one: Shift) -> None:
    await rung(one)
    await asterisk_restarts(one)


@TO_OFFERS.add(contacts=ONE_A_SECOND, offer_timeout=0, offer_timeout_action="accept")
async def on_the_line_without_room(one: Shift) -> None:
    for leave in ("idle", "offline", ""):
        leg = await reserved_without_room(one)
        await (wish(one, leave) if leave else desktop_lost(one))
        await line_ends(one, leg)
        await room(one, 10)


@TO_OFFERS.add(contacts=ONE_A_SECOND, offer_timeout=0, offer_timeout_action="accept")
async def a_line_that_is_lost_without_room(one: Shift) -> None:
    leg = await reserved_without_room(one)
    one.board.ends(leg, answered=True)
    await one.state_is("idle")
    await room(one, 10)
    await reserved_without_room(one)
    await asterisk_restarts(one)


@TO_OFFERS.add(contacts=0)
async def freed_without_work(one: Shift) -> None:
    await free(one)
    await wish(one, "idle")
    await free(one)
    await wish(one, "available")
    await free(one)


@TO_OFFERS.add()
async def freed_while_it_rings(one: Shift) -> None:
    leg = await rung(one)
    await free(one)
    await line_ends(one, leg)


@TO_OFFERS.add(contacts=ONE_A_SECOND, offer_timeout=0, offer_timeout_action="accept")
async def freed_on_the_line(one: Shift) -> None:
    leg = await reserved_without_room(one)
    await free(one)
    await line_ends(one, leg)


# -- with an offer ------------------------------------------------------------------------------------------------


@TO_OFFERS.add(contacts=4)
async def skipped_removed_and_left(one: Shift) -> None:
    leg = await one.reserved()
    for action in ("skip", "remove", "leave"):
        await one.state_is("previewing")
        await one.floor.decide(one.agent, one.offer, action)
    await line_ends(one, leg)


@TO_OFFERS.add()
async def accepted(one: Shift) -> None:
    await one.reserved()
    await one.accepted()


@TO_OFFERS.add(contacts=1)
async def the_last_contact(one: Shift) -> None:
    leg = await one.reserved()
    await one.floor.decide(one.agent, one.offer, "skip")
    await one.state_is("available")
    await line_ends(one, leg)


@TO_OFFERS.add()
async def away_from_a_preview(one: Shift) -> None:
    for leave in ("idle", "offline", ""):
        leg = await one.reserved()
        await (wish(one, leave) if leave else desktop_lost(one))
        await line_ends(one, leg)


@TO_OFFERS.add()
async def freed_from_a_preview(one: Shift) -> None:
    leg = await one.reserved()
    await free(one)
    await line_ends(one, leg)


@TO_OFFERS.add()
async def a_line_that_is_lost_in_a_preview(one: Shift) -> None:
    leg = await one.reserved()
    one.board.ends(leg, answered=True)
    await one.state_is("idle")
    await one.reserved()
    await asterisk_restarts(one)


@TO_OFFERS.add(offer_timeout=60, offer_timeout_action="skip")
async def the_timer_skips(one: Shift) -> None:
    await one.reserved()
    await time_is_up(one)


@TO_OFFERS.add(offer_timeout=60, offer_timeout_action="remove")
async def the_timer_removes(one: Shift) -> None:
    await one.reserved()
    await time_is_up(one)


@TO_OFFERS.add(offer_timeout=60, offer_timeout_action="idle")
async def the_timer_sends_away(one: Shift) -> None:
    await one.reserved()
    await time_is_up(one)


@TO_OFFERS.add(offer_timeout=60, offer_timeout_action="accept")
async def the_timer_accepts(one: Shift) -> None:
    await one.reserved()
    await room(one, 0)
    await time_is_up(one)
    await room(one, 10)
    await one.state_is("previewing")
    await time_is_up(one)


@TO_OFFERS.add()
async def a_campaign_that_is_stopped(one: Shift) -> None:
    await one.reserved()
    here = one.here
    await change(one.store, lambda work: campaigns.run_campaign(work, here.tenant_id, here.campaign_id, running=False))
    await one.floor.campaign_stopped(here.campaign_id)
    await one.settle()


@TO_OFFERS.add(**PULL)
async def asked_for_and_skipped(one: Shift) -> None:
    await one.floor.decide(one.agent, await pulled(one), "skip")
    await one.state_is("available")
