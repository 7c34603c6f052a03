"""Calling hours go by the clock on the customer's wall, in every zone the customer may live in."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.model.hours import SEARCH_DAYS, WEEKDAYS, Hours, is_open, next_close, next_open, zone

pytestmark = pytest.mark.unit

OFFICE: Hours = {day: ((time(8), time(21)),) for day in WEEKDAYS}
LONDON, NEW_YORK, MADRID = "Europe/London", "America/New_York", "Europe/Madrid"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def every_day(opens: str, closes: str) -> Hours:
    return {day: ((time.fromisoformat(opens), time.fromisoformat(closes)),) for day in WEEKDAYS}


def test_the_first_minute_is_open_and_the_closing_minute_is_not() -> None:
    winter = "2026-01-14"
    assert not is_open(utc(f"{winter}T07:59:59.999999"), [LONDON], OFFICE)
    assert is_open(utc(f"{winter}T08:00"), [LONDON], OFFICE)
    assert is_open(utc(f"{winter}T20:59:59.999999"), [LONDON], OFFICE)
    assert not is_open(utc(f"{winter}T21:00"), [LONDON], OFFICE)


def test_the_contact_s_zone_counts_not_the_server_s() -> None:
    moment = utc("2026-01-14T12:30")
    assert not is_open(moment, [NEW_YORK], OFFICE)  # 07:30 there
    assert is_open(moment + timedelta(minutes=30), [NEW_YORK], OFFICE)
    assert is_open(datetime(2026, 1, 14, 8, 0, tzinfo=ZoneInfo(NEW_YORK)), [NEW_YORK], OFFICE)


def test_several_possible_zones_must_all_be_open() -> None:
    both = [LONDON, NEW_YORK]
    assert not is_open(utc("2026-01-14T12:59"), both, OFFICE)  # New York 07:59
    assert is_open(utc("2026-01-14T13:00"), both, OFFICE)
    assert not is_open(utc("2026-01-14T21:00"), both, OFFICE)  # London 21:00
    assert next_open(utc("2026-01-14T21:00"), both, OFFICE) == utc("2026-01-15T13:00")


def test_zones_that_are_never_open_together_have_no_opening() -> None:
    assert next_open(utc("2026-01-14T12:00"), [LONDON, "Pacific/Honolulu"], every_day("09:00", "10:00")) is None


@pytest.mark.parametrize(
    "unknown",
    [
        "",
        "Nowhere/Atlantis",
        "Europe",
        "GMT+25",
        "../../etc/passwd",
        "Europe/London\0",
        "x" * 5000,
        "Factory",
        "localtime",
    ],
)
def test_a_zone_nobody_knows_is_never_called(unknown: str) -> None:
    noon = utc("2026-01-14T12:00")
    always = every_day("00:00", "00:00")
    assert zone(unknown) is None
    assert not is_open(noon, [unknown], always)
    assert next_open(noon, [unknown], always) is None
    assert not is_open(noon, [LONDON, unknown], always)
    assert next_open(noon, [LONDON, unknown], always) is None


def test_no_zone_at_all_is_never_called() -> None:
    always = every_day("00:00", "00:00")
    assert not is_open(utc("2026-01-14T12:00"), [], always)
    assert next_open(utc("2026-01-14T12:00"), [], always) is None


def test_the_morning_after_the_clock_went_forward_opens_an_hour_earlier_in_utc() -> None:
    # Madrid: 2026-03-29 02:00 CET becomes 03:00 CEST
    assert next_open(utc("2026-03-28T22:00"), [MADRID], OFFICE) == utc("2026-03-29T06:00")
    assert next_open(utc("2026-03-27T22:00"), [MADRID], OFFICE) == utc("2026-03-28T07:00")


def test_an_opening_inside_the_hour_that_is_left_out_begins_when_the_clock_has_jumped() -> None:
    assert next_open(utc("2026-03-28T23:00"), [MADRID], every_day("02:30", "05:00")) == utc("2026-03-29T01:00")


def test_a_closing_inside_the_hour_that_is_left_out_has_passed_when_the_clock_has_jumped() -> None:
    hours = every_day("01:00", "02:30")
    assert is_open(utc("2026-03-29T00:59"), [MADRID], hours)  # 01:59 CET
    assert not is_open(utc("2026-03-29T01:00"), [MADRID], hours)  # 03:00 CEST


def test_a_window_inside_the_hour_that_is_left_out_does_not_open_that_day() -> None:
    # 02:15-02:45 does not exist on that day; the next is on the 30th, in summer time
    assert next_open(utc("2026-03-28T12:00"), [MADRID], every_day("02:15", "02:45")) == utc("2026-03-30T00:15")


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    # Madrid: 2026-10-25 03:00 CEST becomes 02:00 CET
    hours = every_day("02:00", "02:30")
    assert is_open(utc("2026-10-25T00:10"), [MADRID], hours)
    assert not is_open(utc("2026-10-25T00:30"), [MADRID], hours)
    assert next_open(utc("2026-10-25T00:30"), [MADRID], hours) == utc("2026-10-25T01:00")


def test_the_clock_that_falls_back_into_closed_time_closes_again() -> None:
    hours = every_day("02:30", "04:00")
    assert is_open(utc("2026-10-25T00:59"), [MADRID], hours)  # 02:59 CEST
    assert not is_open(utc("2026-10-25T01:00"), [MADRID], hours)  # 02:00 CET
    assert next_open(utc("2026-10-25T01:00"), [MADRID], hours) == utc("2026-10-25T01:30")


def test_a_day_whose_midnight_does_not_exist() -> None:
    # Beirut: 2026-03-29 00:00 becomes 01:00
    closed_before = {"sun": ((time(0), time(6)),)}
    assert next_open(utc("2026-03-28T20:00"), ["Asia/Beirut"], closed_before) == utc("2026-03-28T22:00")


def test_a_holiday_is_closed_in_the_zone_whose_date_it_is() -> None:
    christmas = frozenset({date(2026, 12, 25)})
    # 23:30 UTC on the 24th: the 25th in Madrid, still the 24th in New York
    evening = utc("2026-12-24T23:30")
    always = every_day("00:00", "00:00")
    assert not is_open(evening, [MADRID], always, christmas)
    assert is_open(evening, [NEW_YORK], always, christmas)
    assert not is_open(evening, [NEW_YORK, MADRID], always, christmas)
    assert next_open(evening, [MADRID], always, christmas) == utc("2026-12-25T23:00")
    assert next_open(utc("2026-12-24T21:00"), [LONDON], OFFICE, christmas) == utc("2026-12-26T08:00")


def test_midnight_as_closing_time_is_the_end_of_the_day() -> None:
    hours: Hours = {"wed": ((time(20), time(0)),)}
    assert is_open(utc("2026-01-14T23:59:59"), [LONDON], hours)
    assert not is_open(utc("2026-01-15T00:00"), [LONDON], hours)
    assert not is_open(utc("2026-01-14T00:00"), [LONDON], hours)


def test_from_midnight_to_midnight_is_the_whole_day() -> None:
    hours: Hours = {"wed": ((time(0), time(0)),)}
    assert is_open(utc("2026-01-14T00:00"), [LONDON], hours)
    assert is_open(utc("2026-01-14T23:59:59"), [LONDON], hours)
    assert not is_open(utc("2026-01-15T00:00"), [LONDON], hours)


def test_a_weekday_that_is_not_named_is_closed() -> None:
    weekdays_only: Hours = {day: ((time(9), time(17)),) for day in ("mon", "tue", "wed", "thu", "fri")}
    assert not is_open(utc("2026-01-17T12:00"), [LONDON], weekdays_only)  # a Saturday
    assert next_open(utc("2026-01-16T17:00"), [LONDON], weekdays_only) == utc("2026-01-19T09:00")


def test_a_lunch_break() -> None:
    hours: Hours = {"wed": ((time(9), time(12)), (time(14), time(18)))}
    assert not is_open(utc("2026-01-14T12:00"), [LONDON], hours)
    assert next_open(utc("2026-01-14T12:00"), [LONDON], hours) == utc("2026-01-14T14:00")


def test_an_opening_is_found_up_to_fifteen_days_ahead() -> None:
    assert SEARCH_DAYS == 15
    evening = utc("2026-01-14T22:00")

    def closed_for(days: int) -> frozenset[date]:
        return frozenset(date(2026, 1, 14) + timedelta(days=offset) for offset in range(days))

    assert next_open(evening, [LONDON], OFFICE, closed_for(15)) == utc("2026-01-29T08:00")  # in 14 days and 10 hours
    assert next_open(evening, [LONDON], OFFICE, closed_for(16)) is None


def test_who_is_open_now_opens_now() -> None:
    moment = utc("2026-01-14T12:34:56.789")
    assert next_open(moment, [LONDON], OFFICE) == moment


# Zones with odd offsets, with jumps of half an hour, at midnight, on either side of the date line.
ZONES = [
    LONDON, NEW_YORK, MADRID, "UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Beirut", "America/Havana",
    "Pacific/Chatham", "Pacific/Kiritimati", "America/St_Johns", "Africa/Casablanca",
]  # fmt: skip
JUMPS_2026 = [
    "2026-03-08T05:00", "2026-03-08T07:00", "2026-03-28T22:00", "2026-03-29T01:00", "2026-04-04T15:00",
    "2026-09-26T14:00", "2026-10-03T15:30", "2026-10-24T21:00", "2026-10-25T01:00", "2026-11-01T05:00",
]  # fmt: skip
quarter_hours = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))


@st.composite
def windows(draw: st.DrawFn) -> tuple[tuple[time, time], ...]:
    opens, closes = sorted(draw(st.lists(quarter_hours, min_size=2, max_size=2, unique=True)))
    until_midnight = draw(st.integers(0, 3)) == 0
    return ((opens, time(0) if until_midnight else closes),)


def by_the_wall(moment: datetime, zones: list[str], hours: Hours, holidays: frozenset[date]) -> bool:
    """The rule as a person would check it, looking at a clock and a calendar in each zone."""
    for name in zones:
        wall = moment.astimezone(ZoneInfo(name))
        if wall.date() in holidays:
            return False
        minute = wall.hour * 60 + wall.minute
        if not any(
            opens.hour * 60 + opens.minute <= minute < (closes.hour * 60 + closes.minute or 1440)
            for opens, closes in hours.get(("mon", "tue", "wed", "thu", "fri", "sat", "sun")[wall.weekday()], ())
        ):
            return False
    return True


@settings(max_examples=60, deadline=None)
@given(
    start=st.sampled_from(JUMPS_2026),
    before=st.integers(0, 36 * 60),
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True),
    hours=st.dictionaries(st.sampled_from(WEEKDAYS), windows(), min_size=3),
    holiday=st.integers(0, 6),
)
def test_the_next_opening_is_the_one_a_search_minute_by_minute_finds(
    start: str, before: int, zones: list[str], hours: Hours, holiday: int
) -> None:
    moment = utc(start) - timedelta(minutes=before)
    holidays = frozenset({moment.date() + timedelta(days=holiday)})
    minutes = (moment + timedelta(minutes=offset) for offset in range(3 * 24 * 60))
    found = next((minute for minute in minutes if by_the_wall(minute, zones, hours, holidays)), None)
    answer = next_open(moment, zones, hours, holidays)
    if found is None:
        assert answer is None or answer >= moment + timedelta(days=3)
        assert answer is None or by_the_wall(answer, zones, hours, holidays)
    else:
        assert answer == found


@settings(max_examples=200, deadline=None)
@given(
    start=st.sampled_from(JUMPS_2026),
    after=st.integers(-48 * 60, 48 * 60),
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True),
    hours=st.dictionaries(st.sampled_from(WEEKDAYS), windows(), min_size=3),
)
def test_open_means_open_by_the_clock_on_every_wall(start: str, after: int, zones: list[str], hours: Hours) -> None:
    moment = utc(start) + timedelta(minutes=after)
    assert is_open(moment, zones, hours) is by_the_wall(moment, zones, hours, frozenset())


@settings(max_examples=30, deadline=None)
@given(
    start=st.sampled_from(JUMPS_2026),
    after=st.integers(-36 * 60, 12 * 60),
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True),
    hours=st.dictionaries(st.sampled_from(WEEKDAYS), windows(), min_size=3),
    holiday=st.integers(0, 3),
)
def test_the_next_closing_is_the_one_a_search_minute_by_minute_finds(
    start: str, after: int, zones: list[str], hours: Hours, holiday: int
) -> None:
    holidays = frozenset({utc(start).date() + timedelta(days=holiday)})
    moment = next_open(utc(start) + timedelta(minutes=after), zones, hours, holidays)
    if moment is None:
        return
    minutes = (moment + timedelta(minutes=offset) for offset in range(36 * 60))
    found = next((minute for minute in minutes if not by_the_wall(minute, zones, hours, holidays)), None)
    answer = next_close(moment, zones, hours, holidays)
    assert answer == found if found is not None else answer >= moment + timedelta(hours=36)


def test_who_never_closes_is_asked_again_after_fifteen_days() -> None:
    always = {day: ((time(0), time(0)),) for day in WEEKDAYS}
    assert next_close(utc("2026-03-28T22:00"), [LONDON], always) == utc("2026-04-12T22:00")
