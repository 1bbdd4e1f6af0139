"""`lifetimeValue`: what customers have brought so far."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import strawberry

from core import Calendar, Call, Filter, Money, first_day, local_day, matching, permit, select, visible
from core.fields import now
from core.models import Deal, Stage
from plugins.metrics.answers import MetricsPeriod
from plugins.metrics.common import Comparable, compared, days_said
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.fields import Currency, First, Last, Length, Reckoning, Zone
from plugins.metrics.question import Question
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


@strawberry.type(description="What customers have brought so far.")
class MetricsLifetimeRow:
    """The customers of one period, or all of them."""

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
    rows: list[MetricsLifetimeRow] = strawberry.field(description="The customers of each period, in the order of time.")


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
        where: Annotated[Filter | None, Deal, strawberry.argument(description="Only deals like this; deleted ones never count.")] = None,
        customer: Whose = MetricsCustomer.CONTACT,
        period: Length = None,
        first: First = None,
        last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN,
        time_zone: Zone = None,
        currency: Currency = None,
    ) -> MetricsLifetimeValue | None:
        """The value of customers; `from` and `to` are days of first purchases."""
        call, company = info.context, info.context.crm.settings.company
        code = currency or company.currency
        Money.of_minor(0, code)
        demand_purchases(call, customer, "amount")
        question = Question(call, Deal, where, (), period, calendar, first, last, time_zone or company.time_zone)
        return await compared(question, lambda asked: _answer(asked, customer, code))


async def _answer(question: Question, customer: MetricsCustomer, code: str) -> MetricsLifetimeValue:
    moment, found = now(), await cohorts_of(question, customer, code)
    stretches = spans(question, [start for start in found if start is not None])
    rows = [
        _row(found.get(span.start if span and question.period else None, Cohort()), span and period_of(span), code) for span in stretches
    ]  # fmt: skip
    return MetricsLifetimeValue(**days_said(question, DEFINITION, moment), currency=code, rows=rows)


async def cohorts_of(question: Question, customer: MetricsCustomer, currency: str) -> dict[datetime.date | None, Cohort]:
    """The customers by the first day of the period in which they came; all at None without periods."""
    deals = matching(question.call, Deal, question.where).filter(
        currency=currency, amount__isnull=False, **{f"{customer.key}__isnull": False}
    )
    if question.by_time:
        deals = deals.filter(closed_at__isnull=False)
    start = first_day("day", question.period, question.calendar, question.weekday) if question.period else "NULL"
    days = [f"day >= {day_sql(question.first)}"] if question.first else []
    days += [f"day <= {day_sql(question.last)}"] if question.last else []
    within = f"WHERE {' AND '.join(days)}" if days else ""
    places = ", ".join(f"(size - 1) * {percent} / 100 + {more}" for percent in PERCENTS for more in (0, 1))
    rows = await select(
        f"WITH customers AS (SELECT customer, MIN(day) AS day, SUM(amount) AS money, COUNT(*) AS deals FROM"
        f" (SELECT d.{customer.key} AS customer, {local_day('d.closed_at', question.zone)} AS day, d.amount AS amount FROM {{deals}} AS d"
        " JOIN {stages} AS s ON s.id = d.stage_id WHERE s.kind = 'WON') AS bought GROUP BY customer),"
        " placed AS (SELECT start, money, ROW_NUMBER() OVER (PARTITION BY start ORDER BY money) - 1 AS place,"
        " COUNT(*) OVER (PARTITION BY start) AS size, SUM(money) OVER (PARTITION BY start) AS total,"
        " SUM(deals) OVER (PARTITION BY start) AS purchases"
        f" FROM (SELECT {start} AS start, money, deals FROM customers {within}) AS cohorts)"
        f" SELECT start, size, total, purchases, place, money FROM placed WHERE place IN ({places}) ORDER BY place",
        deals=deals.values(customer.key, "closed_at", "amount", "stage_id"),
        stages=visible(question.call, Stage, deleted=True).values("id", "kind"),
    )
    found: dict[datetime.date | None, Cohort] = {}
    for row in rows:
        key = to_day(row["start"]) if question.period else None
        at = found[key].at if key in found else ()
        found[key] = Cohort(int(row["size"]), int(row["total"]), int(row["purchases"]), (*at, (int(row["place"]), int(row["money"]))))
    return found


def _row(cohort: Cohort, period: MetricsPeriod | None, currency: str) -> MetricsLifetimeRow:
    size, unit = cohort.customers, Money(Decimal(1), currency).minor
    mean = Fraction(cohort.total, size) if size else None
    p25, median, p75, p90 = (rounded(cohort.quantile(percent), currency) for percent in PERCENTS)
    return MetricsLifetimeRow(
        period=period, value=rounded(mean, currency), exact=None if mean is None else float(mean / unit),
        numerator=Money.of_minor(cohort.total, currency), denominator=Decimal(size), purchases=Decimal(cohort.purchases),
        purchases_per_customer=cohort.purchases / size if size else None, median=median, p25=p25, p75=p75, p90=p90,
    )  # fmt: skip
