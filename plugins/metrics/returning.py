"""Repeat rate: which part of the customers comes back, how often, and after how long."""

import datetime
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import strawberry

from core import Calendar, Call, days_between, permit
from core.fields import now
from plugins.metrics.answers import MetricsPeriod
from plugins.metrics.common import Comparable, compared, days_said
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone
from plugins.metrics.purchases import ActivityWhere, Customer, DealWhere, Events, Happening, events_of
from plugins.metrics.question import Question
from plugins.metrics.retention import share
from plugins.metrics.retention_counts import day_of
from plugins.metrics.spans import Span, spans
from plugins.metrics.statistics.intervals import wilson
from plugins.metrics.telling import period_of

DEFINITION = (
    "Customers with two events or more / customers with any, of the events of the days asked or, with a period, of each period by itself."
)


@strawberry.type(description="How many customers have so many events.")
class MetricsEventCount:
    """A number of events, and how often it occurs."""

    events: int = strawberry.field(description="How many events, from 1.")
    customers: int = strawberry.field(description="How many customers have just so many.")


@strawberry.type(description="How many customers came back.")
class MetricsRepeatRateRow:
    """A row of `repeatRate`."""

    period: MetricsPeriod | None = strawberry.field(description="The days of the events; null for all time.")
    customers: int = strawberry.field(description="Customers with an event: the denominator.")
    repeaters: int = strawberry.field(description="Customers with two events or more: the numerator.")
    value: float | None = strawberry.field(description="repeaters / customers, from 0 to 1. Null for 0 / 0.")
    low: float | None = strawberry.field(description="The lower end of the Wilson interval of 95 %. Null for 0 / 0.")
    high: float | None = strawberry.field(description="The upper end of it.")
    events: int = strawberry.field(description="All their events.")
    events_each: float | None = strawberry.field(description="events / customers. Null for 0 / 0.")
    days: Decimal = strawberry.field(description="Days from the first to the last event of each customer, summed up.")
    days_between: float | None = strawberry.field(
        description="Mean time from an event of a customer to the next, in days: days / (events - customers). Null without a second event."
    )
    distribution: list[MetricsEventCount] = strawberry.field(description="How many customers have how many events, by that number.")


@strawberry.type(description="Repeat rate.")
class MetricsRepeatRate(Comparable):
    """What all rows have in common."""

    rows: list[MetricsRepeatRateRow] = strawberry.field(description="One row, or one for each period.")


@strawberry.type(name="Query", extend=True)
class RepeatQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def repeat_rate(
        self, info: strawberry.Info[Call], customer: Customer = MetricsCustomer.CONTACT, event: Happening = None, where: DealWhere = None,
        activity_where: ActivityWhere = None, period: Length = None, first: First = None, last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN, time_zone: Zone = None,
    ) -> MetricsRepeatRate | None:  # fmt: skip
        """One row, or one for each period."""
        moment = now()
        events = events_of(
            info.context, event, customer, where, activity_where, moment, period=period, calendar=calendar, first=first, last=last,
            zone=time_zone or info.context.crm.settings.company.time_zone,
        )  # fmt: skip

        async def answer(asked: Question) -> MetricsRepeatRate:
            return MetricsRepeatRate(**days_said(asked, DEFINITION, moment), rows=await _rows(replace(events, question=asked)))

        return await compared(events.question, answer)


async def _rows(events: Events) -> list[MetricsRepeatRateRow]:
    question = events.question
    counts: dict[datetime.date | None, Counter[int]] = {}
    days: Counter[datetime.date | None] = Counter()
    for row in await events.select(_sql(events)):
        start = day_of(row["start"]) if question.period else None
        counts.setdefault(start, Counter())[int(row["events"])] += int(row["n"])
        days[start] += int(row["days"])
    rows = []
    for span in spans(question, [start for start in counts if start]):
        start = span.start if span and question.period else None
        rows.append(_row(span, counts.get(start, Counter()), days[start]))
    return rows


def _sql(events: Events) -> str:
    question = events.question
    bounds = [f"'{question.first}' <= day" if question.first else "", f"day <= '{question.last}'" if question.last else ""]
    within = " AND ".join(one for one in bounds if one)
    start = ', "start"' if question.period else ""
    return (
        f"SELECT events, COUNT(*) AS n, SUM(days) AS days{start} FROM (SELECT customer{start}, COUNT(*) AS events,"
        f" {days_between('MIN(day)', 'MAX(day)')} AS days FROM e{f' WHERE {within}' if within else ''} GROUP BY customer{start}) AS t"
        f" GROUP BY events{start}"
    )


def _row(span: Span | None, counts: Counter[int], days: int) -> MetricsRepeatRateRow:
    customers, events = counts.total(), sum(number * times for number, times in counts.items())
    repeaters = customers - counts[1]
    between = wilson(repeaters, customers) if customers else None
    return MetricsRepeatRateRow(
        period=period_of(span) if span else None, customers=customers, repeaters=repeaters, value=share(repeaters, customers),
        low=between and between[0], high=between and between[1], events=events, events_each=share(events, customers), days=Decimal(days),
        days_between=share(days, events - customers),
        distribution=[MetricsEventCount(events=number, customers=times) for number, times in sorted(counts.items())],
    )  # fmt: skip
