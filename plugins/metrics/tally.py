"""Counting deals by the keys of a question, in one statement."""

from collections.abc import Mapping
from typing import Any

from tortoise.expressions import Subquery

from core import Invalid, first_day, local_day, select, visible
from core.models import DealLine, Product
from plugins.metrics.question import MetricsDimension, Question

COLUMNS = {
    MetricsDimension.OWNER: "owner_id",
    MetricsDimension.TEAM: "owner_id",  # whose team is looked up afterwards
    MetricsDimension.PRODUCT: "product_id",
    MetricsDimension.PIPELINE: "pipeline_id",
    MetricsDimension.SOURCE: "source",
}
READ = ("id", "owner_id", "pipeline_id", "stage_id", "source", "amount", "currency", "started_at", "closed_at")
NOTHING: Mapping[str, str] = {}
MOST = 200  # rows of the statement for each row of the answer


async def tally(
    question: Question, deals: Any, columns: Mapping[str, str | None], beside: Mapping[str, str] = NOTHING, **rows: Any
) -> list[dict[str, Any]]:
    """The deals counted (`n`, and `amount` summed in minor units) by the keys of a question and by more columns.

    The keys are named owner, team, ..., period. `columns` are names of columns of the deal, or names with SQL for them over
    a deal `d`. `beside` are names with a SELECT of rows (deal_id, name) over {names} of `rows`, null for deals without.
    Raises Invalid when there is too much to count.
    """
    keys = {one.key: f't."{COLUMNS[one]}"' for one in question.by}
    if question.period is not None:
        keys["period"] = first_day('t."day"', question.period)
    keys |= {name: f't."{name}"' for name in (*columns, *beside)}
    if MetricsDimension.PRODUCT in question.by:
        beside = {**beside, "product_id": 'SELECT DISTINCT x."deal_id", x."product_id" FROM {lines} AS x'}
        products = visible(question.call, Product, deleted=True).values("id")
        rows["lines"] = visible(question.call, DealLine).filter(product_id__in=Subquery(products)).values("deal_id", "product_id")
    selected = "".join(f'{column} AS "{name}", ' for name, column in keys.items())
    counted = (
        f'SELECT {selected}COUNT(*) AS n, SUM(t."amount") AS amount FROM ({_source(question, columns, beside)}) AS t{_within(question)}'
    )
    grouped = f" GROUP BY {', '.join(str(place) for place in range(1, len(keys) + 1))}" if keys else ""
    most = question.limit * MOST
    found = await select(f"{_before(beside)}{counted}{grouped} LIMIT {most + 1}", deals=deals.values(*READ), **rows)
    if len(found) > most:
        raise Invalid(group_by="makes too many groups; filter more or group by less")
    return found


def _before(beside: Mapping[str, str]) -> str:
    # Materialized, for otherwise both databases may look through all of these rows for each deal.
    parts = ", ".join(f'"b_{name}" AS MATERIALIZED ({sql})' for name, sql in beside.items())
    return f"WITH {parts} " if parts else ""


def _source(question: Question, columns: Mapping[str, str | None], beside: Mapping[str, str]) -> str:
    own = {name: sql for name, sql in columns.items() if sql is not None}
    own |= {name: f'"b_{name}"."{name}"' for name in beside}
    if question.by_time:
        own["day"] = local_day(f'd."{question.dated.column}"', question.zone)
    more = "".join(f', {sql} AS "{name}"' for name, sql in own.items())
    joins = "".join(f' LEFT JOIN "b_{name}" ON "b_{name}"."deal_id" = d."id"' for name in beside)
    return f"SELECT d.*{more} FROM {{deals}} AS d{joins}"


def _within(question: Question) -> str:
    tests = []
    if question.first is not None:
        tests.append(f"""t."day" >= '{question.first}'""")
    if question.last is not None:
        tests.append(f"""t."day" <= '{question.last}'""")
    return f" WHERE {' AND '.join(tests)}" if tests else ""
