"""Stage conversion: how far deals get."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import strawberry

from core import Calendar, Call, NotFound, demand, key_of, permit, visible
from core.models import Deal, DealStageChange, Pipeline, Stage, StageKind
from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import ByDeals, Comparable, MetricsShare, OfDeals, compared, days_said, grouped, share, zone_of
from plugins.metrics.counting import Counted, counted
from plugins.metrics.drawing import Frame, Title, Tongue, Width, draw_funnel
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone, chosen
from plugins.metrics.pictures import Step
from plugins.metrics.question import Question

DEFINITION = (
    "How many deals of one pipeline reached each stage, by the time at which work on them began. Each deal counts once: in the furthest"
    " stage in which it stands or, by its stage changes, ever stood, and in all before. Won deals have passed every open stage; lost ones"
    " count as far as they came, and being lost is no step. One that was won and is not any more has passed the open stages and is not won."
)
NOWHERE = -1

PipelineId: TypeAlias = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Global id of the pipeline; the first one, where new deals begin, when nothing is said."),
]


@strawberry.type(description="A step of the way of deals: an open stage, or winning.")
class MetricsStageStep:
    """A step of `stageConversion`."""

    stage: Stage = strawberry.field(description="The stage; where several stages of a pipeline are won, the first of them stands for all.")
    reached: int = strawberry.field(description="How many deals came to this stage or to a later one.")
    open: int = strawberry.field(description="How many of them came no further so far and are open: they may still.")
    from_previous: MetricsShare | None = strawberry.field(description="Reached / reached of the step before. Null for the first step.")
    from_first: MetricsShare = strawberry.field(description="Reached / reached of the first step.")
    dropped: int | None = strawberry.field(
        description="How many came to the step before and not to this one, those that may still come among them. Null for the first step."
    )


@strawberry.type(description="How far some deals got.")
class MetricsStageConversionRow:
    """A row of `stageConversion`."""

    key: MetricsKey = strawberry.field(description="Which deals these figures are about.")
    steps: list[MetricsStageStep] = strawberry.field(description="The open stages in the order of their positions, then winning.")


@strawberry.type(description="How far deals get in the stages of a pipeline.")
class MetricsStageConversion(Comparable):
    """The answer of `stageConversion`."""

    pipeline: Pipeline | None = strawberry.field(description="The pipeline; null when there is none, and then there are no rows.")
    rows: list[MetricsStageConversionRow] = strawberry.field(
        description="The figures, in the order of the names in their keys, then of time."
    )

    @strawberry.field(description="The funnel as a picture: an SVG document. It shows one row, so leave out `groupBy` and `period`.")
    async def svg(self, info: strawberry.Info[Call], width: Width = 720, locale: Tongue = "en", title: Title = "") -> str | None:
        """Drawn in a thread. Raises Invalid for several rows."""
        frame = Frame(locale, width, title)
        demand(info.context, Stage, "name")
        return await draw_funnel([[Step(one.stage.name, one.reached) for one in row.steps] for row in self.rows], frame)


@strawberry.type(name="Query", extend=True)
class StageConversionQuery:
    """How far deals get."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def stage_conversion(
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
    ) -> MetricsStageConversion | None:
        """Counts deals by their furthest step; raises NotFound for a pipeline that is not there."""
        call = info.context
        tells = {Deal: ("pipeline", "stage", "started_at"), Stage: ("kind", "position"), DealStageChange: ("to_stage",)}
        zone = zone_of(call, time_zone)
        question = Question(call, Deal, where, chosen(Deal, group_by), period, calendar, first, last, zone, tells)
        pipeline = await chosen_pipeline(call, pipeline_id)
        return await compared(question, lambda asked: _answer(asked, pipeline))


async def _answer(question: Question, pipeline: Pipeline | None) -> MetricsStageConversion:
    rows = await _rows(question, pipeline) if pipeline else []
    return MetricsStageConversion(**days_said(question, DEFINITION), pipeline=pipeline, rows=rows)


