"""`predictedValue`: what customers will bring, by models that are fitted when it is asked for."""

import asyncio
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import strawberry

from core import Call, Filter, Invalid, Money, day_begins, matching, permit
from core.fields import now
from core.models import Deal
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.fields import Currency, Zone
from plugins.metrics.question import DAY, Question
from plugins.metrics.statistics.bgnbd import BgNbd, Buyers
from plugins.metrics.statistics.clv import lifetime_values
from plugins.metrics.statistics.gamma_gamma import Spenders
from plugins.metrics.statistics.likelihood import Undetermined
from plugins.metrics.value_customers import Whose, demand_purchases
from plugins.metrics.value_histories import Histories, Kept, customers_sql, histories, kept, places
from plugins.metrics.value_model import Models, fitted
from plugins.metrics.value_money import rounded

DEFINITION = (
    "Sum of what each customer is expected to bring within the horizon / number of customers: the purchases to expect by the model BG/NBD,"
    " times the worth of one by the model Gamma-Gamma, discounted by months. Won deals of one customer on one day are one purchase; amounts"
    " in another currency count as nothing."
)
MONTH = 365 / 12  # days
LONGEST = 120  # months
PART = 4  # of the observed days, one is held out


@strawberry.type(description="The model BG/NBD: how often customers buy, and when they cease to be customers. Times are in days.")
class MetricsBuyingModel:
    """Its parameters."""

    r: float = strawberry.field(description="Shape of the gamma distribution of rates of purchase.")
    alpha: float = strawberry.field(description="Rate of that distribution: r / alpha is the mean number of purchases a day.")
    a: float = strawberry.field(description="First parameter of the beta distribution of the probability to leave after a purchase.")
    b: float = strawberry.field(description="Second parameter of it.")


@strawberry.type(description="The model Gamma-Gamma: what a purchase is worth.")
class MetricsSpendingModel:
    """Its parameters."""

    p: float = strawberry.field(description="Shape of the gamma distribution of the purchases of one customer.")
    q: float = strawberry.field(description="Shape of the gamma distribution of customers.")
    v: float = strawberry.field(description="Its scale, in units of the currency.")
    mean: Money = strawberry.field(description="What a purchase of a customer of whom nothing is known is worth: v p / (q - 1).")


@strawberry.type(
    description="How well the model would have foretold the last quarter of the observed days: fitted to the days before it, and only to"
    " those who were customers then."
)
class MetricsCalibration:
    """Expected and actual purchases."""

    from_day: datetime.date = strawberry.field(name="from", description="The first day that was held out.")
    to_day: datetime.date = strawberry.field(name="to", description="The last day of the observation.")
    customers: Decimal = strawberry.field(description="Those who had bought before.")
    expected: float = strawberry.field(description="How many purchases the model expected of them in these days.")
    actual: Decimal = strawberry.field(description="How many there were.")
    ratio: float | None = strawberry.field(description="Expected / actual; 1 is best. Null when there were none.")


@strawberry.type(description="What customers are expected to bring.")
class MetricsPredictedValue:
    """The models, and what follows from them."""

    definition: str = strawberry.field(description="What it is, with its formula.")
    as_of: datetime.datetime = strawberry.field(description="The moment of which all of it is, in UTC.")
    time_zone: str = strawberry.field(description="The time zone of its days.")
    currency: str = strawberry.field(description="ISO 4217 code of all amounts.")
    from_day: datetime.date | None = strawberry.field(name="from", description="The day of the first purchase; null without customers.")
    to_day: datetime.date = strawberry.field(name="to", description="The last day of the observation: predictions begin after it.")
    complete: bool = strawberry.field(description="False while that day is not over.")
    customers: Decimal = strawberry.field(description="How many customers have bought until then.")
    repeat_customers: Decimal = strawberry.field(description="How many of them have bought on more than one day; the models need 30.")
    undetermined: str | None = strawberry.field(description="Why a model is null: the data do not determine it.")
    buying: MetricsBuyingModel | None = strawberry.field(description="How often customers buy.")
    spending: MetricsSpendingModel | None = strawberry.field(description="For how much they buy each time.")
    alive: float | None = strawberry.field(description="How many of them still are customers: the sum of the probabilities.")
    expected_purchases: float | None = strawberry.field(description="How many purchases to expect of all of them within the horizon.")
    value: Money | None = strawberry.field(description="The mean: numerator / denominator. Null for 0 / 0 and without models.")
    numerator: Money | None = strawberry.field(description="What all of them are expected to bring within the horizon.")
    denominator: Decimal = strawberry.field(description="How many customers they are.")
    calibration: MetricsCalibration | None = strawberry.field(
        description="A hint how far to trust it. Null when the days before determine no model."
    )


@dataclass(frozen=True)
class Predicted:
    """What follows from the models for all customers together, in minor units."""

    alive: float
    purchases: float
    value: float | None


