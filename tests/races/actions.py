"""What may happen to an open offer, who it is that does it, and by what the winner is known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tests.races.lanes import Answer, Lane

Act = Callable[[Lane, dict[str, Any]], Awaitable[Answer | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A race that is over: the offer's and the agent's stored rows, and what the two were answered."""

    offer: Any
    agent: Any
    answers: tuple[Answer | None, Answer | None]

    @property
    def refused_for_room(self) -> bool:
        return any(answer is not None and answer.code == "TENANT_CALL_LIMIT" for answer in self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """`act` does it at once, after `prepare`; `decides`: it is the agent's own decision, and a late one is refused."""

    name: str
    act: Act
    won: Callable[[Settled], bool]
    prepare: Act | None = None
    decides: bool = False


def _decide(action: str) -> Act:
    async def act(lane: Lane, offer: dict[str, Any]) -> Answer:
        return await lane.ask("POST", f"/offers/{offer['offer']}/{action}")

    return act


async def _hang_up(lane: Lane, offer: dict[str, Any]) -> None:
    """The agent's line ends, unasked by the service: a manager client of its own ends the channel."""
    lane.ami.hang_up(lane.known[offer["offer"]].line)


async def _stop(lane: Lane, _offer: dict[str, Any]) -> Answer:
    return await lane.ask("POST", f"/campaigns/{lane.seat.here.campaign_id}/stop", by="supervisor")


async def _remove_contact(lane: Lane, offer: dict[str, Any]) -> Answer:
    contact = lane.known[offer["offer"]].contact
    return await lane.ask("POST", f"/contacts/{contact}/remove", {"why": "asked by letter"}, by="supervisor")


async def _no_room(lane: Lane, _offer: dict[str, Any]) -> Answer:
    return await lane.ask("PATCH", f"/tenants/{lane.seat.here.tenant_id}", {"max_calls": 0}, by="admin")


async def _wait(_lane: Lane, _offer: dict[str, Any]) -> None:
    """The server's own timer does it."""


TIMER = Action(name="timer", act=_wait, won=lambda race: race.offer.state == "timed_out")
ACCEPT = Action(name="accept", act=_decide("accept"), won=lambda race: race.offer.state == "accepted", decides=True)

REFUSAL = Action(
    name="limit refusal", prepare=_no_room, act=_decide("accept"), won=lambda race: race.refused_for_room, decides=True
)
"""An accept without room closes no offer: it wins where it is refused for the limit and not because it came late."""

LOWERED = Action(name="limit refusal", act=_no_room, won=lambda race: race.refused_for_room)
"""Against an accept: the limit is lowered before it or after it."""

OTHERS = (
    Action(name="skip", act=_decide("skip"), won=lambda race: race.offer.state == "skipped", decides=True),
    Action(name="remove", act=_decide("remove"), won=lambda race: race.offer.state == "removed", decides=True),
    Action(
        name="leave",
        act=_decide("leave"),
        won=lambda race: race.offer.state == "left" and race.agent.idle_reason == "left_campaign",
        decides=True,
    ),
    Action(
        name="hang-up",
        act=_hang_up,
        won=lambda race: race.offer.state == "left" and race.agent.idle_reason == "hung_up",
    ),
    Action(name="campaign stop", act=_stop, won=lambda race: race.offer.code == "CAMPAIGN_STOPPED"),
    Action(name="contact removal", act=_remove_contact, won=lambda race: race.offer.code == "CONTACT_REMOVED"),
)

Pair = tuple[Action, Action]

PAIRS: dict[str, Pair] = {
    f"{one.name} / {other.name}": (one, LOWERED if one is ACCEPT and other is REFUSAL else other)
    for one, other in combinations((TIMER, ACCEPT, *OTHERS, REFUSAL), 2)
}
"""Every pair, the timer always first: it is the other that is moved around its end."""

PUSHED_ONLY = ("remove", "leave", "hang-up")
"""What there is only where the agent is on the line while a contact is shown."""


def pairs(mode: str) -> dict[str, Pair]:
    """Those that can meet in a mode."""
    pulls = mode == "preview"
    return {name: pair for name, pair in PAIRS.items() if not (pulls and any(one.name in PUSHED_ONLY for one in pair))}
