"""Which customers were active when, by when they first bought: from the roll-up where it may answer, else from the deals."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from core import SYSTEM, Call, first_day, local_day, select, visible
from core.fields import now
from core.models import Deal, Stage
from plugins.metrics.models import MetricsRollup
from plugins.metrics.question import Question
from plugins.metrics.rollup_keeping import COLUMNS, NAME, first_waiting

PATIENCE = datetime.timedelta(seconds=10)  # for what has happened and is not in the roll-up yet


@dataclass(frozen=True)
class Active:
    """How many customers, whose first purchase ever lies in the period of `cohort_start`, bought in that of `period_start`."""

    cohort_start: datetime.date
    period_start: datetime.date
    customers: int


@dataclass(frozen=True)
class Actives:
    """All of them, in the order of cohorts and periods, and the moment of which they are."""

    rows: list[Active]
    as_of: datetime.datetime
    rolled: bool


async def active(question: Question, customer: str) -> Actives:
    """Active customers of a question about deals that names a period. `customer` is CONTACT or COMPANY.

    The days of the question are those of activity; the first purchase may lie before them. Its dimensions are not looked at.
    """
    return await from_rollup(question, customer) or await from_deals(question, customer)


async def from_rollup(question: Question, customer: str) -> Actives | None:
    """The answer of the roll-up; None where it has none: for part of the deals, another time zone, before it was built, or far behind."""
    moment = await _moment(question)
    if moment is None:
        return None
    cohort, start = _start(question, "first_day"), _start(question, "day")
    of, days = f"customer = '{customer}'", _within(question)
    before = f"(previous_day < {start}" + (f" OR previous_day < '{question.first}')" if question.first else ")")
    # First days, of which there are many, are put together by the day alone; of the others the first one of each period counts.
    parts = (
        f"SELECT day AS first_day, day, COUNT(*) AS n FROM metrics_purchase_day WHERE {of} AND previous_day IS NULL{days} GROUP BY day"
        f" UNION ALL SELECT first_day, day, 1 AS n FROM metrics_purchase_day WHERE {of} AND previous_day IS NOT NULL AND {before}{days}"
    )
    found = await select(f"SELECT {cohort} AS cohort, {start} AS start, SUM(n) AS n FROM ({parts}) AS t GROUP BY 1, 2 ORDER BY 1, 2")
    return Actives(_read(found), moment, rolled=True)


@dataclass(frozen=True)
class Returned:
    """How many customers bought in the period of `start` who had last bought in that of `before`: None for those who never had."""

    start: datetime.date
    before: datetime.date | None
    customers: int


async def returned_from_rollup(question: Question, customer: str) -> tuple[list[Returned], datetime.datetime] | None:
    """Customers by the period in which they bought and the one before it in which they had; with the moment. None as `from_rollup`."""
    moment = await _moment(question)
    if moment is None:
        return None
    start, before = _start(question, "day"), _start(question, "previous_day")
    inner = (
        f"SELECT day, previous_day, COUNT(*) AS n FROM metrics_purchase_day WHERE customer = '{customer}'"
        f" AND (previous_day IS NULL OR previous_day < {start}) GROUP BY day, previous_day"
    )
    found = await select(f"SELECT {start} AS start, {before} AS before, SUM(n) AS n FROM ({inner}) AS t GROUP BY 1, 2")
    rows = [Returned(_date(row["start"]), row["before"] and _date(row["before"]), int(row["n"])) for row in found]
    return rows, moment


async def _moment(question: Question) -> datetime.datetime | None:
    """The moment of which the roll-up is; None where it may not answer."""
    if question.where is not None or not _sees_all(question.call):
        return None
    state = await MetricsRollup.get_or_none(name=NAME)
    if state is None or not state.whole or state.zone != question.zone:
        return None
    moment, late = now(), await first_waiting()
    if late is not None and moment - late.at > PATIENCE:
        return None
    return late.at if late else moment


async def from_deals(question: Question, customer: str) -> Actives:
    """The answer of the deals that the actor sees and the question means."""
    moment = now()
    rows = replace(question, first=None, last=None).rows("closed_at")
    deals = rows.filter(**{f"{COLUMNS[customer]}__isnull": False}).values(COLUMNS[customer], "closed_at", "stage_id")
    stages = visible(question.call, Stage, deleted=True).filter(kind="WON").values("id")
    bought = (
        f"SELECT d.{COLUMNS[customer]} AS c, {local_day('d.closed_at', question.zone)} AS day"
        f" FROM {{deals}} AS d JOIN {{stages}} AS s ON s.id = d.stage_id"
    )
    hit = f"MAX(CASE WHEN TRUE{_within(question)} THEN 1 ELSE 0 END)"
    periods = f"SELECT c, {_start(question, 'day')} AS start, {hit} AS hit FROM ({bought}) AS b GROUP BY 1, 2"
    cohorts = f"SELECT start, hit, MIN(start) OVER (PARTITION BY c) AS cohort FROM ({periods}) AS p"
    sql = f"SELECT cohort, start, COUNT(*) AS n FROM ({cohorts}) AS t WHERE hit = 1 GROUP BY 1, 2 ORDER BY 1, 2"
    return Actives(_read(await select(sql, deals=deals, stages=stages)), moment, rolled=False)


def _sees_all(call: Call) -> bool:
    """Whether no rule narrows the deals and stages that count: then the statement is that of the system."""
    system = call.crm.call(SYSTEM)
    asked = [(Deal, False), (Stage, True)]
    return all(visible(call, kind, deleted=deleted).sql() == visible(system, kind, deleted=deleted).sql() for kind, deleted in asked)


def _start(question: Question, day: str) -> str:
    """SQL for the first day of the period of the question that holds a day. Raises ValueError for a question without a period."""
    if question.period is None:
        raise ValueError("customers are active in periods: name one")
    return first_day(day, question.period, question.calendar, question.weekday)


def _within(question: Question) -> str:
    """SQL for the days of the question, to be put behind a test."""
    parts = [f" AND day >= '{question.first}'"] if question.first else []
    return "".join([*parts, *([f" AND day <= '{question.last}'"] if question.last else [])])


def _read(found: Iterable[Mapping[str, Any]]) -> list[Active]:
    return [Active(_date(row["cohort"]), _date(row["start"]), int(row["n"])) for row in found]


def _date(value: Any) -> datetime.date:
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(value)  # SQLite gives a text
