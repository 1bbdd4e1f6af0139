"""Cohort retention: customers by the period of their first event, and which part of them is there in the periods since."""

import datetime
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Annotated, Any

import strawberry

from core import Calendar, Call, Invalid, Period, days_between, period_end, period_starts, permit
from core.fields import now
from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import compared, days_said, zone_of
from plugins.metrics.counting import Cells
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone
from plugins.metrics.keys import Keys
from plugins.metrics.purchases import ActivityWhere, By, Customer, DealWhere, Events, Happening, events_of
from plugins.metrics.question import DAY, Question
from plugins.metrics.retention import LONGEST, share
from plugins.metrics.retention_answers import (
    MetricsBracket,
    MetricsCohort,
    MetricsCohortAverage,
    MetricsCohortAverageCell,
    MetricsCohortCell,
    MetricsCohorts,
    MetricsRetention,
)
from plugins.metrics.retention_counts import day_of, whole
from plugins.metrics.rollup import from_rollup
from plugins.metrics.spans import Span, spans
from plugins.metrics.telling import period_of

COHORT = (
    "Active customers / customers of the cohort. A cohort are the customers whose first event ever, of those that the filter lets count,"
    " lies in its period."
)
MOST_COLUMNS, LATEST_DAY = 100, 36_525


Definition = Annotated[MetricsRetention, strawberry.argument(description="What it means to be active in a column.")]
Columns = Annotated[
    int, strawberry.argument(description=f"The number of the last column, from 0 to {MOST_COLUMNS}. BRACKET has as many as brackets.")
]
Days = Annotated[int, strawberry.argument(description="Of N_DAY: how many days a column is long, from 1 to 366.")]
Brackets = Annotated[
    list[MetricsBracket] | None,
    strawberry.argument(description=f"Of BRACKET: the columns, which may overlap; from 1 to {MOST_COLUMNS}, like 1 to 7 and 8 to 30."),
]


@strawberry.type(name="Query", extend=True)
class CohortQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description=COHORT)
    @permit("metrics.read")
    async def cohorts(
        self, info: strawberry.Info[Call], definition: Definition = MetricsRetention.CALENDAR, columns: Columns = 12, days: Days = 1,
        brackets: Brackets = None, customer: Customer = MetricsCustomer.CONTACT, event: Happening = None, where: DealWhere = None,
        activity_where: ActivityWhere = None, group_by: By = None, period: Length = Period.MONTH, first: First = None, last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN, time_zone: Zone = None,
    ) -> MetricsCohorts | None:  # fmt: skip
        """The table."""
        moment = now()
        windows = _windows(definition, columns, days, brackets)
        events = events_of(
            info.context, event, customer, where, activity_where, moment, [group_by] if group_by else [],
            period=period or Period.MONTH, calendar=calendar, first=first, last=last,
            zone=zone_of(info.context, time_zone),
        )  # fmt: skip

        async def answer(asked: Question) -> MetricsCohorts:
            simple = event is None and group_by is None and definition is MetricsRetention.CALENDAR
            kept = await _kept(asked, customer) if simple else None
            rows, averages = await _table(replace(events, question=asked), definition, columns, windows, kept and kept[0])
            told = days_said(asked, f"{COHORT} {definition.value}", kept[1] if kept else moment)
            return MetricsCohorts(**told, rows=rows, averages=averages)

        return await compared(whole(events.question), answer)


Windows = Sequence[tuple[int, int]]
Active = dict[tuple[tuple[Any, ...], datetime.date], Counter[Any]]
ALL = -1


def _windows(definition: MetricsRetention, columns: int, days: int, brackets: list[MetricsBracket] | None) -> Windows:
    """The columns in days since the first event; none where they are periods. Raises Invalid."""
    if not 0 <= columns <= MOST_COLUMNS:
        raise Invalid(columns=f"must be between 0 and {MOST_COLUMNS}")
    if not 1 <= days <= 366:
        raise Invalid(days="must be between 1 and 366")
    if days != 1 and definition is not MetricsRetention.N_DAY:
        raise Invalid(days="is for N_DAY")
    if (brackets is not None) != (definition is MetricsRetention.BRACKET):
        raise Invalid(brackets="are for BRACKET, which needs them")
    if brackets is None:
        return [(column * days, column * days + days - 1) for column in range(columns + 1)] if definition is MetricsRetention.N_DAY else []
    if not 1 <= len(brackets) <= MOST_COLUMNS:
        raise Invalid(brackets=f"must be from 1 to {MOST_COLUMNS}")
    for place, one in enumerate(brackets):
        if not 0 <= one.first <= one.last <= LATEST_DAY:
            raise Invalid({f"brackets.{place}": f"must have 0 <= from <= to <= {LATEST_DAY}"})
    return [(one.first, one.last) for one in brackets]


async def _kept(question: Question, customer: MetricsCustomer) -> tuple[Cells, datetime.datetime] | None:
    """What the roll-up says of all purchases, and of which moment; None where it may not answer."""
    rolled = await from_rollup(replace(question, first=None, last=None), customer.name)
    if rolled is None:
        return None
    cells: Cells = defaultdict(list)
    for one in rolled.rows:
        within = (not question.first or question.first <= one.cohort_start) and (not question.last or one.cohort_start <= question.last)
        if within and one.period_start <= question.today():
            cells[(), one.cohort_start].append({"place": one.period_start, "n": one.customers})
    return cells, rolled.as_of


