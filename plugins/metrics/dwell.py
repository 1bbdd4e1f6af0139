"""Stage dwell: how long deals stand in each stage."""

import datetime
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import strawberry

from core import Calendar, Call, day_begins, local_day, permit, visible
from core.models import Deal, DealStageChange, Pipeline, Stage, StageKind
from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import ByDeals, Comparable, OfDeals, compared, days_said, grouped, zone_of
from plugins.metrics.counting import Cells, Counted, counted
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone, chosen
from plugins.metrics.quantiles import mean, quantile
from plugins.metrics.question import DAY, Question
from plugins.metrics.stages import PipelineId, chosen_pipeline, stages_of

DEFINITION = (
    "The days for which deals of one pipeline stood in each open stage, by the time at which they came there: each stay counts, also where"
    " a deal came back. Stays that are not over are counted apart, for of them it is only known that they are at least so long. Quantiles"
    " are interpolated linearly between the two nearest, of stays to the minute where they are shorter than a day, else to the hour."
)
# Rounded down, for as many rows as there are seconds would be too many.
GRAIN = "CASE WHEN f.seconds < 86400 THEN f.seconds / 60 * 60 ELSE f.seconds / 3600 * 3600 END"
SECONDS = 86_400  # of a day
TELLS = {Deal: ("pipeline",), Stage: ("position",), DealStageChange: ("to_stage", "changed_at", "seconds")}


@strawberry.type(description="How long deals stood in a stage, in days.")
class MetricsStageStay:
    """A stage in a row of `stageDwell`."""

    stage: Stage = strawberry.field(description="The stage.")
    stays: int = strawberry.field(description="How many stays are over.")
    mean: float | None = strawberry.field(description="Arithmetic mean of those, exact to the second. Null without any.")
    median: float | None = strawberry.field(description="Half of them were at most so long. Null without any.")
    p25: float | None = strawberry.field(description="A quarter of them were at most so long. Null without any.")
    p75: float | None = strawberry.field(description="Three quarters were at most so long. Null without any.")
    p90: float | None = strawberry.field(description="Nine tenths were at most so long. Null without any.")
    still: int = strawberry.field(description="How many stays are not over: deals that stand here now.")
    still_mean: float | None = strawberry.field(description="Mean of the whole days since these came here. Null without any.")
    still_median: float | None = strawberry.field(description="Median of the whole days since these came here. Null without any.")


@strawberry.type(description="How long some deals stood in each stage.")
class MetricsStageDwellRow:
    """A row of `stageDwell`."""

    key: MetricsKey = strawberry.field(description="Which deals these figures are about. Its period is that in which they came to a stage.")
    stages: list[MetricsStageStay] = strawberry.field(description="The open stages in the order of their positions.")


@strawberry.type(description="How long deals stand in the stages of a pipeline.")
class MetricsStageDwell(Comparable):
    """The answer of `stageDwell`."""

    pipeline: Pipeline | None = strawberry.field(description="The pipeline; null when there is none, and then there are no rows.")
    rows: list[MetricsStageDwellRow] = strawberry.field(description="The figures, in the order of the names in their keys, then of time.")


@strawberry.type(name="Query", extend=True)
class StageDwellQuery:
    """How long deals stand in each stage."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def stage_dwell(
        self,
        info: strawberry.Info[Call],
        pipeline_id: PipelineId = None,
        where: OfDeals = None,
        group_by: ByDeals = None,
        period: Length = None,
        first: First = None,
        last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN,
        time_zone: Zone = None,
    ) -> MetricsStageDwell | None:
        """Counts stays by stage and length; raises NotFound for a pipeline that is not there."""
        call = info.context
        zone = zone_of(call, time_zone)
        question = Question(call, Deal, where, chosen(Deal, group_by), period, calendar, first, last, zone, TELLS)
        pipeline = await chosen_pipeline(call, pipeline_id)
        return await compared(question, lambda asked: _answer(asked, pipeline))


async def _answer(question: Question, pipeline: Pipeline | None) -> MetricsStageDwell:
    rows = await _rows(question, pipeline) if pipeline else []
    return MetricsStageDwell(**days_said(question, DEFINITION), pipeline=pipeline, rows=rows)


def changes_within(question: Question) -> Any:
    """The stage changes of the days asked, as a queryset."""
    rows = visible(question.call, DealStageChange)
    if question.first is not None:
        rows = rows.filter(changed_at__gte=day_begins(question.first, question.zone))
    if question.last is not None:
        rows = rows.filter(changed_at__lt=day_begins(question.last + DAY, question.zone))
    return rows


async def _rows(question: Question, pipeline: Pipeline) -> list[MetricsStageDwellRow]:
    stages = [stage for stage in await stages_of(question.call, pipeline.id) if stage.kind is StageKind.OPEN]
    cells = await _stays(question, pipeline, stages)
    found = await grouped(question, cells)
    return [MetricsStageDwellRow(key=key, stages=[_stay(question, stage, rows) for stage in stages]) for key, rows in found]


async def _stays(question: Question, pipeline: Pipeline, stages: Sequence[Stage]) -> Cells:
    """A stay begins with a change to a stage; how long it was, the next change of the deal says."""
    came = changes_within(question).filter(to_stage_id__in=[stage.id for stage in stages])
    every = visible(question.call, DealStageChange).values("id", "deal_id", "changed_at", "seconds")
    follows = "SELECT x.id, LEAD(x.seconds) OVER (PARTITION BY x.deal_id ORDER BY x.changed_at, x.id) AS seconds FROM {every} AS x"
    day = local_day("c.changed_at", question.zone)
    columns = {"in_stage": "c.to_stage_id", "stay": GRAIN, "since": f"CASE WHEN f.seconds IS NULL THEN {day} END"}
    return await counted(
        question, "started_at", {"n": "1", "seconds": "f.seconds"}, columns,
        rows=question.meant.filter(pipeline_id=pipeline.id),
        join=f"JOIN {{came}} AS c ON c.deal_id = d.id JOIN ({follows}) AS f ON f.id = c.id", day=day,
        more={"came": came.values("id", "deal_id", "to_stage_id", "changed_at"), "every": every},
    )  # fmt: skip


def _stay(question: Question, stage: Stage, rows: Counted) -> MetricsStageStay:
    over, still, seconds = Counter[int](), Counter[int](), 0
    for row in rows:
        if str(row["in_stage"]) != str(stage.id):
            continue
        if row["stay"] is None:
            still[(question.today() - datetime.date.fromisoformat(str(row["since"]))).days] += row["n"]
        else:
            over[row["stay"]] += row["n"]
            seconds += int(row["seconds"])
    p25, median, p75, p90 = (_days(quantile(over, Fraction(percent, 100))) for percent in (25, 50, 75, 90))
    return MetricsStageStay(
        stage=stage, stays=over.total(), mean=_days(seconds / over.total()) if over else None, median=median, p25=p25, p75=p75, p90=p90,
        still=still.total(), still_mean=mean(still), still_median=quantile(still, Fraction(1, 2)),
    )  # fmt: skip


def _days(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / SECONDS
