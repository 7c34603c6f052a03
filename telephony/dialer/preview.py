"""The offer on an agent's screen: opened, timed by the server, decided once.

Accept, skip, remove, leave and the timer all end in one transaction that finds the offer open or not: whoever
comes first wins, whoever comes later is told who won.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telephony.dialer.errors import ContactWithdrawn, DialerError, NoCapacity, NotFound, OfferClosed, Refused
from telephony.model.agent import AgentEffect, AgentEvent, AgentState, IdleReason
from telephony.model.campaign import CampaignSettings, Mode, TimeoutAction
from telephony.model.contact import ContactState
from telephony.model.offer import OfferEvent, OfferState
from telephony.model.reasons import Capacity, Refusal, Withdrawal
from telephony.store import attempts, claims, offers
from telephony.store.agents import Line
from telephony.store.attempts import Granted, Placed
from telephony.store.claims import Campaign, Claim
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


_IDLE = {
    OfferEvent.LEAVE: IdleReason.LEFT_CAMPAIGN,
    OfferEvent.TIMER_IDLE: IdleReason.OFFER_TIMEOUT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """The offer an agent got who asked for a contact, or when the next one is due (None: none waits for a time)."""

    offer_id: str | None = None
    next_due: datetime | None = None


class Preview:
    """What is offered at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.offer: Offer | None = None
        self._timer: asyncio.TimerHandle | None = None

    # Opening

    def open(self, work: Work, agent: Agent, line: Line | None, claim: Claim | None) -> Offer | Placed | Full | None:
        """Open the offer of a claimed contact that is still this agent's; None where there is none.

        The settings are those of this moment. An offer that is accepted at once (`offer_timeout` 0) opens only
        with the place for its call: `Placed`, or `Full` where there is none, and then nobody sees it.
        """
        if claim is None:
            return None
        contact = offers.contact_of(work, claim.contact.id)
        if contact.state is not ContactState.OFFERED or contact.holder_id != agent.id:
            return None
        now = claims.up_to_date(work, claim, contact)
        if now is None:
            offers.give_back(work, contact, agent_id=agent.id)  # stopped while the agent's phone rang
            return None
        return self._show(work, agent, line, now, AgentEvent.OFFERED)

    async def pull(self, campaign_id: str) -> Pulled:
        """A contact of a campaign in the mode preview, for the agent who asks; one that is open already comes again.

        Raises `Refused` where the agent is not available or the campaign shows its contacts by itself or is stopped,
        `NoCapacity` where a call to the contact would find no room, `NotFound` for a campaign of other teams.
        """
        desk = self._desk
        if desk.agent.state is AgentState.PREVIEWING and self.offer is not None and self.offer.mode == Mode.PREVIEW:
            return Pulled(offer_id=self.offer.id)
        if desk.agent.state is not AgentState.AVAILABLE:
            raise Refused(Refusal.NOT_AVAILABLE)
        if desk.reservation.line is not None or desk.call is not None:
            raise Refused(Refusal.NOT_AVAILABLE, "The last call is still ending; ask again")

        def transaction(work: Work) -> tuple[Agent, Offer | Placed | Full | datetime | None]:
            agent = replace(desk.agent)
            campaign = _to_pull_from(work, agent, campaign_id)
            claim: Claim | Full | None = Full(Capacity.PBX_UNREACHABLE, "", 0, 0)
            if desk.ground.board.connected:
                claim = claims.pull(work, desk.ground.place, agent, campaign)
            if isinstance(claim, Full):
                return agent, attempts.refuse_agent(work, agent, campaign_id, claim)
            found = claim and self._show(work, agent, None, claim, AgentEvent.SHOWN)
            return agent, found or claims.next_due(work, campaign_id)

        desk.agent, found = await desk.ground.change(transaction)
        if isinstance(found, Full):
            raise NoCapacity(found.code, scope_id=found.scope_id, used=found.used, limit=found.limit)
        if isinstance(found, (Offer, Placed)):
            self.opened(found)
            return Pulled(offer_id=found.id if isinstance(found, Offer) else found.attempt.offer_id)
        return Pulled(next_due=found)

    def _show(
        self, work: Work, agent: Agent, line: Line | None, claim: Claim, event: AgentEvent
    ) -> Offer | Placed | Full | None:
        if claim.campaign.settings.offer_timeout > 0 or not self._desk.present:
            return offers.open_offer(work, agent, line, claim, event)
        offer = offers.draft(work, agent, line, claim)
        ground = self._desk.ground
        granted: Granted | Full | Withdrawal = Full(Capacity.PBX_UNREACHABLE, "", 0, 0)
        if ground.board.connected:
            granted = attempts.grant(work, ground.place, agent, offer)
        if isinstance(granted, Granted):
            offers.show(work, agent, offer, claim, event)
            return attempts.place_granted(work, ground.place, agent, offer, OfferEvent.TIMER_ACCEPT, granted)
        contact = offers.contact_of(work, offer.contact_id)
        if isinstance(granted, Withdrawal):
            offers.give_back(work, contact, agent_id=agent.id)
            return None
        offers.give_back(work, contact, agent_id=agent.id, not_before=work.now + offers.REFUSED_PAUSE)
        return attempts.refuse(work, agent, offer, granted, opened=False)

    def opened(self, found: Offer | Placed | Full) -> None:
        """Go on with what `open` came to, once it is stored."""
        if isinstance(found, Placed):
            self._desk.take_call(found)
        elif isinstance(found, Full):
            # the line stays; one try a second at the most
            asyncio.get_running_loop().call_later(REFUSED_TRY_PAUSE, self._desk.post, self._desk.next_offer)
        else:
            self.offer = found
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
        settings = CampaignSettings.stored(offer.settings)
        action = settings.offer_timeout_action
        if action is TimeoutAction.ACCEPT and not desk.present:
            action = TimeoutAction.SKIP  # nobody is there to talk (SPEC section 4)
        if action is not TimeoutAction.ACCEPT:
            await self._close(offer.id, _TIMER[action], by=None)
            return
        answer = await self._accept(offer.id, OfferEvent.TIMER_ACCEPT)
        if isinstance(answer, Full):
            # the line stays; one try a second at the most
            await self._close(offer.id, OfferEvent.TIMER_ACCEPT_REFUSED, by=None, pause=REFUSED_TRY_PAUSE)

    # Actions

    async def decide(
        self, offer_id: str, action: str, *, why: str | None = None, also: Callable[[Work, Offer], None] | None = None
    ) -> dict[str, Any]:
        """Carry out accept, skip, remove or leave; raises the errors of dialer/errors.py.

        `why`: the agent's own words for a removal; `also`: what else becomes true in the same transaction.
        """
        try:
            return await self._decide(offer_id, action, why, also)
        except OfferClosed as closed:
            if closed.winner != _STATE_OF[action].value:
                raise
            # the same action again, perhaps after a lost answer: the first result
            offer = await self._desk.ground.change(lambda work: offers.load(work, offer_id))
            assert offer is not None
            return told(offer)

    async def _decide(
        self, offer_id: str, action: str, why: str | None, also: Callable[[Work, Offer], None] | None
    ) -> dict[str, Any]:
        event = _ACTION[action]
        if event is not OfferEvent.ACCEPT:
            return told(await self._close(offer_id, event, by=self._desk.agent.id, why=why, also=also))
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
            await self._close(offer_id, OfferEvent.WITHDRAW, by=None, code=code.value)

    async def _accept(self, offer_id: str, event: OfferEvent) -> Placed | Full | Withdrawal:
        desk = self._desk

        def transaction(work: Work) -> tuple[Agent, Any, tuple[AgentEffect, ...]]:
            agent = replace(desk.agent)
            offer = _still_open(work, offer_id, agent)
            if not desk.ground.board.connected:
                return agent, attempts.refuse(work, agent, offer, Full(Capacity.PBX_UNREACHABLE, "", 0, 0)), ()
            answer = attempts.place(work, desk.ground.place, agent, offer, event)
            if isinstance(answer, Withdrawal):
                return agent, answer, desk.step(work, agent, _after(OfferEvent.WITHDRAW, offer))
            return agent, answer, ()

        desk.agent, answer, effects = await desk.ground.change(transaction)
        if isinstance(answer, Placed):
            self._closed()
            desk.take_call(answer)
        elif isinstance(answer, Withdrawal):
            self._closed()
        desk.carry_out(effects)
        result: Placed | Full | Withdrawal = answer
        return result

    async def _close(
        self,
        offer_id: str,
        event: OfferEvent,
        *,
        by: str | None,
        code: str | None = None,
        pause: float = 0.0,
        why: str | None = None,
        also: Callable[[Work, Offer], None] | None = None,
    ) -> Offer:
        desk = self._desk
        changes = {"idle_reason": _IDLE[event].value} if event in _IDLE else {}

        def transaction(work: Work) -> tuple[Agent, Offer, tuple[AgentEffect, ...]]:
            agent = replace(desk.agent)
            offer = _still_open(work, offer_id, agent)
            # no campaign can forbid its agents to note that somebody wants no calls
            if also is None and event.value in CampaignSettings.stored(offer.settings).refused_actions:
                raise Refused(Refusal.ACTION_DISABLED)
            offers.close(work, offer, event, by=by, code=code, why=why)
            if also is not None:
                also(work, offer)
            return agent, offer, desk.step(work, agent, _after(event, offer), **changes)

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