@strawberry.type(name="Query", extend=True)
class PredictedValueQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def predicted_value(
        self,
        info: strawberry.Info[Call],
        where: Annotated[Filter | None, Deal, strawberry.argument(description="Only deals like this; deleted ones never count.")] = None,
        customer: Whose = MetricsCustomer.CONTACT,
        last: Annotated[
            datetime.date | None,
            strawberry.argument(name="to", description="The last day that is observed, as if it were that day; today when left out."),
        ] = None,
        months: Annotated[int, strawberry.argument(description="The horizon, from 1 to 120. A month is a twelfth of 365 days.")] = 12,
        discount: Annotated[
            float, strawberry.argument(description="What money loses in a year, 0.1 for a tenth: each month 1.1^(1/12) - 1. From 0 to 10.")
        ] = 0.0,
        time_zone: Zone = None,
        currency: Currency = None,
    ) -> MetricsPredictedValue | None:
        """The models, fitted now."""
        call, company = info.context, info.context.crm.settings.company
        code = company.currency if currency is None else currency
        Money.of_minor(0, code)
        if not 1 <= months <= LONGEST:
            raise Invalid(months=f"must be between 1 and {LONGEST}")
        if not 0 <= discount <= 10:
            raise Invalid(discount="must be between 0 and 10")
        demand_purchases(call, customer, "amount")
        question = Question(call, Deal, where, last=last, zone=company.time_zone if time_zone is None else time_zone)
        moment, today = now(), question.today()
        end = last or today
        until = day_begins(end + DAY, question.zone)
        deals = matching(call, Deal, where).filter(closed_at__lt=until, **{f"{customer.key}__isnull": False})
        beginning, given = customers_sql(customer, question.zone), places(call, deals, customer, code)
        observed = await histories(beginning, given, end)
        models = await asyncio.to_thread(fitted, observed)
        predicted = await asyncio.to_thread(_predicted, models, observed, months, discount)
        first = min((one.first for one in observed.rows), default=None)
        calibration = None
        if first is not None and _asked(info, "calibration"):
            cut = end - (end - first) // PART
            calibration = await asyncio.to_thread(_calibrated, await kept(beginning, given, cut), cut, end)
        total = None if predicted is None or predicted.value is None else Fraction(predicted.value)
        return MetricsPredictedValue(
            definition=DEFINITION, as_of=moment, time_zone=question.zone, currency=code, from_day=first, to_day=end, complete=end < today,
            customers=Decimal(observed.customers), repeat_customers=Decimal(observed.repeaters), undetermined=models.undetermined,
            buying=_buying(models.buying), spending=_spending(models, code), alive=predicted and predicted.alive,
            expected_purchases=predicted and predicted.purchases, numerator=rounded(total, code), denominator=Decimal(observed.customers),
            value=rounded(total / observed.customers, code) if total is not None else None, calibration=calibration,
        )  # fmt: skip


def _predicted(models: Models, observed: Histories, months: int, discount: float) -> Predicted | None:
    """Customers with one history are told apart by what they spend alone, of which the value of a purchase is a linear function."""
    if models.buying is None:
        return None
    buyers, sizes = observed.buyers, [one.customers for one in observed.rows]
    alive = sum(one * size for one, size in zip(models.buying.alive(buyers), sizes, strict=True))
    purchases = sum(one * size for one, size in zip(models.buying.purchases(months * MONTH, buyers), sizes, strict=True))
    if models.spending is None:
        return Predicted(alive, purchases, None)
    worth = models.spending.values([Spenders(one.again, one.spent / one.customers) for one in observed.rows])
    values = lifetime_values(models.buying, buyers, worth, months, MONTH, (1 + discount) ** (1 / 12) - 1)
    return Predicted(alive, purchases, sum(value * size for value, size in zip(values, sizes, strict=True)))


def _calibrated(rows: Sequence[Kept], cut: datetime.date, end: datetime.date) -> MetricsCalibration | None:
    buyers = [Buyers(one.again, (one.last - one.first).days, (cut - one.first).days, one.customers) for one in rows]
    try:
        model = BgNbd.fit(buyers)
    except Undetermined:
        return None
    expected = sum(each * one.customers for each, one in zip(model.purchases((end - cut).days, buyers), rows, strict=True))
    actual = sum(one.later for one in rows)
    return MetricsCalibration(
        from_day=cut + DAY, to_day=end, customers=Decimal(sum(one.customers for one in rows)), expected=expected, actual=Decimal(actual),
        ratio=expected / actual if actual else None,
    )  # fmt: skip


def _buying(model: BgNbd | None) -> MetricsBuyingModel | None:
    return model and MetricsBuyingModel(r=model.r, alpha=model.alpha, a=model.a, b=model.b)


def _spending(models: Models, currency: str) -> MetricsSpendingModel | None:
    model, unit = models.spending, Money(Decimal(1), currency).minor
    return model and MetricsSpendingModel(p=model.p, q=model.q, v=model.v / unit, mean=rounded(Fraction(model.mean), currency))


def _asked(info: strawberry.Info, name: str) -> bool:
    """Whether a field of the answer is asked for: nobody pays for what is not."""

    def within(selections: Any) -> bool:
        return any(one.name == name or within(getattr(one, "selections", ())) for one in selections)

    return within(info.selected_fields)
