"""Customer retention: who of the customers of one period is there in the next."""

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import strawberry

from core import Calendar, Call, Period, days_between, permit
from core.fields import now
from plugins.metrics.answers import MetricsPeriod
from plugins.metrics.common import Comparable, compared, days_said
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone
from plugins.metrics.purchases import ActivityWhere, Customer, DealWhere, Events, Happening, events_of
from plugins.metrics.question import Question
from plugins.metrics.retention_counts import day_of, whole
from plugins.metrics.rollup import Returned, returned_from_rollup
from plugins.metrics.spans import Span, before, spans
from plugins.metrics.statistics.intervals import wilson
from plugins.metrics.telling import period_of

DEFINITION = (
    "Of the customers with an event in the period before (S), those with one in this period as well (E - N): CRR = (E - N) / S, where E are"
    " the customers with an event in this period, and N those of them without one in the period before. Churn = 1 - CRR."
)
# No two periods that do not touch begin so few days apart.
LONGEST = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31, Period.QUARTER: 93, Period.YEAR: 366}
KEPT, BACK, FIRST = "KEPT", "BACK", "FIRST"


@strawberry.type(description="How many of the customers of the period before are there in this one.")
class MetricsCustomerRetentionRow:
    """A row of `customerRetention`."""

    period: MetricsPeriod = strawberry.field(description="The period; always a whole one.")
    before: int = strawberry.field(description="S: customers with an event in the period before. The denominator of `value`.")
    customers: int = strawberry.field(description="E: customers with an event in this period.")
    newcomers: int = strawberry.field(description="N: customers with an event in this period and none in the period before.")
    retained: int = strawberry.field(description="E - N: customers with an event in both. The numerator of `value`.")
    lost: int = strawberry.field(description="S - (E - N): customers with an event in the period before and none in this one.")
    first_ever: int = strawberry.field(description="Those of N that never had an event before.")
    reactivated: int = strawberry.field(description="Those of N that had an event once before: N - `firstEver`.")
    value: float | None = strawberry.field(description="CRR = (E - N) / S, from 0 to 1. Null for 0 / 0.")
    low: float | None = strawberry.field(description="The lower end of the Wilson interval of 95 % of it. Null for 0 / 0.")
    high: float | None = strawberry.field(description="The upper end of it.")
    churn: float | None = strawberry.field(description="1 - CRR = `lost` / S. Null for 0 / 0.")
    returning: int = strawberry.field(description="Customers of this period that had an event in any period before: E - `firstEver`.")
    returning_share: float | None = strawberry.field(description="`returning` / E. Null for 0 / 0.")


@strawberry.type(description="Customer retention by period.")
class MetricsCustomerRetention(Comparable):
    """What all rows have in common."""

    rows: list[MetricsCustomerRetentionRow] = strawberry.field(description="The periods, in their order.")


@strawberry.type(name="Query", extend=True)
class RetentionQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def customer_retention(
        self, info: strawberry.Info[Call], customer: Customer = MetricsCustomer.CONTACT, event: Happening = None, where: DealWhere = None,
        activity_where: ActivityWhere = None, period: Length = Period.MONTH, first: First = None, last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN, time_zone: Zone = None,
    ) -> MetricsCustomerRetention | None:  # fmt: skip
        """The rows, one for each period."""
        moment = now()
        events = events_of(
            info.context, event, customer, where, activity_where, moment, period=period or Period.MONTH, calendar=calendar,
            first=first, last=last, zone=time_zone or info.context.crm.settings.company.time_zone,
        )  # fmt: skip

        async def answer(asked: Question) -> MetricsCustomerRetention:
            kept = await returned_from_rollup(asked, customer.name) if event is None else None
            counts = _of_rollup(asked, kept[0]) if kept else await _of_events(replace(events, question=asked))
            return MetricsCustomerRetention(**days_said(asked, DEFINITION, kept[1] if kept else moment), rows=_rows(asked, counts))

        return await compared(whole(events.question), answer)


Counts = Counter[tuple[datetime.date | None, str]]


async def _of_events(events: Events) -> Counts:
    counts: Counts = Counter()
    sql = 'SELECT "start", how, COUNT(*) AS n FROM b GROUP BY "start", how'
    for row in await events.select(sql, _parts(events.question.period or Period.MONTH)):
        counts[day_of(row["start"]), row["how"]] = int(row["n"])
    return counts


def _of_rollup(question: Question, rows: Sequence[Returned]) -> Counts:
    counts: Counts = Counter()
    for one in rows:
        near = one.before and (one.start - one.before).days <= LONGEST[question.period or Period.MONTH]
        if one.start <= question.today():
            counts[one.start, FIRST if one.before is None else KEPT if near else BACK] += one.customers
    return counts


def _rows(question: Question, counts: Counts) -> list[MetricsCustomerRetentionRow]:
    found = [span for span in spans(question, [start for start, _ in counts if start]) if span]
    if not found:
        return []
    earlier = before(question, found[0])
    return [_row(counts, one, this) for one, this in zip([earlier, *found], found, strict=False)]


def _parts(period: Period) -> dict[str, str]:
    """A row of `b` for each customer and period with an event: how it came there."""
    near = f"{days_between('before', 'start')} <= {LONGEST[period]}"
    how = f"CASE WHEN before IS NULL THEN '{FIRST}' WHEN {near} THEN '{KEPT}' ELSE '{BACK}' END"
    earlier = 'LAG("start") OVER (PARTITION BY customer ORDER BY "start") AS before'
    return {
        "a": 'SELECT DISTINCT customer, "start" FROM e',
        "b": f'SELECT "start", {how} AS how FROM (SELECT "start", {earlier} FROM a) AS t',
    }


def _row(counts: Counter[tuple[datetime.date | None, str]], earlier: Span | None, this: Span) -> MetricsCustomerRetentionRow:
    start = earlier.start if earlier else None
    active = sum(counts[start, how] for how in (KEPT, BACK, FIRST))
    retained, back, first = (counts[this.start, how] for how in (KEPT, BACK, FIRST))
    customers = retained + back + first
    between = wilson(retained, active) if active else None
    return MetricsCustomerRetentionRow(
        period=period_of(this), before=active, customers=customers, newcomers=back + first, retained=retained, lost=active - retained,
        first_ever=first, reactivated=back, value=share(retained, active), low=between and between[0], high=between and between[1],
        churn=share(active - retained, active), returning=retained + back, returning_share=share(retained + back, customers),
    )  # fmt: skip


def share(part: int, of: int) -> float | None:
    """part / of; None of nothing."""
    return part / of if of else None