async def chosen_pipeline(call: Call, id: strawberry.ID | None) -> Pipeline | None:
    """The pipeline with this global id; without one the first, if there is any. Raises NotFound."""
    rows = visible(call, Pipeline)
    if id is None:
        return await rows.order_by("position", "id").first()
    found = await rows.get_or_none(id=key_of(call, Pipeline, id, "pipeline_id"))
    if found is None:
        raise NotFound("there is no Pipeline with this id")
    return found


async def stages_of(call: Call, pipeline_id: uuid.UUID) -> list[Stage]:
    """The stages of a pipeline in their order."""
    return await visible(call, Stage).filter(pipeline_id=pipeline_id).order_by("position", "id")


@dataclass(frozen=True)
class Way:
    """The stages of a pipeline, in their order: those of kind OPEN are its steps, and winning is the last."""

    known: Sequence[Stage]

    @property
    def open(self) -> list[Stage]:
        """The open stages."""
        return [stage for stage in self.known if stage.kind is StageKind.OPEN]

    @property
    def stages(self) -> list[Stage]:
        """The stages that stand for the steps."""
        return [*self.open, *[stage for stage in self.known if stage.kind is StageKind.WON][:1]]

    @property
    def start(self) -> int:
        """The step that every deal has reached: the first open stage."""
        return 0 if self.open else NOWHERE

    def rank(self, stage: Stage, *, now: bool) -> int:
        """The step that a deal has reached by standing in a stage `now`, or once.

        To be won is to have passed every open stage; a deal that was won once and is not now has lost that last step.
        A lost stage says nothing.
        """
        match stage.kind:
            case StageKind.WON:
                return len(self.open) if now else len(self.open) - 1
            case StageKind.LOST:
                return self.start
            case StageKind.OPEN:
                return self.open.index(stage)

    def ranks(self, column: str, *, now: bool) -> str:
        """SQL for the step that a stage means."""
        cases = "".join(f" WHEN '{stage.id}' THEN {self.rank(stage, now=now)}" for stage in self.known)
        return f"CASE {column}{cases} ELSE {self.start} END" if cases else str(self.start)

    def still(self, column: str) -> str:
        """SQL for whether a stage is an open one, 1 or 0."""
        cases = "".join(f" WHEN '{stage.id}' THEN 1" for stage in self.open)
        return f"CASE {column}{cases} ELSE 0 END" if cases else "0"


async def _rows(question: Question, pipeline: Pipeline) -> list[MetricsStageConversionRow]:
    way = Way(await stages_of(question.call, pipeline.id))
    deals = question.rows("started_at").filter(pipeline_id=pipeline.id)
    columns = {"now": way.ranks("d.stage_id", now=True), "open": way.still("d.stage_id")}
    once = f'SELECT c.deal_id AS row, MAX({way.ranks("c.to_stage_id", now=False)}) AS "once" FROM {{changes}} AS c GROUP BY c.deal_id'
    changes = {"changes": visible(question.call, DealStageChange).values("deal_id", "to_stage_id")}
    cells = await counted(question, "started_at", {"n": "1"}, columns, {"once": once}, rows=deals, more=changes)
    return [MetricsStageConversionRow(key=key, steps=_steps(way, rows)) for key, rows in await grouped(question, cells)]


def _steps(way: Way, rows: Counted) -> list[MetricsStageStep]:
    furthest, still = Counter[int](), Counter[int]()
    for row in rows:
        step = max(row["now"], NOWHERE if row["once"] is None else row["once"])
        furthest[step] += row["n"]
        still[step] += row["n"] if row["open"] else 0
    reached = [sum(number for step, number in furthest.items() if step >= place) for place in range(len(way.stages))]
    return [
        MetricsStageStep(
            stage=stage, reached=reached[place], open=still[place],
            from_previous=share(reached[place], reached[place - 1]) if place else None, from_first=share(reached[place], reached[0]),
            dropped=reached[place - 1] - reached[place] if place else None,
        )
        for place, stage in enumerate(way.stages)
    ]  # fmt: skip
