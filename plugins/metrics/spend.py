"""Money spent to win customers: what holds of it, and how much of it belongs to which days."""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from core import Call, Change, Filter, Invalid, demand, matching, period_end, period_start
from plugins.metrics.models import MetricsSpend
from plugins.metrics.question import DAY, EARLIEST, LATEST, Question, known_day

LONGEST = 366  # days

Spent = dict[tuple[str | None, datetime.date | None], Fraction]
"""Minor units by source, and by the first day of the period."""


async def check(call: Call, changes: Sequence[Change]) -> None:
    """Check money that was spent. Raises Invalid."""
    for change in changes:
        record = change.record
        if record.ends_on is None:
            change.put("ends_on", record.starts_on)
        known_day("starts_on", record.starts_on)
        if record.ends_on < record.starts_on:
            raise Invalid(ends_on="lies before startsOn")
        if (record.ends_on - record.starts_on).days >= LONGEST:
            raise Invalid(ends_on=f"makes more than {LONGEST} days; divide it")
        if record.amount < 0:
            raise Invalid(amount="must not be less than 0")


async def spent(question: Question, where: Filter | None, currency: str, by_source: bool) -> Spent:
    """How much was spent until today in the days asked for, by source, or all at None, and by period.

    Each of its days has the same part of an amount; fractions of minor units are kept.
    """
    demand(question.call, MetricsSpend, "amount", "starts_on", "ends_on", *(["source"] if by_source else []))
    first, last = question.first or EARLIEST, min(question.last or LATEST, question.today())
    rows = matching(question.call, MetricsSpend, where, "spend").filter(currency=currency, starts_on__lte=last, ends_on__gte=first)
    found: Spent = defaultdict(Fraction)
    if first > last:  # days that have not come yet
        return found
    for source, start, end, amount in await rows.values_list("source", "starts_on", "ends_on", "amount"):
        each = Fraction(amount, (end - start).days + 1)
        for period, days in _days(question, max(start, first), min(end, last)):
            found[source if by_source else None, period] += each * days
    return found


def _days(question: Question, first: datetime.date, last: datetime.date) -> list[tuple[datetime.date | None, int]]:
    """How many of these days lie in each period, by its first day."""
    if question.period is None:
        return [(None, (last - first).days + 1)]
    found: list[tuple[datetime.date | None, int]] = []
    while first <= last:
        start = period_start(first, question.period, question.calendar, question.weekday)
        end = min(period_end(start, question.period, question.calendar), last)
        found.append((start, (end - first).days + 1))
        first = end + DAY
    return found
