"""`lifetimeValue`: what customers have brought so far."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import strawberry

from core import Calendar, Call, Money, first_day, local_day, permit, visible
from core.fields import now
from core.models import Deal, Stage
from plugins.metrics.answers import MetricsKey, MetricsPeriod
from plugins.metrics.common import Comparable, OfDeals, compared, currency_of, days_said, zone_of
from plugins.metrics.counting import Values
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.fields import ENUMS, Currency, First, Last, Length, Reckoning, Zone, chosen
from plugins.metrics.keys import Keys
from plugins.metrics.question import Question
from plugins.metrics.retention_counts import bounded, key_value
from plugins.metrics.spans import spans
from plugins.metrics.telling import period_of
from plugins.metrics.value_customers import Whose, demand_purchases
from plugins.metrics.value_money import rounded
from plugins.metrics.value_sql import day_sql, to_day

DEFINITION = (
    "Sum of the amounts of won deals / number of customers, who are those with such a deal; deals without an amount, or in another"
    " currency, are left out. Periods are those of the first purchase of a customer, whenever the others were."
)
PERCENTS = (25, 50, 75, 90)

ByFirst = Annotated[
    list[ENUMS[Deal]] | None,  # type: ignore[misc]  # the enum is made of the dimensions
    strawberry.argument(description="What to put customers together by, by their first purchase; one row of all when nothing is said."),
]


@strawberry.type(description="What customers have brought so far.")
class MetricsLifetimeRow:
    """The customers of one period, or all of them."""

    key: MetricsKey = strawberry.field(description="The days of their first purchases, and what those have in common.")
    period: MetricsPeriod | None = strawberry.field(description="The days of their first purchases; null for all time.")
    value: Money | None = strawberry.field(description="The mean: numerator / denominator, rounded half to even. Null for 0 / 0.")
    exact: float | None = strawberry.field(description="The mean without rounding, in units of the currency.")
    numerator: Money = strawberry.field(description="The total: what all of these customers have brought.")
    denominator: Decimal = strawberry.field(description="How many customers they are.")
    purchases: Decimal = strawberry.field(description="How many deals they have won.")
    purchases_per_customer: float | None = strawberry.field(description="Purchases / customers. Null for 0 / 0.")
    median: Money | None = strawberry.field(
        description="What half of them have not passed, between the two nearest by linear interpolation."
    )
    p25: Money | None = strawberry.field(description="What a quarter of the customers have not passed.")
    p75: Money | None = strawberry.field(description="What three quarters of the customers have not passed.")
    p90: Money | None = strawberry.field(description="What nine tenths of the customers have not passed.")


@strawberry.type(description="What customers have brought so far, of all or by the period of their first purchase.")
class MetricsLifetimeValue(Comparable):
    """What all rows of the answer have in common."""

    currency: str = strawberry.field(description="ISO 4217 code of all amounts. What is in another currency is left out.")
    rows: list[MetricsLifetimeRow] = strawberry.field(description="The figures, in the order of the names in their keys, then of time.")


@dataclass(frozen=True)
class Cohort:
    """Customers with their first purchase in one period. `at` are the amounts at places in their order, those next to the quantiles."""

    customers: int = 0
    total: int = 0
    purchases: int = 0
    at: tuple[tuple[int, int], ...] = ()

    def quantile(self, percent: int) -> Fraction | None:
        """By linear interpolation, as plugins.metrics.quantiles has it; None of nobody."""
        if not self.customers:
            return None
        amounts, place = dict(self.at), Fraction((self.customers - 1) * percent, 100)
        below = int(place)
        low = amounts[below]
        return low + (amounts.get(below + 1, low) - low) * (place - below)


@strawberry.type(name="Query", extend=True)
class LifetimeValueQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def lifetime_value(
        self,
        info: strawberry.Info[Call],
        where: OfDeals = None,
        customer: Whose = MetricsCustomer.CONTACT,
        group_by: ByFirst = None,
        period: Length = None,
        first: First = None,
        last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN,
        time_zone: Zone = None,
        currency: Currency = None,
    ) -> MetricsLifetimeValue | None:
        """The value of customers; `from` and `to` are days of first purchases."""
        call, code = info.context, currency_of(info.context, currency)
        demand_purchases(call, customer, "amount")
        question = Question(call, Deal, where, chosen(Deal, group_by), period, calendar, first, last, zone_of(call, time_zone))
        return await compared(question, lambda asked: _answer(asked, customer, code))


async def _answer(question: Question, customer: MetricsCustomer, code: str) -> MetricsLifetimeValue:
    moment, found = now(), await cohorts_of(question, customer, code)
    keys, rows = await Keys.of(question, [{place: [] for place in found}]), []
    for values, span in keys.rows(spans(question, [start for _, start in found if start is not None])):
        key = MetricsKey(**keys.named(values), period=period_of(span) if span else None)
        rows.append(_row(key, found.get((values, span.start if span and question.period else None), Cohort()), code))
    return MetricsLifetimeValue(**days_said(question, DEFINITION, moment), currency=code, rows=rows)


Place = tuple[Values, datetime.date | None]


async def cohorts_of(question: Question, customer: MetricsCustomer, currency: str) -> dict[Place, Cohort]:
    """The customers by the keys of their first purchase, and by the first day of its period; all at None without periods."""
    deals = question.meant.filter(currency=currency, amount__isnull=False, **{f"{customer.key}__isnull": False})
    if question.by_time:
        deals = deals.filter(closed_at__isnull=False)
    start = first_day("day", question.period, question.calendar, question.weekday) if question.period else "NULL"
    days = [f"day >= {day_sql(question.first)}"] if question.first else []
    days += [f"day <= {day_sql(question.last)}"] if question.last else []
    keys = [f"k{place}" for place, _ in enumerate(question.by)]
    of = ", ".join([*keys, "start"])
    places = ", ".join(f"(size - 1) * {percent} / 100 + {more}" for percent in PERCENTS for more in (0, 1))
    parts = {
        "bought": f"SELECT d.{customer.key} AS customer, d.id AS id, d.closed_at AS at, {local_day('d.closed_at', question.zone)} AS day,"
        " d.amount AS amount FROM {deals} AS d JOIN {stages} AS s ON s.id = d.stage_id WHERE s.kind = 'WON'",
        "customers": "SELECT customer, MIN(day) AS day, SUM(amount) AS money, COUNT(*) AS deals FROM bought GROUP BY customer",
        **(_keyed(question) if question.by else {"keyed": "SELECT day, money, deals FROM customers"}),
        "cohorts": f"SELECT {', '.join([*keys, f'{start} AS start'])}, money, deals FROM keyed{_where(days)}",
        "placed": f"SELECT {of}, money, ROW_NUMBER() OVER (PARTITION BY {of} ORDER BY money) - 1 AS place,"
        f" COUNT(*) OVER (PARTITION BY {of}) AS size, SUM(money) OVER (PARTITION BY {of}) AS total,"
        f" SUM(deals) OVER (PARTITION BY {of}) AS purchases FROM cohorts",
    }
    given = {name: make(question.call) for one in question.by for name, make in one.rows.items()} | {
        f"seen{place}": visible(question.call, one.model, deleted=True).values("id") for place, one in enumerate(question.by) if one.model
    }
    if question.by:
        given["counted"] = deals.values(*sorted(Deal._meta.db_fields))
    rows = await bounded(
        question, f"{_with(parts)} SELECT {of}, size, total, purchases, place, money FROM placed WHERE place IN ({places}) ORDER BY place",
        {
            "deals": deals.values("id", customer.key, "closed_at", "amount", "stage_id"),
            "stages": visible(question.call, Stage, deleted=True).values("id", "kind"), **given,
        },
    )  # fmt: skip
    found: dict[Place, Cohort] = {}
    for row in rows:
        values = tuple(key_value(one.model, row[key]) for key, one in zip(keys, question.by, strict=True))
        key = values, to_day(row["start"]) if question.period else None
        at = found[key].at if key in found else ()
        found[key] = Cohort(int(row["size"]), int(row["total"]), int(row["purchases"]), (*at, (int(row["place"]), int(row["money"]))))
    return found


def _keyed(question: Question) -> dict[str, str]:
    """SELECTs by their names, the last of which has the customers with the keys of their first purchases.

    What the actor does not see is null already, for quantiles of several groups cannot be put together afterwards.
    """
    keys = [f"v{place}.id" if one.model else one.key for place, one in enumerate(question.by)]
    joins = dict.fromkeys(one.join for one in question.by)
    seen = [f"LEFT JOIN {{seen{place}}} AS v{place} ON v{place}.id = {one.key}" for place, one in enumerate(question.by) if one.model]
    shown = ", ".join(f"{key} AS k{place}" for place, key in enumerate(keys))
    nth = "ROW_NUMBER() OVER (PARTITION BY customer ORDER BY at IS NULL, at, id)"
    return {
        **{f"x_{one.name}": one.before for one in question.by if one.before},
        "firsts": f"SELECT customer, id FROM (SELECT customer, id, {nth} AS nth FROM bought) AS t WHERE nth = 1",
        "keyed": f"SELECT {shown}, c.day AS day, c.money AS money, c.deals AS deals FROM customers AS c"
        f" JOIN firsts AS f ON f.customer = c.customer JOIN {{counted}} AS d ON d.id = f.id {' '.join([*joins, *seen])}",
    }


def _with(parts: Mapping[str, str]) -> str:
    # What dimensions bring is made once, for otherwise it may be made for each row; of all else the databases know best.
    made = {name: "MATERIALIZED " if name.startswith("x_") else "" for name in parts}
    return f"WITH {', '.join(f'{name} AS {made[name]}({sql})' for name, sql in parts.items())}"


def _where(tests: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(tests)}" if tests else ""


def _row(key: MetricsKey, cohort: Cohort, currency: str) -> MetricsLifetimeRow:
    size, unit = cohort.customers, Money(Decimal(1), currency).minor
    mean = Fraction(cohort.total, size) if size else None
    p25, median, p75, p90 = (rounded(cohort.quantile(percent), currency) for percent in PERCENTS)
    return MetricsLifetimeRow(
        key=key, period=key.period, value=rounded(mean, currency), exact=None if mean is None else float(mean / unit),
        numerator=Money.of_minor(cohort.total, currency), denominator=Decimal(size), purchases=Decimal(cohort.purchases),
        purchases_per_customer=cohort.purchases / size if size else None, median=median, p25=p25, p75=p75, p90=p90,
    )  # fmt: skip
