"""Pictures of metrics: lines where there is a period, else a bar for each group."""

import asyncio
import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry
from babel.dates import format_skeleton
from persiantools.jdatetime import JalaliDate

from core import Calendar, Call, Invalid, Period, demand
from plugins.metrics.dimensions import Dimension
from plugins.metrics.pictures import Bar, Line, Point, Step, bars, funnel, series
from plugins.metrics.pictures.speech import Speech, speech

LINES, BARS = 6, 40  # of a picture that can still be read
NARROWEST, WIDEST = 240, 2000  # CSS pixels
SEASONS = ("بهار", "تابستان", "پاییز", "زمستان")  # the quarters of the Solar Hijri calendar
SKELETONS = {Period.DAY: "MMMd", Period.WEEK: "MMMd", Period.MONTH: "yMMM", Period.QUARTER: "yQQQ", Period.YEAR: "y"}
NOBODY = "—"  # the label of rows that have no value

Width = Annotated[int, strawberry.argument(description=f"How wide it is in CSS pixels, from {NARROWEST} to {WIDEST}; its height follows.")]
Tongue = Annotated[
    str, strawberry.argument(name="locale", description="Language tag (BCP 47): digits, names of months, and direction of the picture.")
]
Title = Annotated[str, strawberry.argument(description="What stands above it.")]


@dataclass(frozen=True)
class Frame:
    """How a picture is to look: its locale, its width in CSS pixels, its title, and whether the time before is shown beside."""

    locale: str
    width: int = 720
    title: str = ""
    previous: bool = False

    def __post_init__(self) -> None:
        if not NARROWEST <= self.width <= WIDEST:
            raise Invalid(width=f"must be between {NARROWEST} and {WIDEST}")
        try:
            speech(self.locale)
        except ValueError:
            raise Invalid(locale=f"'{self.locale[:40]}' is no language tag that is known, like fa or en-GB") from None


@dataclass(frozen=True)
class Shown:
    """What is drawn: the name of the metric, by which dimensions and periods its rows are, and what its numbers are.

    percent: whether they are shares. unit: what they count, such as a currency.
    """

    name: str
    by: Sequence[Dimension] = ()
    period: Period | None = None
    calendar: Calendar = Calendar.GREGORIAN
    percent: bool = False
    unit: str = ""


@dataclass(frozen=True)
class Figure:
    """A row of an answer as it is drawn: its MetricsKey, its figure, how much that weighs, its interval, and what it was before."""

    key: Any
    value: float | None
    weight: float
    low: float | None = None
    high: float | None = None
    before: float | None = None


def speech_of(locale: str) -> Speech:
    """The words and digits of a locale that a Frame has taken."""
    return speech(locale)


def demand_names(call: Call, by: Sequence[Dimension]) -> None:
    """A picture tells the names of records, which an answer does not need. Raises Forbidden for those that are hidden."""
    for one in by:
        if one.model is not None:
            demand(call, one.model, one.label)


async def drawn(picture: Callable[..., str], what: Sequence[Any], frame: Frame, **more: Any) -> str:
    """The SVG document that a function of `pictures` makes of what it draws, such as `funnel` of steps; in a thread."""
    return await asyncio.to_thread(picture, what, locale=frame.locale, title=frame.title, width=frame.width, **more)


async def draw_funnel(rows: Sequence[Sequence[Step]], frame: Frame) -> str:
    """The SVG document of the steps of the only row. Raises Invalid for several."""
    if len(rows) > 1:
        raise Invalid(svg="shows one row; leave out groupBy and period")
    return await drawn(funnel, [step for row in rows for step in row], frame)


async def draw(rows: Sequence[Figure], shown: Shown, frame: Frame) -> str:
    """The SVG document of these rows. The LINES or BARS with the largest figures, when there are more; in the order of the rows."""
    return await (_bars(rows, shown, frame) if shown.period is None else _lines(rows, shown, shown.period, frame))


async def _bars(rows: Sequence[Figure], shown: Shown, frame: Frame) -> str:
    largest = sorted(range(len(rows)), key=lambda place: -abs(rows[place].value or 0))[:BARS]
    groups = [
        Bar(label_of(row.key, shown.by) or frame.title or shown.name, row.value, row.low, row.high, row.before if frame.previous else None)
        for row in (rows[place] for place in sorted(largest))
    ]
    before = speech(frame.locale).word("before")
    return await drawn(bars, groups, frame, percent=shown.percent, unit=shown.unit, compared=before)


async def _lines(rows: Sequence[Figure], shown: Shown, period: Period, frame: Frame) -> str:
    said = speech(frame.locale)
    # The rows of a key follow one another, and each has the same periods.
    stretches = {row.key.period.start: row.key.period for row in rows}
    starts = sorted(stretches)
    by_key = [rows[place : place + len(starts)] for place in range(0, len(rows), len(starts))] if starts else []
    largest = sorted(range(len(by_key)), key=lambda place: -sum(abs(row.weight) for row in by_key[place]))[:LINES]
    lines: list[Line] = []
    values: list[list[float | None]] = []
    for some in (by_key[place] for place in sorted(largest)):
        label = label_of(some[0].key, shown.by) or frame.title or shown.name
        lines.append(Line(label))
        values.append([row.value for row in some])
        if frame.previous:
            lines.append(Line(f"{label} – {said.word('before')}", compared=True))
            values.append([row.before for row in some])
    points = [
        Point(period_label(start, period, shown.calendar, said), [line[place] for line in values], stretches[start].complete)
        for place, start in enumerate(starts)
    ]
    return await drawn(series, points, frame, lines=lines, percent=shown.percent, unit=shown.unit)


def label_of(key: Any, by: Sequence[Dimension]) -> str:
    """What rows of a key are called: by the values of its dimensions, and by the names of the records behind them."""
    others: Mapping[str, str | None] = {one.dimension: one.label for one in key.others}
    return " · ".join(_named(getattr(key, one.name, None), one, others) for one in by)


def _named(value: Any, dimension: Dimension, others: Mapping[str, str | None]) -> str:
    if dimension.name.upper() in others:
        return others[dimension.name.upper()] or NOBODY
    if value is None:
        return NOBODY
    return str(value if dimension.model is None else getattr(value, dimension.label))


def period_label(start: datetime.date, period: Period, calendar: Calendar, said: Speech) -> str:
    """What the period that begins on a day is called: by the months of its calendar, in the words and the digits of a locale."""
    if calendar is Calendar.JALALI:
        return said.digits(_jalali(start, period, said.locale.language == "fa"))
    return said.digits(format_skeleton(SKELETONS[period], start, locale=said.locale))


def _jalali(start: datetime.date, period: Period, persian: bool) -> str:
    day = JalaliDate(start, locale="fa" if persian else "en")
    match period:
        case Period.YEAR:
            return str(day.year)
        case Period.QUARTER:
            season = (day.month - 1) // 3
            return f"{SEASONS[season] if persian else f'Q{season + 1}'} {day.year}"
        case Period.MONTH:
            return f"{day.strftime('%B')} {day.year}"
    return f"{day.day} {day.strftime('%B')}"
