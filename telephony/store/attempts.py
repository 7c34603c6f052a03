"""Attempts: granted and placed in one transaction, moved by what the PBX tells, settled exactly once.

The transaction into `placing` is the last word before a phone rings: it checks again that the contact may be
called, takes the places and the trunk's rate token, and stores the leg. Only then is the Originate sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from telephony.model.agent import AgentEvent
from telephony.model.attempt import LIVE, AttemptEvent, AttemptState
from telephony.model.campaign import Amd, CampaignSettings, Mode
from telephony.model.contact import ContactEvent, ContactState
from telephony.model.ids import new_id
from telephony.model.listening import EAR_CHANNELS, call_channels, detection
from telephony.model.offer import OfferEvent
from telephony.model.outcomes import UNCOUNTED, UNTOUCHED, LegEnd
from telephony.model.reasons import Outcome, Withdrawal
from telephony.store import abandonment, claims, grants, messages, offers, permission, ways_out
from telephony.store.agents import Line, close_leg, leg_ended, open_line
from telephony.store.due import due_columns, why_blocked, why_never
from telephony.store.grants import Full, Need, Place
from telephony.store.prepared import Prepared
from telephony.store.records import Agent, Attempt, Contact, Number, Offer, columns, record
from telephony.store.schema import attempts, campaigns, dialed, legs, numbers, refusals
from telephony.store.steps import step_agent, step_attempt, step_contact, step_offer
from telephony.store.work import Work


@dataclass(slots=True, kw_only=True)
class CallLeg:
    """A customer leg: where it goes out and how."""

    id: str
    trunk_id: str
    dial: str
    caller_id: str
    max_ring: int
    abandon_id: str | None = None
    abandon_path: str | None = None  # file name of what the customer hears where no agent is left
    ordered_at: datetime | None = None  # None: not yet


@dataclass(slots=True, kw_only=True)
class Placed:
    """An attempt with its customer leg; `line`: the call to the agent's phone, where that has to come first.

    `third`: the leg of a third party that it may be handed to, or was; empty: none.
    """

    attempt: Attempt
    leg: CallLeg
    settings: CampaignSettings
    line: Line | None = None
    third: str = ""


_RUNNING = Prepared(
    select(campaigns.c.running, *columns(Number))
    .select_from(campaigns.outerjoin(numbers, numbers.c.id == bindparam("number")))
    .where(campaigns.c.id == bindparam("campaign"))
)
_ADD = Prepared(insert(attempts))
_ADD_LEG = Prepared(insert(legs))
_ADD_DIALED = Prepared(insert(dialed))
_FORGET_DIALED = Prepared(delete(dialed).where(dialed.c.attempt_id == bindparam("attempt")))
_ADD_REFUSAL = Prepared(insert(refusals))
_LEG_RANG = Prepared(update(legs).where(legs.c.id == bindparam("key")).values(rang_at=bindparam("now")))
_ATTEMPT = Prepared(select(*columns(Attempt)).where(attempts.c.id == bindparam("attempt")))
_LIVE_OF_AGENT = select(*columns(Attempt)).where(
    attempts.c.agent_id == bindparam("agent"), attempts.c.state.in_([state.value for state in LIVE])
)
_OPEN_LEG = Prepared(
    select(legs.c.id, legs.c.placed_at, legs.c.rang_at, legs.c.trunk_id)
    .where(legs.c.attempt_id == bindparam("attempt"), legs.c.kind == "customer")
    .order_by(legs.c.placed_at.desc(), legs.c.id.desc())
)


def load(work: Work, attempt_id: str) -> Attempt | None:
    row = _ATTEMPT(work.conn, {"attempt": attempt_id}).one_or_none()
    return record(Attempt, row) if row else None


def live_of_agent(work: Work, agent_id: str) -> list[Attempt]:
    return [record(Attempt, row) for row in work.conn.execute(_LIVE_OF_AGENT, {"agent": agent_id})]


def belongs_to(conn: Connection, attempt_id: str, agent_id: str) -> bool:
    """Whether an attempt is, or was, this agent's."""
    mine = select(attempts.c.id).where(attempts.c.id == attempt_id, attempts.c.agent_id == agent_id)
    return conn.execute(mine).first() is not None


