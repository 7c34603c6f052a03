"""Offers: opened with the card the agent sees, closed by the first action that arrives."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select

from telephony.model.agent import AgentEvent
from telephony.model.campaign import CampaignSettings
from telephony.model.contact import ContactEvent
from telephony.model.due import Waits
from telephony.model.ids import new_id
from telephony.model.offer import OfferEffect, OfferEvent, OfferState
from telephony.model.reasons import Withdrawal
from telephony.model.table import Step
from telephony.store import cards, permission
from telephony.store.agents import Line
from telephony.store.claims import Claim
from telephony.store.due import due_columns, why_never
from telephony.store.prepared import Prepared
from telephony.store.records import Agent, Contact, Number, Offer, columns, record
from telephony.store.schema import campaigns, contacts, numbers, offers
from telephony.store.steps import step_agent, step_contact, step_offer
from telephony.store.work import Work

REFUSED_PAUSE = timedelta(seconds=30)
"""Pause of a contact whose timer's accept found no room (SPEC section 4)."""

_OFFER = select(*columns(Offer)).where(offers.c.id == bindparam("offer"))
_OFFER_LOCKED = Prepared(_OFFER.with_for_update())
_CONTACT = Prepared(select(*columns(Contact)).where(contacts.c.id == bindparam("contact")).with_for_update())
_NUMBER = Prepared(select(*columns(Number)).where(numbers.c.id == bindparam("number")))
_ADD = Prepared(insert(offers))


def open_offer(work: Work, agent: Agent, line: Line | None, claim: Claim, event: AgentEvent) -> Offer:
    """Show a claimed contact to its agent; the server's timer begins with `expires_at`."""
    offer = draft(work, agent, line, claim)
    show(work, agent, offer, claim, event)
    return offer


def draft(work: Work, agent: Agent, line: Line | None, claim: Claim) -> Offer:
    """The offer of a claimed contact, not stored and not shown yet."""
    settings = claim.campaign.settings
    return Offer(
        id=new_id(),
        tenant_id=agent.tenant_id,
        campaign_id=claim.campaign.id,
        agent_id=agent.id,
        contact_id=claim.contact.id,
        number_id=claim.number.id,
        e164=claim.number.e164,
        reservation_id=line.reservation_id if line else None,
        state=OfferState.OPEN,
        action=None,
        code=None,
        attempt_id=None,
        mode=settings.mode.value,
        settings=claim.campaign.settings_json,
        opened_at=work.now,
        expires_at=work.now + timedelta(seconds=settings.offer_timeout),
    )


def show(work: Work, agent: Agent, offer: Offer, claim: Claim, event: AgentEvent) -> None:
    """Store a drafted offer and tell its agent's desktop, all that a page shows until the wrap-up."""
    settings = claim.campaign.settings
    card = cards.card(work.conn, claim.contact, offer.number_id, settings, now=work.now)
    values = {name: getattr(offer, name) for name in offer.__slots__}
    _ADD(work.conn, {**values, "state": offer.state.value, "cell_id": agent.cell_id, "card": card})
    work.tell(
        offer.tenant_id,
        "offer.opened",
        {
            "offer": offer.id,
            "campaign": offer.campaign_id,
            "campaign_name": claim.campaign.name,
            "mode": offer.mode,
            "card": card,
            "opened_at": offer.opened_at.isoformat(),
            "expires_at": offer.expires_at.isoformat() if offer.expires_at else None,
            "timeout_action": settings.offer_timeout_action.value,
            "disabled_actions": sorted(settings.refused_actions),
            "end_call_enabled": settings.end_call_enabled,
            "recording": settings.recording.value,
            "dispositions": cards.dispositions(settings),
        },
        agent.id,
    )
    step_agent(
        work,
        agent,
        event,
        campaign_id=offer.campaign_id,
        reservation_id=offer.reservation_id,
        offer_id=offer.id,
        attempt_id=None,
    )


def load(work: Work, offer_id: str) -> Offer | None:
    """An offer, locked until the transaction ends: whoever comes second sees the winner."""
    row = _OFFER_LOCKED(work.conn, {"offer": offer_id}).one_or_none()
    return record(Offer, row) if row else None


def contact_of(work: Work, contact_id: str) -> Contact:
    return record(Contact, _CONTACT(work.conn, {"contact": contact_id}).one())


def number_of(work: Work, number_id: str) -> Number:
    return record(Number, _NUMBER(work.conn, {"number": number_id}).one())


