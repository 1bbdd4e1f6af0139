"""Customer retention: who of the customers of one period is there in the next."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import strawberry

from core import Calendar, Call, Period, days_between, permit
from core.fields import now
from plugins.metrics.answers import MetricsKey, MetricsPeriod
from plugins.metrics.common import Comparable, compared, days_said, zone_of
from plugins.metrics.counting import Cells, Counted
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone
from plugins.metrics.keys import Keys
from plugins.metrics.purchases import ActivityWhere, Customer, DealWhere, Events, EveryBy, Happening, events_of
from plugins.metrics.question import Question
from plugins.metrics.retention_counts import whole
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

    key: MetricsKey = strawberry.field(description="The period, and what the first events of these customers have in common.")
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

    rows: list[MetricsCustomerRetentionRow] = strawberry.field(
        description="The figures, in the order of the names in their keys, then of time."
    )


@strawberry.type(name="Query", extend=True)
class RetentionQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def customer_retention(
        self, info: strawberry.Info[Call], customer: Customer = MetricsCustomer.CONTACT, event: Happening = None, where: DealWhere = None,
        activity_where: ActivityWhere = None, group_by: EveryBy = None, period: Length = Period.MONTH, first: First = None,
        last: Last = None, calendar: Reckoning = Calendar.GREGORIAN, time_zone: Zone = None,
    ) -> MetricsCustomerRetention | None:  # fmt: skip
        """The rows, one for each period."""
        moment = now()
        events = events_of(
            info.context, event, customer, where, activity_where, moment, group_by or [], period=period or Period.MONTH, calendar=calendar,
            first=first, last=last, zone=zone_of(info.context, time_zone),
        )  # fmt: skip

        async def answer(asked: Question) -> MetricsCustomerRetention:
            kept = await returned_from_rollup(asked, customer.name) if event is None and not asked.by else None
            cells = _of_rollup(asked, kept[0]) if kept else await _of_events(replace(events, question=asked))
            rows = _rows(await Keys.of(asked, [cells]), cells)
            return MetricsCustomerRetention(**days_said(asked, DEFINITION, kept[1] if kept else moment), rows=rows)

        return await compared(whole(events.question), answer)


async def _of_events(events: Events) -> Cells:
    """How many customers came how, by the keys of their first events and by period: those asked, and the one before them."""
    question = events.question
    earlier = before(question, Span(question.first, question.first)) if question.first else None
    events = replace(events, question=replace(question, first=earlier.start if earlier else question.first))
    columns = {"start": 'c."start"', "began": 'c."start"', "how": "c.how"}
    return await events.by_first(_parts(events, question.period or Period.MONTH), columns)


def _of_rollup(question: Question, rows: Sequence[Returned]) -> Cells:
    cells: Cells = defaultdict(list)
    for one in rows:
        near = one.before and (one.start - one.before).days <= LONGEST[question.period or Period.MONTH]
        if one.start <= question.today():
            how = FIRST if one.before is None else KEPT if near else BACK
            cells[(), one.start].append({"how": how, "n": one.customers})
    return cells


def _parts(events: Events, period: Period) -> dict[str, str]:
    """A row of `b` for each customer and period with an event: how it came there."""
    near = f"{days_between('before', 'start')} <= {LONGEST[period]}"
    how = f"CASE WHEN before IS NULL THEN '{FIRST}' WHEN {near} THEN '{KEPT}' ELSE '{BACK}' END"
    earlier = 'LAG("start") OVER (PARTITION BY customer ORDER BY "start") AS before'
    first, source = (", first_id", "o") if events.question.by else ("", "e")
    return {
        **({"o": events.with_first} if first else {}),
        "a": f'SELECT DISTINCT customer, "start"{first} FROM {source}',
        "b": f'SELECT "start", {how} AS how{first} FROM (SELECT "start", {earlier}{first} FROM a) AS t',
    }


def _rows(keys: Keys, found: Cells) -> list[MetricsCustomerRetentionRow]:
    question, cells = keys.question, keys.merged(found)
    rows = []
    for values, span in keys.rows(spans(question, [start for _, start in found if start])):
        if span is not None:
            key = MetricsKey(**keys.named(values), period=period_of(span))
            earlier = before(question, span)
            there, here = (_counts(cells.get((values, one.start), [])) if one else Counter[str]() for one in (earlier, span))
            rows.append(_row(key, there.total(), here, span))
    return rows


def _counts(rows: Counted) -> Counter[str]:
    counts = Counter[str]()
    for row in rows:
        counts[row["how"]] += int(row["n"])
    return counts


def _row(key: MetricsKey, active: int, here: Counter[str], this: Span) -> MetricsCustomerRetentionRow:
    retained, back, first = (here[how] for how in (KEPT, BACK, FIRST))
    customers = retained + back + first
    between = wilson(retained, active) if active else None
    return MetricsCustomerRetentionRow(
        key=key, period=period_of(this), before=active, customers=customers, newcomers=back + first, retained=retained,
        lost=active - retained, first_ever=first, reactivated=back, value=share(retained, active), low=between and between[0],
        high=between and between[1], churn=share(active - retained, active), returning=retained + back,
        returning_share=share(retained + back, customers),
    )  # fmt: skip


async def retained(events: Events) -> tuple[int, int]:
    """How many customers have an event in the days asked and in as many days before, and how many in those before; 0 before 1970."""
    question = replace(events.question, period=None)
    assert question.first is not None and question.last is not None, "days are asked"
    earlier = before(question, Span(question.first, question.last))
    if earlier is None:
        return 0, 0
    was, here = (f"MAX(CASE WHEN day {how} '{question.first}' THEN 1 ELSE 0 END)" for how in ("<", ">="))
    within = f"'{earlier.start}' <= day AND day <= '{question.last}'"
    customers = f"SELECT customer, {was} AS was, {here} AS here FROM e WHERE {within} GROUP BY customer"
    sql = f"SELECT COUNT(*) AS was, SUM(here) AS here FROM ({customers}) AS c WHERE was = 1"
    (row,) = await replace(events, question=question).select(sql)
    return int(row["here"] or 0), int(row["was"])


def share(part: int, of: int) -> float | None:
    """part / of; None of nothing."""
    return part / of if of else None
