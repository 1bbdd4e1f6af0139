"""Days and periods of the Gregorian calendar in a time zone, as SQL for both databases."""

import datetime
import zoneinfo
from bisect import bisect_left
from enum import StrEnum
from functools import cache

from tortoise.connection import get_connection

from core.errors import Invalid


class Period(StrEnum):
    """A stretch of the Gregorian calendar; a group is named by its first day.

    DAY: from midnight to midnight.
    WEEK: from Monday to Sunday (ISO 8601).
    MONTH: a calendar month.
    QUARTER: three months, from January, April, July or October.
    YEAR: a calendar year.
    """

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


def local_day(time: str, zone: str) -> str:
    """SQL for the day of `time`, which is SQL for a time, in a zone. Raises Invalid for an unknown zone."""
    steps = offsets(zone)
    if postgres():
        return f"CAST({time} AT TIME ZONE '{zone}' AS date)"
    if len(steps) == 1:
        return f"date({time}, '{steps[0][1]} seconds')"
    cases = " ".join(f"WHEN {time} >= '{start}' THEN '{seconds} seconds'" for start, seconds in reversed(steps[1:]))
    return f"date({time}, CASE {cases} ELSE '{steps[0][1]} seconds' END)"


def first_day(day: str, period: Period) -> str:
    """SQL for the first day of the period that holds `day`, which is SQL for a date."""
    return (_POSTGRES if postgres() else _SQLITE)[period].format(day)


def days_between(start: str, end: str) -> str:
    """SQL for the whole days from one date to another, both given as SQL."""
    return f"({end} - {start})" if postgres() else f"CAST(julianday({end}) - julianday({start}) AS INTEGER)"


_POSTGRES = {period: f"CAST(date_trunc('{period.value.lower()}', CAST({{0}} AS timestamp)) AS date)" for period in Period}
_SQLITE = {
    Period.DAY: "date({0})",
    Period.WEEK: "date({0}, '-6 days', 'weekday 1')",
    Period.MONTH: "date({0}, 'start of month')",
    Period.QUARTER: "date({0}, 'start of month', '-' || ((CAST(strftime('%m', {0}) AS INTEGER) - 1) % 3) || ' months')",
    Period.YEAR: "date({0}, 'start of year')",
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
