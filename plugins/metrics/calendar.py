"""The periods of the Gregorian calendar between two days."""

import datetime
from collections.abc import Iterator

from core import Period

MONTHS = {Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}
DAYS = {Period.DAY: 1, Period.WEEK: 7}


def first_of(day: datetime.date, period: Period) -> datetime.date:
    """The first day of the period that holds `day`; of a week that is Monday."""
    if period is Period.DAY:
        return day
    if period is Period.WEEK:
        return day - datetime.timedelta(days=day.weekday())
    month = (day.month - 1) // MONTHS[period] * MONTHS[period] + 1
    return day.replace(month=month, day=1)


def last_of(first: datetime.date, period: Period) -> datetime.date:
    """The last day of the period that begins on `first`."""
    if period in DAYS:
        return first + datetime.timedelta(days=DAYS[period] - 1)
    years, month = divmod(first.month - 1 + MONTHS[period] - 1, 12)
    following = datetime.date(first.year + years, month + 1, 28) + datetime.timedelta(days=4)
    return following - datetime.timedelta(days=following.day)


def between(first: datetime.date, last: datetime.date, period: Period) -> Iterator[datetime.date]:
    """The first days of all periods that have a day from `first` to `last`."""
    start = first_of(first, period)
    while start <= last:
        yield start
        start = last_of(start, period) + datetime.timedelta(days=1)
