"""What people look at: an agent's desk, offers, calls, and the limits with their use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from telephony.model.agent import AgentState
from telephony.model.attempt import LIVE, AttemptState
from telephony.model.campaign import CampaignSettings, Mode
from telephony.model.reasons import Outcome
from telephony.store import cards, claims, controls, grants
from telephony.store.paging import Page, PageRequest, Row, page
from telephony.store.prepared import Prepared
from telephony.store.rows import found
from telephony.store.schema import (
    agents,
    attempts,
    campaigns,
    cells,
    contacts,
    data_centers,
    offers,
    team_members,
    tenants,
    trunks,
    usage,
    users,
)

CALL_RATE = "call_rate"
"""Scope of a trunk's calls per second among the limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Each one narrows further; `since` and `until` (excluded) are about the accept, `team_ids` about the agent."""

    live: bool | None = None
    campaign_id: str | None = None
    agent_id: str | None = None
    outcome: Outcome | None = None
    disposition: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    team_ids: tuple[str, ...] | None = None


_CALL_COLUMNS = (
    attempts.c.id,
    attempts.c.campaign_id,
    campaigns.c.name.label("campaign_name"),
    attempts.c.agent_id,
    users.c.name.label("agent_name"),
    attempts.c.contact_id.label("contact"),
    contacts.c.name,
    attempts.c.e164,
    attempts.c.mode,
    attempts.c.amd,
    attempts.c.state,
    attempts.c.outcome,
    attempts.c.code,
    attempts.c.amd_verdict.label("verdict"),
    attempts.c.amd_cause.label("cause"),
    attempts.c.amd_after.label("verdict_after"),
    attempts.c.beep_after,
    attempts.c.voicemail_left,
    attempts.c.recording,
    attempts.c.granted_at,
    attempts.c.placed_at,
    attempts.c.ringing_at,
    attempts.c.answered_at,
    attempts.c.joined_at,
    attempts.c.ended_at,
    attempts.c.wrapped_up_at,
    attempts.c.disposition,
    attempts.c.note,
    attempts.c.offer_id.label("offer"),
    attempts.c.cancelled_by,
    attempts.c.transferred_at,
    *(attempts.c[name] for name in controls.COLUMNS),
)


def _calls() -> Select[Any]:
    return select(*_CALL_COLUMNS).select_from(
        attempts.join(campaigns, campaigns.c.id == attempts.c.campaign_id)
        .join(contacts, contacts.c.id == attempts.c.contact_id)
        .join(users, users.c.id == attempts.c.agent_id)
    )


def _named(row: Row, *names: str) -> Row:
    """`campaign_id` and `campaign_name` become `campaign: {id, name}`."""
    nested = {name: {"id": row.pop(f"{name}_id"), "name": row.pop(f"{name}_name")} for name in names}
    return row | nested


def _call(row: Row, *, quiet: bool = False) -> Row:
    """`quiet`: for somebody who may know of a supervisor who only listens."""
    # who hangs up a call that was answered cancels nothing, and neither does a line that was lost
    asked = row.pop("cancelled_by") == "agent" and row["answered_at"] is None
    facts = {name: row.pop(name) for name in controls.COLUMNS}
    shown = controls.shown(_OVER if row["state"] == "ended" else facts, quiet=quiet)
    transferred_to = facts["transfer_to"] if row["transferred_at"] else None
    return _named(row, "campaign", "agent") | {"cancel_asked": asked, "transferred_to": transferred_to} | shown


_OVER = {**dict.fromkeys(controls.COLUMNS), "away": False, "muted": False}


