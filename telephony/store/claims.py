"""Claiming: the next contact for an agent, held by nobody else from the same moment on.

Order: the agent's own due callbacks, then campaigns by priority (higher first), then the one served longest
ago; inside a campaign lists by priority, then contacts by due time. A contact its agent gave back comes to that
agent last; one it skipped does not come back to it for 24 hours unless it is alone on the campaign.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, func, not_, or_, select, union_all, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from telephony.model.agent import AgentState
from telephony.model.campaign import CampaignSettings, Mode, TimeoutAction
from telephony.model.contact import ContactEvent, ContactState
from telephony.model.due import Due, Waits
from telephony.model.listening import call_channels
from telephony.model.offer import OfferState
from telephony.store import permission
from telephony.store.due import due_columns, in_turn, numbers_of_contact, why_blocked, why_never
from telephony.store.grants import Full, Place
from telephony.store.prepared import Prepared
from telephony.store.records import Agent, Contact, Number, columns, record
from telephony.store.schema import (
    agents,
    busy_numbers,
    campaign_teams,
    campaigns,
    contacts,
    lists,
    numbers,
    offers,
    team_members,
)
from telephony.store.steps import step_contact
from telephony.store.ways_out import allows, room, usable_trunks
from telephony.store.work import Work

CANDIDATES = 20
"""Contacts looked at for one claim: enough to pass a run of numbers that are in use; the next claim goes on."""

FIRST_LOOK = 3
"""Contacts looked at before all candidates are: mostly the first one is it, and every row has its price."""

SKIP_KEEPS_AWAY = timedelta(hours=24)
"""How long a skipped contact is not offered to the same agent again (SPEC section 4)."""

CALLBACK_GRACE = timedelta(minutes=15)
"""How long a due callback waits for its own agent who is idle or signed out; then anybody of the campaign gets it.

Long enough for a coffee, short enough for a customer who was told a time. An agent at work keeps it.
"""

NOT_ALLOWED_PAUSE = timedelta(minutes=15)
"""When a contact is looked at again whose number no trunk takes: trunks are changed by hand."""

PUSH_MODES = frozenset({Mode.PREVIEW_STANDARD, Mode.PREVIEW_DIRECT})


@dataclass(frozen=True, slots=True)
class Campaign:
    id: str
    name: str
    settings: CampaignSettings
    settings_json: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """A contact that is now offered to one agent only, and the number to dial."""

    campaign: Campaign
    contact: Contact
    number: Number
    others: tuple[Number, ...]


def _of_agents_team(campaign_id: Any) -> Any:
    return exists().where(
        campaign_teams.c.campaign_id == campaign_id,
        campaign_teams.c.team_id == team_members.c.team_id,
        team_members.c.user_id == bindparam("agent"),
    )


_WORKS_ON = Prepared(select(_of_agents_team(bindparam("campaign"))))
_CAMPAIGNS = Prepared(
    select(campaigns.c.id, campaigns.c.name, campaigns.c.settings)
    .where(campaigns.c.running, _of_agents_team(campaigns.c.id))
    .order_by(campaigns.c.priority.desc(), campaigns.c.served_at.asc().nulls_first(), campaigns.c.id)
)

_SERVED_LIST = and_(lists.c.active, or_(lists.c.expires_at.is_(None), lists.c.expires_at > bindparam("now")))
_OPEN = or_(contacts.c.shuts_at.is_(None), contacts.c.shuts_at > bindparam("now"))


def _first_due(state: ContactState) -> Any:
    # one index look-up a list, however long the lists are
    return (
        select(func.min(contacts.c.due_at))
        .where(contacts.c.list_id == lists.c.id, contacts.c.state == state.value)
        .scalar_subquery()
    )


_LISTS = Prepared(
    select(
        lists.c.id,
        _first_due(ContactState.CALLBACK).label("callback"),
        _first_due(ContactState.WAITING).label("waiting"),
    )
    .where(lists.c.campaign_id == bindparam("campaign"), _SERVED_LIST)
    .order_by(lists.c.priority.desc(), lists.c.created_at)
)


@cache
def _own_callbacks(campaigns: int) -> Prepared:
    """An agent's due callbacks on so many campaigns, the parameters `campaign0`, `campaign1` ..."""
    return Prepared(
        select(*columns(Contact))
        .where(
            contacts.c.callback_agent_id == bindparam("agent"),
            contacts.c.state == ContactState.CALLBACK.value,
            contacts.c.due_at <= bindparam("now"),
            _OPEN,
            exists().where(lists.c.id == contacts.c.list_id, _SERVED_LIST),
            contacts.c.campaign_id.in_([bindparam(f"campaign{n}") for n in range(campaigns)]),
        )
        .order_by(contacts.c.due_at)
        .limit(CANDIDATES)
        .with_for_update(skip_locked=True)
    )


