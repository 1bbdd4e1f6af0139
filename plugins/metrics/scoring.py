"""Scoring: what each contact has bought, how that compares with others, and what to expect, worked out for all customers at once."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from tortoise.connection import get_connection
from tortoise.expressions import Subquery

from core import Call, Run, day_begins, days_between, select, transaction, visible
from core.fields import now
from core.models import AuditEntry, Contact, Deal
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.models import MetricsScore
from plugins.metrics.question import DAY
from plugins.metrics.statistics.gamma_gamma import GammaGamma, Spenders
from plugins.metrics.statistics.rfm import BEST, GRID
from plugins.metrics.value_histories import Histories, customers_sql, histories, places
from plugins.metrics.value_model import Models, fitted
from plugins.metrics.value_sql import day_sql, postgres, time_sql

SOON, YEAR = 90, 365  # days
AT_ONCE = 1_000  # rows of a statement that writes them out
PREDICTION, SCORED = "metrics_prediction", "metrics_scored"  # tables for the time of one scoring

Prediction = tuple[int, int, int, int, int, float, float]
"""Days with purchases after the first, days to the last, days to now: probability in ten-thousandths, purchases in thousandths, and
for a customer whose purchases after the first are worth m on average the value base + slope · m."""


async def score(run: Run) -> int:
    """Score all customers, and give their number."""
    return await score_all(run)


async def score_all(call: Call) -> int:
    """As `score`, for any call of the system.

    The deals are looked through twice, and what comes here are the histories that differ, not the customers. What
    happens to deals meanwhile is seen by the next scoring. The scores are worked out before anything is locked, and put in the
    place of the old ones at once.
    """
    async with call.crm.remembered("metrics.scoring", asyncio.Lock):  # on SQLite there is one connection, and so one table of each name
        return await _score_all(call)


async def _score_all(call: Call) -> int:
    company = call.crm.settings.company
    moment, customer = now(), MetricsCustomer.CONTACT
    today = moment.astimezone(ZoneInfo(company.time_zone)).date()
    until = day_begins(today + DAY, company.time_zone)
    # Who was erased is not looked at any more: a score is a judgement on a person.
    erased = AuditEntry.filter(name="contact.erased").values("record_id")
    contacts = visible(call, Contact).exclude(id__in=Subquery(erased)).values("id")
    deals = visible(call, Deal).filter(closed_at__lt=until, contact_id__in=Subquery(contacts))
    beginning, given = customers_sql(customer, company.time_zone), places(call, deals, customer, company.currency)
    async with _unhurried(call):
        known = await histories(beginning, given, today)
    models = await asyncio.to_thread(fitted, known)
    predictions = await asyncio.to_thread(_predictions, models, known)
    async with _unhurried(call):
        await _keep(predictions)
        names, statement = _scores(beginning, company.currency, today, moment, models)
        await select(statement, **given)
        async with transaction(call):
            database = get_connection("default")
            if postgres():
                await database.execute_query("LOCK TABLE metrics_score IN SHARE ROW EXCLUSIVE MODE")  # two at once would collide
            await MetricsScore.all().delete()
            # Once more only those of whom it is so now: who was erased meanwhile gets no score.
            kept = f"SELECT {names} FROM {SCORED} AS t WHERE t.contact_id IN (SELECT c.id FROM {{contacts}} AS c)"
            await select(f"INSERT INTO metrics_score ({names}) {kept}", contacts=contacts)
            if models.undetermined:
                await MetricsScore.filter(predicted_value__isnull=True).update(undetermined=models.undetermined[:200])
            scored = await MetricsScore.all().count()
        await _forget()
    return scored


@asynccontextmanager
async def _unhurried(call: Call) -> AsyncIterator[None]:
    """Without the limit of time that statements of requests have. Only PostgreSQL has one, for a transaction."""
    if not postgres():
        yield
        return
    async with transaction(call):
        await get_connection("default").execute_query("SET LOCAL statement_timeout = 0")
        yield


def _predictions(models: Models, known: Histories) -> list[Prediction]:
    """One for each history; none where the model is not determined."""
    if models.buying is None or not known.rows:
        return []
    buyers = known.buyers
    alive, soon, year = models.buying.alive(buyers), models.buying.purchases(SOON, buyers), models.buying.purchases(YEAR, buyers)
    lines = _lines(models.spending, [one.frequency for one in buyers])
    return [
        (one.frequency, int(one.recency), int(one.age), round(likely * 10**4), round(few * 10**3), many * base, many * slope)
        for one, likely, few, many, (base, slope) in zip(buyers, alive, soon, year, lines, strict=True)
    ]


def _lines(spending: GammaGamma | None, often: Sequence[int]) -> list[tuple[float, float]]:
    """What a purchase is worth of customers who bought so often again, as base and slope by the mean of a customer's own."""
    if spending is None:
        return [(0.0, 0.0)] * len(often)
    none, one = (spending.values([Spenders(again, mean) for again in often]) for mean in (0.0, 1.0))
    return [(base, other - base) for base, other in zip(none, one, strict=True)]


