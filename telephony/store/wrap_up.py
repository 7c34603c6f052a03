"""Wrap-up: what the agent says the result was, and what becomes of the contact by that."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update

from telephony.model.attempt import AttemptState
from telephony.model.campaign import CampaignSettings, Disposition, DispositionRule
from telephony.model.contact import ContactEvent, ContactState
from telephony.model.due import Due, Waits
from telephony.store import claims, offers, permission
from telephony.store.attempts import count_try, retry
from telephony.store.do_not_call import ASKED, enlist
from telephony.store.due import due_columns, why_never
from telephony.store.prepared import Prepared
from telephony.store.records import Attempt
from telephony.store.schema import attempts
from telephony.store.steps import step_contact
from telephony.store.work import Work


def settings_of(work: Work, attempt: Attempt) -> CampaignSettings:
    """The settings the attempt's offer was opened with."""
    offer = offers.load(work, attempt.offer_id)
    assert offer is not None
    return CampaignSettings.stored(offer.settings)


_WRAPPED_UP = Prepared(
    update(attempts)
    .where(attempts.c.id == bindparam("key"))
    .values(
        disposition=bindparam("new_disposition"),
        note=bindparam("new_note"),
        callback_at=bindparam("new_callback"),
        callback_agent_id=bindparam("new_callback_agent"),
        wrapped_up_at=bindparam("now"),
    )
)


def wrap_up(
    work: Work,
    attempt: Attempt,
    settings: CampaignSettings,
    disposition: Disposition,
    *,
    note: str = "",
    callback_at: datetime | None = None,
    callback_agent_id: str | None = None,
) -> None:
    """Store disposition and note, and do with the contact what the disposition's rule says.

    The contact of a call that lives on, handed over, is treated when that has ended: by `as_said`.
    """
    values = {
        "key": attempt.id,
        "new_disposition": disposition.code,
        "new_note": note or None,
        "new_callback": callback_at,
        "new_callback_agent": callback_agent_id,
        "now": work.now,
    }
    _WRAPPED_UP(work.conn, values)
    attempt.disposition, attempt.wrapped_up_at = disposition.code, work.now
    attempt.callback_at, attempt.callback_agent_id = callback_at, callback_agent_id
    payload = {"call": attempt.id, "disposition": disposition.code}
    work.tell(attempt.tenant_id, "call.wrapped_up", payload, attempt.agent_id)
    if disposition.rule is DispositionRule.DO_NOT_CALL:
        # also where the contact is no longer ours to treat: the customer said so
        enlist(work, attempt.tenant_id, attempt.e164, why=ASKED, added_by=attempt.agent_id)
    if attempt.state is AttemptState.ENDED:
        _treat_contact(work, attempt, settings, disposition)


def as_said(work: Work, attempt: Attempt, settings: CampaignSettings) -> None:
    """A handed-over call has ended that was wrapped up before."""
    disposition = settings.disposition(attempt.disposition or settings.default_disposition)
    assert disposition is not None
    _treat_contact(work, attempt, settings, disposition)


def _treat_contact(work: Work, attempt: Attempt, settings: CampaignSettings, disposition: Disposition) -> None:
    callback_at, callback_agent_id = attempt.callback_at, attempt.callback_agent_id
    count_try(work, attempt.number_id)
    contact = offers.contact_of(work, attempt.contact_id)
    if contact.state is not ContactState.IN_ATTEMPT:
        return  # removed or blocked while they talked
    changes: dict[str, Any] = {
        "attempts": contact.attempts + 1,
        "holder_id": None,
        "callback_at": None,
        "callback_agent_id": None,
    }
    match disposition.rule:
        case DispositionRule.CLOSE:
            step_contact(work, contact, ContactEvent.CLOSE, why=disposition.code, due_at=None, **changes)
        case DispositionRule.RETRY:
            retry(work, settings, contact, changes, minutes=disposition.retry_after, why=disposition.code)
        case DispositionRule.CALLBACK:
            assert callback_at is not None
            changes.update(callback_at=callback_at, callback_agent_id=callback_agent_id)
            number, _ = claims.next_number(work, contact)
            due = Due(callback_at, waits=Waits.CALLBACK)  # the claim blocks a contact whose last number was closed
            if number is not None:
                due = permission.due_after(
                    work,
                    settings,
                    contact,
                    number,
                    callback_at,
                    callback=True,
                    agent_reserved=callback_agent_id is not None,
                )
            changes.update(due_columns(due), why=why_never(due) or disposition.code)
            step_contact(work, contact, ContactEvent.SCHEDULE_CALLBACK, **changes)
        case DispositionRule.DO_NOT_CALL:
            step_contact(work, contact, ContactEvent.BLOCK, why="dnc", due_at=None, **changes)
