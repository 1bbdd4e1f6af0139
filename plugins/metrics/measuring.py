"""Measuring: the two sides of a metric, for each key and stretch of time, beside the one before and that of last year."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace

from plugins.metrics.counting import Cells, counted
from plugins.metrics.declaring import Metric, Part
from plugins.metrics.keys import Keys
from plugins.metrics.question import Question
from plugins.metrics.spans import Span, before, last_year, spans


@dataclass(frozen=True)
class Sides:
    """Numerator and denominator, each the sum over all rows; money in minor units. Without a denominator it is None."""

    numerator: int
    denominator: int | None


@dataclass(frozen=True)
class Beside:
    """Another stretch of time to compare with, and what was then."""

    span: Span
    sides: Sides


@dataclass(frozen=True)
class Measured:
    """A row: the values of its key, its days, and what was measured."""

    key: Mapping[str, object]
    span: Span | None
    sides: Sides
    previous: Beside | None
    last_year: Beside | None


async def measure(question: Question, metric: Metric, currency: str | None, *, compare: frozenset[str]) -> list[Measured]:
    """The rows of an answer, in the order of their keys and of time. `compare` holds "previous" and "last_year" where they are wanted."""
    now = await _cells(question, metric, currency)
    stretches = spans(question, [start for cells in now for _, start in cells if start is not None])
    others = {"previous": before, "last_year": last_year}
    wanted = {name: {span: others[name](question, span) for span in stretches if span is not None} for name in others if name in compare}
    then = {name: await _compared(question, metric, currency, list(found.values())) for name, found in wanted.items()}
    keys = await Keys.of(question, [*now, *(cells for pair in then.values() for cells in pair)])
    seen = [keys.merged(cells) for cells in now]
    past = {name: [keys.merged(cells) for cells in pair] for name, pair in then.items()}
    by_period = question.period is not None

    def beside(name: str, values: tuple[object, ...], span: Span | None) -> Beside | None:
        other = wanted.get(name, {}).get(span) if span else None
        return Beside(other, _sides(metric, past[name], values, other.start if by_period else None)) if other else None

    return [
        Measured(
            keys.named(values), span, _sides(metric, seen, values, span.start if span and by_period else None),
            beside("previous", values, span), beside("last_year", values, span),
        )
        for values, span in keys.rows(stretches)
    ]  # fmt: skip


async def _cells(question: Question, metric: Metric, currency: str | None) -> list[Cells]:
    """Those of the numerator, then those of the denominator; one statement when both go by the same time."""
    parts = {"n": metric.numerator} | ({"m": metric.denominator} if metric.denominator else {})
    if len({part.dated for part in parts.values()}) == 1:
        return [await _counted(question, metric, currency, parts)]
    return [await _counted(question, metric, currency, {name: part}) for name, part in parts.items()]


async def _counted(question: Question, metric: Metric, currency: str | None, parts: Mapping[str, Part]) -> Cells:
    dated = next(iter(parts.values())).dated
    rows = question.rows(dated)
    if metric.unit.in_currency:
        rows = rows.filter(**{metric.currency: currency})
    if metric.found is not None:
        rows = rows.filter(**await metric.found(question.call))
    sums = {name: part.value for name, part in parts.items()}
    cells = await counted(question, dated, sums, join=metric.join, rows=rows, more=metric.joined(question.call))
    # Where rows add nothing their sum is null: such a key is none of this metric, whether a join leaves its rows out or not.
    return {key: found for key, found in cells.items() if any(row[name] is not None for row in found for name in sums)}


async def _compared(question: Question, metric: Metric, currency: str | None, wanted: list[Span | None]) -> list[Cells]:
    """What was in these spans."""
    spans = [span for span in wanted if span is not None]
    if not spans:
        return []
    return await _cells(replace(question, first=min(one.start for one in spans), last=max(one.end for one in spans)), metric, currency)


def _sides(metric: Metric, cells: list[Cells], values: tuple[object, ...], start: datetime.date | None) -> Sides:
    rows = [row for some in cells for row in some.get((values, start), [])]
    numerator, denominator = (sum(int(row.get(name) or 0) for row in rows) for name in ("n", "m"))
    return Sides(numerator, denominator if metric.denominator else None)
