"""Counting what came of customers: by keys, by days and by what is worked out of those, in one statement."""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core import Invalid, first_day, period_end, period_start, select
from plugins.metrics.counting import MOST, NOTHING, Cells
from plugins.metrics.question import DAY, EARLIEST, LATEST, Question


def whole(question: Question) -> Question:
    """The question with its days from the beginning of the first period to the end of the last: a part of a period says nothing here."""
    period, calendar = question.period, question.calendar
    if period is None:
        return question
    first, last = (day and period_start(day, period, calendar, question.weekday) for day in (question.first, question.last))
    return replace(
        question,
        first=first and max(first, EARLIEST),
        last=last and min(period_end(last, period, calendar), LATEST - DAY),
    )


async def grouped(
    question: Question,
    source: str,
    columns: Mapping[str, str],
    worked: Mapping[str, str],
    parts: Mapping[str, str],
    given: Mapping[str, Any],
    counted: Any,
    sums: Mapping[str, str] = NOTHING,
) -> Cells:
    """How many rows (`n`) there are by the keys of a question, by `columns` and by `worked`, and what `sums` come to, in one statement.

    source: SQL of the rows, in which `{counted}` AS d are those with the dimensions. columns: names with SQL over the source; `began`
    is the day by which a row counts in a period and in the days asked, and not told itself; where `start`, the first day of the period,
    is a column, it is not worked out. worked: names with SQL over the columns, which takes the place of the columns where there is any.
    sums: names with SQL over the source. parts: names with a SELECT each, to be named in the source. given:
    querysets for the other names in braces. Raises Invalid when there is too much to count.
    """
    keys = {f"k{place}": one.key for place, one in enumerate(question.by)}
    inner = ", ".join(f'{sql} AS "{name}"' for name, sql in (keys | dict(columns) | dict(sums)).items())
    told = {name: f'"{name}"' for name in keys}
    told |= dict(worked) or {name: f'"{name}"' for name in columns if name != "began"}
    if question.period is not None and "start" not in columns:
        told["start"] = first_day('"began"', question.period, question.calendar, question.weekday)
    bounds = [("'{}' <= began", question.first), ("began <= '{}'", question.last)]
    within = " AND ".join(text.format(day) for text, day in bounds if day is not None)
    joins = " ".join(dict.fromkeys(one.join for one in question.by))
    shown = ", ".join(f'{sql} AS "{name}"' for name, sql in (told | {name: f'"{name}"' for name in sums}).items())
    counts = ["COUNT(*) AS n", *(f'SUM(t."{name}") AS "{name}"' for name in sums)]
    dims = {f"x_{one.name}": one.before for one in question.by if one.before}
    statement = before({**dims, **parts, "r": f"SELECT {inner} FROM {source} {joins}"})
    statement += f"SELECT {', '.join([*(f't.{name}' for name in told), *counts])} FROM (SELECT {shown} FROM r"
    statement += f"{f' WHERE {within}' if within else ''}) AS t"
    statement += f" GROUP BY {', '.join(str(place + 1) for place in range(len(told)))}" if told else ""
    rows = {name: make(question.call) for one in question.by for name, make in one.rows.items()}
    if "{counted}" in source:
        rows["counted"] = counted.values(*sorted(question.of._meta.db_fields))
    cells: Cells = defaultdict(list)
    for row in await bounded(question, statement, {**given, **rows}):
        values = tuple(key_value(one.model, row[f"k{place}"]) for place, one in enumerate(question.by))
        cells[values, day_of(row["start"]) if question.period else None].append(row)
    return cells


def before(parts: Mapping[str, str]) -> str:
    """WITH these SELECTs by their names, each of them worked out once: SQLite would put what one says into each place that speaks of it."""
    return f"WITH {', '.join(f'{name} AS MATERIALIZED ({sql})' for name, sql in parts.items())} "


def day_of(value: Any) -> datetime.date:
    """A day as a database tells it."""
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value)[:10])


async def bounded(question: Question, sql: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a statement. Raises Invalid when there are too many."""
    most = question.limit * MOST
    found = await select(f"{sql} LIMIT {most + 1}", **given)
    if len(found) > most:
        raise Invalid(group_by="makes too many groups; filter more or group by less")
    return found


def key_value(model: Any, value: Any) -> Any:
    """A part of a key as a database tells it: a UUID where there is a record behind it."""
    return value if value is None or model is None else uuid.UUID(str(value))
