"""Funnel: how many contacts come from step to step, and who does not."""

import datetime
from collections import Counter
from collections.abc import Sequence
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any, TypeAlias

import strawberry

from core import Among, Calendar, Call, Invalid, Rows, local_day, matching, permit
from core.models import Contact
from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import ByContacts, Comparable, MetricsShare, OfContacts, compared, days_said, grouped, share, zone_of
from plugins.metrics.counting import Counted, counted
from plugins.metrics.drawing import Frame, Title, Tongue, Width, draw_funnel
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone, chosen
from plugins.metrics.funnel_journey import Journey, MetricsStepOrder
from plugins.metrics.funnel_steps import MetricsStep, read
from plugins.metrics.pictures import Step
from plugins.metrics.quantiles import quantile
from plugins.metrics.question import Question

DEFINITION = (
    "Contacts from step to step. A contact enters with its earliest event of step 1 in the days asked, and has `window` times 24 hours from"
    " then. Step k is reached with its earliest event from the time of step k - 1 on until that end, both included, which is none of the"
    " events of the steps before. With STRICT no event of any other step lies between the times of the two; with ANY_ORDER steps count from"
    " the time of step 1 on, in whatever order, and step k is reached by those who reached all before it in the list."
)
# Rounded down, for as many rows as there are seconds would be too many.
GRAIN = "CASE WHEN f.gap < 86400 THEN f.gap / 60 * 60 ELSE f.gap / 3600 * 3600 END"
SECONDS = 86_400  # of a day
LONGEST = 3_660  # days of a window

Steps: TypeAlias = Annotated[list[MetricsStep], strawberry.argument(description="The steps, from 2 to 10.")]
Window: TypeAlias = Annotated[int, strawberry.argument(description="Days that a contact has from step 1 on, from 1 to 3660.")]
Order: TypeAlias = Annotated[MetricsStepOrder, strawberry.argument(description="In which order steps count.")]


@strawberry.enum(description="What became of contacts at a step.")
class MetricsFunnelOutcome(Enum):
    """Which contacts are meant."""

    REACHED = strawberry.enum_value("REACHED", description="Those that reached the step.")
    DROPPED = strawberry.enum_value("DROPPED", description="Those that reached the step before and not this one: `dropped` of the step.")
    WAITING = strawberry.enum_value("WAITING", description="Those of the dropped whose window is not over: `waiting` of the step.")


@strawberry.type(description="How many contacts came to a step.")
class MetricsFunnelStep:
    """A step in a row of `funnel`."""

    step: int = strawberry.field(description="Its number, from 1.")
    label: str = strawberry.field(description="Its label, else its kind.")
    reached: int = strawberry.field(description="How many contacts reached it.")
    from_previous: MetricsShare | None = strawberry.field(description="Reached / reached of the step before. Null for the first step.")
    from_first: MetricsShare = strawberry.field(description="Reached / reached of the first step.")
    dropped: int | None = strawberry.field(description="How many reached the step before and not this one. Null for the first step.")
    waiting: int | None = strawberry.field(description="How many of the dropped may still come: their window is not over.")
    mean_days: float | None = strawberry.field(
        description="Mean time from the step before (with ANY_ORDER from step 1) in days. Null for the first step, and when none came."
    )
    median_days: float | None = strawberry.field(
        description="Median of these times, to the minute where they are shorter than a day, else to the hour."
    )


@strawberry.type(description="How some contacts came from step to step.")
class MetricsFunnelRow:
    """A row of `funnel`."""

    key: MetricsKey = strawberry.field(description="Which contacts these figures are about. Its period is that of step 1.")
    complete: bool = strawberry.field(
        description="False while the windows of contacts that have not done all steps are not over, or the days of step 1 are not."
    )
    steps: list[MetricsFunnelStep] = strawberry.field(description="The steps in their order.")


@strawberry.type(description="How many contacts come from step to step.")
class MetricsFunnel(Comparable):
    """The answer of `funnel`."""

    rows: list[MetricsFunnelRow] = strawberry.field(description="The figures, in the order of the names in their keys, then of time.")

    @strawberry.field(description="The funnel as a picture: an SVG document. It shows one row, so leave out `groupBy` and `period`.")
    async def svg(self, width: Width = 720, locale: Tongue = "en", title: Title = "") -> str | None:
        """Drawn in a thread. Raises Invalid for several rows."""
        return await draw_funnel([[Step(one.label, one.reached) for one in row.steps] for row in self.rows], Frame(locale, width, title))


