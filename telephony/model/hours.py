"""Calling hours: when a number may be called, in the zones its owner may live in.

What counts is the clock on the customer's wall, also on the two days a year when it jumps. Several possible
zones: legal in all of them. No zone, or one nobody knows: never.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SEARCH_DAYS = 15
"""How far ahead an opening is looked for; a campaign closed for longer has no opening."""

NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})
"""Names the zone database answers to although they are nobody's place: an unset zone, this machine's own."""

Hours = Mapping[str, Sequence[tuple[time, time]]]


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """The zone of that IANA name, None where there is none."""
    if name in NO_PLACES:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _windows(day: date, hours: Hours, holidays: frozenset[date]) -> Sequence[tuple[time, time]]:
    return () if day in holidays else hours.get(WEEKDAYS[day.weekday()], ())


def _open_there(now: datetime, tz: ZoneInfo, hours: Hours, holidays: frozenset[date]) -> bool:
    wall = now.astimezone(tz)
    clock = wall.time()
    # 00:00 as closing time is the end of the day
    return any(
        opens <= clock and (clock < closes or closes == time(0))
        for opens, closes in _windows(wall.date(), hours, holidays)
    )


def is_open(now: datetime, zones: Sequence[str], hours: Hours, holidays: frozenset[date] = frozenset()) -> bool:
    """True where `now` (aware) is inside the hours in every one of the zones."""
    found = [zone(name) for name in zones]
    return bool(found) and all(tz is not None and _open_there(now, tz, hours, holidays) for tz in found)


def _jump(day: date, tz: ZoneInfo) -> datetime | None:
    """The moment in this day (to the second) at which the zone's clock jumps, None where it does not."""
    before = int(datetime.combine(day, time(0), tz).timestamp())
    after = int(datetime.combine(day + timedelta(days=1), time(0), tz).timestamp())

    def offset(second: int) -> timedelta | None:
        return datetime.fromtimestamp(second, tz).utcoffset()

    if offset(before) == offset(after):
        return None
    while after - before > 1:
        middle = (before + after) // 2
        if offset(middle) == offset(before):
            before = middle
        else:
            after = middle
    return datetime.fromtimestamp(after, UTC)


def _beginnings(day: date, tz: ZoneInfo, hours: Hours, holidays: frozenset[date]) -> Iterator[datetime]:
    """Every moment of this day at which the zone can come to be open."""
    for opens, _ in _windows(day, hours, holidays):
        for fold in (0, 1):  # an hour that comes twice opens twice
            yield datetime.combine(day, opens, tz).replace(fold=fold).astimezone(UTC)
    jump = _jump(day, tz)
    if jump is not None:
        yield jump


def next_open(
    moment: datetime, zones: Sequence[str], hours: Hours, holidays: frozenset[date] = frozenset()
) -> datetime | None:
    """The first moment at or after `moment` (aware) that is open in all zones; None: not within 15 days, or no zone."""
    if is_open(moment, zones, hours, holidays):
        return moment
    # Common opening begins where one of the zones opens, so only those moments need a look.
    starts: set[datetime] = set()
    for name in zones:
        tz = zone(name)
        if tz is None:
            return None
        today = moment.astimezone(tz).date()
        for offset in range(SEARCH_DAYS + 1):
            starts.update(_beginnings(today + timedelta(days=offset), tz, hours, holidays))
    return next(
        (start for start in sorted(starts) if start >= moment and is_open(start, zones, hours, holidays)),
        None,
    )


def next_close(
    moment: datetime, zones: Sequence[str], hours: Hours, holidays: frozenset[date] = frozenset()
) -> datetime:
    """The first moment after `moment` (aware, open in all zones) at which one of them is closed.

    Where none closes within 15 days, the end of that time: then it has to be asked again.
    """
    return min(_zone_closes(moment, name, hours, holidays) for name in zones)


def _zone_closes(moment: datetime, name: str, hours: Hours, holidays: frozenset[date]) -> datetime:
    tz = zone(name)
    assert tz is not None, "an open zone is a known one"
    today = moment.astimezone(tz).date()
    for offset in range(SEARCH_DAYS + 1):
        day = today + timedelta(days=offset)
        ends = {end for end in _endings(day, tz, hours, holidays) if end > moment}
        for end in sorted(ends):
            if not _open_there(end, tz, hours, holidays):
                return end
    return moment + timedelta(days=SEARCH_DAYS)


def _endings(day: date, tz: ZoneInfo, hours: Hours, holidays: frozenset[date]) -> Iterator[datetime]:
    """Every moment of this day, its end included, at which the zone can come to be closed."""
    closings = [datetime.combine(day, closes, tz) for _, closes in _windows(day, hours, holidays) if closes != time(0)]
    for closing in (*closings, datetime.combine(day + timedelta(days=1), time(0), tz)):
        for fold in (0, 1):
            yield closing.replace(fold=fold).astimezone(UTC)
    jump = _jump(day, tz)
    if jump is not None:
        yield jump
