"""Calendars, and the periods that a day lies in: months, quarters and years as the Gregorian and the Solar Hijri calendar have them."""

import datetime
import zoneinfo
from collections.abc import Iterator
from enum import StrEnum

from persiantools.jdatetime import JalaliDate


class Calendar(StrEnum):
    """By which days are counted as months, quarters and years.

    GREGORIAN: The Gregorian calendar.
    JALALI: The Solar Hijri calendar of Iran, whose year begins with Nowruz; its quarters are the seasons.
    """

    GREGORIAN = "GREGORIAN"
    JALALI = "JALALI"

    def parts(self, day: datetime.date) -> tuple[int, int, int]:
        """Year, month and day of the month by which this calendar calls a day."""
        named = JalaliDate.to_jalali(day.year, day.month, day.day) if self is Calendar.JALALI else day
        return named.year, named.month, named.day

    def date(self, year: int, month: int, day: int) -> datetime.date:
        """The day that this calendar calls so. Raises ValueError where it has none, as on 30 Esfand of a common year."""
        return JalaliDate(year, month, day).to_gregorian() if self is Calendar.JALALI else datetime.date(year, month, day)


class Period(StrEnum):
    """A stretch of the calendar, of the Gregorian one where nothing else is said; a group is named by its first day.

    DAY: from midnight to midnight.
    WEEK: from Monday to Sunday (ISO 8601) where nothing else is said.
    MONTH: a calendar month.
    QUARTER: three months, the first of them January, April, July or October.
    YEAR: a calendar year.
    """

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


MONTHS = {Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}
DAYS = {Period.DAY: 1, Period.WEEK: 7}


def period_start(day: datetime.date, period: Period, calendar: Calendar = Calendar.GREGORIAN, weekday: int = 0) -> datetime.date:
    """The first day of the period that holds `day`. A week begins on `weekday`, 0 for Monday to 6 for Sunday."""
    if period is Period.DAY:
        return day
    if period is Period.WEEK:
        return day - datetime.timedelta(days=(day.weekday() - weekday) % 7)
    year, month, _ = calendar.parts(day)
    return calendar.date(year, (month - 1) // MONTHS[period] * MONTHS[period] + 1, 1)


def period_end(start: datetime.date, period: Period, calendar: Calendar = Calendar.GREGORIAN) -> datetime.date:
    """The last day of the period that begins on `start`."""
    if period in DAYS:
        return start + datetime.timedelta(days=DAYS[period] - 1)
    year, month, _ = calendar.parts(start)
    years, before = divmod(month - 1 + MONTHS[period], 12)
    return calendar.date(year + years, before + 1, 1) - datetime.timedelta(days=1)


def period_starts(
    first: datetime.date, last: datetime.date, period: Period, calendar: Calendar = Calendar.GREGORIAN, weekday: int = 0
) -> Iterator[datetime.date]:
    """The first days of all periods that have a day from `first` to `last`."""
    start = period_start(first, period, calendar, weekday)
    while start <= last:
        yield start
        start = period_end(start, period, calendar) + datetime.timedelta(days=1)


def day_begins(day: datetime.date, zone: str) -> datetime.datetime:
    """The first moment of a day in a time zone, in UTC; where clocks skip midnight, that is when they skip it."""
    return datetime.datetime.combine(day, datetime.time(), zoneinfo.ZoneInfo(zone)).astimezone(datetime.UTC)
