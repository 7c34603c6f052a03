"""Recorded messages of campaigns: the one left in mailboxes, the one for a customer no agent is there for.

The sound is a file in the folder of messages; a row here names it. A message that a campaign no longer has is kept
for as long as a call still drops it, or may have to play it to a customer without an agent.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, delete, exists, or_, select

from telephony.model.attempt import LIVE
from telephony.model.ids import new_id
from telephony.store import inputs
from telephony.store.paging import Row
from telephony.store.prepared import Prepared
from telephony.store.records import Attempt
from telephony.store.rows import add, alter, one
from telephony.store.schema import attempts, campaigns, contacts, legs, messages, tenants


class MessageUse(StrEnum):
    """What a campaign's message is for."""

    VOICEMAIL = "voicemail"
    ABANDON = "abandon"


class NewMessage(inputs.Input):
    """`path`: the file's name in the folder of messages; `seconds`: its length."""

    name: inputs.Name
    path: str
    seconds: float
    sha256: str


_OF_CAMPAIGN = {
    MessageUse.VOICEMAIL: campaigns.c.voicemail_message_id,
    MessageUse.ABANDON: campaigns.c.abandon_message_id,
}

_SHOWN = tuple(messages.c[name] for name in ("id", "name", "seconds", "sha256", "created_at", "path"))


_ABANDON = Prepared(
    select(messages.c.id, messages.c.path)
    .join(campaigns, _OF_CAMPAIGN[MessageUse.ABANDON] == messages.c.id)
    .where(campaigns.c.id == bindparam("campaign"))
)


_STANDING = Prepared(
    select(_OF_CAMPAIGN[MessageUse.VOICEMAIL], tenants.c.drop_needs_consent)
    .join(tenants, tenants.c.id == campaigns.c.tenant_id)
    .where(campaigns.c.id == bindparam("campaign"))
)


class Standing(StrEnum):
    """Whether a campaign's recorded message may be left in a contact's mailbox."""

    READY = "ready"
    NONE = "none"
    NO_CONSENT = "no_consent"


def new_name() -> str:
    """A file name nobody has."""
    return f"{new_id()}.wav"


def set_message(
    conn: Connection, tenant_id: str, campaign_id: str, use: MessageUse, new: NewMessage, *, now: datetime
) -> Row:
    """Give a campaign its message; it counts from the next call on. Raises `NoSuch`."""
    id_ = add(conn, messages, {"tenant_id": tenant_id, **new.model_dump(), "created_at": now})
    _point(conn, tenant_id, campaign_id, use, id_)
    return message(conn, tenant_id, campaign_id, use)


def remove_message(conn: Connection, tenant_id: str, campaign_id: str, use: MessageUse) -> None:
    """Take a campaign's message away; nothing happens where it has none. Raises `NoSuch`."""
    _point(conn, tenant_id, campaign_id, use, None)


def _point(conn: Connection, tenant_id: str, campaign_id: str, use: MessageUse, id_: str | None) -> None:
    where = [campaigns.c.id == campaign_id, campaigns.c.tenant_id == tenant_id]
    alter(conn, campaigns, where, {_OF_CAMPAIGN[use].name: id_}, "campaign")


def message(conn: Connection, tenant_id: str, campaign_id: str, use: MessageUse) -> Row:
    """A campaign's message; raises `NoSuch` where it has none."""
    statement = (
        select(*_SHOWN)
        .join(campaigns, _OF_CAMPAIGN[use] == messages.c.id)
        .where(campaigns.c.id == campaign_id, campaigns.c.tenant_id == tenant_id)
    )
    return one(conn, statement, f"{use.value} message")


def of_campaigns(conn: Connection, campaign_ids: list[str]) -> dict[str, dict[str, Row | None]]:
    """By campaign: `voicemail_message` and `abandon_message`, None where it has none."""
    found: dict[str, dict[str, Row | None]] = {
        id_: dict.fromkeys((f"{use.value}_message" for use in MessageUse), None) for id_ in campaign_ids
    }
    for use, column in _OF_CAMPAIGN.items():
        statement = (
            select(campaigns.c.id.label("campaign_id"), *_SHOWN)
            .join(campaigns, column == messages.c.id)
            .where(campaigns.c.id.in_(campaign_ids))
        )
        for row in conn.execute(statement).mappings():
            kept = dict(row)
            found[kept.pop("campaign_id")][f"{use.value}_message"] = kept
    return found


def standing(conn: Connection, campaign_id: str, *, consent: bool) -> Standing:
    """What keeps an agent from dropping the campaign's message, known before the call; `consent`: the contact's."""
    message_id, needs_consent = _STANDING(conn, {"campaign": campaign_id}).one()
    if message_id is None:
        return Standing.NONE
    return Standing.READY if consent or not needs_consent else Standing.NO_CONSENT


def to_drop(conn: Connection, attempt: Attempt) -> str | None:
    """The message to leave in this customer's mailbox, its id; None where the campaign has none."""
    column = _OF_CAMPAIGN[MessageUse.VOICEMAIL]
    found: str | None = conn.execute(select(column).where(campaigns.c.id == attempt.campaign_id)).scalar_one()
    return found


def consented(conn: Connection, attempt: Attempt) -> bool:
    """Whether a recorded message may be left for this contact: it said yes, or its tenant needs no yes."""
    statement = (
        select(or_(contacts.c.consent, ~tenants.c.drop_needs_consent))
        .join(tenants, tenants.c.id == contacts.c.tenant_id)
        .where(contacts.c.id == attempt.contact_id)
    )
    return bool(conn.execute(statement).scalar_one())


def abandon(conn: Connection, campaign_id: str) -> tuple[str | None, str | None]:
    """Id and file name of what an abandoned customer of this campaign hears; None where it has nothing to say."""
    row = _ABANDON(conn, {"campaign": campaign_id}).one_or_none()
    return (row.id, row.path) if row is not None else (None, None)


def path_of(conn: Connection, message_id: str) -> str | None:
    """The file's name of a message; None where it is gone."""
    return conn.execute(select(messages.c.path).where(messages.c.id == message_id)).scalar_one_or_none()


def sweep(conn: Connection, tenant_id: str) -> list[str]:
    """Forget the messages no campaign has and no call needs any more; the names of their files, to be deleted."""
    campaign_has = exists().where(or_(*(column == messages.c.id for column in _OF_CAMPAIGN.values())))
    live = attempts.c.state.in_([state.value for state in LIVE])
    call_drops = exists().where(attempts.c.message_id == messages.c.id, live)
    # Asterisk was given the file's name with the order, and may come to it as long as the call lasts
    call_may_play = exists().where(
        legs.c.attempt_id == attempts.c.id, legs.c.abandon_message_id == messages.c.id, legs.c.ended_at.is_(None), live
    )
    unused = ~campaign_has, ~call_drops, ~call_may_play
    gone = delete(messages).where(messages.c.tenant_id == tenant_id, *unused)
    return list(conn.execute(gone.returning(messages.c.path)).scalars())
