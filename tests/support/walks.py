"""What walks through the state tables are made of, on a floor whose switchboard is played by hand.

A walk is given a started `Shift` and does what people, phones and Asterisk do; those of walks_to_offers.py and
walks_through_calls.py take every step of the tables together. What the service really stored ("agent ...: previewing
--accepted--> dialing") is read from its own log by `Trail`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update

from telephony.model.attempt import AttemptState
from telephony.model.table import Table
from telephony.pbx.port import LiveLeg, RecordedEnd
from telephony.store import messages, schema
from telephony.store.messages import MessageUse, NewMessage
from tests.support.shift import Shift, found

Pair = tuple[str, str, str]
"""Table, state, event."""

_STEP = re.compile(r"(\w+) \S+: (\w+) --(\w+)--> \w+")


class Trail(logging.Handler):
    """The steps that were stored, in their order, while it is attached."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.pairs: list[Pair] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.pairs += [match.groups() for match in _STEP.finditer(record.getMessage())]  # type: ignore[misc]

    def __enter__(self) -> Trail:
        log = logging.getLogger("telephony.store.work")
        self._level = log.level
        log.setLevel(logging.INFO)
        log.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        log = logging.getLogger("telephony.store.work")
        log.removeHandler(self)
        log.setLevel(self._level)


UNSEEN: dict[Pair, str] = {
    ("agent", "reserved", "left"): "only an open offer can be left",
    ("agent", "wrap_up", "line_lost"): "a kept line that ends in wrap-up is noted with the line, not with the agent",
    ("attempt", "granted", "not_placed"): "granted and placed in one transaction",
    ("attempt", "granted", "cancel"): "granted and placed in one transaction",
    ("attempt", "granted", "agent_gone"): "granted and placed in one transaction",
    ("attempt", "placing", "appeared"): "nothing is stored of it",
    ("attempt", "ringing", "rang"): "nothing is stored of it",
    ("attempt", "cancelling", "appeared"): "nothing is stored of it",
    ("attempt", "cancelling", "rang"): "nothing is stored of it",
    ("attempt", "cancelling", "answered"): "nothing is stored of it",
    ("attempt", "cancelling", "joined"): "nothing is stored of it",
}
"""Rows that no desk shows, and why."""


def shown(table: Table[Any, Any, Any]) -> set[Pair]:
    """The rows of a table that a page shows."""
    return {(table.name, state.value, event.value) for state, event, _ in table} - set(UNSEEN)


