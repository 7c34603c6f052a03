"""The offer on an agent's screen: opened, timed by the server, decided once.

Accept, skip, remove, leave and the timer all end in one transaction that finds the offer open or not: whoever
comes first wins, whoever comes later is told who won.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telephony.dialer.call import Call
from telephony.dialer.errors import ContactWithdrawn, NoCapacity, NotFound, OfferClosed, Refused
from telephony.model.agent import AgentEffect, AgentEvent, AgentState, IdleReason
from telephony.model.campaign import CampaignSettings, TimeoutAction
from telephony.model.contact import ContactState
from telephony.model.offer import OfferEvent, OfferState
from telephony.model.reasons import Capacity, Refusal, Withdrawal
from telephony.store import attempts, offers
from telephony.store.agents import Line
from telephony.store.attempts import Placed
from telephony.store.claims import Claim
from telephony.store.grants import Full
from telephony.store.records import Agent, Offer
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.desk import Desk

REFUSED_TRY_PAUSE = 1.0
"""Seconds between two tries of a timer's accept at one desk (SPEC section 4)."""

_ACTION = {
    "accept": OfferEvent.ACCEPT,
    "skip": OfferEvent.SKIP,
    "remove": OfferEvent.REMOVE,
    "leave": OfferEvent.LEAVE,
}

_STATE_OF = {
    "accept": OfferState.ACCEPTED,
    "skip": OfferState.SKIPPED,
    "remove": OfferState.REMOVED,
    "leave": OfferState.LEFT,
}

_TIMER = {
    TimeoutAction.SKIP: OfferEvent.TIMER_SKIP,
    TimeoutAction.REMOVE: OfferEvent.TIMER_REMOVE,
    TimeoutAction.IDLE: OfferEvent.TIMER_IDLE,
}