def _to_pull_from(work: Work, agent: Agent, campaign_id: str) -> Campaign:
    for campaign in claims.of_agent(work.conn, agent.id):
        if campaign.id == campaign_id:
            if campaign.settings.mode is not Mode.PREVIEW:
                raise Refused(Refusal.NOT_AVAILABLE, "This campaign brings its contacts by itself")
            return campaign
    if claims.works_on(work.conn, agent.id, campaign_id):
        raise DialerError(Withdrawal.CAMPAIGN_STOPPED)
    raise NotFound("campaign")


def _still_open(work: Work, offer_id: str, agent: Agent) -> Offer:
    offer = offers.load(work, offer_id)
    if offer is None or offer.agent_id != agent.id:
        raise NotFound("offer")
    if offer.state is not OfferState.OPEN:
        raise OfferClosed(offer.state.value)
    return offer


def _after(event: OfferEvent, offer: Offer) -> AgentEvent:
    """What the close of an offer without a call means to its agent."""
    if event is OfferEvent.LEAVE:
        return AgentEvent.LEFT
    if event is OfferEvent.TIMER_IDLE:
        return AgentEvent.TIMED_OUT_IDLE
    return AgentEvent.CLOSED_OFF_LINE if offer.mode == Mode.PREVIEW else AgentEvent.CLOSED


def told(offer: Offer) -> dict[str, Any]:
    return {"offer": offer.id, "state": offer.state.value, "attempt": offer.attempt_id}
