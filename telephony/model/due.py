"""When a contact may be dialed: the latest of retry or callback, pause, gap, daily cap and the next calling hours.

A callback at a time the customer chose is exempt from the gap, not from the rest. `shuts` is where the calling
hours that `at` lies in end: from then on `at` says nothing and is worked out anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from telephony.model import hours
from telephony.model.hours import Hours
from telephony.model.reasons import Withdrawal


class Waits(StrEnum):
    """What a contact that is not due waits for."""

    RETRY = "retry"
    CALLBACK = "callback"
    MIN_GAP = "min_gap"
    PAUSE = "pause"  # after an abandoned call
    DAILY_CAP = "daily_cap"
    HOURS = "hours"
    NO_ZONE = "no_zone"  # nobody knows where its owner lives: never
    NEVER_OPEN = "never_open"  # no time at which all its zones are in the calling hours: never
    ROOM = "room"  # a timer's accept found no room
    NOT_ALLOWED = "not_allowed"  # no trunk takes the number


WITHDRAWAL = {
    Waits.MIN_GAP: Withdrawal.MIN_GAP,
    Waits.PAUSE: Withdrawal.MIN_GAP,
    Waits.DAILY_CAP: Withdrawal.DAILY_CAP,
    Waits.HOURS: Withdrawal.OUTSIDE_CALLING_HOURS,
    Waits.NO_ZONE: Withdrawal.OUTSIDE_CALLING_HOURS,
    Waits.NEVER_OPEN: Withdrawal.OUTSIDE_CALLING_HOURS,
}
"""What an agent is told who wants to dial all the same."""


@dataclass(frozen=True, slots=True)
class Use:
    """What is known of a number in its tenant: its last call, how many today, until when it rests."""

    last: datetime | None = None
    today: int = 0
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A tenant's gap (minutes) and cap, whose day `zone` counts, with a campaign's hours and holidays."""

    min_gap: int
    daily_cap: int
    zone: str
    calling_hours: Hours
    holidays: frozenset[date]

    def day_of(self, now: datetime) -> tuple[datetime, datetime]:
        """Beginning and end of the day that the daily cap counts."""
        wall = now.astimezone(hours.zone(self.zone) or ZoneInfo("UTC"))
        first = wall.replace(hour=0, minute=0, second=0, microsecond=0)
        return first.astimezone(UTC), (first + timedelta(days=1)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Due:
    """`at` None: never as things are. `waits` None: nothing is in the way now."""

    at: datetime | None
    shuts: datetime | None = None
    waits: Waits | None = None


def due(
    rules: Rules,
    use: Use,
    zones: Sequence[str],
    *,
    now: datetime,
    not_before: datetime | None = None,
    callback: bool = False,
    agent_reserved: bool = False,
    only_now: bool = False,
) -> Due:
    """When this number may be dialed at the earliest; `not_before` is the retry or the callback time.

    `agent_reserved`: the callback is one agent's own, who is there for it: a pause does not hold it up.
    `only_now`: it is asked whether now, so the end of hours that are open is not wanted.
    """
    at, waits = now, None
    limits = [(not_before, Waits.CALLBACK if callback else Waits.RETRY)]
    if not agent_reserved:
        limits.append((use.paused_until, Waits.PAUSE))
    if use.last is not None and not callback:
        limits.append((use.last + timedelta(minutes=rules.min_gap), Waits.MIN_GAP))
    if use.today >= rules.daily_cap:
        limits.append((rules.day_of(now)[1], Waits.DAILY_CAP))
    for limit, why in limits:
        if limit is not None and limit > at:
            at, waits = limit, why
    if not zones or any(hours.zone(name) is None for name in zones):
        return Due(None, waits=Waits.NO_ZONE)
    opening = hours.next_open(at, zones, rules.calling_hours, rules.holidays)
    if opening is None:
        return Due(None, waits=Waits.NEVER_OPEN)
    if opening > at:
        waits = Waits.HOURS
    if waits is None and only_now:
        return Due(now)
    return Due(opening, hours.next_close(opening, zones, rules.calling_hours, rules.holidays), waits)
