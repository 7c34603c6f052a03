"""The one point where a change of state becomes true.

Each function asks the table, writes the new state only where the old one still stands, and leaves the trail
("from, event, to") and the live event with the transaction. `IllegalStep` or `Stale` roll everything back.
The records passed in are brought up to date; a caller drops them when its transaction fails.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Table, bindparam, delete, func, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from telephony.model.agent import AGENT, AgentEffect, AgentEvent, AgentState
from telephony.model.attempt import ATTEMPT, AttemptEffect, AttemptEvent, AttemptState
from telephony.model.contact import CONTACT, ContactEffect, ContactEvent, ContactState
from telephony.model.offer import OFFER, OfferEffect, OfferEvent, OfferState
from telephony.model.table import Step
from telephony.store.prepared import Prepared
from telephony.store.records import Agent, Attempt, Contact, Offer
from telephony.store.schema import agents, attempts, busy_numbers, contact_counts, contacts, offers
from telephony.store.work import Work


class Stale(Exception):
    """The stored state is not the one this change started from: somebody else was first."""


@cache
def _moving(table: Table, names: tuple[str, ...]) -> Prepared:
    """Write a new state and some columns beside it where the state is still `before`."""
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("state", *names)}
    return Prepared(
        update(table).where(table.c.id == bindparam("key"), table.c.state == bindparam("before")).values(values)
    )


def _write(work: Work, table: Table, record: Any, before: str, after: str, changes: dict[str, Any]) -> None:
    values = {f"new_{name}": value for name, value in changes.items()}
    statement = _moving(table, tuple(changes))
    done = statement(work.conn, {"key": record.id, "before": before, "new_state": after, **values})
    if done.rowcount != 1:
        raise Stale(f"{table.name} {record.id} is no longer {before}")
    for name, value in changes.items():
        if hasattr(record, name):
            setattr(record, name, value)


def step_agent(work: Work, agent: Agent, event: AgentEvent, **changes: Any) -> Step[AgentState, AgentEffect]:
    """Move an agent; tells `agent.state` where anything a desktop shows changed."""
    before = agent.state
    step = AGENT.step(before, event)
    if step.state is not AgentState.IDLE:
        changes.setdefault("idle_reason", None)
    if step.state is not before:
        changes["state_since"] = work.now
    _write(work, agents, agent, before, step.state, changes)
    agent.state = step.state
    work.stepped("agent", agent.id, before, event, step.state)
    work.tell(
        agent.tenant_id,
        "agent.state",
        {
            "agent": agent.id,
            "state": agent.state.value,
            "reason": agent.idle_reason,
            "since": agent.state_since.isoformat(),
            "campaign": agent.campaign_id,
            "offer": agent.offer_id,
            "call": agent.attempt_id,
            "wish": agent.wish,
            "wrap_up_until": agent.wrap_up_until.isoformat() if agent.wrap_up_until else None,
        },
        agent.id,
    )
    return step


def step_offer(work: Work, offer: Offer, event: OfferEvent, **changes: Any) -> Step[OfferState, OfferEffect]:
    """Close an offer; tells `offer.closed`."""
    before = offer.state
    step = OFFER.step(before, event)
    _write(work, offers, offer, before, step.state, {**changes, "closed_at": work.now})
    offer.state = step.state
    work.stepped("offer", offer.id, before, event, step.state)
    work.tell(
        offer.tenant_id,
        "offer.closed",
        {"offer": offer.id, "state": offer.state.value, "action": offer.action, "code": offer.code},
        offer.agent_id,
    )
    return step


def step_attempt(
    work: Work, attempt: Attempt, event: AttemptEvent, **changes: Any
) -> Step[AttemptState, AttemptEffect]:
    """Move an attempt; tells `call.state`."""
    before = attempt.state
    step = ATTEMPT.step(before, event)
    _write(work, attempts, attempt, before, step.state, changes)
    attempt.state = step.state
    work.stepped("attempt", attempt.id, before, event, step.state)
    if step.state is not before:
        work.tell(
            attempt.tenant_id,
            "call.state",
            {
                "call": attempt.id,
                "offer": attempt.offer_id,
                "state": attempt.state.value,
                "outcome": attempt.outcome,
                "code": attempt.code,
                "at": work.now.isoformat(),
            },
            attempt.agent_id,
        )
    return step


def step_contact(
    work: Work, contact: Contact, event: ContactEvent, **changes: Any
) -> Step[ContactState, ContactEffect]:
    """Move a contact, keep its campaign's counts, free its number where the table says so."""
    before = contact.state
    step = CONTACT.step(before, event)
    _write(work, contacts, contact, before, step.state, {**changes, "updated_at": work.now})
    contact.state = step.state
    work.stepped("contact", contact.id, before, event, step.state)
    if step.state is not before:
        count_contacts(work, contact.campaign_id, {before: -1, step.state: 1})
    if ContactEffect.FREE_NUMBER in step.effects:
        _FREE_NUMBER(work.conn, {"contact": contact.id})
    return step


def count_contacts(work: Work, campaign_id: str, changes: dict[ContactState, int]) -> None:
    """Add to a campaign's counts by state."""
    values: dict[str, Any] = {"campaign": campaign_id}
    # one order for all, or two transactions that move contacts both ways wait for each other
    for n, (state, number) in enumerate(sorted(changes.items())):
        values |= {f"state{n}": state.value, f"contacts{n}": number}
    _counting(work.conn.dialect.name, len(changes))(work.conn, values)


@cache
def _counting(dialect: str, states: int) -> Prepared:
    """Add to the counts of so many states at once, the parameters `state0`, `contacts0`, `state1` ..."""
    insert: Any = pg_insert if dialect == "postgresql" else sqlite_insert
    names = [{"campaign_id": "campaign", "state": f"state{n}", "contacts": f"contacts{n}"} for n in range(states)]
    statement = insert(contact_counts).values([{column: bindparam(row[column]) for column in row} for row in names])
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=["campaign_id", "state"],
            set_={"contacts": contact_counts.c.contacts + func.coalesce(statement.excluded.contacts, 0)},
        )
    )


_FREE_NUMBER = Prepared(delete(busy_numbers).where(busy_numbers.c.contact_id == bindparam("contact")))