def disposition_of(work: Work, attempt_id: str, agent_id: str) -> str | None:
    """What this agent said the result of an attempt was; None where nothing was said, or not by this agent."""
    row = work.conn.execute(
        select(attempts.c.disposition).where(attempts.c.id == attempt_id, attempts.c.agent_id == agent_id)
    ).one_or_none()
    return row.disposition if row else None


def last_leg(work: Work, attempt_id: str) -> Any:
    """The attempt's newest customer leg (id, placed_at, rang_at, trunk_id), None where it was never placed."""
    return _OPEN_LEG(work.conn, {"attempt": attempt_id}).first()


def forbidden(
    work: Work, settings: CampaignSettings, offer: Offer, contact: Contact, *, attempt: Attempt | None = None
) -> Withdrawal | None:
    """Why this offer's contact may not be called now, or not again by the `attempt` under way; None where it may."""
    running, *of_number = _RUNNING(work.conn, {"campaign": offer.campaign_id, "number": offer.number_id}).one()
    if not running:
        return Withdrawal.CAMPAIGN_STOPPED
    if contact.state is ContactState.BLOCKED:
        return Withdrawal.ON_DO_NOT_CALL_LIST
    held = ContactState.OFFERED if attempt is None else ContactState.IN_ATTEMPT
    if contact.state is not held or contact.holder_id != offer.agent_id:
        return Withdrawal.CONTACT_REMOVED
    number = Number(**dict(zip(Number.__slots__, of_number, strict=True)))
    refused = permission.denied(work, settings, contact, number, attempt=attempt.id if attempt else "")
    return refused.code if refused else None


def place(work: Work, here: Place, agent: Agent, offer: Offer, event: OfferEvent) -> Placed | Full | Withdrawal:
    """Accept an offer: close it, grant and place its call, all or nothing.

    In the mode preview the agent's phone comes first: a `line` is granted and stored beside the customer's leg, which
    waits for `pull.place`.
    `Full`: no room; the offer stays open and the refusal is stored. `Withdrawal`: the contact may not be called;
    the offer closed. Raises `IllegalStep` where the offer is closed already, `LostCell`.
    """
    granted = grant(work, here, agent, offer)
    if isinstance(granted, Full):
        return refuse(work, agent, offer, granted)
    if isinstance(granted, Withdrawal):
        offers.close(work, offer, OfferEvent.WITHDRAW, by=None, code=granted.value)
        return granted
    return place_granted(work, here, agent, offer, event, granted)


@dataclass(frozen=True, slots=True)
class Granted:
    """The places of an attempt that is not made yet, its leg, and that of the agent where the agent comes first."""

    contact: Contact
    attempt_id: str
    leg: CallLeg
    agent_leg: str | None


def grant(work: Work, here: Place, agent: Agent, offer: Offer) -> Granted | Full | Withdrawal:
    """The places for the call of an offer, which need not be stored yet: so it opens only with a place, if it must."""
    settings = CampaignSettings.stored(offer.settings)
    contact = offers.contact_of(work, offer.contact_id)
    why = forbidden(work, settings, offer, contact)
    if why is not None:
        return why
    attempt_id = new_id()
    agent_leg = new_id() if settings.mode is Mode.PREVIEW else None
    leg = _grant_leg(work, here, offer, settings, attempt_id, agent_leg=agent_leg)
    return Granted(contact, attempt_id, leg, agent_leg) if isinstance(leg, CallLeg) else leg


def place_granted(work: Work, here: Place, agent: Agent, offer: Offer, event: OfferEvent, granted: Granted) -> Placed:
    """Close an offer as accepted and place the call that its places were granted for."""
    settings = CampaignSettings.stored(offer.settings)
    attempt_id, leg, agent_leg = granted.attempt_id, granted.leg, granted.agent_leg
    step_offer(
        work,
        offer,
        event,
        closed_by=agent.id if event is OfferEvent.ACCEPT else None,
        action="accept" if event is OfferEvent.TIMER_ACCEPT else None,
        attempt_id=attempt_id,
    )
    attempt = _new_attempt(work, here, offer, settings, attempt_id)
    line: Line | None = None
    if agent_leg is None:
        _store_leg(work, here, attempt, leg, placed_at=work.now)
        first_leg_placed(work, attempt)
    else:
        _store_leg(work, here, attempt, leg, placed_at=None)
        line = open_line(work, here, agent, agent_leg, settings, offer.campaign_id, offer.contact_id)
        step_attempt(work, attempt, AttemptEvent.CALL_AGENT)
    step_contact(work, granted.contact, ContactEvent.START_ATTEMPT)
    held = {"reservation_id": line.reservation_id} if line else {}
    step_agent(work, agent, AgentEvent.ACCEPTED, attempt_id=attempt.id, **held)
    return Placed(attempt=attempt, leg=leg, settings=settings, line=line)