def skipped_by(agent: Any, *, since: Any) -> Any:
    """True for contacts that this agent, or the timer before this agent, skipped since then."""
    return exists().where(
        offers.c.contact_id == contacts.c.id,
        offers.c.agent_id == agent,
        offers.c.closed_at > since,
        was_skip(),
    )


def was_skip() -> Any:
    """True for offers that the agent or the timer skipped."""
    return or_(offers.c.state == OfferState.SKIPPED.value, offers.c.action == TimeoutAction.SKIP.value)


def for_anybody(long_due: Any) -> Any:
    """True for callbacks that are not (or no longer) kept for one agent: away too long, or off the campaign."""
    owner = contacts.c.callback_agent_id
    at_work = exists().where(agents.c.id == owner, agents.c.state != "offline", agents.c.state != "idle")
    on_campaign = exists().where(
        campaign_teams.c.campaign_id == contacts.c.campaign_id,
        campaign_teams.c.team_id == team_members.c.team_id,
        team_members.c.user_id == owner,
    )
    return or_(owner.is_(None), and_(contacts.c.due_at <= long_due, not_(at_work)), not_(on_campaign))


_COLLEAGUES = exists().where(
    campaign_teams.c.campaign_id == bindparam("campaign"),
    campaign_teams.c.team_id == team_members.c.team_id,
    team_members.c.user_id == agents.c.id,
    agents.c.state != "offline",
    agents.c.id != bindparam("agent"),
)
"""True where somebody else works on the campaign."""


