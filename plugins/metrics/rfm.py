"""`rfm`: how many customers are in each group, and what they come to."""

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import strawberry

from core import Call, Filter, Money, demand, matching, permit, select, visible
from core.fields import now
from core.models import Contact
from plugins.metrics.models import MetricsRfmGroup, MetricsScore
from plugins.metrics.value_money import rounded
from plugins.metrics.value_sql import to_time

DEFINITION = (
    "Customers by their scores of recency and frequency, each from 1 to 5: a score is 1 + 5 x (customers who are worse) / (all customers),"
    " rounded down. Scores are those of the whole company, worked out every night; customers are those that one sees."
)


@strawberry.type(description="The customers of a group.")
class MetricsRfmRow:
    """A group."""

    group: MetricsRfmGroup = strawberry.field(description="Which one.")
    value: float | None = strawberry.field(description="Its share of all these customers: numerator / denominator. Null for 0 / 0.")
    numerator: Decimal = strawberry.field(description="How many customers are in it.")
    denominator: Decimal = strawberry.field(description="How many customers there are in all groups.")
    purchases: Decimal = strawberry.field(description="How many deals they have won.")
    monetary: Money = strawberry.field(description="What they have brought.")
    mean: Money | None = strawberry.field(description="What one of them has brought, on average. Null for 0 / 0.")
    predicted: Money | None = strawberry.field(
        description="What they are expected to bring within the 365 days after the scoring. Null when nothing could be foretold."
    )


@strawberry.type(description="Customers by group.")
class MetricsRfm:
    """What all rows of the answer have in common."""

    definition: str = strawberry.field(description="What it is, with its formula.")
    as_of: datetime.datetime = strawberry.field(description="The moment at which they were counted, in UTC.")
    scored_at: datetime.datetime | None = strawberry.field(description="When their scores were worked out, in UTC. Null without customers.")
    time_zone: str = strawberry.field(description="The time zone of the days of purchases: that of the company.")
    currency: str = strawberry.field(description="ISO 4217 code of all amounts: that of the company.")
    rows: list[MetricsRfmRow] = strawberry.field(description="All groups, the best first, those without customers too.")


@strawberry.type(name="Query", extend=True)
class RfmQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def rfm(
        self,
        info: strawberry.Info[Call],
        where: Annotated[Filter | None, Contact, strawberry.argument(description="Only contacts like this.")] = None,
    ) -> MetricsRfm | None:
        """Counts and money by group."""
        call, company = info.context, info.context.crm.settings.company
        demand(call, MetricsScore, "group", "frequency", "monetary", "predicted_value")
        moment = now()
        found = await select(
            'SELECT s."group" AS place, COUNT(*) AS size, SUM(s.frequency) AS purchases, SUM(s.monetary) AS money,'
            " SUM(s.predicted_value) AS predicted, MIN(s.scored_at) AS scored FROM {scores} AS s"
            " JOIN {contacts} AS c ON c.id = s.contact_id GROUP BY place",
            scores=visible(call, MetricsScore)
            .filter(currency=company.currency)
            .values("contact_id", "group", "frequency", "monetary", "predicted_value", "scored_at"),
            contacts=matching(call, Contact, where).values("id"),
        )
        rows = {MetricsRfmGroup(row["place"]): row for row in found}
        every = sum(int(row["size"]) for row in found)
        return MetricsRfm(
            definition=DEFINITION, as_of=moment, scored_at=min((to_time(row["scored"]) for row in found), default=None),
            time_zone=company.time_zone, currency=company.currency,
            rows=[_row(group, rows.get(group, {}), every, company.currency) for group in MetricsRfmGroup],
        )  # fmt: skip


def _row(group: MetricsRfmGroup, row: dict[str, Any], every: int, currency: str) -> MetricsRfmRow:
    size, purchases, money = (int(row.get(name) or 0) for name in ("size", "purchases", "money"))
    predicted = row.get("predicted")
    return MetricsRfmRow(
        group=group, value=size / every if every else None, numerator=Decimal(size), denominator=Decimal(every),
        purchases=Decimal(purchases), monetary=Money.of_minor(money, currency),
        mean=rounded(Fraction(money, size) if size else None, currency),
        predicted=None if predicted is None else Money.of_minor(int(predicted), currency),
    )  # fmt: skip
