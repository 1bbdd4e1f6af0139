"""The figures that come with the plugin, each one that a field of Query answers too. Their sources are in docs/metrics.md."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial

from core import Money
from core.fields import now
from core.models import Contact, Deal, Stage, StageKind
from plugins.metrics.acquisition import LEAD, ROI, WHOLE, customers_won, leads, revenue
from plugins.metrics.bundled import OF_MONEY
from plugins.metrics.conversion import Counts, counted_contacts
from plugins.metrics.conversion_answers import MetricsConversionEvent, MetricsConversionStep
from plugins.metrics.conversion_steps import step_of
from plugins.metrics.counting import Cells, Counted
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.cycle import counted_days
from plugins.metrics.declaring import Unit
from plugins.metrics.figure import Figure, Reckoned
from plugins.metrics.models import MetricsSpend
from plugins.metrics.purchases import purchases_of
from plugins.metrics.quantiles import quantile
from plugins.metrics.question import Question
from plugins.metrics.retention import retained
from plugins.metrics.returning import counted_events, times_of
from plugins.metrics.spend import spent
from plugins.metrics.value_lifetime import Cohort, cohorts_of
from plugins.metrics.velocity import DEFINITION, TELLS, Pace, factors

OF_DAYS = {Deal: ("stage", "started_at", "closed_at"), Stage: ("kind",)}
OF_SPEND = {MetricsSpend: ("amount", "starts_on", "ends_on")}
WINDOW = 30  # days of a conversion


def figures() -> Sequence[Figure]:
    """All of them."""
    return [
        Figure("salesCycle", "Mean days from start to close of won deals, by when they were closed.", Deal, Unit.RATIO, _cycle, OF_DAYS),
        Figure(
            "medianSalesCycle", "Median days from start to close of won deals, by when they were closed.", Deal, Unit.RATIO, _median_cycle,
            OF_DAYS,
        ),
        Figure("salesVelocity", DEFINITION, Deal, Unit.MONEY_EACH, _velocity, TELLS),
        Figure(
            "conversion", f"Contacts of whom a deal was won within {WINDOW} days / contacts that came in, of those with whom these days are"
            " over.", Contact, Unit.SHARE, _conversion,
            {Contact: ("created_at",), Deal: ("stage", "closed_at", "contact"), Stage: ("kind",)},
        ),
        *_of(MetricsCustomer.CONTACT, "customerRetention", "repeatRate", "lifetimeValue", "acquisitionCost"),
        *_of(MetricsCustomer.COMPANY, "companyRetention", "companyRepeatRate", "companyLifetimeValue", "companyAcquisitionCost"),
        Figure("costPerLead", LEAD, Contact, Unit.MONEY_EACH, _cost_per_lead, {Contact: ("created_at",), **OF_SPEND}),
        Figure("roi", ROI, Deal, Unit.RATIO, _roi, {**OF_MONEY, **OF_SPEND}),
    ]  # fmt: skip


def _of(customer: MetricsCustomer, retention: str, repeat: str, lifetime: str, cost: str) -> Sequence[Figure]:
    """Those that ask who a customer is."""
    bought = {Deal: ("stage", "closed_at", customer.relation), Stage: ("kind",)}
    paid = {**bought, Deal: (*bought[Deal], "amount", "currency")}
    who = "contacts" if customer is MetricsCustomer.CONTACT else "companies"
    return [
        Figure(
            retention, f"Of the {who} that bought in as many days before: those that bought in these days as well.", Deal, Unit.SHARE,
            partial(_retention, customer), bought,
        ),
        Figure(
            repeat, f"The {who} that bought twice or more in these days / those that bought.", Deal, Unit.SHARE,
            partial(_repeat_rate, customer), bought,
        ),
        Figure(
            lifetime, f"What {who} brought until now whose first purchase was in these days / how many they are.", Deal, Unit.MONEY_EACH,
            partial(_lifetime_value, customer), paid,
        ),
        Figure(
            cost, f"Money spent in these days / {who} whose first won deal was closed in them.", Deal, Unit.MONEY_EACH,
            partial(_acquisition_cost, customer), {**bought, **OF_SPEND},
        ),
    ]  # fmt: skip


async def _cycle(question: Question, currency: str) -> Reckoned:
    days = await _days(question)
    return Reckoned(sum(number * times for number, times in days.items()), days.total())


async def _median_cycle(question: Question, currency: str) -> Reckoned:
    median = quantile(await _days(question), Fraction(1, 2))
    return Reckoned(0, 0) if median is None else Reckoned(Fraction(median), 1)


async def _days(question: Question) -> Counter[int]:
    days = Counter[int]()
    for row in _all(await counted_days(question, [StageKind.WON])):
        days[int(row["days"])] += int(row["n"])
    return days


async def _velocity(question: Question, currency: str) -> Reckoned:
    closed, still = await factors(question, currency)
    pace = Pace.of([*_all(closed), *_all(still)])
    return Reckoned(0, 0) if pace.value is None or pace.days is None else Reckoned(pace.value * pace.days, pace.days)


async def _conversion(question: Question, currency: str) -> Reckoned:
    moment = now()
    start, end = (
        step_of(question.call, name, MetricsConversionStep(what=what), moment)
        for name, what in (("exposed", MetricsConversionEvent.CREATED), ("converted", MetricsConversionEvent.DEAL_WON))
    )
    counts = Counts.of(_all(await counted_contacts(question, start, end, WINDOW)), full=True)
    return Reckoned(counts.converted, counts.exposed)


async def _retention(customer: MetricsCustomer, question: Question, currency: str) -> Reckoned:
    return Reckoned(*await retained(purchases_of(question, customer, now())))


async def _repeat_rate(customer: MetricsCustomer, question: Question, currency: str) -> Reckoned:
    times = times_of(_all(await counted_events(purchases_of(question, customer, now()))))
    return Reckoned(times.total() - times[1], times.total())


async def _lifetime_value(customer: MetricsCustomer, question: Question, currency: str) -> Reckoned:
    cohort = (await cohorts_of(question, customer, currency)).get(((), None), Cohort())
    return Reckoned(cohort.total, cohort.customers)


async def _acquisition_cost(customer: MetricsCustomer, question: Question, currency: str) -> Reckoned:
    customers = await customers_won(question, customer)
    return Reckoned(await _spent(question, currency), customers.get(WHOLE, 0))


async def _cost_per_lead(question: Question, currency: str) -> Reckoned:
    return Reckoned(await _spent(question, currency), (await leads(question)).get(WHOLE, 0))


async def _roi(question: Question, currency: str) -> Reckoned:
    cost, returned = await _spent(question, currency), await revenue(question, currency)
    unit = Money(Decimal(1), currency).minor
    return Reckoned((returned.get(WHOLE, 0) - cost) / unit, cost / unit)


async def _spent(question: Question, currency: str) -> Fraction:
    return (await spent(question, None, currency, by_source=False)).get(WHOLE, Fraction(0))


def _all(cells: Cells) -> Counted:
    """The rows of all cells: a figure has no keys."""
    return [row for rows in cells.values() for row in rows]
