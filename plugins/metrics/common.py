"""What the fields written by hand have in common: arguments, what each answer says of itself, and rows with their keys."""

import datetime
from collections.abc import Awaitable, Callable
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Self, TypeAlias, TypeVar

import strawberry
from tortoise.expressions import Q

from core import Calendar, Call, Filter, Money
from core.fields import now
from core.models import Contact, Deal
from plugins.metrics.answers import MetricsKey
from plugins.metrics.counting import Cells, Counted
from plugins.metrics.fields import ENUMS
from plugins.metrics.keys import Keys
from plugins.metrics.question import Question
from plugins.metrics.spans import Other, before, elsewhere, last_year, spans
from plugins.metrics.statistics.intervals import wilson
from plugins.metrics.telling import period_of

OfDeals: TypeAlias = Annotated[Filter | None, Deal, strawberry.argument(description="Only deals like this; deleted ones never count.")]
ByDeals: TypeAlias = Annotated[
    list[ENUMS[Deal]] | None,  # type: ignore[misc]  # the enum is made of the dimensions
    strawberry.argument(description="What to put deals together by; one row of all when nothing is said, and no period."),
]
OfContacts: TypeAlias = Annotated[
    Filter | None, Contact, strawberry.argument(description="Only contacts like this; deleted ones never count.")
]
ByContacts: TypeAlias = Annotated[
    list[ENUMS[Contact]] | None,  # type: ignore[misc]  # the enum is made of the dimensions
    strawberry.argument(description="What to put contacts together by; one row of all when nothing is said, and no period."),
]


def zone_of(call: Call, given: str | None) -> str:
    """The time zone that is meant: that of the company when none is given."""
    return call.crm.settings.company.time_zone if given is None else given


def currency_of(call: Call, given: str | None) -> str:
    """The currency that is meant: that of the company when none is given. Raises Invalid for what is none."""
    code = call.crm.settings.company.currency if given is None else given
    Money.of_minor(0, code)
    return code


@strawberry.type
class Answer:
    """What every answer says of itself."""

    definition: str = strawberry.field(description="What it is, with its formula.")
    as_of: datetime.datetime = strawberry.field(description="The moment of which all of it is, in UTC.")
    time_zone: str = strawberry.field(description="The time zone of its days.")
    calendar: Calendar = strawberry.field(description="The calendar of its periods.")


@strawberry.type
class Comparable(Answer):
    """What an answer says of itself that can be compared with other days. `again` answers the question of those."""

    first: datetime.date | None = strawberry.field(name="from", description="The first day of its figures; null when none is asked.")
    last: datetime.date | None = strawberry.field(name="to", description="The last day of its figures; null when none is asked.")
    asked: strawberry.Private[Question]
    again: "strawberry.Private[Callable[[Question], Awaitable[Comparable]] | None]" = None

    @strawberry.field(
        description="The same answer for the time before: as many periods where `from` to `to` are whole ones, else as many days. Null"
        " without both, before 1970, and in an answer that is a comparison itself."
    )
    async def previous(self) -> Self | None:
        """Asked only when it is selected."""
        return await self._elsewhere(before)

    @strawberry.field(
        description="The same answer for the same days or periods of the year before, in `calendar`; of weeks, for those 52 weeks before."
        " Null where `previous` is."
    )
    async def last_year(self) -> Self | None:
        """Asked only when it is selected."""
        return await self._elsewhere(last_year)

    async def _elsewhere(self, other: Other) -> Any:
        question = elsewhere(self.asked, other)
        return await self.again(question) if self.again and question else None


Some = TypeVar("Some", bound=Comparable)


async def compared(question: Question, answer: Callable[[Question], Awaitable[Some]]) -> Some:
    """The answer of a question, with which the same question is answered of other days when that is asked for."""
    made = await answer(question)
    made.again = answer
    return made


def said(question: Question, definition: str, moment: datetime.datetime | None = None) -> dict[str, Any]:
    """The values of an Answer, which is of this moment, or of now."""
    return {"definition": definition, "as_of": moment or now(), "time_zone": question.zone, "calendar": question.calendar}


def days_said(question: Question, definition: str, moment: datetime.datetime | None = None) -> dict[str, Any]:
    """The values of an answer that is Comparable."""
    return {**said(question, definition, moment), "first": question.first, "last": question.last, "asked": question}


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


def units(minor: Fraction | None, currency: str) -> float | None:
    """Minor units as units of the currency, without rounding to its digits."""
    return None if minor is None else float(minor / Money(Decimal(1), currency).minor)


def of_currency(rows: Any, currency: str) -> Any:
    """Those of some deals whose amount is in this currency, and those without an amount."""
    return rows.filter(Q(currency=currency) | Q(amount__isnull=True))


async def grouped(question: Question, *found: Cells) -> list[tuple[MetricsKey, Counted]]:
    """The keys of an answer in their order, with what was counted for each; nothing for a period in which nothing was."""
    keys = await Keys.of(question, found)
    seen = [keys.merged(cells) for cells in found]
    stretches = spans(question, [start for cells in found for _, start in cells if start is not None])
    answer = []
    for values, span in keys.rows(stretches):
        place = (values, span.start if span and question.period else None)
        key = MetricsKey(**keys.named(values), period=period_of(span) if span else None)
        answer.append((key, [row for cells in seen for row in cells.get(place, [])]))
    return answer


def total(rows: Counted, name: str) -> int:
    """The sum of a column of what was counted."""
    return sum(int(row.get(name) or 0) for row in rows)
