"""The stretches of time of an answer, each with the one before it and the same one of last year."""

import datetime
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core import Calendar, Invalid, Period, period_end, period_start, period_starts
from plugins.metrics.question import DAY, EARLIEST, LATEST, Question

WEEKS = 52 * 7 * DAY


@dataclass(frozen=True)
class Span:
    """Days from `start` to `end`, both included. `complete` is false while it is not over, and where the question cuts it."""

    start: datetime.date
    end: datetime.date
    complete: bool = True


def spans(question: Question, seen: Sequence[datetime.date]) -> list[Span | None]:
    """All periods from the first day asked to the last; where none is asked, from the first and to the last in which something was.

    One span of all the days asked where no period is; None for all time. Raises Invalid when there are too many.
    """
    if question.period is None:
        if question.first is None or question.last is None:
            return [None]
        return [Span(question.first, question.last, question.last < question.today())]
    first, last = question.first or min(seen, default=None), question.last or max(seen, default=None)
    if first is None or last is None:
        return []
    # One more than the limit, so that it shows; a wrong year in one row must not make thousands.
    starts = list(itertools.islice(period_starts(first, last, question.period, question.calendar, question.weekday), question.limit + 1))
    if len(starts) > question.limit:
        raise Invalid(period=f"makes more than {question.limit} groups; ask for longer periods, or name from and to")
    return [_span(question, question.period, start) for start in starts]


def _span(question: Question, period: Period, start: datetime.date) -> Span:
    end = period_end(start, period, question.calendar)
    cut = (question.first is not None and question.first > start) or (question.last is not None and question.last < end)
    return Span(start, end, end < question.today() and not cut)


def elsewhere(question: Question, other: "Other") -> Question | None:
    """The question of the days `before` those asked, or of `last_year`: by periods where they are whole ones. None where there are none."""
    if question.first is None or question.last is None:
        return None
    span = Span(question.first, question.last)
    # Cut weeks of last year are on the same days of the week, as whole ones are.
    by_period = _whole(question, span) or (question.period is Period.WEEK and other is last_year)
    found = other(question if by_period else replace(question, period=None), span)
    return found and replace(question, first=found.start, last=found.end)


def before(question: Question, span: Span) -> Span | None:
    """As many periods before; of days that are no periods of the calendar, as many days before them. None before 1970 and after 2099."""
    if question.period is None:
        start = span.start - (span.end - span.start) - DAY
    else:
        start = span.start
        for _ in period_starts(span.start, span.end, question.period, question.calendar, question.weekday):
            start = period_start(start - DAY, question.period, question.calendar, question.weekday)
    return Span(start, span.start - DAY) if start >= EARLIEST and span.start <= LATEST else None


def last_year(question: Question, span: Span) -> Span | None:
    """The same periods of the year before: the same months, the same days; of weeks, those 52 weeks before. None before 1970."""
    if question.period is Period.WEEK:
        found = Span(span.start - WEEKS, span.end - WEEKS)
    elif question.period is None:
        found = Span(_year_before(question.calendar, span.start), _year_before(question.calendar, span.end))
    else:
        final = _year_before(question.calendar, period_start(span.end, question.period, question.calendar, question.weekday))
        found = Span(_year_before(question.calendar, span.start), period_end(final, question.period, question.calendar))
    return found if EARLIEST <= found.start <= found.end < LATEST else None


Other = Callable[[Question, Span], Span | None]
"""`before` or `last_year`."""


def _whole(question: Question, span: Span) -> bool:
    """Whether it begins and ends as periods do."""
    if question.period is None:
        return False
    first, last = (period_start(day, question.period, question.calendar, question.weekday) for day in (span.start, span.end))
    return span.start == first and span.end == period_end(last, question.period, question.calendar)


def _year_before(calendar: Calendar, day: datetime.date) -> datetime.date:
    """The same day of the year before; of a leap day, the one before it."""
    year, month, number = calendar.parts(day)
    try:
        return calendar.date(year - 1, month, number)
    except ValueError:
        return calendar.date(year - 1, month, number - 1)