async def _table(
    events: Events, definition: MetricsRetention, columns: int, windows: Windows, kept: Cells | None
) -> tuple[list[MetricsCohort], list[MetricsCohortAverage]]:
    question = events.question
    found = kept
    if found is None:
        found = await events.by_first(_parts(question, definition, columns, windows), {"began": "c.began", "place": "c.place"})
    keys = await Keys.of(question, [found])
    active: Active = defaultdict(Counter)
    for (values, start), rows in keys.merged(found).items():
        for row in rows:
            if start is not None:
                active[values, start][int(row["place"]) if windows else day_of(row["place"])] += int(row["n"])
    stretches = [span for span in spans(question, [start for _, start in active]) if span]
    if len(stretches) * len(keys.values or [()]) > question.limit:
        raise Invalid(group_by=f"makes more than {question.limit} cohorts; filter more, group by less, or name from and to")
    if len(stretches) * len(keys.values) * (len(windows) or columns + 1) > question.cells:
        raise Invalid(columns=f"makes more than {question.cells} cells; ask for fewer columns, longer periods, or name from and to")
    cohorts, averages = [], []
    for values in keys.values:
        some = [_cohort(keys, values, span, active[values, span.start], definition, columns, windows) for span in stretches]
        cohorts += some
        averages.append(MetricsCohortAverage(key=MetricsKey(**keys.named(values)), cells=_average(some, len(windows) or columns + 1)))
    return cohorts, averages


def _parts(question: Question, definition: MetricsRetention, columns: int, windows: Windows) -> dict[str, str]:
    """A row of `c` for each customer and column in which it is active: `place` is the column, or the first day of the period."""
    first = ", ".join(f"FIRST_VALUE({of}) OVER w AS {name}" for of, name in (("id", "first_id"), ("day", "began"), ('"start"', "cohort")))
    firsts = f'SELECT customer, day, "start", {first} FROM e WINDOW w AS (PARTITION BY customer ORDER BY at, id)'
    since = days_between("began", "day")
    if definition is MetricsRetention.UNBOUNDED:
        return {"o": firsts, "c": 'SELECT customer, first_id, began, MAX("start") AS place FROM o GROUP BY customer, first_id, began'}
    if not windows:
        near = f"{days_between('cohort', 'start')} <= {columns * LONGEST[question.period or Period.MONTH]}"
        return {"o": firsts, "c": f'SELECT DISTINCT customer, first_id, began, "start" AS place FROM o WHERE {near}'}
    last = max(end for _, end in windows)
    days = f"SELECT customer, first_id, began, {since} AS since FROM o"
    if definition is MetricsRetention.N_DAY:
        place = f"since / {windows[0][1] + 1} AS place"
        return {"o": firsts, "s": days, "c": f"SELECT DISTINCT customer, first_id, began, {place} FROM s WHERE since <= {last}"}
    every = [f"SELECT {place} AS place, {low} AS low, {high} AS high" for place, (low, high) in enumerate([(0, 0), *windows], ALL)]
    return {
        "o": firsts, "s": days, "v": " UNION ALL ".join(every),
        "c": f"SELECT DISTINCT customer, first_id, began, place FROM s JOIN v ON since BETWEEN low AND high WHERE since <= {last}",
    }  # fmt: skip


def _cohort(
    keys: Keys, values: tuple[Any, ...], span: Span, active: Counter[Any], definition: MetricsRetention, columns: int, windows: Windows
) -> MetricsCohort:
    question, today = keys.question, keys.question.today()
    size = _size(active, span, definition)
    days = [Span(span.start + low * DAY, span.end + high * DAY) for low, high in windows] if windows else _periods(question, span, columns)
    counts = [active[place] for place in range(len(windows))] if windows else [active[one.start] for one in days]
    if definition is MetricsRetention.UNBOUNDED:
        counts = list(_or_later(active, [one.start for one in days]))
    cells = [
        MetricsCohortCell(
            column=place, start=one.start, end=one.end, size=size, active=number, rate=share(number, size), complete=one.end < today
        )
        for place, (one, number) in enumerate(zip(days, counts, strict=True))
        if one.start <= today
    ]
    return MetricsCohort(key=MetricsKey(**keys.named(values), period=period_of(span)), size=size, cells=cells)


def _size(active: Counter[Any], span: Span, definition: MetricsRetention) -> int:
    match definition:
        case MetricsRetention.BRACKET:
            return active[ALL]
        case MetricsRetention.N_DAY:
            return active[0]
        case MetricsRetention.UNBOUNDED:
            return active.total()
        case MetricsRetention.CALENDAR:
            return active[span.start]


def _or_later(active: Counter[Any], starts: Sequence[datetime.date]) -> Iterator[int]:
    """How many were seen last at each of these times or later."""
    left, seen = active.total(), deque(sorted(active.items()))
    for start in starts:
        while seen and seen[0][0] < start:
            left -= seen.popleft()[1]
        yield left


def _periods(question: Question, span: Span, columns: int) -> list[Span]:
    period, calendar, today = question.period or Period.MONTH, question.calendar, question.today()
    starts = islice(period_starts(span.start, today, period, calendar, question.weekday), columns + 1)
    return [Span(start, period_end(start, period, calendar)) for start in starts]


def _average(cohorts: Sequence[MetricsCohort], columns: int) -> list[MetricsCohortAverageCell]:
    cells: list[list[MetricsCohortCell]] = [[] for _ in range(columns)]
    for one in cohorts:
        for cell in one.cells:
            if cell.complete and cell.size:
                cells[cell.column].append(cell)
    sums = [(len(some), sum(one.size for one in some), sum(one.active for one in some)) for some in cells]
    return [
        MetricsCohortAverageCell(column=place, cohorts=number, size=size, active=active, rate=share(active, size))
        for place, (number, size, active) in enumerate(sums)
    ]
