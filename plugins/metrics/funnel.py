"""Stage conversion: how far deals get."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core import NotFound, visible
from core.models import DealStageChange, Pipeline, Stage, StageKind
from plugins.metrics.groups import Group, groups
from plugins.metrics.question import Question
from plugins.metrics.shapes import MetricsFunnelStep, MetricsStageConversion, ratio
from plugins.metrics.tally import tally

NOWHERE = -1


@dataclass(frozen=True)
class Funnel:
    """The stages of a pipeline, in the order of their positions: those of kind OPEN are its steps, and winning is the last."""

    known: Sequence[Stage]

    @property
    def open(self) -> list[Stage]:
        """The open stages."""
        return [stage for stage in self.known if stage.kind is StageKind.OPEN]

    @property
    def won(self) -> Stage | None:
        """The stage that stands for winning, if there is any."""
        return next((stage for stage in self.known if stage.kind is StageKind.WON), None)

    @property
    def stages(self) -> list[Stage]:
        """The stages that stand for the steps."""
        return [*self.open, *([self.won] if self.won else [])]

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


async def stage_conversion(question: Question, pipeline_id: uuid.UUID | None) -> list[MetricsStageConversion]:
    """How many deals of a pipeline reached each step; of the first pipeline when none is named. Raises NotFound."""
    pipeline = await _pipeline(question, pipeline_id)
    if pipeline is None:
        return []
    funnel = Funnel(await visible(question.call, Stage).filter(pipeline_id=pipeline.id).order_by("position", "id"))
    deals = question.deals().filter(pipeline_id=pipeline.id)
    changes = visible(question.call, DealStageChange).values("deal_id", "to_stage_id")
    rows = await tally(question, deals, {"now": _now(funnel)}, {"once": _once(funnel)}, changes=changes)
    return [_figures(funnel, group) for group in await groups(question, rows)]


async def _pipeline(question: Question, key: uuid.UUID | None) -> Pipeline | None:
    rows = visible(question.call, Pipeline)
    if key is None:
        return await rows.order_by("position", "id").first()
    found = await rows.get_or_none(id=key)
    if found is None:
        raise NotFound("there is no Pipeline with this id")
    return found


def _now(funnel: Funnel) -> str:
    """SQL for the step at which a deal stands."""
    return _ranks(funnel, 'd."stage_id"', now=True)


def _once(funnel: Funnel) -> str:
    """SQL for the furthest step at which each deal ever stood, by its history."""
    step = _ranks(funnel, 'c."to_stage_id"', now=False)
    return f'SELECT c."deal_id", MAX({step}) AS "once" FROM {{changes}} AS c GROUP BY c."deal_id"'


def _ranks(funnel: Funnel, column: str, *, now: bool) -> str:
    cases = "".join(f" WHEN '{stage.id}' THEN {funnel.rank(stage, now=now)}" for stage in funnel.known)
    return f"CASE {column}{cases} ELSE {funnel.start} END" if cases else str(funnel.start)


def _figures(funnel: Funnel, group: Group) -> MetricsStageConversion:
    furthest: Counter[int] = Counter()
    for row in group.rows:
        furthest[max(row["now"], row["once"] if row["once"] is not None else NOWHERE)] += row["n"]
    reached = [sum(number for step, number in furthest.items() if step >= place) for place in range(len(funnel.stages))]
    steps = [_step(stage, step, reached) for step, stage in enumerate(funnel.stages)]
    return MetricsStageConversion(key=group.key, steps=steps)


def _step(stage: Any, step: int, reached: Sequence[int]) -> MetricsFunnelStep:
    here, before = reached[step], reached[step - 1] if step else None
    return MetricsFunnelStep(
        stage=stage,
        reached=here,
        step_rate=None if before is None else ratio(here, before),
        total_rate=ratio(here, reached[0]),
        drop=None if before is None else before - here,
    )
