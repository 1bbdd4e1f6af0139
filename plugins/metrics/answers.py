"""What is answered: rows with a key and what was measured, and what all rows of an answer have in common."""

import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from core import Calendar, Call, Money
from core.models import Company, Pipeline, Product, Stage, Tag, Team, User
from plugins.metrics.declaring import Metric, Unit
from plugins.metrics.drawing import Figure, Frame, Shown, Title, Tongue, Width, demand_names, draw
from plugins.metrics.question import Question

PICTURE = (
    "The figures as a picture, an SVG document: lines where there are periods, dashed to those that are not over, else a bar for each"
    " group. Of more than 6 lines or 40 bars, those with the largest figures."
)
Before = Annotated[bool, strawberry.argument(description="Whether the period before, or as many days before, is shown beside.")]


@strawberry.type(description="A stretch of time, in the calendar and the time zone of the question.")
class MetricsPeriod:
    """The period of a row."""

    start: datetime.date = strawberry.field(description="Its first day.")
    end: datetime.date = strawberry.field(description="Its last day.")
    complete: bool = strawberry.field(
        description="False while the period is not over, and when `from` or `to` cut it: then its figures say less than those of others."
    )


@strawberry.type(description="What rows have in common by a dimension that a plugin has added.")
class MetricsLabel:
    """A part of a key that has no member of its own."""

    dimension: str = strawberry.field(description="The dimension, as `groupBy` names it.")
    label: str | None = strawberry.field(description="The value, or the name of the record behind it; null for rows without.")
    id: strawberry.ID | None = strawberry.field(default=None, description="The global id of the record behind it, if there is one.")


@strawberry.type(
    description="What the rows behind a figure have in common; null for what they are not put together by, and for rows without."
)
class MetricsKey:
    """The key of a row."""

    owner: User | None = strawberry.field(default=None, description="The user who looks after them.")
    team: Team | None = strawberry.field(default=None, description="The team in which their owner is now.")
    parent_team: Team | None = strawberry.field(default=None, description="The team that this team is a part of.")
    product: Product | None = strawberry.field(default=None, description="A product on their lines, or that they are about.")
    pipeline: Pipeline | None = strawberry.field(default=None, description="Their pipeline.")
    stage: Stage | None = strawberry.field(default=None, description="The stage in which they are now.")
    company: Company | None = strawberry.field(default=None, description="Their company.")
    tag: Tag | None = strawberry.field(default=None, description="A tag of theirs.")
    source: str | None = strawberry.field(default=None, description="Where they came from.")
    industry: str | None = strawberry.field(default=None, description="The industry of their company.")
    city: str | None = strawberry.field(default=None, description="The city of the contact.")
    gender: str | None = strawberry.field(default=None, description="The gender of the contact: FEMALE, MALE, OTHER.")
    lifecycle_stage: str | None = strawberry.field(default=None, description="How far the contacts have come: LEAD, CUSTOMER and so on.")
    kind: str | None = strawberry.field(default=None, description="The kind of the activities.")
    period: MetricsPeriod | None = strawberry.field(default=None, description="The days of the row; null for all time.")
    others: list[MetricsLabel] = strawberry.field(
        default_factory=list, description="The dimensions that plugins have added, in the order of `groupBy`."
    )


@strawberry.type(description="The same figure of other days.")
class MetricsBeside:
    """A figure to compare with."""

    period: MetricsPeriod = strawberry.field(description="The days compared with.")
    value: float | None = strawberry.field(description="The figure then. Null for 0 / 0.")
    numerator: Decimal = strawberry.field(description="Its numerator.")
    denominator: Decimal | None = strawberry.field(description="Its denominator; null for what has none.")
    difference: float | None = strawberry.field(description="The figure less that of then. Null when one of them is.")
    growth: float | None = strawberry.field(
        description="The figure / that of then, less 1: 0.1 for a tenth more. Null for a figure of 0 then."
    )


@strawberry.type(description="A figure.")
class MetricsRow:
    """A row of an answer."""

    key: MetricsKey = strawberry.field(description="Which rows this figure is about.")
    value: float | None = strawberry.field(
        description="The figure: numerator / denominator, or the numerator alone. Null for 0 / 0, never 0."
    )
    numerator: Decimal = strawberry.field(description="The numerator; of a ratio of amounts, in units of the currency.")
    denominator: Decimal | None = strawberry.field(description="The denominator, told the same way; null for what has none.")
    low: float | None = strawberry.field(description="Of a share: the lower end of the Wilson interval of 95 %. Null for 0 / 0.")
    high: float | None = strawberry.field(description="Of a share: the upper end of it.")
    previous: MetricsBeside | None = strawberry.field(description="The period before, or as many days before; null without days.")
    last_year: MetricsBeside | None = strawberry.field(description="The same period of last year; of weeks, the one 52 weeks before.")


