"""What is so of a call that is up, beside its state: agent away, mute, hold, transfer, who of the floor is in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import update

from telephony.store.records import Attempt
from telephony.store.schema import attempts
from telephony.store.work import Work

COLUMNS = ("away", "muted", "held_since", "transfer_state", "transfer_to", "monitor_mode", "monitored_by")
"""What `shown` is made of."""


def change(work: Work, attempt: Attempt, **changes: Any) -> None:
    """Write some of it and tell `call.controls`."""
    _write(work, attempt, changes)
    tell(work, attempt)


def _write(work: Work, attempt: Attempt, changes: Mapping[str, Any]) -> None:
    work.conn.execute(update(attempts).where(attempts.c.id == attempt.id).values(**changes))
    for name, value in changes.items():
        setattr(attempt, name, value)


def _facts(attempt: Attempt) -> dict[str, Any]:
    return {name: getattr(attempt, name) for name in COLUMNS}


def tell(work: Work, attempt: Attempt) -> None:
    """The whole picture, as the agent sees it."""
    payload = {"call": attempt.id, **shown(_facts(attempt))}
    work.tell(attempt.tenant_id, "call.controls", payload, attempt.agent_id)


def monitored(work: Work, attempt: Attempt, *, monitor_mode: str | None, monitored_by: str | None) -> None:
    """A supervisor is in the call in this way, or has left: told to supervisors, and to agents what they may know."""
    before = _facts(attempt)
    _write(work, attempt, {"monitor_mode": monitor_mode, "monitored_by": monitored_by})
    if shown(_facts(attempt)) != shown(before):
        tell(work, attempt)
    payload = {"call": attempt.id, "mode": monitor_mode, "by": monitored_by}
    work.tell(attempt.tenant_id, FLOOR_ONLY, payload, attempt.agent_id)


FLOOR_ONLY = "call.monitored"
"""The event that agents do not get, whoever's call it is."""


def shown(facts: Mapping[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """From the columns; with `quiet` also a supervisor who only listens, of whom the agent is not told."""
    ringing_or_talking = "talking" if facts["transfer_state"] == "talking" else "ringing"
    transfer = {"state": ringing_or_talking, "to": facts["transfer_to"]} if facts["transfer_state"] else None
    mode = facts["monitor_mode"]
    seen = mode is not None and (quiet or mode != "listen")
    return {
        "away": facts["away"],
        "muted": facts["muted"],
        "held": facts["held_since"] is not None,
        "transfer": transfer,
        "monitored": {"mode": mode, "by": facts["monitored_by"]} if seen else None,
    }


def held(work: Work, attempt: Attempt, *, since: datetime | None) -> dict[str, Any]:
    """The columns of a customer who is on hold from now on, or is not any more."""
    if since is not None:
        return {"held_since": attempt.held_since or since}
    if attempt.held_since is None:
        return {"held_since": None}
    return {"held_since": None, "held_for": attempt.held_for + (work.now - attempt.held_since).total_seconds()}
