"""Agents of a cell as the dialer loads them, and the reservation that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, exists, insert, or_, select, update

from telephony.model.agent import AgentEvent
from telephony.model.attempt import LIVE
from telephony.model.campaign import CampaignSettings
from telephony.model.ids import new_id
from telephony.store import grants
from telephony.store.claims import Claim
from telephony.store.grants import Full, Need, Place
from telephony.store.phones import choose_browser, give_phone
from telephony.store.prepared import Prepared
from telephony.store.records import Agent, columns, record
from telephony.store.schema import agents, attempts, legs, reservations, users
from telephony.store.steps import step_agent
from telephony.store.work import Work

_PHONES = Prepared(select(agents.c.phone, agents.c.browser_phone).where(agents.c.id == bindparam("agent")))
_AGENT = Prepared(select(*columns(Agent)).where(agents.c.id == bindparam("agent")))


@dataclass(slots=True, kw_only=True)
class Line:
    """The agent's line: a reservation and its leg. `answered` once the agent picked up."""

    reservation_id: str
    leg_id: str
    campaign_id: str
    contact_id: str | None
    answered: bool
    ring_limit: int = 18


def load(work: Work, agent_id: str) -> Agent | None:
    row = _AGENT(work.conn, {"agent": agent_id}).one_or_none()
    return record(Agent, row) if row else None


def of_cell(work: Work, cell_id: str) -> list[Agent]:
    """All agents of a cell who are not offline or whose user is active: also a deactivated user's calls go on."""
    rows = work.conn.execute(
        select(*columns(Agent))
        .join(users, users.c.id == agents.c.id)
        .where(agents.c.cell_id == cell_id, or_(users.c.active, agents.c.state != "offline", has_call_up(agents.c.id)))
    )
    return [record(Agent, row) for row in rows]


def has_call_up(agent: Any) -> Any:
    """True for an agent, whatever the state, of whom a line or a call has not ended: a message goes on by itself."""
    line = exists().where(reservations.c.agent_id == agent, reservations.c.ended_at.is_(None))
    call = exists().where(attempts.c.agent_id == agent, attempts.c.state.in_([state.value for state in LIVE]))
    return or_(line, call)


def unended_line(work: Work, agent: Agent) -> Line | None:
    """The reservation of an agent that has not ended, after a start of the service."""
    row = work.conn.execute(
        select(reservations)
        .where(reservations.c.agent_id == agent.id, reservations.c.ended_at.is_(None))
        .order_by(reservations.c.started_at.desc())
    ).first()
    if row is None:
        return None
    return Line(
        reservation_id=row.id,
        leg_id=row.leg_id,
        campaign_id=row.campaign_id,
        contact_id=row.contact_id,
        answered=row.answered_at is not None,
    )


def reserve(work: Work, place: Place, agent: Agent, claim: Claim) -> Line | Full:
    """Store the reservation of an agent with a claimed contact; the cell's channel is granted with it."""
    leg = new_id()
    full = grants.take(work, place, [Need(leg, grants.CELL, place.cell_id)])
    if full:
        return full
    line = open_line(work, place, agent, leg, claim.campaign.settings, claim.campaign.id, claim.contact.id)
    step_agent(
        work,
        agent,
        AgentEvent.RESERVED,
        campaign_id=line.campaign_id,
        reservation_id=line.reservation_id,
        offer_id=None,
    )
    return line


def open_line(
    work: Work, place: Place, agent: Agent, leg: str, settings: CampaignSettings, campaign_id: str, contact_id: str
) -> Line:
    """Store a call to the agent's phone, whose channel is granted already."""
    read_phone(work.conn, agent)
    line = Line(
        reservation_id=new_id(),
        leg_id=leg,
        campaign_id=campaign_id,
        contact_id=contact_id,
        answered=False,
        ring_limit=settings.reservation_ring_limit,
    )
    common: dict[str, Any] = {"tenant_id": agent.tenant_id, "cell_id": place.cell_id, "agent_id": agent.id}
    _ADD_LEG(work.conn, {"id": leg, "kind": "agent", "placed_at": work.now, **common})
    _ADD_RESERVATION(
        work.conn,
        {
            "id": line.reservation_id,
            "campaign_id": line.campaign_id,
            "contact_id": line.contact_id,
            "leg_id": leg,
            "started_at": work.now,
            **common,
        },
    )
    return line