Go = Callable[[Shift], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One way through the tables, with the settings of its campaign."""

    go: Go
    settings: dict[str, Any] = field(default_factory=dict)
    contacts: int = 3

    @property
    def name(self) -> str:
        return self.go.__name__


class Walks(list[Walk]):
    """Walks in their order."""

    def add(self, *, contacts: int = 3, **settings: Any) -> Callable[[Go], Go]:
        """Decorates a walk with its campaign's settings and the number of contacts."""

        def added(go: Go) -> Go:
            self.append(Walk(go=go, settings=settings, contacts=contacts))
            return go

        return added


PULL = {"mode": "preview"}


# -- what walks are made of -------------------------------------------------------------------------------------


async def wish(one: Shift, *states: str) -> None:
    for state in states:
        await one.floor.set_state(one.agent, state, "lunch" if state == "idle" else None)


async def desktop_lost(one: Shift) -> None:
    desk = one.floor.desks[one.agent]
    await desk.ask(desk.desktop_lost)


async def free(one: Shift) -> None:
    """A supervisor ends everything the agent is in."""
    await one.floor.supervision.free(one.agent)


async def rung(one: Shift) -> str:
    """Available, and the agent's phone rings; its leg."""
    before = len(one.board.agent_calls)
    await wish(one, "available")
    await one.until(lambda: len(one.board.agent_calls) > before)
    return one.board.agent_calls[-1].leg


async def reserved_without_room(one: Shift) -> str:
    """On the line, while no call is allowed and so nothing is shown; the agent's leg. Needs offer_timeout 0."""
    leg = await rung(one)
    await room(one, 0)
    one.board.answers(leg)
    await one.state_is("reserved")
    return leg


async def room(one: Shift, calls: int) -> None:
    await one.store.run(lambda conn: conn.execute(update(schema.tenants).values(max_calls=calls)))


async def ringing(one: Shift) -> tuple[str, str, str]:
    """Accepted, and the customer's phone rings: (agent leg, attempt, customer leg)."""
    agent_leg = await one.reserved()
    attempt, leg = await one.accepted()
    one.board.appears(leg)
    one.board.rings(leg)
    await one.settle()
    return agent_leg, attempt, leg


async def time_is_up(one: Shift) -> None:
    desk = one.floor.desks[one.agent]
    one.floor.live_opened(one.agent)
    await desk.ask(desk.preview._time_is_up)


async def pulled(one: Shift) -> str:
    """A contact was asked for and is shown; the offer."""
    await wish(one, "available")
    shown = await one.floor.next_pull(one.agent, one.here.campaign_id)
    assert shown.offer_id is not None
    return shown.offer_id


async def pull_calls_agent(one: Shift) -> tuple[str, str]:
    """Accepted in the mode preview: (attempt, the leg to the agent's phone)."""
    before = len(one.board.agent_calls)
    done = await one.floor.decide(one.agent, await pulled(one), "accept")
    await one.until(lambda: len(one.board.agent_calls) > before)
    return done["attempt"], one.board.agent_calls[-1].leg


async def pull_dials(one: Shift) -> tuple[str, str, str]:
    """The agent picked up and the customer is dialed: (attempt, agent leg, customer leg)."""
    attempt, agent_leg = await pull_calls_agent(one)
    one.board.appears(agent_leg)
    one.board.answers(agent_leg)
    await one.until(lambda: bool(one.board.direct_calls))
    leg = one.board.direct_calls[-1].leg
    one.board.appears(leg)
    one.board.rings(leg)
    await one.settle()
    return attempt, agent_leg, leg


async def pull_talks(one: Shift) -> tuple[str, str, str]:
    attempt, agent_leg, leg = await pull_dials(one)
    one.board.answers(leg)
    one.board.joins(leg, agent_leg)
    await one.state_is("talking")
    return attempt, agent_leg, leg


async def equip(one: Shift) -> None:
    """The campaign has a message for mailboxes, and all contacts have agreed to it."""
    new = NewMessage(name="hello.wav", path="hello.wav", seconds=3.0, sha256="0" * 64)

    def run(conn: Any) -> None:
        messages.set_message(
            conn, one.here.tenant_id, one.here.campaign_id, MessageUse.VOICEMAIL, new, now=datetime.now(UTC)
        )
        conn.execute(update(schema.contacts).values(consent=True))

    await one.store.run(run)


async def wrapping_up(one: Shift) -> tuple[str, str, str]:
    """The customer hung up: (agent leg, attempt, customer leg)."""
    agent_leg, attempt, leg = await one.talking()
    one.board.ends(leg, answered=True, rang=True, cause=16)
    await one.state_is("wrap_up")
    return agent_leg, attempt, leg


async def line_ends(one: Shift, leg: str) -> None:
    """The end of a line that we asked for."""
    await one.until(lambda: ("hang_up", leg) in one.board.orders)
    one.board.ends(leg, answered=True)
    await one.settle()


async def asterisk_restarts(one: Shift) -> None:
    """The link is lost, and what answers again has been started since and knows of nothing."""
    one.board.link_lost()
    await one.settle()
    one.board.survey_now = found(since=datetime.now(UTC).timestamp() + 60)
    one.board.link_up()
    await one.settle()
    await one.until(lambda: one.floor.ready)
    await one.settle()


async def link_returns(one: Shift, *live: LiveLeg, ended: list[RecordedEnd] | None = None) -> None:
    """The link was lost for a moment; this is what is found then."""
    one.board.link_lost()
    await one.settle()
    one.board.survey_now = found(live=list(live), ended=ended)
    one.board.link_up()
    desk = one.floor.desks[one.agent]
    await one.until(lambda: desk.call is None or desk.call.attempt.state is not AttemptState.UNKNOWN)
    await one.settle()


def up(leg: str, joined_to: str | None = None) -> LiveLeg:
    return LiveLeg(leg=leg, state="up", joined_to=joined_to)