def _due(state: ContactState) -> Any:
    return (
        select(*columns(Contact))
        .where(
            contacts.c.list_id == bindparam("list"),
            contacts.c.state == state.value,
            contacts.c.due_at <= bindparam("now"),
            _OPEN,
            or_(
                contacts.c.skips == 0,
                not_(_COLLEAGUES),
                not_(skipped_by(bindparam("agent"), since=bindparam("skipped_since"))),
            ),
        )
        .order_by(contacts.c.due_at, contacts.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )


_WAITING = Prepared(_due(ContactState.WAITING))
_CALLBACKS = Prepared(_due(ContactState.CALLBACK).where(for_anybody(bindparam("long_due"))))


def of_agent(conn: Connection, agent_id: str) -> list[Campaign]:
    """The running campaigns of an agent's teams, the one to serve first at the head."""
    return [
        Campaign(row.id, row.name, CampaignSettings.stored(row.settings), row.settings)
        for row in _CAMPAIGNS(conn, {"agent": agent_id})
    ]


def works_on(conn: Connection, agent_id: str, campaign_id: str) -> bool:
    """True for a campaign of one of the agent's teams, running or not."""
    return bool(_WORKS_ON(conn, {"agent": agent_id, "campaign": campaign_id}).scalar_one())


def claim(work: Work, place: Place, agent: Agent) -> Claim | None:
    """Hold the next contact for an agent, or nothing where none is due, allowed and within the limits."""
    pushed = {one.id: one for one in of_agent(work.conn, agent.id) if one.settings.mode in PUSH_MODES}
    if not pushed:
        return None
    trunks_here = usable_trunks(work, place, agent.tenant_id)
    if agent.state is AgentState.AVAILABLE:  # who is on the line already is shown the next contact all the same
        in_the_way = room(work, place, agent.tenant_id, trunks_here)
        # the agent's own leg comes first
        pushed = {one.id: one for one in pushed.values() if not in_the_way(call_channels(one.settings) + 1)}
    elif any(one.settings.offer_timeout == 0 for one in pushed.values()):
        # whose offer takes its places with the claim: the limits come before the counts of contacts (grants.locked)
        room(work, place, agent.tenant_id, trunks_here)
    if not pushed:
        return None
    return _first_of(work, agent, pushed, trunks_here)


def pull(work: Work, place: Place, agent: Agent, campaign: Campaign) -> Claim | Full | None:
    """Hold the next contact of one campaign for the agent who asked for it; None: none is due."""
    channels = call_channels(campaign.settings) + 1  # the agent's own leg
    trunks_here = usable_trunks(work, place, agent.tenant_id)
    full = room(work, place, agent.tenant_id, trunks_here)(channels)
    return full or _first_of(work, agent, {campaign.id: campaign}, trunks_here)


def _first_of(work: Work, agent: Agent, among: dict[str, Campaign], trunks_here: list[Any]) -> Claim | None:
    known = {f"campaign{n}": campaign_id for n, campaign_id in enumerate(among)}
    for row in _own_callbacks(len(among))(work.conn, {"agent": agent.id, "now": work.now, **known}):
        found = _hold(work, agent, among[row.campaign_id], record(Contact, row), trunks_here)
        if found:
            return found
    for campaign in among.values():
        found = _next_of(work, agent, campaign, trunks_here)
        if found:
            return found
    return None


_RUNNING = Prepared(
    select(campaigns.c.id, campaigns.c.name, campaigns.c.settings).where(
        campaigns.c.id == bindparam("campaign"), campaigns.c.running
    )
)


def up_to_date(work: Work, claim: Claim, contact: Contact) -> Claim | None:
    """A claim with its contact and settings as they are now; None where the campaign was stopped or changed its way."""
    row = _RUNNING(work.conn, {"campaign": claim.campaign.id}).one_or_none()
    if row is None:
        return None
    settings = CampaignSettings.stored(row.settings)
    if (settings.mode in PUSH_MODES) is not (claim.campaign.settings.mode in PUSH_MODES):
        return None
    return replace(claim, campaign=Campaign(row.id, row.name, settings, row.settings), contact=contact)


def _next_of(work: Work, agent: Agent, campaign: Campaign, trunks_here: list[Any]) -> Claim | None:
    common = {"campaign": campaign.id, "agent": agent.id, "now": work.now, "skipped_since": work.now - SKIP_KEEPS_AWAY}
    for one in _LISTS(work.conn, {"campaign": campaign.id, "now": work.now}):
        for statement, due, more in (
            (_CALLBACKS, one.callback, {"long_due": work.now - CALLBACK_GRACE}),
            (_WAITING, one.waiting, {}),
        ):
            if due is not None and due <= work.now:
                found = _first_due_of(work, agent, campaign, statement, {**common, **more, "list": one.id}, trunks_here)
                if found:
                    return found
    return None


def _first_due_of(
    work: Work, agent: Agent, campaign: Campaign, statement: Prepared, values: dict[str, Any], trunks_here: list[Any]
) -> Claim | None:
    for most in (FIRST_LOOK, CANDIDATES):
        rows = statement(work.conn, {**values, "most": most})
        whole = most == CANDIDATES or len(rows) < most
        rows.sort(key=lambda row: row.last_agent_id == agent.id)  # stable: due order stays
        for row in rows:
            if row.last_agent_id == agent.id and not whole:
                break  # others come first
            found = _hold(work, agent, campaign, record(Contact, row), trunks_here)
            if found:
                return found
        if whole:
            break
    return None


def reclaim(work: Work, contact_id: str) -> Claim | None:
    """The claim of a contact that is still held, after a start of the service."""
    row = work.conn.execute(select(*columns(Contact)).where(contacts.c.id == contact_id)).one_or_none()
    if row is None or row.state != ContactState.OFFERED.value:
        return None
    contact = record(Contact, row)
    number, known = next_number(work, contact)
    if number is None:
        return None
    one = work.conn.execute(
        select(campaigns.c.id, campaigns.c.name, campaigns.c.settings).where(campaigns.c.id == contact.campaign_id)
    ).one()
    campaign = Campaign(one.id, one.name, CampaignSettings.stored(one.settings), one.settings)
    return Claim(campaign, contact, number, tuple(known))


def next_number(work: Work, contact: Contact) -> tuple[Number | None, list[Number]]:
    """The number to dial next and all of the contact's."""
    known = numbers_of_contact(work.conn, contact.id)
    return in_turn(known), known


def _hold(work: Work, agent: Agent, campaign: Campaign, contact: Contact, trunks_here: list[Any]) -> Claim | None:
    number, known = next_number(work, contact)
    if number is None:
        step_contact(work, contact, ContactEvent.BLOCK, why=why_blocked(known), due_at=None)
        return None
    refused = permission.denied(work, campaign.settings, contact, number)
    if refused is None and trunks_here and not any(allows(trunk, number.e164) for trunk in trunks_here):
        put_off(work, contact, Due(work.now + NOT_ALLOWED_PAUSE, waits=Waits.NOT_ALLOWED))
        return None
    if refused is not None:
        if refused.until is None:
            _close_listed_number(work, contact, number, known)
        else:
            put_off(work, contact, refused.until)
        return None
    if not _take_number(work, contact, number):
        return None
    step_contact(work, contact, ContactEvent.CLAIM, holder_id=agent.id)
    _SERVED(work.conn, {"campaign": campaign.id, "now": work.now})
    return Claim(campaign, contact, number, tuple(known))


def put_off(work: Work, contact: Contact, found: Due) -> None:
    """Let a resting contact wait until its new due time."""
    values = due_columns(found)
    if (never := why_never(found)) is not None:
        values["why"] = never
    work.conn.execute(update(contacts).where(contacts.c.id == contact.id).values(**values))


_SERVED = Prepared(update(campaigns).where(campaigns.c.id == bindparam("campaign")).values(served_at=bindparam("now")))


def _close_listed_number(work: Work, contact: Contact, number: Number, known: list[Number]) -> None:
    """A number on the do-not-call list is closed for this contact; the last one blocks it, else the next is tried."""
    close_number(work, number, "do_not_call")
    if not any(one.status == "open" and one.id != number.id for one in known):
        step_contact(work, contact, ContactEvent.BLOCK, why="dnc", due_at=None)


def close_number(work: Work, number: Number, status: str) -> None:
    """No longer dial this number for its contact; `status` says why: invalid, fax or do_not_call."""
    work.conn.execute(update(numbers).where(numbers.c.id == number.id).values(status=status))


def _take_number(work: Work, contact: Contact, number: Number) -> bool:
    values = {"tenant_id": contact.tenant_id, "e164": number.e164, "contact_id": contact.id}
    return _TAKE[work.conn.dialect.name](work.conn, values).first() is not None


def _taking(insert: Any) -> Prepared:
    return Prepared(insert(busy_numbers).on_conflict_do_nothing().returning(busy_numbers.c.contact_id))


_TAKE = {"sqlite": _taking(sqlite_insert), "postgresql": _taking(pg_insert)}


def _lists_by(state: ContactState) -> Any:
    return (
        select(lists.c.campaign_id, _first_due(state).label("due_at"))
        .join(campaigns, campaigns.c.id == lists.c.campaign_id)
        .where(campaigns.c.running, lists.c.active)
    )


_FIRST_DUE = Prepared(union_all(_lists_by(ContactState.WAITING), _lists_by(ContactState.CALLBACK)))


def next_due(work: Work, campaign_id: str) -> datetime | None:
    """When the next contact of a campaign becomes due that is not yet; None: none waits for a time."""
    found: datetime | None = work.conn.execute(
        select(func.min(contacts.c.due_at))
        .join(lists, lists.c.id == contacts.c.list_id)
        .where(
            lists.c.campaign_id == campaign_id,
            lists.c.active,
            contacts.c.state.in_((ContactState.WAITING.value, ContactState.CALLBACK.value)),
            contacts.c.due_at > work.now,
        )
    ).scalar_one()
    return found


def due_agents(work: Work, cell_id: str) -> tuple[set[str], datetime | None]:
    """Available agents of a cell whose push campaigns have a contact due now, and the next moment that changes."""
    rows = _FIRST_DUE(work.conn).all()
    due = {row.campaign_id for row in rows if row.due_at is not None and row.due_at <= work.now}
    later = min((row.due_at for row in rows if row.due_at is not None and row.due_at > work.now), default=None)
    if not due:
        return set(), later
    who = work.conn.execute(
        select(agents.c.id)
        .join(team_members, team_members.c.user_id == agents.c.id)
        .join(campaign_teams, campaign_teams.c.team_id == team_members.c.team_id)
        .join(campaigns, campaigns.c.id == campaign_teams.c.campaign_id)
        .where(
            agents.c.cell_id == cell_id,
            agents.c.state == "available",
            campaigns.c.id.in_(due),
            campaigns.c.settings["mode"].as_string().in_([mode.value for mode in PUSH_MODES]),
        )
        .distinct()
    )
    return {row.id for row in who}, later