def _new_attempt(work: Work, here: Place, offer: Offer, settings: CampaignSettings, attempt_id: str) -> Attempt:
    attempt = Attempt(
        id=attempt_id,
        tenant_id=offer.tenant_id,
        campaign_id=offer.campaign_id,
        contact_id=offer.contact_id,
        offer_id=offer.id,
        agent_id=offer.agent_id,
        number_id=offer.number_id,
        e164=offer.e164,
        mode=offer.mode,
        amd=detection(settings).value,
        state=AttemptState.GRANTED,
        leg_count=1,
        cancelled_by=None,
        outcome=None,
        code=None,
        amd_verdict=None,
        voicemail_left=False,
        message_id=None,
        message_when=None,
        placed_at=None,
        answered_at=None,
        joined_at=None,
        ended_at=None,
        wrapped_up_at=None,
    )
    values = {name: getattr(attempt, name) for name in attempt.__slots__}
    _ADD(
        work.conn,
        {
            **values,
            "state": attempt.state.value,
            "cell_id": here.cell_id,
            "epoch": here.epoch,
            "granted_at": work.now,
        },
    )
    return attempt


def _grant_leg(
    work: Work,
    here: Place,
    offer: Offer,
    settings: CampaignSettings,
    attempt_id: str,
    *,
    agent_leg: str | None = None,
    passed: frozenset[str] = frozenset(),
) -> CallLeg | Full | Withdrawal:
    """Places for one leg through the first trunk that takes the number and has room; `passed` were tried before.

    With an `agent_leg` a channel for that too; the trunk's rate counts only when the customer's leg is placed.
    """
    known = ways_out.usable_trunks(work, here, offer.tenant_id)
    able = [trunk for trunk in known if ways_out.allows(trunk, offer.e164) and trunk.id not in passed]
    if not able and known and not passed:
        return Withdrawal.NUMBER_NOT_ALLOWED
    leg_id = new_id()

    def needs(trunk: Any) -> list[Need]:
        wanted = [
            Need(leg_id, grants.TRUNK, trunk.id),
            Need(leg_id, grants.CELL, here.cell_id, call_channels(settings)),
        ]
        if not passed:
            wanted += [
                Need(attempt_id, grants.TENANT, offer.tenant_id),
                Need(attempt_id, grants.DATA_CENTER, here.data_center_id),
            ]
        if agent_leg is not None:
            wanted.append(Need(agent_leg, grants.CELL, here.cell_id))
        return wanted

    trunk = ways_out.take_first(work, here, offer.tenant_id, able, needs, counts_now=agent_leg is None)
    if isinstance(trunk, Full):
        return trunk
    abandon_id, abandon_path = messages.abandon(work.conn, offer.campaign_id)
    return CallLeg(
        id=leg_id,
        trunk_id=trunk.id,
        dial=ways_out.dial_of(trunk, offer.e164),
        caller_id=ways_out.caller_id_of(settings, trunk),
        max_ring=trunk.max_ring,
        abandon_id=abandon_id,
        abandon_path=abandon_path,
    )


def grant_listening(work: Work, here: Place, attempt: Attempt) -> Full | None:
    """The channel to listen to this attempt's leg on demand; once is enough, and it is given back with the attempt.

    With `parallel` machine detection it was granted with the leg. Raises `LostCell`.
    """
    if Amd(attempt.amd) is Amd.PARALLEL or grants.holds(work, attempt.id, grants.CELL):
        return None
    return grants.take(work, here, [Need(attempt.id, grants.CELL, here.cell_id, EAR_CHANNELS)])


