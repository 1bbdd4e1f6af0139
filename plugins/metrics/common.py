"""What the fields written by hand have in common: arguments, what each answer says of itself, and rows with their keys."""

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import strawberry

from core import Calendar, Filter
from core.fields import now
from core.models import Deal
from plugins.metrics.answers import MetricsKey
from plugins.metrics.counting import Cells, Counted
from plugins.metrics.fields import ENUMS
from plugins.metrics.keys import Keys
from plugins.metrics.question import Question
from plugins.metrics.spans import spans
from plugins.metrics.statistics.intervals import wilson
from plugins.metrics.telling import period_of

OfDeals: TypeAlias = Annotated[Filter | None, Deal, strawberry.argument(description="Only deals like this; deleted ones never count.")]
ByDeals: TypeAlias = Annotated[
    list[ENUMS[Deal]] | None,  # type: ignore[misc]  # the enum is made of the dimensions
    strawberry.argument(description="What to put deals together by; one row of all when nothing is said, and no period."),
]


@strawberry.type
class Answer:
    """What every answer says of itself."""

    definition: str = strawberry.field(description="What it is, with its formula.")
    as_of: datetime.datetime = strawberry.field(description="The moment of which all of it is, in UTC.")
    time_zone: str = strawberry.field(description="The time zone of its days.")
    calendar: Calendar = strawberry.field(description="The calendar of its periods.")


def said(question: Question, definition: str) -> Mapping[str, Any]:
    """The values of an Answer."""
    return {"definition": definition, "as_of": now(), "time_zone": question.zone, "calendar": question.calendar}


@strawberry.type(description="A part of a whole.")
class MetricsShare:
    """A share, with how sure it is."""

    value: float | None = strawberry.field(description="numerator / denominator, from 0 to 1. Null for 0 / 0, never 0.")
    numerator: int = strawberry.field(description="How many belong to the part.")
    denominator: int = strawberry.field(description="How many there are.")
    low: float | None = strawberry.field(description="The lower end of the Wilson interval of 95 %. Null for 0 / 0.")
    high: float | None = strawberry.field(description="The upper end of it.")


def share(part: int, whole: int) -> MetricsShare:
    """part / whole as an answer."""
    low, high = wilson(part, whole) or (None, None)
    return MetricsShare(value=part / whole if whole else None, numerator=part, denominator=whole, low=low, high=high)


async def grouped(question: Question, cells: Cells) -> list[tuple[MetricsKey, Counted]]:
    """The keys of an answer in their order, with what was counted for each; nothing for a period in which nothing was."""
    keys = await Keys.of(question, [cells])
    seen = keys.merged(cells)
    stretches = spans(question, [start for _, start in cells if start is not None])
    days = [(values, span, period_of(span) if span else None) for values, span in keys.rows(stretches)]
    return [
        (MetricsKey(**keys.named(values), period=period), seen.get((values, span.start if span and question.period else None), []))
        for values, span, period in days
    ]
