"""Conversion: which part of the contacts that came to a beginning came to an end within so many days."""

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Any

import strawberry

from core import Calendar, Call, Invalid, days_between, local_day, permit
from core.fields import now
from core.models import Contact
from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import ByContacts, OfContacts, compared, days_said, zone_of
from plugins.metrics.conversion_answers import (
    MetricsConversion,
    MetricsConversionBeside,
    MetricsConversionEvent,
    MetricsConversionRow,
    MetricsConversionStep,
)
from plugins.metrics.conversion_steps import Step, step_of
from plugins.metrics.counting import Cells
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone, chosen
from plugins.metrics.keys import Keys
from plugins.metrics.question import Question
from plugins.metrics.retention import share
from plugins.metrics.retention_counts import grouped, whole
from plugins.metrics.spans import Span, before, last_year, spans
from plugins.metrics.statistics.intervals import wilson
from plugins.metrics.telling import period_of

DEFINITION = (
    "Contacts with an ending event within `days` days of their exposure / contacts exposed, each counted once. A contact is exposed by its"
    " first starting event ever, and converted by the first ending event that is not before it. Days are days of the calendar."
)
LONGEST_WINDOW = 3_660


Start = Annotated[MetricsConversionStep | None, strawberry.argument(description="What exposes a contact; when left out, that it came in.")]
End = Annotated[MetricsConversionStep | None, strawberry.argument(description="What converts it; when left out, that a deal was won.")]
Window = Annotated[
    int, strawberry.argument(description=f"How many days a contact has, after that of its exposure; from 0 to {LONGEST_WINDOW}.")
]
Full = Annotated[bool, strawberry.argument(description="Whether only contacts count whose window is over, so that no share still grows.")]


@strawberry.type(name="Query", extend=True)
class ConversionQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def conversion(
        self, info: strawberry.Info[Call], exposed: Start = None, converted: End = None, days: Window = 30, full: Full = True,
        where: OfContacts = None, group_by: ByContacts = None, period: Length = None, first: First = None, last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN, time_zone: Zone = None,
    ) -> MetricsConversion | None:  # fmt: skip
        """The rows."""
        call, moment = info.context, now()
        if not 0 <= days <= LONGEST_WINDOW:
            raise Invalid(days=f"must be between 0 and {LONGEST_WINDOW}")
        start = step_of(call, "exposed", exposed or MetricsConversionStep(what=MetricsConversionEvent.CREATED), moment)
        end = step_of(call, "converted", converted or MetricsConversionStep(what=MetricsConversionEvent.DEAL_WON), moment)
        zone = zone_of(call, time_zone)
        question = Question(call, Contact, where, chosen(Contact, group_by), period, calendar, first, last, zone)

        async def answer(asked: Question) -> MetricsConversion:
            rows = await _rows(asked, start, end, days, full)
            return MetricsConversion(**days_said(asked, DEFINITION, moment), days=days, rows=rows)

        return await compared(whole(question), answer)


@dataclass(frozen=True)
class Counts:
    """Contacts exposed and converted, of those whose window is over (`done`) and of those for whom it is not (`open`)."""

    exposed: int
    converted: int
    unfinished: int
    unfinished_converted: int

    @classmethod
    def of(cls, rows: list[dict[str, Any]], full: bool) -> "Counts":
        """Those in the rows of a cell; without `full` the unfinished are among the exposed as well."""
        sums: Counter[tuple[int, int]] = Counter()
        for row in rows:
            sums[int(row["over"]), int(row["done"])] += int(row["n"])
        open, open_done = sums[0, 0] + sums[0, 1], sums[0, 1]
        exposed, converted = sums[1, 0] + sums[1, 1], sums[1, 1]
        return cls(exposed, converted, open, open_done) if full else cls(exposed + open, converted + open_done, open, open_done)


async def _rows(question: Question, start: Step, end: Step, days: int, full: bool) -> list[MetricsConversionRow]:
    found = await counted_contacts(_with_past(question), start, end, days)
    stretches = spans(question, [start for _, start in found if start is not None])
    keys = await Keys.of(question, [found])
    cells = keys.merged(found)

    def counts(values: tuple[Any, ...], span: Span | None) -> Counts:
        return Counts.of(cells.get((values, span.start if span and question.period else None), []), full)

    def beside(values: tuple[Any, ...], other: Span | None, this: Counts) -> MetricsConversionBeside | None:
        return _beside(other, this, counts(values, other)) if other else None

    rows = []
    for values, span in keys.rows(stretches):
        one = counts(values, span)
        between = wilson(one.converted, one.exposed) if one.exposed else None
        others = (before(question, span), last_year(question, span)) if span and question.period else (None, None)
        rows.append(
            MetricsConversionRow(
                key=MetricsKey(**keys.named(values), period=period_of(span) if span else None), exposed=one.exposed,
                converted=one.converted, value=share(one.converted, one.exposed), low=between and between[0], high=between and between[1],
                unfinished=one.unfinished, unfinished_converted=one.unfinished_converted,
                previous=beside(values, others[0], one), last_year=beside(values, others[1], one),
            )
        )  # fmt: skip
    return rows


def _with_past(question: Question) -> Question:
    """The question from the first period that any of its periods is compared with."""
    if question.period is None or question.first is None:
        return question
    first = next(span for span in spans(question, [question.last or question.first]) if span)
    earlier = [span.start for span in (before(question, first), last_year(question, first)) if span]
    return replace(question, first=min([question.first, *earlier]))


async def counted_contacts(question: Question, start: Step, end: Step, days: int) -> Cells:
    """Contacts by whether they were converted in their window (`done`), and whether that is over (`over`)."""
    parts = {
        "x": f"SELECT contact, MIN(at) AS at FROM ({start.sql.format('{starts}')}) AS a GROUP BY contact",
        "y": f"SELECT x.contact AS contact, MIN(z.at) AS at FROM x JOIN ({end.sql.format('{ends}')}) AS z"
        " ON z.contact = x.contact AND z.at >= x.at GROUP BY x.contact",
    }
    source = "{counted} AS d JOIN x ON x.contact = d.id LEFT JOIN y ON y.contact = d.id"
    columns = {"began": local_day("x.at", question.zone), "ended": local_day("y.at", question.zone)}
    today = f"'{question.today()}'"
    worked = {
        "done": f"CASE WHEN {days_between('began', 'ended')} <= {days} THEN 1 ELSE 0 END",
        "over": f"CASE WHEN {days_between('began', today)} > {days} THEN 1 ELSE 0 END",
    }
    given = {"starts": start.rows, "ends": end.rows}
    return await grouped(question, source, columns, worked, parts, given, question.meant)


def _beside(span: Span, this: Counts, then: Counts) -> MetricsConversionBeside:
    was = Fraction(then.converted, then.exposed) if then.exposed else None
    value = Fraction(this.converted, this.exposed) if this.exposed else None
    return MetricsConversionBeside(
        period=period_of(span), exposed=then.exposed, converted=then.converted, value=None if was is None else float(was),
        difference=None if was is None or value is None else float(value - was),
        growth=None if value is None or not was else float(value / was - 1),
    )  # fmt: skip