def refuse(work: Work, agent: Agent, offer: Offer, full: Full, *, opened: bool = True) -> Full:
    """Store the refusal of an accept and tell it; the offer stays open, or has not even `opened`."""
    return refuse_agent(work, agent, offer.campaign_id, full, offer_id=offer.id if opened else None)


def refuse_agent(work: Work, agent: Agent, campaign_id: str, full: Full, *, offer_id: str | None = None) -> Full:
    """Store and tell that there is no room for a call this agent asked for."""
    _ADD_REFUSAL(
        work.conn,
        {
            "id": new_id(),
            "tenant_id": agent.tenant_id,
            "campaign_id": campaign_id,
            "agent_id": agent.id,
            "offer_id": offer_id,
            "code": full.code.value,
            "scope_id": full.scope_id or None,
            "used": full.used,
            "limit": full.limit,
            "refused_at": work.now,
        },
    )
    payload = {
        "offer": offer_id,
        "code": full.code.value,
        "used": full.used,
        "limit": full.limit,
        "agent": agent.id,
    }
    work.tell(agent.tenant_id, "limit.reached", payload, agent.id)
    return full


def _store_leg(work: Work, here: Place, attempt: Attempt, leg: CallLeg, *, placed_at: datetime | None) -> None:
    _ADD_LEG(
        work.conn,
        {
            "id": leg.id,
            "tenant_id": attempt.tenant_id,
            "cell_id": here.cell_id,
            "kind": "customer",
            "attempt_id": attempt.id,
            "agent_id": attempt.agent_id,
            "trunk_id": leg.trunk_id,
            "e164": attempt.e164,
            "abandon_message_id": leg.abandon_id,
            "placed_at": placed_at,
        },
    )


def first_leg_placed(work: Work, attempt: Attempt) -> None:
    """From the commit of this on the Originate may be sent, and the number counts as called."""
    dialed_now = {"tenant_id": attempt.tenant_id, "e164": attempt.e164, "attempt_id": attempt.id}
    _ADD_DIALED(work.conn, {"id": new_id(), "placed_at": work.now, **dialed_now})
    step_attempt(work, attempt, AttemptEvent.PLACE, placed_at=work.now)


def next_leg(
    work: Work, here: Place, agent: Agent, attempt: Attempt, old: CallLeg, end: LegEnd
) -> CallLeg | Withdrawal | Full | None:
    """Try the next trunk after the former one failed before the customer's phone rang; None: there is none.

    `Withdrawal`: what was allowed when the first leg was placed is no longer. `Full`: no other trunk has room.
    """
    if attempt.leg_count >= ways_out.MAX_LEGS:
        return None
    offer = offers.load(work, attempt.offer_id)
    assert offer is not None
    mine = legs.c.attempt_id == attempt.id, legs.c.kind == "customer"
    tried = work.conn.execute(select(legs.c.trunk_id).where(*mine)).scalars().all()
    settings = CampaignSettings.stored(offer.settings)
    others = [
        trunk
        for trunk in ways_out.usable_trunks(work, here, attempt.tenant_id)
        if trunk.id not in tried and ways_out.allows(trunk, attempt.e164)
    ]
    if not others:
        return None
    why = forbidden(work, settings, offer, offers.contact_of(work, attempt.contact_id), attempt=attempt)
    if why is not None:
        return why
    ways_out.lock(work, here, attempt.tenant_id, [old.trunk_id, *(trunk.id for trunk in others)])
    leg_ended(work, old.id, "trunk_failed", cause=end.cause, sip=end.sip)
    leg = _grant_leg(work, here, offer, settings, attempt.id, passed=frozenset(t for t in tried if t))
    if isinstance(leg, Full):
        return refuse(work, agent, offer, leg)
    if isinstance(leg, Withdrawal):
        return leg
    attempt.leg_count += 1
    _store_leg(work, here, attempt, leg, placed_at=work.now)
    step_attempt(work, attempt, AttemptEvent.NEXT_LEG, leg_count=attempt.leg_count)
    return leg


