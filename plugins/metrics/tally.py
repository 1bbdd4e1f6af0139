"""Counting deals by the keys of a question, in one statement."""

from collections.abc import Mapping
from typing import Any

from core import Invalid, first_day, local_day, select, visible
from core.models import DealLine
from plugins.metrics.question import MetricsDimension, Question

COLUMNS = {
    MetricsDimension.OWNER: "owner_id",
    MetricsDimension.TEAM: "owner_id",  # whose team is looked up afterwards
    MetricsDimension.PRODUCT: "product_id",
    MetricsDimension.PIPELINE: "pipeline_id",
    MetricsDimension.SOURCE: "source",
}
READ = ("id", "owner_id", "pipeline_id", "stage_id", "source", "amount", "currency", "started_at", "closed_at")
MOST = 200  # rows of the statement for each row of the answer


async def tally(question: Question, deals: Any, columns: Mapping[str, str | None], **rows: Any) -> list[dict[str, Any]]:
    """The deals counted (`n`, and `amount` summed in minor units) by the keys of a question and by more columns.

    The keys are named owner, team, ..., period. `columns` are names of columns of the deal, or names with SQL for them over
    a deal `d` and over {names} of `rows`.
    Raises Invalid when there is too much to count.
    """
    keys = {one.key: f't."{COLUMNS[one]}"' for one in question.by}
    if question.period is not None:
        keys["period"] = first_day('t."day"', question.period)
    keys |= {name: f't."{name}"' for name in columns}
    first, source = "", _source(question, columns)
    if MetricsDimension.PRODUCT in question.by:
        source = f'SELECT p.*, l."product_id" FROM ({source}) AS p LEFT JOIN l ON l."deal_id" = p."id"'
        # Materialized, for otherwise both databases may look all lines through for each deal.
        first = 'WITH l AS MATERIALIZED (SELECT DISTINCT x."deal_id", x."product_id" FROM {lines} AS x) '
        rows["lines"] = visible(question.call, DealLine).values("deal_id", "product_id")
    selected = "".join(f'{column} AS "{name}", ' for name, column in keys.items())
    places = ", ".join(str(place) for place in range(1, len(keys) + 1))
    most = question.limit * MOST
    sql = f'{first}SELECT {selected}COUNT(*) AS n, SUM(t."amount") AS amount FROM ({source}) AS t{_within(question)}'
    found = await select(f"{sql}{f' GROUP BY {places}' if places else ''} LIMIT {most + 1}", deals=deals.values(*READ), **rows)
    if len(found) > most:
        raise Invalid(group_by="makes too many groups; filter more or group by less")
    return found


def _source(question: Question, columns: Mapping[str, str | None]) -> str:
    own = {name: sql for name, sql in columns.items() if sql is not None}
    if question.by_time:
        own["day"] = local_day(f'd."{question.dated.column}"', question.zone)
    more = "".join(f', {sql} AS "{name}"' for name, sql in own.items())
    return f"SELECT d.*{more} FROM {{deals}} AS d"


def _within(question: Question) -> str:
    tests = []
    if question.first is not None:
        tests.append(f"""t."day" >= '{question.first}'""")
    if question.last is not None:
        tests.append(f"""t."day" <= '{question.last}'""")
    return f" WHERE {' AND '.join(tests)}" if tests else ""
