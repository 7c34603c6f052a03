"""The stored verdicts of a campaign's calls, counted by what the agents said of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Integer, cast, func, select

from telephony.model.attempt import AttemptState
from telephony.model.campaign import CampaignSettings, Reached
from telephony.model.detection_report import Counted
from telephony.model.machine_detection import Verdict
from telephony.model.reasons import Outcome
from telephony.store.campaigns import settings_of
from telephony.store.schema import attempts

_TO_MAILBOX = (Outcome.VOICEMAIL_LEFT.value, Outcome.MESSAGE_DROPPED.value, Outcome.MESSAGE_NOT_LEFT.value)
"""Outcomes by which an agent who heard the other side took it for a machine."""


def detections(
    conn: Connection, campaign_id: str, *, since: datetime | None = None, until: datetime | None = None
) -> list[Counted]:
    """Ended calls with a verdict, accepted from `since` on and before `until`; times to a tenth of a second."""
    # counted by the database: a campaign may have millions of calls, and few of them differ in all of this
    tenth = cast(func.round(attempts.c.amd_after * 10), Integer)
    joined = attempts.c.joined_at.is_not(None)
    seen = (attempts.c.amd_verdict, attempts.c.disposition, attempts.c.voicemail_left, attempts.c.outcome)
    where = [
        attempts.c.campaign_id == campaign_id,
        attempts.c.state == AttemptState.ENDED.value,
        attempts.c.amd_verdict.is_not(None),
    ]
    if since is not None:
        where.append(attempts.c.granted_at >= since)
    if until is not None:
        where.append(attempts.c.granted_at < until)
    kinds = (*seen, joined.label("joined"), tenth.label("tenth"))
    alike = select(*kinds).where(*where).subquery()
    rows = conn.execute(select(*alike.c, func.count().label("calls")).group_by(*alike.c))
    settings = settings_of(conn, campaign_id)
    return [
        Counted(
            verdict=Verdict(row.amd_verdict),
            found=_found(settings, row.joined, row.voicemail_left, row.outcome, row.disposition),
            after=None if row.tenth is None else row.tenth / 10,
            calls=row.calls,
        )
        for row in rows
    ]


def _found(
    settings: CampaignSettings, joined: bool, voicemail_left: bool, outcome: str | None, disposition: str | None
) -> Reached | None:
    """Who was there by the agent's word; a call no agent heard has no word."""
    if not joined:
        return None
    if voicemail_left or outcome in _TO_MAILBOX:
        return Reached.MACHINE
    said = settings.disposition(disposition) if disposition is not None else None
    return said.reached if said is not None else None
