"""Sales cycle: the days from the start of a deal to its close."""

from collections import Counter
from enum import Enum
from fractions import Fraction
from typing import Annotated

import strawberry
from tortoise.expressions import Subquery

from core import Calendar, Call, days_between, local_day, permit, visible
from core.models import Deal, Stage, StageKind
from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import ByDeals, Comparable, OfDeals, compared, days_said, grouped, zone_of
from plugins.metrics.counting import Cells, Counted, counted
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone, chosen
from plugins.metrics.quantiles import mean, quantile
from plugins.metrics.question import Question

DEFINITION = (
    "The days from the day on which work on a deal began to the day on which it was closed, both in the time zone; of deals that have both,"
    " by the time at which they were closed. Quantiles are interpolated linearly between the two nearest (percentile_cont)."
)


@strawberry.enum(description="How deals ended.")
class MetricsOutcome(Enum):
    """The deals whose days are measured."""

    WON = strawberry.enum_value("WON", description="Deals in a won stage.")
    LOST = strawberry.enum_value("LOST", description="Deals in a lost stage.")
    CLOSED = strawberry.enum_value("CLOSED", description="Deals won or lost.")


KINDS = {
    MetricsOutcome.WON: [StageKind.WON],
    MetricsOutcome.LOST: [StageKind.LOST],
    MetricsOutcome.CLOSED: [StageKind.WON, StageKind.LOST],
}


@strawberry.type(description="How long some deals took, in whole days.")
class MetricsSalesCycleRow:
    """A row of `salesCycle`."""

    key: MetricsKey = strawberry.field(description="Which deals these figures are about.")
    deals: int = strawberry.field(description="How many deals were measured.")
    mean: float | None = strawberry.field(description="Arithmetic mean. Null without deals.")
    median: float | None = strawberry.field(description="Half of the deals took at most so many days. Null without deals.")
    p25: float | None = strawberry.field(description="A quarter of the deals took at most so many days. Null without deals.")
    p75: float | None = strawberry.field(description="Three quarters took at most so many days. Null without deals.")
    p90: float | None = strawberry.field(description="Nine tenths took at most so many days. Null without deals.")
    min: int | None = strawberry.field(description="The shortest. Null without deals.")
    max: int | None = strawberry.field(description="The longest. Null without deals.")


@strawberry.type(description="How long deals take.")
class MetricsSalesCycle(Comparable):
    """The answer of `salesCycle`."""

    rows: list[MetricsSalesCycleRow] = strawberry.field(description="The figures, in the order of the names in their keys, then of time.")


@strawberry.type(name="Query", extend=True)
class SalesCycleQuery:
    """How long deals take."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def sales_cycle(
        self,
        info: strawberry.Info[Call],
        outcome: Annotated[MetricsOutcome, strawberry.argument(description="Which deals are measured.")] = MetricsOutcome.WON,
        where: OfDeals = None,
        group_by: ByDeals = None,
        period: Length = None,
        first: First = None,
        last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN,
        time_zone: Zone = None,
    ) -> MetricsSalesCycle | None:
        """Counts deals by their days; mean and quantiles come from how often each number occurs."""
        call = info.context
        tells = {Deal: ("stage", "started_at", "closed_at"), Stage: ("kind",)}
        zone = zone_of(call, time_zone)
        question = Question(call, Deal, where, chosen(Deal, group_by), period, calendar, first, last, zone, tells)
        return await compared(question, lambda asked: _answer(asked, outcome))


async def _answer(question: Question, outcome: MetricsOutcome) -> MetricsSalesCycle:
    rows = [_row(key, some) for key, some in await grouped(question, await counted_days(question, KINDS[outcome]))]
    return MetricsSalesCycle(**days_said(question, DEFINITION), rows=rows)


async def counted_days(question: Question, kinds: list[StageKind]) -> Cells:
    """How many deals (`n`) of these kinds of stage took how many `days`, by the keys of the question."""
    stages = visible(question.call, Stage, deleted=True).filter(kind__in=kinds)
    deals = question.rows("closed_at").filter(started_at__isnull=False, closed_at__isnull=False, stage_id__in=Subquery(stages.values("id")))
    days = days_between(local_day('d."started_at"', question.zone), local_day('d."closed_at"', question.zone))
    return await counted(question, "closed_at", {"n": "1"}, {"days": days}, rows=deals)


def _row(key: MetricsKey, rows: Counted) -> MetricsSalesCycleRow:
    days: Counter[int] = Counter()
    for row in rows:
        days[row["days"]] += row["n"]
    p25, median, p75, p90 = (quantile(days, Fraction(percent, 100)) for percent in (25, 50, 75, 90))
    return MetricsSalesCycleRow(
        key=key, deals=days.total(), mean=mean(days), median=median, p25=p25, p75=p75, p90=p90, min=min(days, default=None),
        max=max(days, default=None),
    )  # fmt: skip