def rang(work: Work, attempt: Attempt, leg_id: str) -> None:
    _LEG_RANG(work.conn, {"key": leg_id, "now": work.now})
    step_attempt(work, attempt, AttemptEvent.RANG, ringing_at=work.now)


def annotate(work: Work, attempt: Attempt, kind: str, payload: dict[str, Any], **changes: Any) -> None:
    """Write facts beside the state (verdict, beep, voicemail left) and tell them."""
    work.conn.execute(update(attempts).where(attempts.c.id == attempt.id).values(**changes))
    for name, value in changes.items():
        if hasattr(attempt, name):
            setattr(attempt, name, value)
    work.tell(attempt.tenant_id, kind, {"call": attempt.id, **payload}, attempt.agent_id)


def end(
    work: Work,
    agent: Agent,
    attempt: Attempt,
    leg_id: str | None,
    end_: LegEnd | None,
    outcome: Outcome,
    *,
    event: AttemptEvent = AttemptEvent.LEG_ENDED,
    code: str | None = None,
) -> bool:
    """Settle an attempt: leg, grants, contact. True where the agent has to wrap it up (the contact waits for that)."""
    # together, in the one order in which all take the limits
    grants.release(work, [attempt.id] if leg_id is None else [attempt.id, leg_id])
    if leg_id is not None:
        close_leg(work, leg_id, outcome.value, cause=end_.cause if end_ else 0, sip=end_.sip if end_ else None)
    attempt.outcome = outcome.value  # told with the step
    step_attempt(work, attempt, event, ended_at=work.now, outcome=outcome.value, code=code)
    if outcome in (Outcome.NOT_PLACED, Outcome.SYSTEM_ERROR):
        _FORGET_DIALED(work.conn, {"attempt": attempt.id})
    if attempt.joined_at is not None and attempt.message_id is None:
        return True
    settle_contact(work, attempt, outcome)
    return False


def settle_contact(work: Work, attempt: Attempt, outcome: Outcome) -> None:
    """Close the books on a contact whose attempt ended without a conversation to wrap up."""
    contact = offers.contact_of(work, attempt.contact_id)
    if contact.state is not ContactState.IN_ATTEMPT:
        return
    offer = offers.load(work, attempt.offer_id)
    assert offer is not None
    settings = CampaignSettings.stored(offer.settings)
    if outcome in UNTOUCHED:
        offers.give_back(work, contact, agent_id=attempt.agent_id)
        return
    tries = contact.attempts + (0 if outcome in UNCOUNTED else 1)
    changes: dict[str, Any] = {"attempts": tries, "holder_id": None, "callback_at": None, "callback_agent_id": None}
    number = offers.number_of(work, attempt.number_id)
    if outcome in (Outcome.INVALID_NUMBER, Outcome.FAX):
        claims.close_number(work, number, "fax" if outcome is Outcome.FAX else "invalid")
    if outcome is Outcome.ABANDONED:
        abandonment.pause(work, attempt)
    if outcome not in UNCOUNTED:
        count_try(work, number.id)
    retry(work, settings, contact, changes, minutes=settings.retry_minutes(outcome), why=outcome.value)


_COUNT_TRY = Prepared(update(numbers).where(numbers.c.id == bindparam("number")).values(tries=numbers.c.tries + 1))


def count_try(work: Work, number_id: str) -> None:
    """The number had its turn; the next attempt takes the next one."""
    _COUNT_TRY(work.conn, {"number": number_id})


def retry(
    work: Work, settings: CampaignSettings, contact: Contact, changes: dict[str, Any], *, minutes: int, why: str
) -> None:
    """Let a contact wait for its next try, or close it where none is left."""
    if changes.get("attempts", contact.attempts) >= settings.max_attempts:
        step_contact(work, contact, ContactEvent.CLOSE, why=why, due_at=None, **changes)
        return
    number, known = claims.next_number(work, contact)
    if number is None:
        step_contact(work, contact, ContactEvent.BLOCK, why=why_blocked(known), due_at=None, **changes)
        return
    again = work.now + timedelta(minutes=minutes)
    due = permission.due_after(work, settings, contact, number, again)
    step_contact(
        work, contact, ContactEvent.RETRY, why=why_never(due) or why, retry_at=again, **due_columns(due), **changes
    )