# by cell, because that is what the index of those few begins with
_LIVE = select(attempts.c.id).where(
    attempts.c.cell_id.in_(select(cells.c.id)), attempts.c.state.in_([state.value for state in LIVE])
)
_CALL = Prepared(_calls().where(attempts.c.id == bindparam("attempt"), attempts.c.tenant_id == bindparam("tenant")))
_SHOWN = ("id", "mode", "state", "action", "code", "opened_at", "expires_at", "contact_id", "number_id", "settings")
_OFFER = Prepared(
    select(
        *(offers.c[name] for name in _SHOWN),
        offers.c.attempt_id.label("attempt"),
        offers.c.campaign_id,
        campaigns.c.name.label("campaign_name"),
    )
    .select_from(offers.join(campaigns, campaigns.c.id == offers.c.campaign_id))
    .where(offers.c.id == bindparam("offer"), offers.c.tenant_id == bindparam("tenant"))
)
_USER = Prepared(select(users).where(users.c.id == bindparam("user")))
_DESK = Prepared(
    select(agents, campaigns.c.name.label("campaign_name"), cells.c.name.label("cell"))
    .select_from(
        agents.join(cells, cells.c.id == agents.c.cell_id).outerjoin(campaigns, campaigns.c.id == agents.c.campaign_id)
    )
    .where(agents.c.id == bindparam("user"))
)
_MESSAGES = Prepared(
    select(attempts.c.id, contacts.c.name)
    .select_from(attempts.join(contacts, contacts.c.id == attempts.c.contact_id))
    .where(
        attempts.c.cell_id == bindparam("cell"),
        or_(*(attempts.c.state == state.value for state in LIVE)),
        attempts.c.agent_id == bindparam("agent"),
        attempts.c.message_id.is_not(None),
    )
    .order_by(attempts.c.id)
)
_OFFER_SETTINGS = Prepared(select(offers.c.settings).where(offers.c.id == bindparam("offer")))


def call_view(conn: Connection, tenant_id: str, attempt_id: str) -> Row:
    """One call with all that is known of it; raises `NoSuch`."""
    return _call(found(_CALL(conn, {"attempt": attempt_id, "tenant": tenant_id}), "call"))


def calls(conn: Connection, tenant_id: str, wanted: CallFilter, request: PageRequest, *, quiet: bool = False) -> Page:
    """A tenant's calls, the newest first; `quiet`: also with a supervisor in them who only listens."""
    where: list[ColumnElement[bool]] = [attempts.c.tenant_id == tenant_id]
    if wanted.live is not None:
        # read first: a database that is asked for both at once looks through all calls there ever were
        live = conn.execute(_LIVE).scalars().all() if wanted.live else ()
        where.append(attempts.c.id.in_(live) if wanted.live else attempts.c.state == AttemptState.ENDED.value)
    if wanted.campaign_id is not None:
        where.append(attempts.c.campaign_id == wanted.campaign_id)
    if wanted.agent_id is not None:
        where.append(attempts.c.agent_id == wanted.agent_id)
    if wanted.outcome is not None:
        where.append(attempts.c.outcome == wanted.outcome.value)
    if wanted.disposition is not None:
        # PostgreSQL refuses to compare a text with NUL
        known = wanted.disposition.isprintable()
        where.append(attempts.c.disposition == wanted.disposition if known else false())
    if wanted.since is not None:
        where.append(attempts.c.granted_at >= wanted.since)
    if wanted.until is not None:
        where.append(attempts.c.granted_at < wanted.until)
    if wanted.team_ids is not None:
        where.append(
            exists().where(team_members.c.user_id == attempts.c.agent_id, team_members.c.team_id.in_(wanted.team_ids))
        )
    found = page(conn, _calls().where(*where), attempts.c.id, request, newest_first=True)
    return Page([_call(row, quiet=quiet) for row in found.items], found.next)


def offer_view(conn: Connection, tenant_id: str, offer_id: str, *, now: datetime) -> Row:
    """One offer with its card as things are now; raises `NoSuch`."""
    row = found(_OFFER(conn, {"offer": offer_id, "tenant": tenant_id}), "offer")
    settings = CampaignSettings.stored(row.pop("settings"))
    card = cards.card_of(conn, row.pop("contact_id"), row.pop("number_id"), settings, now=now)
    return _named(row, "campaign") | {
        "timeout_action": settings.offer_timeout_action.value,
        "disabled_actions": sorted(settings.refused_actions),
        "end_call_enabled": settings.end_call_enabled,
        "recording": settings.recording.value,
        "card": card,
    }