class Preview:
    """What is offered at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.offer: Offer | None = None
        self._timer: asyncio.TimerHandle | None = None

    # Opening

    def open(self, work: Work, agent: Agent, line: Line | None, claim: Claim | None) -> Offer | None:
        """Open the offer of a claimed contact that is still this agent's; None where there is none."""
        if claim is None:
            return None
        contact = offers.contact_of(work, claim.contact.id)
        if contact.state is not ContactState.OFFERED or contact.holder_id != agent.id:
            return None
        if not attempts.is_running(work, claim.campaign.id):
            offers.give_back(work, contact, agent_id=agent.id)  # stopped while the agent's phone rang
            return None
        return offers.open_offer(work, agent, line, claim, AgentEvent.OFFERED)

    def opened(self, offer: Offer) -> None:
        self.offer = offer
        self._desk.next(self.start_timer)

    def leave(self, work: Work) -> None:
        """Close the open offer because its agent is gone; part of the agent's own transaction."""
        if self.offer is None:
            return
        offer = offers.load(work, self.offer.id)
        if offer is not None and offer.state is OfferState.OPEN:
            offers.close(work, offer, OfferEvent.LEAVE, by=offer.agent_id)

    # The server's timer

    async def start_timer(self) -> None:
        self.stop_timer()
        if self.offer is None or self.offer.expires_at is None:
            return
        left = max(0.0, (self.offer.expires_at - datetime.now(UTC)).total_seconds())
        self._timer = asyncio.get_running_loop().call_later(left, self._desk.post, self._time_is_up)

    def stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _time_is_up(self) -> None:
        desk, offer = self._desk, self.offer
        if offer is None or desk.agent.state is not AgentState.PREVIEWING:
            return
        settings = CampaignSettings.model_validate(offer.settings)
        action = settings.offer_timeout_action
        if action is TimeoutAction.ACCEPT and not desk.present:
            action = TimeoutAction.SKIP  # nobody is there to talk (SPEC section 4)
        if action is not TimeoutAction.ACCEPT:
            event = _TIMER[action]
            agent_event = AgentEvent.TIMED_OUT_IDLE if action is TimeoutAction.IDLE else AgentEvent.CLOSED
            await self._close(offer.id, event, agent_event, by=None)
            return
        answer = await self._accept(offer.id, OfferEvent.TIMER_ACCEPT)
        if isinstance(answer, Full):
            # the line stays; one try a second at the most
            await self._close(
                offer.id, OfferEvent.TIMER_ACCEPT_REFUSED, AgentEvent.CLOSED, by=None, pause=REFUSED_TRY_PAUSE
            )

    # Actions

    async def decide(self, offer_id: str, action: str) -> dict[str, Any]:
        """Carry out accept, skip, remove or leave; raises the errors of dialer/errors.py."""
        try:
            return await self._decide(offer_id, action)
        except OfferClosed as closed:
            if closed.winner != _STATE_OF[action].value:
                raise
            # the same action again, perhaps after a lost answer: the first result
            offer = await self._desk.ground.change(lambda work: offers.load(work, offer_id))
            assert offer is not None
            return _told(offer)

    async def _decide(self, offer_id: str, action: str) -> dict[str, Any]:
        event = _ACTION[action]
        if event is not OfferEvent.ACCEPT:
            agent_event = AgentEvent.LEFT if event is OfferEvent.LEAVE else AgentEvent.CLOSED
            return _told(await self._close(offer_id, event, agent_event, by=self._desk.agent.id))
        answer = await self._accept(offer_id, event)
        if isinstance(answer, Full):
            raise NoCapacity(answer.code, scope_id=answer.scope_id, used=answer.used, limit=answer.limit)
        if isinstance(answer, Withdrawal):
            raise ContactWithdrawn(answer)
        return {"offer": offer_id, "state": OfferState.ACCEPTED.value, "attempt": answer.attempt.id}

    async def withdraw(self, offer_id: str, code: Withdrawal) -> None:
        """Take an offer off the screen: campaign stopped, contact removed."""
        if self.offer is None or self.offer.id != offer_id:
            return
        with contextlib.suppress(OfferClosed):  # then the agent was first
            await self._close(offer_id, OfferEvent.WITHDRAW, AgentEvent.CLOSED, by=None, code=code.value)

    async def _accept(self, offer_id: str, event: OfferEvent) -> Placed | Full | Withdrawal:
        desk = self._desk

        def transaction(work: Work) -> tuple[Agent, Any, tuple[AgentEffect, ...]]:
            agent = replace(desk.agent)
            offer = _still_open(work, offer_id, agent)
            if not desk.ground.board.connected:
                return agent, attempts.refuse(work, agent, offer, Full(Capacity.PBX_UNREACHABLE, "", 0, 0)), ()
            answer = attempts.place(work, desk.ground.place, agent, offer, event)
            if isinstance(answer, Withdrawal):
                return agent, answer, desk.step(work, agent, AgentEvent.CLOSED)
            return agent, answer, ()

        desk.agent, answer, effects = await desk.ground.change(transaction)
        if isinstance(answer, Placed):
            self._closed()
            desk.take_call(Call(desk, answer))
        elif isinstance(answer, Withdrawal):
            self._closed()
        desk.carry_out(effects)
        result: Placed | Full | Withdrawal = answer
        return result

    async def _close(
        self,
        offer_id: str,
        event: OfferEvent,
        agent_event: AgentEvent,
        *,
        by: str | None,
        code: str | None = None,
        pause: float = 0.0,
    ) -> Offer:
        desk = self._desk
        changes: dict[str, Any] = {}
        if agent_event is AgentEvent.LEFT:
            changes["idle_reason"] = IdleReason.LEFT_CAMPAIGN.value
        elif agent_event is AgentEvent.TIMED_OUT_IDLE:
            changes["idle_reason"] = IdleReason.OFFER_TIMEOUT.value

        def transaction(work: Work) -> tuple[Agent, Offer, tuple[AgentEffect, ...]]:
            agent = replace(desk.agent)
            offer = _still_open(work, offer_id, agent)
            if event.value in offer.settings["disabled_actions"]:
                raise Refused(Refusal.ACTION_DISABLED)
            offers.close(work, offer, event, by=by, code=code)
            return agent, offer, desk.step(work, agent, agent_event, **changes)

        desk.agent, offer, effects = await desk.ground.change(transaction)
        self._closed()
        if pause:
            effects = tuple(effect for effect in effects if effect is not AgentEffect.NEXT_OFFER)
            asyncio.get_running_loop().call_later(pause, desk.post, desk.next_offer)
        desk.carry_out(effects)
        return offer

    def _closed(self) -> None:
        self.stop_timer()
        self.offer = None


def _still_open(work: Work, offer_id: str, agent: Agent) -> Offer:
    offer = offers.load(work, offer_id)
    if offer is None or offer.agent_id != agent.id:
        raise NotFound("offer")
    if offer.state is not OfferState.OPEN:
        raise OfferClosed(offer.state.value)
    return offer


def _told(offer: Offer) -> dict[str, Any]:
    return {"offer": offer.id, "state": offer.state.value, "attempt": offer.attempt_id}