def close(
    work: Work, offer: Offer, event: OfferEvent, *, by: str | None, code: str | None = None, why: str | None = None
) -> None:
    """Close an offer without a call and do with its contact what the table says; raises `IllegalStep`.

    `why`: of a removal, in the agent's own words.
    """
    action = event.value.removeprefix("timer_") if event.value.startswith("timer_") else None
    if event is OfferEvent.TIMER_ACCEPT_REFUSED:
        action = "refused"
    step = step_offer(work, offer, event, closed_by=by, action=action, code=code)
    _treat_contact(work, offer, step, why)


def _treat_contact(work: Work, offer: Offer, step: Step[OfferState, OfferEffect], why: str | None) -> None:
    contact = contact_of(work, offer.contact_id)
    if contact.holder_id != offer.agent_id or contact.state.value != "offered":
        return  # removed or blocked meanwhile: it is no longer this offer's to treat
    settings = CampaignSettings.stored(offer.settings)
    mine: dict[str, Any] = {"holder_id": None, "last_agent_id": offer.agent_id}
    for effect in step.effects:
        match effect:
            case OfferEffect.POSTPONE_CONTACT:
                skips = contact.skips + 1
                if skips >= settings.max_skips:
                    step_contact(
                        work, contact, ContactEvent.SKIPPED_OUT, skips=skips, why="skipped", due_at=None, **mine
                    )
                    continue
                again = work.now + timedelta(minutes=settings.skip_retry_after)
                due = permission.due_after(work, settings, contact, number_of(work, offer.number_id), again)
                mine.update(
                    skips=skips,
                    retry_at=again,
                    why=why_never(due) or "skipped",
                    callback_at=None,
                    callback_agent_id=None,
                    **due_columns(due),
                )
                step_contact(work, contact, ContactEvent.POSTPONE, **mine)
            case OfferEffect.REMOVE_CONTACT:
                step_contact(
                    work,
                    contact,
                    ContactEvent.REMOVE,
                    due_at=None,
                    why=why or ("removed_by_agent" if offer.action is None else "removed_by_timer"),
                    changed_by=offer.agent_id,
                    **mine,
                )
            case OfferEffect.GIVE_BACK_CONTACT:
                give_back(work, contact, agent_id=offer.agent_id)
            case OfferEffect.PAUSE_CONTACT:
                give_back(work, contact, agent_id=offer.agent_id, not_before=work.now + REFUSED_PAUSE)
            case OfferEffect.DIAL:
                pass  # the attempt holds the contact from here on


def give_back(work: Work, contact: Contact, *, agent_id: str | None, not_before: datetime | None = None) -> None:
    """Return a contact untouched: waiting as it was, or still owed its callback; not first to the same agent."""
    changes: dict[str, Any] = {"holder_id": None, "last_agent_id": agent_id}
    if not_before is not None:
        changes.update(due_at=not_before, retry_at=not_before, waits_for=Waits.ROOM.value)
    owed = contact.callback_at is not None
    step_contact(work, contact, ContactEvent.GIVE_BACK_CALLBACK if owed else ContactEvent.GIVE_BACK, **changes)


def open_of_campaign(work: Work, campaign_id: str, cell_id: str) -> list[tuple[str, str]]:
    """(offer, agent) of every open offer of a campaign in a cell."""
    rows = work.conn.execute(
        select(offers.c.id, offers.c.agent_id).where(
            offers.c.cell_id == cell_id, offers.c.state == "open", offers.c.campaign_id == campaign_id
        )
    )
    return [(row.id, row.agent_id) for row in rows]


_UNWANTED = (
    select(offers.c.id, offers.c.agent_id, campaigns.c.running, contacts.c.state)
    .select_from(
        offers.join(contacts, contacts.c.id == offers.c.contact_id).join(
            campaigns, campaigns.c.id == offers.c.campaign_id
        )
    )
    .where(
        offers.c.cell_id == bindparam("cell"),
        offers.c.state == "open",
        or_(campaigns.c.running.is_(False), contacts.c.state != "offered", contacts.c.holder_id != offers.c.agent_id),
    )
)


def unwanted(conn: Connection, cell_id: str) -> list[tuple[str, str, Withdrawal]]:
    """(offer, agent, why) of a cell's open offers whose contact was taken away, by whomever, or campaign stopped."""
    found = []
    for row in conn.execute(_UNWANTED, {"cell": cell_id}):
        blocked = Withdrawal.ON_DO_NOT_CALL_LIST if row.state == "blocked" else Withdrawal.CONTACT_REMOVED
        found.append((row.id, row.agent_id, blocked if row.running else Withdrawal.CAMPAIGN_STOPPED))
    return found


def open_of_contact(work: Work, contact_id: str) -> tuple[str, str] | None:
    row = work.conn.execute(
        select(offers.c.id, offers.c.agent_id).where(offers.c.contact_id == contact_id, offers.c.state == "open")
    ).first()
    return (row.id, row.agent_id) if row else None
