"""What is asked: which rows, of which days, put together by what."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from tortoise.expressions import Q
from tortoise.models import Model

from core import Calendar, Call, Filter, Invalid, Period, day_begins, demand, local_day, matching
from core.fields import now
from plugins.metrics.dimensions import Dimension

EARLIEST, LATEST = datetime.date(1970, 1, 1), datetime.date(2100, 1, 1)  # where time zones are known on every database
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Question:
    """Which rows count, and how. `first` and `last` are days in the zone, both included.

    tells: the columns that must not be hidden from the actor, beside those of the dimensions. only: a further test that rows have to pass,
    beside the filter of who asks. Raises Forbidden and Invalid.
    """

    call: Call
    of: type[Model]
    where: Filter | None = None
    by: tuple[Dimension, ...] = ()
    period: Period | None = None
    calendar: Calendar = Calendar.GREGORIAN
    first: datetime.date | None = None
    last: datetime.date | None = None
    zone: str = "UTC"
    tells: Mapping[type[Model], tuple[str, ...]] | None = None
    only: Q | None = None

    def __post_init__(self) -> None:
        for tells in (self.tells or {}, *(one.tells for one in self.by)):
            for model, names in tells.items():
                demand(self.call, model, *names)
        for name, day in (("from", self.first), ("to", self.last)):
            known_day(name, day)
        if self.first and self.last and self.first > self.last:
            raise Invalid({"from": "lies after to"})
        local_day("", self.zone)  # refuses a zone that is none, whether or not the statement needs it

    @property
    def by_time(self) -> bool:
        """Whether only rows count that have the time asked for."""
        return not (self.period is None and self.first is None and self.last is None)

    @property
    def limit(self) -> int:
        """The most rows of an answer."""
        return self.call.crm.settings.limits.groups

    @property
    def cells(self) -> int:
        """The most cells of all rows of an answer together, where rows have many: everybody waits while they are written out."""
        return self.limit * 10

    @property
    def weekday(self) -> int:
        """The day on which weeks begin, 0 for Monday."""
        return self.call.crm.settings.company.weekday

    @property
    def meant(self) -> Any:
        """The rows that are meant, of whatever days, as a queryset."""
        rows = matching(self.call, self.of, self.where)
        return rows if self.only is None else rows.filter(self.only)

    def rows(self, dated: str) -> Any:
        """The rows that count, as a queryset: those whose time, in the column `dated`, lies in the days asked for."""
        rows = self.meant
        if self.by_time:
            rows = rows.filter(**{f"{dated}__isnull": False})
        if self.first is not None:
            rows = rows.filter(**{f"{dated}__gte": day_begins(self.first, self.zone)})
        if self.last is not None:
            rows = rows.filter(**{f"{dated}__lt": day_begins(self.last + DAY, self.zone)})
        return rows

    def today(self) -> datetime.date:
        """The day that it now is in the zone."""
        return now().astimezone(ZoneInfo(self.zone)).date()


def known_day(name: str, day: datetime.date | None) -> None:
    """Raise Invalid for a day of which no zone is known; None is no day."""
    if day is not None and not EARLIEST <= day < LATEST:
        raise Invalid({name: f"{day} does not lie between {EARLIEST} and {LATEST - DAY}"})
