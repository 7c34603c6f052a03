"""Calling hours: when a number may be called, in the zones its owner may live in.

Several possible zones: legal in all of them. No zone, or one nobody knows: never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SEARCH_DAYS = 15
"""How far ahead an opening is looked for; a campaign closed for longer has no opening."""

Hours = Mapping[str, Sequence[tuple[time, time]]]


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """The zone of that IANA name, None where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _windows(day: date, tz: ZoneInfo, hours: Hours, holidays: frozenset[date]) -> Iterable[tuple[datetime, datetime]]:
    if day in holidays:
        return
    for opens, closes in hours.get(WEEKDAYS[day.weekday()], ()):
        start = datetime.combine(day, opens, tz).astimezone(UTC)
        # 00:00 as closing time is the end of the day
        last = day + timedelta(days=1) if closes == time(0) else day
        end = datetime.combine(last, closes, tz).astimezone(UTC)
        if start < end:
            yield start, end


def is_open(now: datetime, zones: Sequence[str], hours: Hours, holidays: frozenset[date] = frozenset()) -> bool:
    """True where `now` (aware) is inside the hours in every one of the zones."""
    found = [zone(name) for name in zones]
    if not found:
        return False
    for tz in found:
        if tz is None:
            return False
        today = now.astimezone(tz).date()
        if not any(start <= now < end for start, end in _windows(today, tz, hours, holidays)):
            return False
    return True


def next_open(
    moment: datetime, zones: Sequence[str], hours: Hours, holidays: frozenset[date] = frozenset()
) -> datetime | None:
    """The first moment at or after `moment` (aware) that is open in all zones; None: not within 15 days, or no zone."""
    found = [zone(name) for name in zones]
    if not found or any(tz is None for tz in found):
        return None
    if is_open(moment, zones, hours, holidays):
        return moment
    # Common opening begins where one of the zones opens, so only those moments need a look.
    starts: set[datetime] = set()
    for tz in found:
        assert tz is not None
        first = moment.astimezone(tz).date()
        for offset in range(SEARCH_DAYS):
            starts.update(start for start, _ in _windows(first + timedelta(days=offset), tz, hours, holidays))
    return next(
        (start for start in sorted(starts) if start >= moment and is_open(start, zones, hours, holidays)),
        None,
    )
