"""Stage transitions: from which stage deals go to which."""

import uuid
from collections import Counter

import strawberry

from core import Calendar, Call, local_day, permit, visible
from core.models import Deal, DealStageChange, Pipeline, Stage
from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import ByDeals, Comparable, MetricsShare, OfDeals, compared, days_said, grouped, share, zone_of
from plugins.metrics.counting import Counted, counted
from plugins.metrics.dwell import changes_within
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone, chosen
from plugins.metrics.question import Question
from plugins.metrics.stages import PipelineId, chosen_pipeline

DEFINITION = (
    "How often deals of one pipeline went from one stage to another, by the time at which they did; each step counts, also where a deal"
    " goes the same way again. The share is that of all steps that left the same stage."
)
TELLS = {Deal: ("pipeline",), Stage: ("position",), DealStageChange: ("from_stage", "to_stage", "changed_at")}
Ends = tuple[uuid.UUID | None, uuid.UUID | None]


@strawberry.type(description="Steps from one stage to another.")
class MetricsTransition:
    """A cell of the matrix."""

    from_stage: Stage | None = strawberry.field(
        description="The stage before; null at the beginning of a deal, and for a stage that is not for you to see."
    )
    to_stage: Stage | None = strawberry.field(description="The stage after; null for one that is not for you to see.")
    steps: int = strawberry.field(description="How many steps there were.")
    share: MetricsShare = strawberry.field(description="Steps / all steps from the same stage.")


@strawberry.type(description="The steps of some deals.")
class MetricsTransitionsRow:
    """A row of `stageTransitions`."""

    key: MetricsKey = strawberry.field(description="Which deals these figures are about. Its period is that of the steps.")
    transitions: list[MetricsTransition] = strawberry.field(
        description="All pairs of stages between which there was a step, by their positions; steps from no stage come first."
    )


@strawberry.type(description="From which stage deals go to which.")
class MetricsTransitions(Comparable):
    """The answer of `stageTransitions`."""

    pipeline: Pipeline | None = strawberry.field(description="The pipeline; null when there is none, and then there are no rows.")
    rows: list[MetricsTransitionsRow] = strawberry.field(description="The figures, in the order of the names in their keys, then of time.")


@strawberry.type(name="Query", extend=True)
class StageTransitionsQuery:
    """From which stage deals go to which."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def stage_transitions(
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
    ) -> MetricsTransitions | None:
        """Counts steps by their ends; raises NotFound for a pipeline that is not there."""
        call = info.context
        zone = zone_of(call, time_zone)
        question = Question(call, Deal, where, chosen(Deal, group_by), period, calendar, first, last, zone, TELLS)
        pipeline = await chosen_pipeline(call, pipeline_id)
        return await compared(question, lambda asked: _answer(asked, pipeline))


async def _answer(question: Question, pipeline: Pipeline | None) -> MetricsTransitions:
    rows = await _rows(question, pipeline) if pipeline else []
    return MetricsTransitions(**days_said(question, DEFINITION), pipeline=pipeline, rows=rows)


async def _rows(question: Question, pipeline: Pipeline) -> list[MetricsTransitionsRow]:
    cells = await counted(
        question, "started_at", {"n": "1"}, {"source": "c.from_stage_id", "target": "c.to_stage_id"},
        rows=question.meant.filter(pipeline_id=pipeline.id), join="JOIN {changes} AS c ON c.deal_id = d.id",
        more={"changes": changes_within(question).values("deal_id", "from_stage_id", "to_stage_id", "changed_at")},
        day=local_day("c.changed_at", question.zone),
    )  # fmt: skip
    stages = {stage.id: stage for stage in await visible(question.call, Stage, deleted=True)}
    return [MetricsTransitionsRow(key=key, transitions=_matrix(rows, stages)) for key, rows in await grouped(question, cells)]


def _matrix(rows: Counted, stages: dict[uuid.UUID, Stage]) -> list[MetricsTransition]:
    steps, left = Counter[Ends](), Counter[uuid.UUID | None]()
    for row in rows:
        source, target = (None if row[end] is None else uuid.UUID(str(row[end])) for end in ("source", "target"))
        ends = (source if source in stages else None, target if target in stages else None)
        steps[ends] += row["n"]
        left[ends[0]] += row["n"]

    def place(key: uuid.UUID | None) -> tuple[int, str]:
        return (stages[key].position, str(key)) if key else (-1, "")

    return [
        MetricsTransition(
            from_stage=stages[source] if source else None, to_stage=stages[target] if target else None, steps=number,
            share=share(number, left[source]),
        )
        for (source, target), number in sorted(steps.items(), key=lambda one: (place(one[0][0]), place(one[0][1])))
    ]  # fmt: skip