@strawberry.type(description="An amount of other days.")
class MetricsMoneyBeside:
    """An amount to compare with."""

    period: MetricsPeriod = strawberry.field(description="The days compared with.")
    value: Money | None = strawberry.field(description="The amount then. Null for 0 / 0.")
    numerator: Money = strawberry.field(description="Its numerator.")
    denominator: Decimal | None = strawberry.field(description="Its denominator; null for what has none.")
    difference: Money | None = strawberry.field(description="The amount less that of then. Null when one of them is.")
    growth: float | None = strawberry.field(description="The amount / that of then, less 1. Null for an amount of 0 then.")


@strawberry.type(description="An amount.")
class MetricsMoneyRow:
    """A row of an answer in money."""

    key: MetricsKey = strawberry.field(description="Which rows this amount is about.")
    value: Money | None = strawberry.field(
        description="The amount: numerator / denominator, rounded half to even to the digits of the currency, or the numerator alone."
        " Null for 0 / 0, never 0."
    )
    exact: float | None = strawberry.field(description="The amount without rounding, in units of the currency.")
    numerator: Money = strawberry.field(description="The numerator.")
    denominator: Decimal | None = strawberry.field(description="The denominator, a whole number; null for what has none.")
    previous: MetricsMoneyBeside | None = strawberry.field(description="The period before, or as many days before; null without days.")
    last_year: MetricsMoneyBeside | None = strawberry.field(description="The same period of last year; of weeks, the one 52 weeks before.")


@strawberry.type(description="A metric.")
class Metrics:
    """What all rows of an answer have in common."""

    definition: str = strawberry.field(description="What it is, with its formula.")
    as_of: datetime.datetime = strawberry.field(description="The moment of which all of it is, in UTC.")
    time_zone: str = strawberry.field(description="The time zone of its days.")
    calendar: Calendar = strawberry.field(description="The calendar of its periods.")
    currency: str | None = strawberry.field(
        description="Of a ratio of amounts: ISO 4217 code of what both sides are in; what is in another one is not in them."
    )
    rows: list[MetricsRow] = strawberry.field(description="The figures, in the order of the names in their keys, then of time.")
    asked: strawberry.Private[Question]
    metric: strawberry.Private[Metric]

    @strawberry.field(description=PICTURE)
    async def svg(
        self, info: strawberry.Info[Call], width: Width = 720, locale: Tongue = "en", title: Title = "", previous: Before = False
    ) -> str | None:
        """Drawn in a thread."""
        frame = Frame(locale, width, title, previous)
        rows = [
            Figure(one.key, one.value, float(one.numerator), one.low, one.high, one.previous and one.previous.value) for one in self.rows
        ]
        return await draw(rows, _shown(info.context, self.asked, self.metric, ""), frame)


@strawberry.type(description="A metric in money.")
class MetricsMoney:
    """What all rows of an answer in money have in common."""

    definition: str = strawberry.field(description="What it is, with its formula.")
    as_of: datetime.datetime = strawberry.field(description="The moment of which all of it is, in UTC.")
    time_zone: str = strawberry.field(description="The time zone of its days.")
    calendar: Calendar = strawberry.field(description="The calendar of its periods.")
    currency: str = strawberry.field(description="ISO 4217 code of all amounts. What is in another currency is left out.")
    rows: list[MetricsMoneyRow] = strawberry.field(description="The amounts, in the order of the names in their keys, then of time.")
    asked: strawberry.Private[Question]
    metric: strawberry.Private[Metric]

    @strawberry.field(description=PICTURE)
    async def svg(
        self, info: strawberry.Info[Call], width: Width = 720, locale: Tongue = "en", title: Title = "", previous: Before = False
    ) -> str | None:
        """Drawn in a thread."""
        frame = Frame(locale, width, title, previous)
        before = [one.previous and one.previous.value and float(one.previous.value.amount) for one in self.rows]
        rows = [Figure(one.key, one.exact, float(one.numerator.amount), before=then) for one, then in zip(self.rows, before, strict=True)]
        return await draw(rows, _shown(info.context, self.asked, self.metric, self.currency), frame)


def _shown(call: Call, question: Question, metric: Metric, unit: str) -> Shown:
    """What a picture shows. Raises Forbidden for names that are hidden."""
    demand_names(call, question.by)
    return Shown(metric.name, question.by, question.period, question.calendar, metric.unit is Unit.SHARE, unit)
