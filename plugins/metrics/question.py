"""What is asked: which deals, of which days, put together by what."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

import strawberry
from tortoise.models import Model

from core import Call, Filter, Invalid, Period, demand, local_day, matching
from core.fields import now
from core.models import Deal, DealLine, Stage, User

EARLIEST, LATEST = datetime.date(1970, 1, 1), datetime.date(2100, 1, 1)  # where time zones are known on every database
MARGIN = datetime.timedelta(days=1)  # more than any zone differs from UTC


@strawberry.enum(description="What deals are put together by.")
class MetricsDimension(Enum):
    """The columns that a key may have, beside the period."""

    OWNER = strawberry.enum_value("owner", description="The user who looks after the deal.")
    TEAM = strawberry.enum_value("team", description="The team in which that user is now.")
    PRODUCT = strawberry.enum_value("product", description="Each product on the deal's lines; the deal counts once for every one of them.")
    PIPELINE = strawberry.enum_value("pipeline", description="The pipeline of the deal.")
    SOURCE = strawberry.enum_value("source", description="Where the deal came from.")

    @property
    def key(self) -> str:
        """Its name in a key."""
        return self.name.lower()


FIELDS: Mapping[MetricsDimension, Mapping[type[Model], str]] = {
    MetricsDimension.OWNER: {Deal: "owner"},
    MetricsDimension.TEAM: {Deal: "owner", User: "team"},
    MetricsDimension.PRODUCT: {Deal: "lines", DealLine: "product"},
    MetricsDimension.PIPELINE: {Deal: "pipeline"},
    MetricsDimension.SOURCE: {Deal: "source"},
}


@strawberry.enum(description="The time of a deal by which it belongs to a period.")
class MetricsDateField(Enum):
    """The times of a deal."""

    CLOSED_AT = strawberry.enum_value("closed_at", description="When it was won or lost: what was achieved in the period.")
    STARTED_AT = strawberry.enum_value("started_at", description="When work on it began: what became of the deals of the period, a cohort.")

    @property
    def column(self) -> str:
        """The column of the deal."""
        return self.name.lower()


@dataclass(frozen=True)
class Question:
    """Which deals count, and how. `first` and `last` are days in the zone, both included."""

    call: Call
    where: Filter | None
    by: tuple[MetricsDimension, ...]
    period: Period | None
    first: datetime.date | None
    last: datetime.date | None
    zone: str
    dated: MetricsDateField

    def __post_init__(self) -> None:
        demand(self.call, Deal, "stage", self.dated.column)
        demand(self.call, Stage, "kind")
        for model, name in (pair for one in self.by for pair in FIELDS[one].items()):
            demand(self.call, model, name)
        for name, day in (("from", self.first), ("to", self.last)):
            if day is not None and not EARLIEST <= day < LATEST:
                raise Invalid({name: f"must lie between {EARLIEST} and {LATEST}"})
        if self.first and self.last and self.first > self.last:
            raise Invalid({"from": "lies after to"})
        local_day("", self.zone)  # refuses a zone that is none, whether or not the statement needs it

    @property
    def by_time(self) -> bool:
        """Whether only deals count that have the time asked for."""
        return not (self.period is None and self.first is None and self.last is None)

    @property
    def limit(self) -> int:
        """The most rows of an answer."""
        return self.call.crm.settings.limits.groups

    def deals(self) -> Any:
        """The deals that count, as a queryset; a day too many on either side, which the statement takes away."""
        rows = matching(self.call, Deal, self.where)
        column = self.dated.column
        if self.by_time:
            rows = rows.filter(**{f"{column}__isnull": False})
        if self.first is not None:
            rows = rows.filter(**{f"{column}__gte": _midnight(self.first) - MARGIN})
        if self.last is not None:
            rows = rows.filter(**{f"{column}__lt": _midnight(self.last) + 2 * MARGIN})
        return rows

    def today(self) -> datetime.date:
        """The day that it now is in the zone."""
        return now().astimezone(ZoneInfo(self.zone)).date()


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)
