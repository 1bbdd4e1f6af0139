"""Counting rows by the keys of a question, in one statement."""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from core import Invalid, first_day, local_day, select
from plugins.metrics.question import Question

NOTHING: Mapping[str, str] = {}
MOST = 200  # rows of the statement for each row of the answer

Values = tuple[Any, ...]
Counted = list[dict[str, Any]]
Cells = dict[tuple[Values, datetime.date | None], Counted]


async def counted(
    question: Question,
    dated: str,
    sums: Mapping[str, str],
    columns: Mapping[str, str] = NOTHING,
    beside: Mapping[str, str] = NOTHING,
    join: str = "",
    rows: Any = None,
    more: Mapping[str, Any] | None = None,
    day: str | None = None,
) -> Cells:
    """The rows of a question put together by its keys: by values of its dimensions, and by the first day of the period.

    dated: the column with the time. sums: names with SQL, over the row `d`, for what is summed: `1` counts. columns: names with SQL over
    `d` by which rows are put together besides. beside: names with a SELECT of (row, name) over {names} of `more`, which is made once and
    joined; null for rows without. join: SQL that joins {names} of `more` to `d`. rows: a queryset in place of the question's own.
    day: SQL for the day, where it is not that of a time of `d`.
    Raises Invalid when there is too much to count.
    """
    keys = {f"k{place}": one.key for place, one in enumerate(question.by)} | dict(columns)
    keys |= {name: f'b_{name}."{name}"' for name in beside}
    values = keys | {name: sql for name, sql in sums.items() if sql != "1"}
    grouped = [f'"{name}"' for name in keys]
    summed = [f'SUM("{name}") AS "{name}"' if name in values else f'COUNT(*) AS "{name}"' for name in sums]
    if question.period is not None:
        values["day"] = day or local_day(f'd."{dated}"', question.zone)
    inner = ", ".join(f'{sql} AS "{name}"' for name, sql in values.items()) or "1 AS one"
    joins = dict.fromkeys([join, *(one.join for one in question.by), *(f"LEFT JOIN b_{name} ON b_{name}.row = d.id" for name in beside)])
    source = f"SELECT {inner} FROM {{counted}} AS d {' '.join(joins)}"
    if question.period is not None:
        # Rows are put together by day first: the first day of its period is then worked out for each day, and not for each row.
        source = f"SELECT {', '.join([*grouped, 'day', *summed])} FROM ({source}) AS t GROUP BY {_places(len(grouped) + 1)}"
        summed = [f'SUM("{name}") AS "{name}"' for name in sums]
        grouped.append(f'{first_day("day", question.period, question.calendar, question.weekday)} AS "start"')
    statement = f"{_before(question, beside)}SELECT {', '.join([*grouped, *summed])} FROM ({source}) AS t"
    if grouped:
        statement += f" GROUP BY {_places(len(grouped))}"
    base = (question.rows(dated) if rows is None else rows).values(*sorted(question.of._meta.db_fields))
    most = question.limit * MOST
    given = {name: make(question.call) for one in question.by for name, make in one.rows.items()} | dict(more or {})
    found = await select(f"{statement} LIMIT {most + 1}", counted=base, **given)
    if len(found) > most:
        raise Invalid(group_by="makes too many groups; filter more or group by less")
    cells: Cells = defaultdict(list)
    for row in found:
        row |= {name: int(row[name]) for name in sums if row[name] is not None}  # PostgreSQL sums sums as decimals
        values_of = tuple(_value(one.model, row[f"k{place}"]) for place, one in enumerate(question.by))
        cells[values_of, _date(row["start"]) if question.period else None].append(row)
    return cells


def _places(count: int) -> str:
    return ", ".join(str(place + 1) for place in range(count))


def _before(question: Question, beside: Mapping[str, str]) -> str:
    # Materialized, for otherwise both databases may look through all of these rows for each row.
    parts = {f"x_{one.name}": one.before for one in question.by if one.before} | {f"b_{name}": sql for name, sql in beside.items()}
    return f"WITH {', '.join(f'{name} AS MATERIALIZED ({sql})' for name, sql in parts.items())} " if parts else ""


def _value(model: Any, value: Any) -> Any:
    return value if value is None or model is None else uuid.UUID(str(value))


def _date(value: Any) -> datetime.date:
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value)[:10])