def me(conn: Connection, user_id: str, *, now: datetime) -> Row:
    """A user's own desk: state, open offer, call and what may be chosen in wrap-up; a reloaded page shows the same."""
    who = found(_USER(conn, {"user": user_id}), "user")
    shown = ("id", "name", "username", "role", "language", "tenant_id")
    view: Row = {"user": {name: who[name] for name in shown}, "agent": None, "offer": None, "call": None}
    view["dispositions"] = []
    view["pull_campaigns"] = []
    view["messages"] = []
    desk = _DESK(conn, {"user": user_id}).first()
    if desk is None:
        return view
    row = desk._asdict()
    campaign = {"id": row["campaign_id"], "name": row["campaign_name"]} if row["campaign_id"] else None
    view["agent"] = {
        "id": user_id,
        "state": row["state"],
        "since": row["state_since"],
        "reason": row["idle_reason"],
        "phone": row["browser_phone"] or row["phone"],
        "phone_kind": "browser" if row["browser_phone"] else "sip",
        "cell": row["cell"],
        "wish": row["wish"],
        "campaign": campaign,
        "wrap_up_until": row["wrap_up_until"],
    }
    pulled = (one for one in claims.of_agent(conn, user_id) if one.settings.mode is Mode.PREVIEW)
    view["pull_campaigns"] = [{"id": one.id, "name": one.name} for one in pulled]
    messages = _MESSAGES(conn, {"agent": user_id, "cell": row["cell_id"]})
    view["messages"] = [{"call": one.id, "name": one.name} for one in messages]
    if row["attempt_id"] is not None:
        call = call_view(conn, row["tenant_id"], row["attempt_id"])
        # one that ended is at hand until it is wrapped up; one that failed is not
        if call["state"] != AttemptState.ENDED or row["state"] == AgentState.WRAP_UP:
            view["call"] = call
            view["dispositions"] = _dispositions(conn, call["offer"])
    if row["offer_id"] is not None:
        offer = offer_view(conn, row["tenant_id"], row["offer_id"], now=now)
        # once accepted the call stands for it, but its card is still what the agent works with
        view["offer"] = offer if offer["state"] == "open" or view["call"] is not None else None
    return view


def _dispositions(conn: Connection, offer_id: str) -> list[Row]:
    stored = _OFFER_SETTINGS(conn, {"offer": offer_id}).scalar_one()
    settings = CampaignSettings.stored(stored)
    return cards.dispositions(settings)


def limits(conn: Connection, tenant_id: str | None, *, now: datetime) -> list[Row]:
    """Each limit with how much of it is in use; a trunk has two, its channels and its `call_rate` over `seconds`.

    With a tenant its own, those of the trunks it may use, and those of its agents' cells and their data centers.
    """
    its_cells = select(agents.c.cell_id).where(agents.c.tenant_id == tenant_id)
    its_centers = select(cells.c.data_center_id).where(cells.c.id.in_(its_cells))
    usable = or_(trunks.c.tenant_id.is_(None), trunks.c.tenant_id == tenant_id)
    tables = (
        (tenants, grants.TENANT, tenants.c.max_calls, tenants.c.id == tenant_id),
        (data_centers, grants.DATA_CENTER, data_centers.c.max_calls, data_centers.c.id.in_(its_centers)),
        (cells, grants.CELL, cells.c.max_channels, cells.c.id.in_(its_cells)),
        (trunks, grants.TRUNK, trunks.c.max_channels, usable),
    )
    named = union_all(
        *(
            select(literal(scope).label("scope"), table.c.id, table.c.name, limit.label("limit")).where(
                true() if tenant_id is None else its
            )
            for table, scope, limit, its in tables
        )
    ).subquery()
    rows = conn.execute(
        select(named.c.scope, named.c.id, named.c.name, named.c.limit, func.coalesce(usage.c.used, 0).label("used"))
        .select_from(named.outerjoin(usage, (usage.c.scope == named.c.scope) & (usage.c.scope_id == named.c.id)))
        .order_by(named.c.scope, named.c.name)
    ).mappings()
    shown = [dict(row) | {"seconds": None} for row in rows]
    pace = select(trunks.c.id, trunks.c.name, trunks.c.max_calls_per_second).order_by(trunks.c.name)
    for trunk in conn.execute(pace if tenant_id is None else pace.where(usable)):
        rate = grants.recent_calls(conn, trunk.id, trunk.max_calls_per_second, now=now)
        counted = {"limit": rate.limit, "used": rate.used, "seconds": rate.seconds}
        shown.append({"scope": CALL_RATE, "id": trunk.id, "name": trunk.name, **counted})
    return shown