@strawberry.type(name="Query", extend=True)
class FunnelQuery:
    """How many contacts come from step to step, and who."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def funnel(
        self,
        info: strawberry.Info[Call],
        steps: Steps,
        window: Window,
        order: Order = MetricsStepOrder.ORDERED,
        where: OfContacts = None,
        group_by: ByContacts = None,
        period: Length = None,
        first: First = None,
        last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN,
        time_zone: Zone = None,
    ) -> MetricsFunnel | None:
        """Counts contacts by step, time from the step before, and whether their window is over."""
        zone = zone_of(info.context, time_zone)
        question = Question(info.context, Contact, where, chosen(Contact, group_by), period, calendar, first, last, zone)
        return await compared(question, lambda asked: _answer(asked, _journey(asked, steps, window, order)))

    @strawberry.field(
        description="The contacts that reached a step of a funnel, or that did not. Arguments are those of `funnel`; see there. Which"
        " contacts are waiting is as of the moment of each page."
    )
    @permit("metrics.read")
    async def funnel_contacts(
        self,
        info: strawberry.Info[Call],
        steps: Steps,
        window: Window,
        step: Annotated[int, strawberry.argument(description="The number of the step, from 1.")],
        outcome: Annotated[MetricsFunnelOutcome, strawberry.argument(description="Which contacts are meant.")],
        order: Order = MetricsStepOrder.ORDERED,
        where: OfContacts = None,
        first: First = None,
        last: Last = None,
        time_zone: Zone = None,
    ) -> Annotated[Rows | None, Contact]:
        """The contacts, by the statement that counts them."""
        zone = zone_of(info.context, time_zone)
        question = Question(info.context, Contact, where, first=first, last=last, zone=zone)
        journey = _journey(question, steps, window, order)
        if not 1 <= step <= len(journey.steps):
            raise Invalid(step=f"must be between 1 and {len(journey.steps)}")
        if outcome is not MetricsFunnelOutcome.REACHED and step == 1:
            raise Invalid(step="must be more than 1: nobody drops out before step 1")
        if outcome is MetricsFunnelOutcome.REACHED:
            who = journey.who_reached(step - 1)
        else:
            who = journey.who_dropped(step - 1, waiting=outcome is MetricsFunnelOutcome.WAITING)
        return Rows(matching(info.context, Contact, where).filter(Among(who, **journey.rows)))


async def _answer(question: Question, journey: Journey) -> MetricsFunnel:
    columns = {"step": "f.step", "open": "f.open", "grain": GRAIN}
    cells = await counted(
        question, "created_at", {"n": "1", "gap": "f.gap"}, columns, join=f"JOIN ({journey.reached}) AS f ON f.who = d.id",
        rows=question.meant, more=journey.rows, day=local_day("f.began", question.zone),
    )  # fmt: skip
    labels = [step.label for step in journey.steps]
    rows = [_row(question, key, labels, some) for key, some in await grouped(question, cells)]
    return MetricsFunnel(**days_said(question, DEFINITION), rows=rows)


def _journey(question: Question, steps: Sequence[Any], window: int, order: MetricsStepOrder) -> Journey:
    if not 1 <= window <= LONGEST:
        raise Invalid(window=f"must be between 1 and {LONGEST} days")
    return Journey(question.call, read(steps), window, order, question.where, question.first, question.last, question.zone)


def _row(question: Question, key: MetricsKey, labels: Sequence[str], rows: Counted) -> MetricsFunnelRow:
    reached, open, seconds = Counter[int](), Counter[int](), Counter[int]()
    gaps = [Counter[int]() for _ in labels]
    for row in rows:
        step, number = row["step"], row["n"]
        reached[step] += number
        open[step] += number if row["open"] else 0
        seconds[step] += int(row["gap"] or 0)
        gaps[step][int(row["grain"] or 0)] += number
    steps = [
        MetricsFunnelStep(
            step=place + 1, label=label, reached=reached[place], from_first=share(reached[place], reached[0]),
            from_previous=share(reached[place], reached[place - 1]) if place else None,
            dropped=reached[place - 1] - reached[place] if place else None, waiting=open[place - 1] - open[place] if place else None,
            mean_days=seconds[place] / reached[place] / SECONDS if place and reached[place] else None,
            median_days=_median(gaps[place]) if place else None,
        )
        for place, label in enumerate(labels)
    ]  # fmt: skip
    over = _over(question, key) and not open[0] - open[len(labels) - 1]
    return MetricsFunnelRow(key=key, complete=over, steps=steps)


def _over(question: Question, key: MetricsKey) -> bool:
    """Whether no contact can enter any more in the days of a row."""
    last: datetime.date | None = key.period.end if key.period else question.last
    if question.last is not None and last is not None:
        last = min(last, question.last)
    return last is None or last < question.today()


def _median(gaps: Counter[int]) -> float | None:
    found = quantile(gaps, Fraction(1, 2))
    return None if found is None else found / SECONDS