async def _forget() -> None:
    for name in (PREDICTION, SCORED):
        await get_connection("default").execute_query(f"DROP TABLE IF EXISTS {name}")


async def _keep(predictions: Sequence[Prediction]) -> None:
    await _forget()  # what a scoring that failed left behind
    database = get_connection("default")
    await database.execute_query(
        f"CREATE TEMPORARY TABLE {PREDICTION} (again INTEGER, reach INTEGER, age INTEGER, alive BIGINT, soon BIGINT,"
        " base DOUBLE PRECISION, slope DOUBLE PRECISION, PRIMARY KEY (again, reach, age))"
    )
    for start in range(0, len(predictions), AT_ONCE):
        rows = ", ".join(f"({', '.join(repr(value) for value in row)})" for row in predictions[start : start + AT_ONCE])
        await database.execute_query(f"INSERT INTO {PREDICTION} VALUES {rows}")


def _scores(beginning: str, currency: str, today: datetime.date, moment: datetime.datetime, models: Models) -> tuple[str, str]:
    """The columns of scores, and the statement that makes a table of all of them.

    Those of 1 to 5 are as in statistics.rfm: 1 + 5 · worse ones / customers, rounded down.
    """
    recency, reach, age = days_between("last", day_sql(today)), days_between("first", "last"), days_between("first", day_sql(today))
    mean = "m.repeated / CASE WHEN m.again > 0 THEN m.again ELSE 1 END"
    value = f"CAST(ROUND(p.base + p.slope * {mean}) AS BIGINT)" if models.spending else "CAST(NULL AS BIGINT)"
    columns = {
        "id": "customer", "contact_id": "customer", "group": _group("r", "f"), "recency": "recency", "frequency": "deals",
        "monetary": "money", "currency": f"'{currency}'", "recency_score": "r", "frequency_score": "f", "monetary_score": "m",
        "first_purchase_on": "first", "last_purchase_on": "last",
        "mean_gap": "CASE WHEN again > 0 THEN (20 * reach + again) / (2 * again) END",
        "gaps": "CASE WHEN again > 0 THEN (200 * recency * again + reach) / (2 * reach) END", "alive_probability": "alive",
        "expected_purchases": "soon", "predicted_value": "value", "scored_at": time_sql(moment),
    }  # fmt: skip
    names, values = ", ".join(f'"{name}"' for name in columns), ", ".join(f'{sql} AS "{name}"' for name, sql in columns.items())
    ranked = ", ".join(
        f"CAST(1 + {BEST} * (RANK() OVER (ORDER BY {by}) - 1) / COUNT(*) OVER () AS INTEGER) AS {name}"
        for name, by in {"r": "last", "f": "deals", "m": "money"}.items()
    )
    statement = (
        f"CREATE TEMPORARY TABLE {SCORED} AS {beginning}, measured AS (SELECT customer, again, first, last, {recency} AS recency,"
        f" {reach} AS reach, {age} AS age, CAST(deals AS BIGINT) AS deals, CAST(money AS BIGINT) AS money, repeated FROM customers),"
        f" ranked AS (SELECT m.*, p.alive AS alive, p.soon AS soon, {value} AS value, {ranked} FROM measured AS m"
        f" LEFT JOIN {PREDICTION} AS p ON p.again = m.again AND p.reach = m.reach AND p.age = m.age)"
        f" SELECT {values} FROM ranked"
    )
    return names, statement


def _group(recency: str, frequency: str) -> str:
    cases = " ".join(
        f"WHEN {10 * one + other} THEN '{group.name}'" for one, groups in GRID.items() for other, group in enumerate(groups, 1)
    )
    return f"CASE 10 * {recency} + {frequency} {cases} END"
