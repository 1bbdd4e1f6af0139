"""Days in a time zone, and the periods that they lie in, as SQL for both databases."""

import datetime
import zoneinfo
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache

from tortoise.connection import get_connection

from core.errors import Invalid
from core.records.calendars import Calendar, Period


def local_day(time: str, zone: str) -> str:
    """SQL for the day of `time`, which is SQL for a time, in a zone. Raises Invalid for an unknown zone."""
    steps = offsets(zone)
    if postgres():
        return f"CAST({time} AT TIME ZONE '{zone}' AS date)"
    if steps == (("1970-01-01 00:00:00", 0),):
        return f"substr({time}, 1, 10)"  # the day as it is written: half the work of reading the time
    return f"date({time}, {_ahead(time, steps)})"


def _ahead(time: str, steps: Sequence[tuple[str, int]]) -> str:
    """SQL for the seconds that a zone is ahead: halves of its steps in turn, for a zone may have hundreds, and each row asks."""
    if len(steps) == 1:
        return f"'{steps[0][1]} seconds'"
    half = len(steps) // 2
    return f"CASE WHEN {time} < '{steps[half][0]}' THEN {_ahead(time, steps[:half])} ELSE {_ahead(time, steps[half:])} END"


def first_day(day: str, period: Period, calendar: Calendar = Calendar.GREGORIAN, weekday: int = 0) -> str:
    """SQL for the first day of the period that holds `day`, which is SQL for a date, best the name of a column: it comes several times.

    A week begins on `weekday`, 0 for Monday to 6 for Sunday. Months, quarters and years are those of the calendar. Those of the Solar Hijri
    calendar are exact from 1799 to 2123, as `period_start` is.
    """
    if period is Period.WEEK and weekday:
        return _back(day, f"(({_after(day, _MONDAY)} - {weekday}) % 7)")
    if calendar is Calendar.JALALI and period in _JALALI:
        return _back(day, _JALALI[period].format(_of_year(day)))
    return (_POSTGRES if postgres() else _SQLITE)[period].format(day)


def days_between(start: str, end: str) -> str:
    """SQL for the whole days from one date to another, both given as SQL."""
    return f"({end} - {start})" if postgres() else f"CAST(julianday({end}) - julianday({start}) AS INTEGER)"


def written(at: datetime.datetime) -> str:
    """SQL for a moment, to be compared with columns of times."""
    text = at.astimezone(datetime.UTC).isoformat(" ")
    return f"TIMESTAMPTZ '{text}'" if postgres() else f"'{text}'"


def days_later(time: str, days: int) -> str:
    """SQL for the moment so many times 24 hours after `time`, which is SQL for a time, best the name of a column: it comes twice."""
    # SQLite keeps times as text in UTC, and would lose what is less than a second.
    return f"({time} + INTERVAL '{days:d} days')" if postgres() else f"(date({time}, '+{days:d} days') || substr({time}, 11))"


def seconds_between(start: str, end: str) -> str:
    """SQL for the seconds from one time to another, both given as SQL; what is less than a second is left out of both."""
    # SQLite would round what is less than a second.
    whole = "CAST(floor(extract(epoch FROM {})) AS bigint)" if postgres() else "CAST(strftime('%s', substr({}, 1, 19)) AS INTEGER)"
    return f"({whole.format(end)} - {whole.format(start)})"


def _back(day: str, days: str) -> str:
    return f"({day} - {days})" if postgres() else f"date({day}, '-' || {days} || ' days')"


def _after(day: str, known: str) -> str:
    return days_between(f"DATE '{known}'" if postgres() else f"'{known}'", day)


def _of_year(day: str) -> str:
    """SQL for how many days of its Solar Hijri year are over.

    Of 33 years 8 are leap years, so that the year y + 1 begins on day floor((12053 y + 29) / 33), and day n lies in the year
    floor((33 n + 3) / 12053) + 1, both counted from the Nowruz of the year 1.
    """
    days = _after(day, _NOWRUZ)
    return f"({days} - (12053 * ((33 * {days} + 3) / 12053) + 29) / 33)"


_MONDAY = "1000-01-06"  # long ago, for what is left of a negative number is negative
_NOWRUZ = "0622-03-21"  # as 33 years make it; the one that was came a day later
# Six months have 31 days. Of the six others, which have 30, the last may be a day shorter, and the year ends with it.
_JALALI = {
    Period.MONTH: "(CASE WHEN {0} < 186 THEN {0} % 31 ELSE ({0} - 186) % 30 END)",
    Period.QUARTER: "(CASE WHEN {0} < 186 THEN {0} % 93 ELSE ({0} - 186) % 90 END)",
    Period.YEAR: "{0}",
}
_POSTGRES = {period: f"CAST(date_trunc('{period.value.lower()}', CAST({{0}} AS timestamp)) AS date)" for period in Period}
_SQLITE = {
    Period.DAY: "{0}",
    Period.WEEK: "date({0}, '-6 days', 'weekday 1')",
    Period.MONTH: "(substr({0}, 1, 8) || '01')",
    Period.QUARTER: "date({0}, 'start of month', '-' || ((CAST(strftime('%m', {0}) AS INTEGER) - 1) % 3) || ' months')",
    Period.YEAR: "(substr({0}, 1, 5) || '01-01')",
}


@cache
def offsets(zone: str) -> tuple[tuple[str, int], ...]:
    """From when (UTC, as SQLite keeps times) a zone has been so many seconds ahead of UTC, between 1970 and 2100.

    SQLite knows no zones. Raises Invalid for a zone that is not in the IANA database.
    """
    if zone not in _zones():
        raise Invalid(time_zone=f"'{zone[:40]}' is not a time zone of the IANA database")
    rules = zoneinfo.ZoneInfo(zone)

    def ahead(minute: int) -> int:
        offset = datetime.datetime.fromtimestamp(minute * 60, rules).utcoffset()
        return int(offset.total_seconds()) if offset else 0

    week, end = 7 * 24 * 60, 130 * 366 * 24 * 60
    steps = [("1970-01-01 00:00:00", ahead(0))]
    for start in range(0, end, week):
        before, after = ahead(start), ahead(start + week)
        if before != after:
            minute = start + bisect_left(range(week), True, key=lambda step, start=start, after=after: ahead(start + step) == after)
            steps.append((datetime.datetime.fromtimestamp(minute * 60, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S"), after))
    return tuple(steps)


@cache
def _zones() -> frozenset[str]:
    """The names of the IANA database; the files of a system hold more names, which PostgreSQL does not know."""
    return frozenset(zoneinfo.available_timezones()) - {"localtime", "Factory"}


def postgres() -> bool:
    """Whether the database at hand is PostgreSQL, which knows time zones and sums of any size."""
    return get_connection("default").capabilities.dialect == "postgres"
