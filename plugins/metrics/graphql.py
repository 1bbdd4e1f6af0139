"""The fields that metrics adds to the root type Query."""

import datetime
from typing import Annotated, TypeAlias

import strawberry

from core import Call, Filter, Period, key_of, permit
from core.models import Deal, Pipeline
from plugins.metrics.cycle import MetricsOutcome, sales_cycle
from plugins.metrics.funnel import stage_conversion
from plugins.metrics.question import MetricsDateField, MetricsDimension, Question
from plugins.metrics.shapes import MetricsSalesCycle, MetricsStageConversion, MetricsWinRate
from plugins.metrics.winrate import win_rate

Where: TypeAlias = Annotated[Filter | None, Deal, strawberry.argument(description="Only deals like this; deleted deals never count.")]
GroupBy: TypeAlias = Annotated[
    list[MetricsDimension] | None,
    strawberry.argument(description="What to put deals together by; one row of all deals when nothing is said, and no period."),
]
Length: TypeAlias = Annotated[
    Period | None,
    strawberry.argument(
        description="How long the periods are. There is a row for each from `from` to `to`, else from the first to the last with deals."
    ),
]
First: TypeAlias = Annotated[
    datetime.date | None,
    strawberry.argument(name="from", description="The first day, from midnight in `timeZone`; from 1970 on."),
]
Last: TypeAlias = Annotated[
    datetime.date | None,
    strawberry.argument(name="to", description="The last day, to midnight at its end in `timeZone`; until 2099."),
]
Zone: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="The IANA time zone whose days and periods are meant; that of the company when nothing is said."),
]
Dated: TypeAlias = Annotated[
    MetricsDateField,
    strawberry.argument(
        description="What `from`, `to` and `period` go by; deals without this time are left out where one of those is given."
    ),
]
Outcome: TypeAlias = Annotated[MetricsOutcome, strawberry.argument(description="Which deals are measured.")]
PipelineId: TypeAlias = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Global id of the pipeline; the first one, where new deals begin, when nothing is said."),
]


@strawberry.type(name="Query", extend=True)
class MetricsQuery:
    """Figures of the deals that the actor may see."""

    @strawberry.field(
        description="How many deals are won, of those that are won or lost: won / (won + lost). Only deals that you may see count."
        " Rows in the order of the names in their keys, then of time."
    )
    @permit("metrics.read")
    async def win_rate(
        self,
        info: strawberry.Info[Call],
        where: Where = None,
        group_by: GroupBy = None,
        period: Length = None,
        first: First = None,
        last: Last = None,
        time_zone: Zone = None,
        date_field: Dated = MetricsDateField.CLOSED_AT,
    ) -> list[MetricsWinRate] | None:
        """Win rate; see plugins.metrics.winrate."""
        return await win_rate(_question(info.context, where, group_by, period, first, last, time_zone, date_field))

    @strawberry.field(
        description="How many days deals take from `startedAt` to `closedAt`: the difference of the two dates in `timeZone`, in whole days."
        " Only deals that you may see count. Rows in the order of the names in their keys, then of time."
    )
    @permit("metrics.read")
    async def sales_cycle(
        self,
        info: strawberry.Info[Call],
        outcome: Outcome = MetricsOutcome.WON,
        where: Where = None,
        group_by: GroupBy = None,
        period: Length = None,
        first: First = None,
        last: Last = None,
        time_zone: Zone = None,
        date_field: Dated = MetricsDateField.CLOSED_AT,
    ) -> list[MetricsSalesCycle] | None:
        """Sales cycle; see plugins.metrics.cycle."""
        return await sales_cycle(_question(info.context, where, group_by, period, first, last, time_zone, date_field), outcome)

    @strawberry.field(
        description="How many deals of one pipeline reached each stage. A deal counts in the furthest stage in which it stands or, by its"
        " stage changes, ever stood, and in all before. Won deals have passed every open stage; lost ones count as far as they came, and"
        " being lost is no step. `from`, `to` and `period` go by `startedAt`. Only deals that you may see count. Rows in the order of the"
        " names in their keys, then of time; none without a pipeline."
    )
    @permit("metrics.read")
    async def stage_conversion(
        self,
        info: strawberry.Info[Call],
        pipeline_id: PipelineId = None,
        where: Where = None,
        group_by: GroupBy = None,
        period: Length = None,
        first: First = None,
        last: Last = None,
        time_zone: Zone = None,
    ) -> list[MetricsStageConversion] | None:
        """Stage conversion; see plugins.metrics.funnel."""
        call = info.context
        key = None if pipeline_id is None else key_of(call, Pipeline, pipeline_id, "pipeline_id")
        return await stage_conversion(_question(call, where, group_by, period, first, last, time_zone, MetricsDateField.STARTED_AT), key)


def _question(
    call: Call,
    where: Filter | None,
    group_by: list[MetricsDimension] | None,
    period: Period | None,
    first: datetime.date | None,
    last: datetime.date | None,
    zone: str | None,
    dated: MetricsDateField,
) -> Question:
    by = tuple(dict.fromkeys(group_by or ()))
    return Question(call, where, by, period, first, last, zone or call.crm.settings.company.time_zone, dated)
