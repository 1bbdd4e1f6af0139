"""Sales cycle: the days from the start of a deal to its close."""

from collections import Counter
from enum import Enum
from fractions import Fraction

import strawberry
from tortoise.expressions import Subquery

from core import days_between, local_day, visible
from core.models import Stage, StageKind
from plugins.metrics.groups import Group, groups
from plugins.metrics.quantiles import mean, quantile
from plugins.metrics.question import Question
from plugins.metrics.shapes import MetricsSalesCycle
from plugins.metrics.tally import tally


@strawberry.enum(description="How deals ended.")
class MetricsOutcome(Enum):
    """The deals whose days are measured."""

    WON = strawberry.enum_value("won", description="Deals in a won stage.")
    LOST = strawberry.enum_value("lost", description="Deals in a lost stage.")
    CLOSED = strawberry.enum_value("closed", description="Deals won or lost.")


KINDS = {
    MetricsOutcome.WON: [StageKind.WON],
    MetricsOutcome.LOST: [StageKind.LOST],
    MetricsOutcome.CLOSED: [StageKind.WON, StageKind.LOST],
}


async def sales_cycle(question: Question, outcome: MetricsOutcome) -> list[MetricsSalesCycle]:
    """How many days deals with this outcome took, from the day of their start to that of their close."""
    stages = visible(question.call, Stage, deleted=True).filter(kind__in=KINDS[outcome])
    deals = question.deals().filter(started_at__isnull=False, closed_at__isnull=False, stage_id__in=Subquery(stages.values("id")))
    days = days_between(local_day('d."started_at"', question.zone), local_day('d."closed_at"', question.zone))
    return [_figures(group) for group in await groups(question, await tally(question, deals, {"days": days}))]


def _figures(group: Group) -> MetricsSalesCycle:
    days: Counter[int] = Counter()
    for row in group.rows:
        days[row["days"]] += row["n"]
    p25, median, p75, p90 = (quantile(days, Fraction(percent, 100)) for percent in (25, 50, 75, 90))
    return MetricsSalesCycle(
        key=group.key,
        deals=days.total(),
        mean=mean(days),
        median=median,
        p25=p25,
        p75=p75,
        p90=p90,
        min=min(days, default=None),
        max=max(days, default=None),
    )
