"""What is asked and answered about the retention of cohorts."""

import datetime
from enum import Enum

import strawberry

from core import Call
from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import Comparable
from plugins.metrics.drawing import Frame, Title, Tongue, Width, demand_names, drawn, label_of, period_label, speech_of
from plugins.metrics.pictures import Cohort, heatmap
from plugins.metrics.pictures.speech import Speech

MOST_COHORTS = 60  # rows of a picture that can still be read


@strawberry.enum(description="What it means to be active in a column.")
class MetricsRetention(Enum):
    """The definitions of retention; each value is the definition in words."""

    CALENDAR = strawberry.enum_value(
        "Active in column n is who has an event in the n-th period of the calendar after that of the first event.",
        description="An event in the n-th period of the calendar after that of the first event; column 0 is always all of them.",
    )
    UNBOUNDED = strawberry.enum_value(
        "Active in column n is who has an event in the n-th period of the calendar after that of the first event, or in a later one.",
        description="An event in that period or a later one. What is active can still grow when the period is over.",
    )
    N_DAY = strawberry.enum_value(
        "Active in column n is who has an event in the n-th stretch of `days` days, counted from the day of the first event.",
        description="An event on day n after the day of the first one or, with `days`, in the n-th stretch of so many days.",
    )
    BRACKET = strawberry.enum_value(
        "Active in a column is who has an event on one of its days, counted from 0, the day of the first event.",
        description="An event in a bracket of days after the day of the first one; the columns are `brackets`.",
    )


@strawberry.input(description="Days since the day of the first event, which is 0; both ends are included.")
class MetricsBracket:
    """A column of BRACKET."""

    first: int = strawberry.field(name="from", description="The first day, from 0.")
    last: int = strawberry.field(name="to", description="The last day.")


@strawberry.type(description="Which part of a cohort was there in a column.")
class MetricsCohortCell:
    """A cell."""

    column: int = strawberry.field(description="The number of the column, from 0.")
    start: datetime.date = strawberry.field(description="The first day that counts, for the first of the cohort.")
    end: datetime.date = strawberry.field(description="The last day that counts, for the last of the cohort.")
    size: int = strawberry.field(description="Customers of the cohort: the denominator.")
    active: int = strawberry.field(description="Those of them that are active in the column: the numerator.")
    rate: float | None = strawberry.field(description="active / size, from 0 to 1. Null for 0 / 0.")
    complete: bool = strawberry.field(description="False while these days are not over for all of the cohort: the rate can still grow.")


@strawberry.type(description="Customers whose first event lies in one period.")
class MetricsCohort:
    """A row of `cohorts`."""

    key: MetricsKey = strawberry.field(description="The period of the first events, and what they have in common.")
    size: int = strawberry.field(description="How many customers they are.")
    cells: list[MetricsCohortCell] = strawberry.field(description="The columns that have begun for some of them, in their order.")


@strawberry.type(description="A column of several cohorts.")
class MetricsCohortAverageCell:
    """A cell of the average."""

    column: int = strawberry.field(description="The number of the column, from 0.")
    cohorts: int = strawberry.field(description="How many cohorts are in it: those with customers and a complete cell.")
    size: int = strawberry.field(description="Their customers: the denominator.")
    active: int = strawberry.field(description="Those of them that are active in the column: the numerator.")
    rate: float | None = strawberry.field(description="active / size: the mean of the rates, weighted by size. Null for 0 / 0.")


@strawberry.type(description="The mean of cohorts, weighted by their sizes, over complete cells.")
class MetricsCohortAverage:
    """The last row of a table."""

    key: MetricsKey = strawberry.field(description="What the first events of these cohorts have in common; without a period.")
    cells: list[MetricsCohortAverageCell] = strawberry.field(description="The columns, in their order.")


@strawberry.type(description="A table of retention.")
class MetricsCohorts(Comparable):
    """What the whole table has in common."""

    rows: list[MetricsCohort] = strawberry.field(description="The cohorts, in the order of the names in their keys, then of time.")
    averages: list[MetricsCohortAverage] = strawberry.field(description="A row for each key, in their order.")

    @strawberry.field(description=f"The table as an SVG document, of the last {MOST_COHORTS} cohorts.")
    async def svg(self, info: strawberry.Info[Call], width: Width = 720, locale: Tongue = "en", title: Title = "") -> str | None:
        """Drawn in a thread."""
        frame, by, words = Frame(locale, width, title), self.asked.by, speech_of(locale)
        demand_names(info.context, by)
        rows = [
            Cohort(
                " · ".join([*([label_of(one.key, by)] if by else []), self._began(one, words)]), [cell.rate for cell in one.cells],
                one.size, {cell.column for cell in one.cells if not cell.complete},
            )
            for one in self.rows[-MOST_COHORTS:]
        ]  # fmt: skip
        return await drawn(heatmap, rows, frame)

    def _began(self, one: MetricsCohort, words: Speech) -> str:
        assert one.key.period is not None and self.asked.period is not None, "cohorts have a period"
        return period_label(one.key.period.start, self.asked.period, self.calendar, words)
