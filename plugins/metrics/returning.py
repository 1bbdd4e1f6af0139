"""Repeat rate: which part of the customers comes back, how often, and after how long."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import strawberry

from core import Calendar, Call, days_between, permit
from core.fields import now
from plugins.metrics.answers import MetricsKey, MetricsPeriod
from plugins.metrics.common import Comparable, compared, days_said, zone_of
from plugins.metrics.counting import Cells, Counted
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone
from plugins.metrics.keys import Keys
from plugins.metrics.purchases import ActivityWhere, Customer, DealWhere, Events, EveryBy, Happening, events_of
from plugins.metrics.question import Question
from plugins.metrics.retention import share
from plugins.metrics.spans import spans
from plugins.metrics.statistics.intervals import wilson
from plugins.metrics.telling import period_of

DEFINITION = (
    "Customers with two events or more / customers with any, of the events of the days asked or, with a period, of each period by itself."
    " Won deals without a time of closing count where neither is asked for."
)


@strawberry.type(description="How many customers have so many events.")
class MetricsEventCount:
    """A number of events, and how often it occurs."""

    events: int = strawberry.field(description="How many events, from 1.")
    customers: int = strawberry.field(description="How many customers have just so many.")


@strawberry.type(description="How many customers came back.")
class MetricsRepeatRateRow:
    """A row of `repeatRate`."""

    key: MetricsKey = strawberry.field(description="The days, and what the first events of these customers have in common.")
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
        description="Mean time from an event of a customer to the next, in days: days / how many times an event with a time follows another"
        " one. Null without any."
    )
    distribution: list[MetricsEventCount] = strawberry.field(description="How many customers have how many events, by that number.")


@strawberry.type(description="Repeat rate.")
class MetricsRepeatRate(Comparable):
    """What all rows have in common."""

    rows: list[MetricsRepeatRateRow] = strawberry.field(description="The figures, in the order of the names in their keys, then of time.")


@strawberry.type(name="Query", extend=True)
class RepeatQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def repeat_rate(
        self, info: strawberry.Info[Call], customer: Customer = MetricsCustomer.CONTACT, event: Happening = None, where: DealWhere = None,
        activity_where: ActivityWhere = None, group_by: EveryBy = None, period: Length = None, first: First = None, last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN, time_zone: Zone = None,
    ) -> MetricsRepeatRate | None:  # fmt: skip
        """The rows."""
        moment = now()
        events = events_of(
            info.context, event, customer, where, activity_where, moment, group_by or [], period=period, calendar=calendar, first=first,
            last=last, zone=zone_of(info.context, time_zone),
        )  # fmt: skip

        async def answer(asked: Question) -> MetricsRepeatRate:
            asked_of = replace(events, question=asked, undated=event is None and not asked.by_time)
            return MetricsRepeatRate(**days_said(asked, DEFINITION, moment), rows=await _rows(asked_of))

        return await compared(events.question, answer)


async def _rows(events: Events) -> list[MetricsRepeatRateRow]:
    question = events.question
    found = await counted_events(events)
    keys = await Keys.of(question, [found])
    cells, rows = keys.merged(found), []
    for values, span in keys.rows(spans(question, [start for _, start in found if start])):
        key = MetricsKey(**keys.named(values), period=period_of(span) if span else None)
        rows.append(_row(key, cells.get((values, span.start if span and question.period else None), [])))
    return rows


async def counted_events(events: Events) -> Cells:
    """Customers by how many events they have in the days asked (`events`), with the days from the first to the last of these.

    gaps: how many times one with a day follows another.
    """
    question = events.question
    bounds = [f"'{question.first}' <= day" if question.first else "", f"day <= '{question.last}'" if question.last else ""]
    within = " AND ".join(one for one in bounds if one)
    whose = ", ".join(["customer", *(['"start"'] if question.period else []), *(["first_id"] if question.by else [])])
    parts = {
        **({"o": events.with_first} if question.by else {}),
        "c": f"SELECT {whose}, COUNT(*) AS events, {days_between('MIN(day)', 'MAX(day)')} AS days,"
        f" CASE WHEN COUNT(day) > 1 THEN COUNT(day) - 1 ELSE 0 END AS gaps FROM {'o' if question.by else 'e'}"
        f"{f' WHERE {within}' if within else ''} GROUP BY {whose}",
    }
    columns = {"events": "c.events", **({"start": 'c."start"'} if question.period else {})}
    everything = replace(events, question=replace(question, first=None, last=None))  # the days are cut before customers are counted
    return await everything.by_first(parts, columns, sums={"days": "c.days", "gaps": "c.gaps"})


def times_of(rows: Counted) -> Counter[int]:
    """How many customers have how many events."""
    counts = Counter[int]()
    for row in rows:
        counts[int(row["events"])] += int(row["n"])
    return counts


def _row(key: MetricsKey, rows: Counted) -> MetricsRepeatRateRow:
    counts, days, gaps = times_of(rows), *(sum(int(row[name] or 0) for row in rows) for name in ("days", "gaps"))
    customers, events = counts.total(), sum(number * times for number, times in counts.items())
    repeaters = customers - counts[1]
    between = wilson(repeaters, customers) if customers else None
    return MetricsRepeatRateRow(
        key=key, period=key.period, customers=customers, repeaters=repeaters, value=share(repeaters, customers),
        low=between and between[0], high=between and between[1], events=events, events_each=share(events, customers), days=Decimal(days),
        days_between=share(days, gaps),
        distribution=[MetricsEventCount(events=number, customers=times) for number, times in sorted(counts.items())],
    )  # fmt: skip
