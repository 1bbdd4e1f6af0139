"""What is answered: rows with a key and the figures of the deals behind it."""

import datetime

import strawberry

from core import Money
from core.models import Pipeline, Product, Stage, Team, User


@strawberry.type(description="A stretch of the Gregorian calendar, in the time zone of the question.")
class MetricsPeriod:
    """The period of a row."""

    start: datetime.date = strawberry.field(description="Its first day.")
    end: datetime.date = strawberry.field(description="Its last day.")
    complete: bool = strawberry.field(
        description="False while the period is not over, and when `from` or `to` cut it: then its figures say less than those of others."
    )


@strawberry.type(description="What the deals of a row have in common; null for what they are not put together by, and for deals without.")
class MetricsKey:
    """The key of a row."""

    owner: User | None = strawberry.field(default=None, description="The user who looks after the deals.")
    team: Team | None = strawberry.field(default=None, description="The team in which their owner is now.")
    product: Product | None = strawberry.field(default=None, description="A product on the lines of the deals.")
    pipeline: Pipeline | None = strawberry.field(default=None, description="The pipeline of the deals.")
    source: str | None = strawberry.field(default=None, description="Where the deals came from.")
    period: MetricsPeriod | None = strawberry.field(default=None, description="The period of the time that `dateField` names.")


@strawberry.type(description="How many deals were won, of those that were won or lost.")
class MetricsWinRate:
    """A row of `winRate`."""

    key: MetricsKey = strawberry.field(description="Which deals these figures are about.")
    won: int = strawberry.field(description="How many deals are won.")
    lost: int = strawberry.field(description="How many deals are lost.")
    open: int | None = strawberry.field(
        description="How many deals are neither. Null where deals go by periods of `closedAt`, which an open deal does not have."
    )
    rate: float | None = strawberry.field(description="won / (won + lost), from 0 to 1; open deals are in neither part. Null for 0 / 0.")
    conversion: float | None = strawberry.field(
        description="won / (won + lost + open), from 0 to 1: the share of all deals that is won so far. Null for 0 / 0 and without `open`."
    )
    revenue: list[Money] = strawberry.field(
        description="Amounts of the won deals, a sum for each currency. By product, the whole amount of a deal counts for each of them."
    )


@strawberry.type(
    description="How long deals take: days from `startedAt` to `closedAt`, as the difference of the two dates in the time zone asked."
)
class MetricsSalesCycle:
    """A row of `salesCycle`."""

    key: MetricsKey = strawberry.field(description="Which deals these figures are about.")
    deals: int = strawberry.field(description="How many deals were measured: those that have both times.")
    mean: float | None = strawberry.field(description="Arithmetic mean, in days. Null without deals.")
    median: float | None = strawberry.field(description="In days; between two deals, the middle of them. Null without deals.")
    p25: float | None = strawberry.field(
        description="A quarter of the deals took at most so many days; interpolated linearly. Null without deals."
    )
    p75: float | None = strawberry.field(description="Three quarters took at most so many days; interpolated linearly. Null without deals.")
    p90: float | None = strawberry.field(description="Nine tenths took at most so many days; interpolated linearly. Null without deals.")
    min: int | None = strawberry.field(description="The shortest, in whole days. Null without deals.")
    max: int | None = strawberry.field(description="The longest, in whole days. Null without deals.")


@strawberry.type(description="A step of a funnel: one open stage, or winning.")
class MetricsFunnelStep:
    """A step of `stageConversion`."""

    stage: Stage = strawberry.field(description="The stage; where several stages of a pipeline are won, the first of them stands for all.")
    reached: int = strawberry.field(description="How many deals came to this stage or to a later one.")
    step_rate: float | None = strawberry.field(
        description="reached / reached of the step before, from 0 to 1. Null for the first step, and when none reached the one before."
    )
    total_rate: float | None = strawberry.field(description="reached / reached of the first step, from 0 to 1. Null without deals.")
    drop: int | None = strawberry.field(description="How many deals came to the step before and not to this one. Null for the first step.")


@strawberry.type(description="How far deals get in the stages of a pipeline.")
class MetricsStageConversion:
    """A row of `stageConversion`."""

    key: MetricsKey = strawberry.field(description="Which deals these figures are about.")
    steps: list[MetricsFunnelStep] = strawberry.field(description="The open stages in the order of their positions, then winning.")


def ratio(part: int, whole: int) -> float | None:
    """part / whole; None of nothing, never 0."""
    return part / whole if whole else None
