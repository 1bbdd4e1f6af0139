"""When a clock on the wall shows a time that a cron expression names."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
WORDS = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "weekday": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
FAR = 366 * 9  # days; the 29th of February can be eight years away
WINDOWS = (1, 24, 24 * 40, 24 * FAR)  # hours
SET_BACK = datetime.timedelta(hours=3)  # no clock is set back by more at once
MINUTE = datetime.timedelta(minutes=1)


@dataclass(frozen=True)
class Cron:
    """`minute hour day month weekday`, each `*` or a list of numbers, ranges and steps: `*/15 8-17 * * mon-fri`.

    Days are as in cron: when day and weekday are both named, either will do. Raises ValueError for what is none, or never comes.
    """

    text: str
    _sets: tuple[frozenset[int], ...] = field(init=False, repr=False, compare=False)
    _either: bool = field(init=False, repr=False, compare=False)
    _hourly: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = self.text.split()
        if len(parts) != len(FIELDS):
            raise ValueError(f"'{self.text[:60]}' must be five fields: minute hour day month weekday")
        sets = [_values(part, *limits) for part, limits in zip(parts, FIELDS, strict=True)]
        sets[4] = frozenset(day % 7 for day in sets[4])
        object.__setattr__(self, "_sets", tuple(sets))
        object.__setattr__(self, "_either", not parts[2].startswith("*") and not parts[4].startswith("*"))
        object.__setattr__(self, "_hourly", parts[1].startswith("*"))
        if next(self._walls(datetime.datetime(2024, 1, 1)), None) is None:
            raise ValueError(f"'{self.text[:60]}' never comes")

    def following(self, moment: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
        """The first tick after a moment, in UTC, by the clock on a wall in this zone.

        A time that the clock leaps over ticks when it has leapt; one that it shows twice ticks at the first. Expressions for every
        hour go on through both, as hours do.
        """
        here = moment.astimezone(zone)
        found: datetime.datetime | None = None
        for wall in self._walls(here.replace(tzinfo=None) - SET_BACK):
            if found and wall > found.astimezone(zone).replace(tzinfo=None) + SET_BACK:
                return found
            for tick in self._moments(wall, zone):
                if tick > moment and (found is None or tick < found):
                    found = tick
            if found and found.astimezone(zone).utcoffset() == here.utcoffset():
                return found  # no other time of the wall comes before it
        if found is None:
            raise ValueError(f"'{self.text[:60]}' never comes")
        return found

    def last(self, since: datetime.datetime, until: datetime.datetime, zone: ZoneInfo) -> datetime.datetime | None:
        """The last tick after `since` that is not after `until`."""
        for hours in WINDOWS:  # the last one is near, mostly, and a long absence has many
            start = max(since, until - datetime.timedelta(hours=hours))
            found, tick = None, self.following(start, zone)
            while tick <= until:
                found, tick = tick, self.following(tick, zone)
            if found or start == since:
                return found
        return None

    def _moments(self, wall: datetime.datetime, zone: ZoneInfo) -> Iterator[datetime.datetime]:
        first = wall.replace(tzinfo=zone).astimezone(datetime.UTC)
        there = first.astimezone(zone).replace(tzinfo=None) == wall
        if not there:
            if not self._hourly:
                yield _after_the_gap(wall, zone)
            return
        yield first
        again = wall.replace(tzinfo=zone, fold=1).astimezone(datetime.UTC)
        if self._hourly and again != first:
            yield again

    def _walls(self, start: datetime.datetime) -> Iterator[datetime.datetime]:
        """The times after a time on the wall that the expression names, for as long as one could ask."""
        minutes, hours, days, months, weekdays = self._sets
        start = start.replace(second=0, microsecond=0) + MINUTE
        for ahead in range(FAR):
            day = start.date() + datetime.timedelta(days=ahead)
            if day.month not in months or not self._on(day, days, weekdays):
                continue
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    wall = datetime.datetime.combine(day, datetime.time(hour, minute))
                    if wall >= start:
                        yield wall

    def _on(self, day: datetime.date, days: frozenset[int], weekdays: frozenset[int]) -> bool:
        by_day, by_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        return by_day or by_weekday if self._either else by_day and by_weekday


def _after_the_gap(wall: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    """The moment at which the clock leapt over this time."""
    before = wall.replace(tzinfo=zone, fold=1).astimezone(datetime.UTC)  # by the offset after the leap, so it lies before it
    after = wall.replace(tzinfo=zone, fold=0).astimezone(datetime.UTC)
    low, high = sorted((before, after))
    while high - low > datetime.timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset():
            low = middle
        else:
            high = middle
    return (high + datetime.timedelta(milliseconds=500)).replace(microsecond=0)


def _values(part: str, name: str, least: int, most: int) -> frozenset[int]:
    found: set[int] = set()
    for one in part.lower().split(","):
        span, slash, step = one.partition("/")
        low, dash, high = span.partition("-")
        if span == "*":
            first, last = least, most
        else:
            first = _number(low, name)
            last = _number(high, name) if dash else most if slash else first
        if (slash and not re.fullmatch(r"[1-9]\d{0,3}", step)) or not least <= first <= last <= most:
            raise ValueError(f"'{one[:30]}' is no {name} from {least} to {most}")
        found.update(range(first, last + 1, int(step) if slash else 1))
    return frozenset(found)


def _number(text: str, name: str) -> int:
    if text in (words := WORDS.get(name, ())):
        return words.index(text) + (name == "month")
    if not re.fullmatch(r"\d{1,2}", text):
        raise ValueError(f"'{text[:30]}' is no {name}")
    return int(text)