_ADD_LEG = Prepared(insert(legs))
_ADD_RESERVATION = Prepared(insert(reservations))
_LINE_ANSWERED = Prepared(
    update(reservations).where(reservations.c.id == bindparam("key")).values(answered_at=bindparam("now"))
)
_LINE_RENEWED = Prepared(
    update(reservations).where(reservations.c.id == bindparam("key")).values(leg_id=bindparam("leg"))
)
_LINE_ENDED = Prepared(
    update(reservations)
    .where(reservations.c.id == bindparam("key"), reservations.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"), end=bindparam("how"))
)
_LEG_ANSWERED = Prepared(update(legs).where(legs.c.id == bindparam("key")).values(answered_at=bindparam("now")))
_LEG_ENDED = Prepared(
    update(legs)
    .where(legs.c.id == bindparam("key"), legs.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"), cause=bindparam("cause"), sip=bindparam("sip"), outcome=bindparam("outcome"))
)


def renew_line(work: Work, place: Place, agent: Agent, line: Line) -> str | Full:
    """A new leg for a line whose last one has ended, with the channel that one had; its id."""
    leg = new_id()
    full = grants.take(work, place, [Need(leg, grants.CELL, place.cell_id)])
    if full:
        return full
    owner = {"tenant_id": agent.tenant_id, "cell_id": place.cell_id, "agent_id": agent.id}
    _ADD_LEG(work.conn, {"id": leg, "kind": "agent", "placed_at": work.now, **owner})
    _LINE_RENEWED(work.conn, {"key": line.reservation_id, "leg": leg})
    return leg


def line_answered(work: Work, line: Line) -> None:
    _LINE_ANSWERED(work.conn, {"key": line.reservation_id, "now": work.now})
    leg_answered(work, line.leg_id)


def line_ended(work: Work, line: Line, how: str, *, cause: int = 0, sip: int | None = None) -> None:
    """Close the reservation and its leg, and give the channel back."""
    _LINE_ENDED(work.conn, {"key": line.reservation_id, "now": work.now, "how": how})
    leg_ended(work, line.leg_id, how, cause=cause, sip=sip)


def is_leg_of(conn: Connection, leg_id: str, cell_id: str) -> bool:
    """True for a leg that was placed in this cell."""
    found = conn.execute(select(legs.c.id).where(legs.c.id == leg_id, legs.c.cell_id == cell_id))
    return found.first() is not None


def leg_answered(work: Work, leg_id: str) -> None:
    _LEG_ANSWERED(work.conn, {"key": leg_id, "now": work.now})


def leg_ended(work: Work, leg_id: str, outcome: str, *, cause: int = 0, sip: int | None = None) -> None:
    """Close a leg and give back what it held."""
    close_leg(work, leg_id, outcome, cause=cause, sip=sip)
    grants.release(work, [leg_id])


def close_leg(work: Work, leg_id: str, outcome: str, *, cause: int = 0, sip: int | None = None) -> None:
    """Write down how a leg ended."""
    _LEG_ENDED(work.conn, {"key": leg_id, "now": work.now, "cause": cause, "sip": sip, "outcome": outcome})


@dataclass(frozen=True, slots=True)
class Phones:
    """The endpoints of an agent's phones, empty where there is none; that in the browser only while it is chosen."""

    sip: str
    browser: str

    @property
    def called(self) -> str:
        return self.browser or self.sip


def phones_of(conn: Connection, agent_id: str) -> Phones:
    return Phones(*_PHONES(conn, {"agent": agent_id}).one())


def read_phone(conn: Connection, agent: Agent) -> None:
    """Bring the agent's phone up to date: administrators change it in the database, in any process."""
    found = phones_of(conn, agent.id)
    agent.phone, agent.browser_phone = found.sip, found.browser


def set_phone(work: Work, agent: Agent, phone: str) -> None:
    """Choose a SIP phone; raises what `give_phone` raises."""
    give_phone(work.conn, agent.id, phone)
    choose_browser(work.conn, agent.id, chosen=False)
    read_phone(work.conn, agent)


def use_browser(work: Work, agent: Agent) -> None:
    """Choose the browser; raises what `choose_browser` raises."""
    choose_browser(work.conn, agent.id, chosen=True)
    read_phone(work.conn, agent)


def remember_wish(agent: Agent, wish: str | None, reason: str | None) -> dict[str, str | None]:
    """The columns that keep what an agent wants to be after wrap-up; a lost desktop is never overwritten."""
    if agent.wish_reason == "desktop_lost" and wish == "idle":
        return {}
    return {"wish": wish, "wish_reason": reason}


def wrap_up_until(now: datetime, limit: int) -> datetime | None:
    return now + timedelta(seconds=limit) if limit else None
