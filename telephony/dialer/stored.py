"""What the database knows of a desk's unfinished work: after a start, and after a failure that left the desk unsure."""

from __future__ import annotations

from telephony.model.agent import AgentState
from telephony.model.attempt import LIVE
from telephony.model.campaign import CampaignSettings
from telephony.store import agents, attempts, beside, claims, offers
from telephony.store.agents import Line
from telephony.store.attempts import CallLeg, Placed
from telephony.store.claims import Claim
from telephony.store.records import Agent, Attempt, Offer
from telephony.store.work import Work


class Stored:
    """Line, claim, offer and call of an agent, each None where there is none.

    `messages`: calls that hear a message; `handed_over`: those that somebody else has, wrapped up already.
    """

    def __init__(self, work: Work, agent: Agent) -> None:
        self.agent = agent
        self.line: Line | None = agents.unended_line(work, agent)
        self.offer: Offer | None = None
        self.claim: Claim | None = None
        self.placed: Placed | None = None
        if agent.state is AgentState.PREVIEWING and agent.offer_id is not None:
            self.offer = offers.load(work, agent.offer_id)
        if agent.state is AgentState.RINGING and self.line is not None and self.line.contact_id is not None:
            self.claim = claims.reclaim(work, self.line.contact_id)
        live = attempts.live_of_agent(work, agent.id)
        elsewhere = [one for one in live if one.transferred_at is not None and one.wrapped_up_at is not None]
        attempt = _unfinished(work, agent, [one for one in live if one.message_id is None and one not in elsewhere])
        if attempt is not None:
            self.placed = _placed(work, attempt)
        self.handed_over = [_placed(work, one) for one in elsewhere]
        self.messages = [_placed(work, one) for one in live if one.message_id is not None]


def _placed(work: Work, attempt: Attempt) -> Placed:
    offer = offers.load(work, attempt.offer_id)
    leg = attempts.last_leg(work, attempt.id)
    assert offer is not None
    return Placed(
        attempt=attempt,
        leg=CallLeg(
            id=leg.id if leg else "",
            trunk_id=leg.trunk_id if leg else "",
            dial="",
            caller_id="",
            max_ring=0,
            ordered_at=leg.placed_at if leg else None,
        ),
        settings=CampaignSettings.stored(offer.settings),
        third=(beside.third_of(work, attempt.id) or "") if attempt.transfer_to is not None else "",
    )


def _unfinished(work: Work, agent: Agent, live: list[Attempt]) -> Attempt | None:
    """The attempt an agent is in or wraps up, else one that outlived its agent's line."""
    if agent.attempt_id is not None:
        attempt = attempts.load(work, agent.attempt_id)
        if attempt is None or attempt.message_id is not None:
            pass  # it goes on without the agent
        elif attempt.state in LIVE or agent.state is AgentState.WRAP_UP:
            return attempt
    return next(iter(live), None)
