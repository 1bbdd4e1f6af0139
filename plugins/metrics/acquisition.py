"""What it costs to win a customer or a contact, and what comes back: `acquisitionCost`, `costPerLead` and `roi`."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any

import strawberry

from core import Calendar, Call, Filter, Invalid, Money, Period, first_day, local_day, permit, select, visible
from core.fields import now
from core.models import Contact, Deal, Stage
from plugins.metrics.answers import MetricsKey
from plugins.metrics.bundled import MONEY_WON, OF_KIND, OF_MONEY, STAGE, STAGES
from plugins.metrics.common import Comparable, OfContacts, OfDeals, compared, currency_of, days_said, zone_of
from plugins.metrics.counting import Cells, counted
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.dimensions import CONTACT, CONTACTS, OF_CONTACTS, Dimension
from plugins.metrics.fields import Currency, First, Last, Length, Reckoning, Zone
from plugins.metrics.models import MetricsSpend
from plugins.metrics.question import Question
from plugins.metrics.spans import Span, spans
from plugins.metrics.spend import Spent, spent
from plugins.metrics.telling import period_of
from plugins.metrics.value_customers import Whose, demand_purchases
from plugins.metrics.value_money import rounded
from plugins.metrics.value_sql import day_sql, to_day

ACQUISITION = (
    "Money spent in the period / customers whose first won deal was closed in it. The source of a customer is that of this deal, or where"
    " it has none that of its contact."
)
LEAD = "Money spent in the period / contacts that came in in it. The source is that of the contact."
ROI = (
    "(Revenue - money spent) / money spent, in the period; revenue is the sum of the amounts of deals won in it. The source of a deal is"
    " its own, or where it has none that of its contact."
)
OF_LEADS = next(one for one in OF_CONTACTS if one.name == "source")
OF_SALES = Dimension(
    "source", "Where a deal or its contact came from.", "COALESCE(d.source, x_contact.source)", CONTACT, rows=CONTACTS,
    tells={Deal: ("source", "contact"), Contact: ("source",)},
)  # fmt: skip


@strawberry.enum(description="What money spent is put together by.")
class MetricsSpendDimension(Enum):
    """Dimensions of costs."""

    SOURCE = strawberry.enum_value("source", description="What it was spent on, and where customers, contacts and deals came from.")


Spending = Annotated[
    Filter | None, MetricsSpend, strawberry.argument(description="Only money spent like this; what was deleted never counts.")
]
By = Annotated[
    list[MetricsSpendDimension] | None, strawberry.argument(description="What to put it together by; one row of all when nothing is said.")
]


@strawberry.type(description="What one costs.")
class MetricsCostRow:
    """A row of costs."""

    key: MetricsKey = strawberry.field(description="The source and the period of this row; a source of null is that of what has none.")
    value: Money | None = strawberry.field(description="Numerator / denominator, rounded half to even. Null when the denominator is 0.")
    exact: float | None = strawberry.field(description="The cost without rounding, in units of the currency.")
    numerator: Money = strawberry.field(description="The money spent.")
    denominator: Decimal = strawberry.field(description="How many were won.")


@strawberry.type(description="What it costs to win one.")
class MetricsCost(Comparable):
    """What all rows of an answer have in common."""

    currency: str = strawberry.field(description="ISO 4217 code of all amounts. Money spent in another currency is left out.")
    rows: list[MetricsCostRow] = strawberry.field(description="The costs, in the order of sources, then of time.")


@strawberry.type(description="What has come back of money spent.")
class MetricsReturnRow:
    """A row of returns."""

    key: MetricsKey = strawberry.field(description="The source and the period of this row; a source of null is that of what has none.")
    value: float | None = strawberry.field(description="Numerator / denominator: 0.5 when half as much again came back. Null for x / 0.")
    numerator: Money = strawberry.field(description="Revenue less money spent.")
    denominator: Money = strawberry.field(description="The money spent.")
    revenue: Money = strawberry.field(description="The amounts of won deals.")


@strawberry.type(description="What has come back of money spent.")
class MetricsReturn(Comparable):
    """What all rows of an answer have in common."""

    currency: str = strawberry.field(description="ISO 4217 code of all amounts. What is in another currency is left out.")
    rows: list[MetricsReturnRow] = strawberry.field(description="The returns, in the order of sources, then of time.")


@strawberry.type(name="Query", extend=True)
class AcquisitionQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description=ACQUISITION)
    @permit("metrics.read")
    async def acquisition_cost(
        self,
        info: strawberry.Info[Call],
        where: OfDeals = None,
        spend: Spending = None,
        customer: Whose = MetricsCustomer.CONTACT,
        group_by: By = None,
        period: Length = None,
        first: First = None,
        last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN,
        time_zone: Zone = None,
        currency: Currency = None,
    ) -> MetricsCost | None:
        """Cost of a new customer."""
        call, code = info.context, currency_of(info.context, currency)
        demand_purchases(call, customer)
        by = (OF_SALES,) if group_by else ()
        question = Question(call, Deal, where, by, period, calendar, first, last, zone_of(call, time_zone), OF_KIND)

        async def answer(asked: Question) -> MetricsCost:
            return await _costs(ACQUISITION, asked, code, spend, await customers_won(asked, customer))

        return await compared(question, answer)

    @strawberry.field(description=LEAD)
    @permit("metrics.read")
    async def cost_per_lead(
        self,
        info: strawberry.Info[Call],
        where: OfContacts = None,
        spend: Spending = None,
        group_by: By = None,
        period: Length = None,
        first: First = None,
        last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN,
        time_zone: Zone = None,
        currency: Currency = None,
    ) -> MetricsCost | None:
        """Cost of a new contact."""
        call, code = info.context, currency_of(info.context, currency)
        by = (OF_LEADS,) if group_by else ()
        question = Question(call, Contact, where, by, period, calendar, first, last, zone_of(call, time_zone), {Contact: ("created_at",)})

        async def answer(asked: Question) -> MetricsCost:
            return await _costs(LEAD, asked, code, spend, await leads(asked))

        return await compared(question, answer)

    @strawberry.field(description=ROI)
    @permit("metrics.read")
    async def roi(
        self,
        info: strawberry.Info[Call],
        where: OfDeals = None,
        spend: Spending = None,
        group_by: By = None,
        period: Length = None,
        first: First = None,
        last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN,
        time_zone: Zone = None,
        currency: Currency = None,
    ) -> MetricsReturn | None:
        """Return on money spent."""
        call, code = info.context, currency_of(info.context, currency)
        by = (OF_SALES,) if group_by else ()
        question = Question(call, Deal, where, by, period, calendar, first, last, zone_of(call, time_zone), OF_MONEY)
        return await compared(question, lambda asked: _returns(asked, code, spend))


Place = tuple[str | None, datetime.date | None]
"""A source, and the first day of a period."""
WHOLE: Place = (None, None)


def _stages(call: Call) -> Any:
    return visible(call, Stage, deleted=True).values("id", "kind")


async def customers_won(question: Question, customer: MetricsCustomer) -> dict[Place, int]:
    """How many customers won their first deal, by its source, or all at None, and by period. Days are worked out of these deals alone."""
    call = question.call
    deals = question.meant.filter(closed_at__isnull=False, **{f"{customer.key}__isnull": False})
    columns = {"id", "stage_id", "contact_id", "closed_at", "source", customer.key}
    given = {"deals": deals.values(*sorted(columns)), "stages": _stages(call)}
    source, join = "NULL", ""
    if question.by:
        source, join = OF_SALES.key, OF_SALES.join
        given |= {name: make(call) for name, make in OF_SALES.rows.items()}
    start = first_day("day", question.period, question.calendar, question.weekday) if question.period else "NULL"
    days = [f"day >= {day_sql(question.first)}"] if question.first else []
    days += [f"day <= {day_sql(question.last)}"] if question.last else []
    within = f"WHERE {' AND '.join(days)}" if days else ""
    found = await select(
        "WITH won AS (SELECT w.contact_id AS contact_id, w.source AS source, w.closed_at AS closed_at,"
        f" ROW_NUMBER() OVER (PARTITION BY w.{customer.key} ORDER BY w.closed_at, w.id) AS nth FROM {{deals}} AS w"
        " JOIN {stages} AS k ON k.id = w.stage_id WHERE k.kind = 'WON'),"
        f" firsts AS (SELECT {source} AS source, {local_day('d.closed_at', question.zone)} AS day FROM won AS d {join} WHERE d.nth = 1)"
        f" SELECT source, {start} AS start, COUNT(*) AS size FROM firsts {within}"
        " GROUP BY 1, 2",
        **given,
    )
    return {(row["source"], to_day(row["start"]) if question.period else None): int(row["size"]) for row in found}


async def leads(question: Question) -> dict[Place, int]:
    """How many contacts came in, by source, or all at None, and by period."""
    return _numbers(await counted(question, "created_at", {"n": "1"}))


def _numbers(cells: Cells) -> dict[Place, int]:
    """What was counted by source, or all at None, and by period."""
    return {(key[0] if key else None, start): sum(int(row["n"] or 0) for row in rows) for (key, start), rows in cells.items()}


def _places(question: Question, costs: Spent, others: Mapping[Place, int]) -> list[tuple[MetricsKey, Place]]:
    """The key of each row, and where its figures are."""
    both = {*costs, *others}
    sources = sorted({source for source, _ in both}, key=lambda one: (one is None, one or "")) if question.by else [None]
    stretches = spans(question, [start for _, start in both if start is not None])
    if len(sources) * len(stretches) > question.limit:
        raise Invalid(group_by=f"makes more than {question.limit} groups; filter more, or name from and to")
    return [(_key(source, span), (source, _start(question.period, span))) for source in sources for span in stretches]


def _key(source: str | None, span: Span | None) -> MetricsKey:
    return MetricsKey(source=source, period=period_of(span) if span else None)


def _start(period: Period | None, span: Span | None) -> datetime.date | None:
    return span.start if span and period else None


async def _costs(definition: str, question: Question, code: str, spend: Filter | None, numbers: Mapping[Place, int]) -> MetricsCost:
    moment, costs = now(), await spent(question, spend, code, bool(question.by))
    rows = [_cost(key, costs.get(at, Fraction(0)), numbers.get(at, 0), code) for key, at in _places(question, costs, numbers)]
    return MetricsCost(**days_said(question, definition, moment), currency=code, rows=rows)


async def _returns(question: Question, code: str, spend: Filter | None) -> MetricsReturn:
    moment, returned = now(), await revenue(question, code)
    costs = await spent(question, spend, code, bool(question.by))
    rows = [_return(key, returned.get(at, 0), costs.get(at, Fraction(0)), code) for key, at in _places(question, costs, returned)]
    return MetricsReturn(**days_said(question, ROI, moment), currency=code, rows=rows)


async def revenue(question: Question, code: str) -> dict[Place, int]:
    """The money of won deals by source, or all at None, and by period."""
    rows = question.rows("closed_at").filter(currency=code)
    more = {next(iter(STAGES)): _stages(question.call)}
    return _numbers(await counted(question, "closed_at", {"n": MONEY_WON}, join=STAGE, rows=rows, more=more))


def _cost(key: MetricsKey, cost: Fraction, number: int, currency: str) -> MetricsCostRow:
    value = cost / number if number else None
    exact = None if value is None else float(value / Money(Decimal(1), currency).minor)
    return MetricsCostRow(
        key=key, value=rounded(value, currency), exact=exact, numerator=rounded(cost, currency), denominator=Decimal(number)
    )


def _return(key: MetricsKey, revenue: int, cost: Fraction, currency: str) -> MetricsReturnRow:
    return MetricsReturnRow(
        key=key, value=float((revenue - cost) / cost) if cost else None, numerator=rounded(revenue - cost, currency),
        denominator=rounded(cost, currency), revenue=Money.of_minor(revenue, currency),
    )  # fmt: skip
