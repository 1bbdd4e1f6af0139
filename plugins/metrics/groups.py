"""From counted rows to the groups of an answer: with their records, in their order, and with the periods in which nothing was."""

import datetime
import itertools
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core import Invalid, visible
from core.models import Pipeline, Product, Team, User
from plugins.metrics.calendar import between, last_of
from plugins.metrics.question import MetricsDimension, Question
from plugins.metrics.shapes import MetricsKey, MetricsPeriod

MODELS: Mapping[MetricsDimension, Any] = {
    MetricsDimension.OWNER: User,
    MetricsDimension.TEAM: Team,
    MetricsDimension.PRODUCT: Product,
    MetricsDimension.PIPELINE: Pipeline,
}
Counted = list[dict[str, Any]]
Values = tuple[Any, ...]
Found = dict[tuple[Values, datetime.date | None], Counted]


@dataclass(frozen=True)
class Group:
    """A key, and the counted rows that belong to it; none for a period in which nothing was."""

    key: MetricsKey
    rows: Counted


async def groups(question: Question, rows: Counted) -> list[Group]:
    """The groups in the order of the names in their keys, and of time; what has no name comes last.

    One group of everything when nothing is asked. Raises Invalid when there are more than the limit.
    """
    teams = await _teams(question)
    found: Found = defaultdict(list)
    for row in rows:
        values = tuple(_value(one, row[one.key], teams) for one in question.by)
        found[values, _date(row["period"]) if question.period else None].append(row)
    values = {values for values, _ in found} if question.by else {()}
    periods = _periods(question, [start for _, start in found if start is not None])
    if len(values) * len(periods) > question.limit:
        raise Invalid(group_by=f"makes more than {question.limit} groups; filter more, group by less, or name from and to")
    records = {one: await _records(question, one, {key[place] for key in values}) for place, one in enumerate(question.by)}
    found = _without_unseen(question, records, found)
    values = {values for values, _ in found} if question.by else {()}
    ordered = sorted(values, key=lambda key: [_rank(records[one], value) for one, value in zip(question.by, key, strict=True)])
    return [
        Group(_key(question, records, key, period), found.get((key, period.start if period else None), []))
        for key, period in itertools.product(ordered, periods)
    ]


async def _teams(question: Question) -> Mapping[uuid.UUID, uuid.UUID | None]:
    if MetricsDimension.TEAM not in question.by:
        return {}
    return dict(await visible(question.call, User, deleted=True).values_list("id", "team_id"))


def _value(dimension: MetricsDimension, value: Any, teams: Mapping[uuid.UUID, uuid.UUID | None]) -> Any:
    if value is None or dimension is MetricsDimension.SOURCE:
        return value
    key = uuid.UUID(str(value))
    return teams.get(key) if dimension is MetricsDimension.TEAM else key


def _date(value: Any) -> datetime.date:
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(value)


def _periods(question: Question, seen: Sequence[datetime.date]) -> list[MetricsPeriod | None]:
    """All periods from the first day asked to the last; where none is asked, from the first and to the last in which something was."""
    if question.period is None:
        return [None]
    first, last = question.first or min(seen, default=None), question.last or max(seen, default=None)
    if first is None or last is None:
        return []
    # One more than the limit, so that it shows; a wrong year in one deal must not make thousands.
    starts = itertools.islice(between(first, last, question.period), question.limit + 1)
    return [_period(question, start, last_of(start, question.period)) for start in starts]


def _period(question: Question, start: datetime.date, end: datetime.date) -> MetricsPeriod:
    cut = (question.first is not None and question.first > start) or (question.last is not None and question.last < end)
    return MetricsPeriod(start=start, end=end, complete=end < question.today() and not cut)


async def _records(question: Question, dimension: MetricsDimension, values: set[Any]) -> Mapping[Any, Any]:
    """The records behind a part of the keys, deleted ones too, for what happened with them stays true."""
    if dimension is MetricsDimension.SOURCE:
        return {value: value for value in values}
    keys = [value for value in values if value is not None]
    return {row.id: row for row in await visible(question.call, MODELS[dimension], deleted=True).filter(id__in=keys)} if keys else {}


def _rank(records: Mapping[Any, Any], value: Any) -> tuple[bool, str, str]:
    record = records.get(value)
    return record is None, getattr(record, "name_key", record or ""), str(value)


def _without_unseen(question: Question, records: Mapping[MetricsDimension, Mapping[Any, Any]], found: Found) -> Found:
    """The rows of records that the actor does not see together with those that have none: how many are hidden does not show."""
    together: Found = defaultdict(list)
    for (values, start), rows in found.items():
        seen = tuple(value if value in records[one] else None for one, value in zip(question.by, values, strict=True))
        together[seen, start] += rows
    return together


def _key(
    question: Question, records: Mapping[MetricsDimension, Mapping[Any, Any]], values: Values, period: MetricsPeriod | None
) -> MetricsKey:
    return MetricsKey(**{one.key: records[one].get(value) for one, value in zip(question.by, values, strict=True)}, period=period)
