"""Histories of customers, as the models of the statistics take them: how often, since when and until when each has bought."""

import asyncio
import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from core import Call, local_day, select, visible
from core.models import Stage
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.statistics.bgnbd import Buyers
from plugins.metrics.statistics.gamma_gamma import Spenders
from plugins.metrics.value_sql import day_sql, to_day

COLUMNS = ("amount", "closed_at", "currency", "stage_id")
SECONDS = 60.0  # for a statement: of a million customers it looks through all that they have bought


class History(NamedTuple):
    """How many customers bought on so many days after the first one, from a first day to a last one, and for how much on those days."""

    again: int
    first: datetime.date
    last: datetime.date
    customers: int
    spent: float  # on the days after the first one, by all of them, each divided by the number of these days: a sum of means


@dataclass(frozen=True)
class Histories:
    """Those of all customers, as of the end of a day. What is bought on one day is one purchase."""

    rows: Sequence[History]
    spendings: Sequence[Spenders]  # of those who have bought again, in minor units
    end: datetime.date

    @property
    def customers(self) -> int:
        """How many there are."""
        return sum(one.customers for one in self.rows)

    @property
    def repeaters(self) -> int:
        """How many have bought again."""
        return sum(one.customers for one in self.rows if one.again)

    @property
    def buyers(self) -> list[Buyers]:
        """As the model BG/NBD takes them, in days."""
        return [Buyers(one.again, (one.last - one.first).days, (self.end - one.first).days, one.customers) for one in self.rows]


class Kept(NamedTuple):
    """How many customers had one history at a day, and on how many days they bought after it."""

    again: int
    first: datetime.date
    last: datetime.date
    customers: int
    later: int


def customers_sql(customer: MetricsCustomer, zone: str) -> str:
    """The beginning of a statement over {deals}, {stages} and {currency}: its table `bought` has a row for each day on which a customer
    bought, and `customers` one for each customer, with the number of `deals` and of days `again` after the first one, with the `first` and
    the `last` day, and with the `money` in the currency, of all and of what is `repeated` on the days after the first one.
    """
    return (
        "WITH bought AS (SELECT customer, day, COUNT(*) AS deals, COALESCE(SUM(money), 0) AS money FROM"
        f" (SELECT d.{customer.key} AS customer, {local_day('d.closed_at', zone)} AS day,"
        " CASE WHEN d.currency IN {currency} THEN d.amount END AS money FROM {deals} AS d JOIN {stages} AS s ON s.id = d.stage_id"
        " WHERE s.kind = 'WON') AS won GROUP BY customer, day),"
        " customers AS (SELECT customer, COUNT(*) - 1 AS again, SUM(deals) AS deals, MIN(day) AS first, MAX(day) AS last,"
        " SUM(money) AS money, SUM(CASE WHEN nth > 1 THEN money ELSE 0 END) AS repeated FROM"
        " (SELECT customer, day, deals, money, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY day) AS nth FROM bought) AS numbered"
        " GROUP BY customer)"
    )


def places(call: Call, deals: Any, customer: MetricsCustomer, currency: str) -> dict[str, Any]:
    """What stands for the names in such a statement; `deals` is a queryset of deals that have such a customer and a time."""
    stages = visible(call, Stage, deleted=True).values("id", "kind")
    return {"deals": deals.values(customer.key, *COLUMNS), "stages": stages, "currency": [currency]}


async def histories(beginning: str, given: dict[str, Any], end: datetime.date) -> Histories:
    """Those of the customers of such a statement, none of whom has bought after the end."""
    found = await select(
        f"{beginning} SELECT again, first, last, repeated, COUNT(*) AS size FROM customers GROUP BY again, first, last, repeated",
        seconds=SECONDS,
        **given,
    )
    return await asyncio.to_thread(_histories, found, end)  # there are many


def _histories(found: Sequence[Mapping[str, Any]], end: datetime.date) -> Histories:
    sizes: Counter[tuple[int, datetime.date, datetime.date]] = Counter()
    spent: Counter[tuple[int, datetime.date, datetime.date]] = Counter()
    spendings: list[Spenders] = []
    for row in found:
        again, size = int(row["again"]), int(row["size"])
        key = again, to_day(row["first"]), to_day(row["last"])
        sizes[key] += size
        if again:
            spent[key] += int(row["repeated"]) * size
            spendings.append(Spenders(again, int(row["repeated"]) / again, size))
    rows = [History(*key, size, spent[key] / (key[0] or 1)) for key, size in sizes.items()]
    return Histories(rows, spendings, end)


async def kept(beginning: str, given: dict[str, Any], cut: datetime.date) -> list[Kept]:
    """Histories as they were at the end of a day, with what came after."""
    before, after = f"CASE WHEN day <= {day_sql(cut)} THEN", f"CASE WHEN day > {day_sql(cut)} THEN"
    found = await select(
        f"{beginning}, cut AS (SELECT customer, COUNT({before} 1 END) - 1 AS again, MIN(day) AS first, MAX({before} day END) AS last,"
        f" COUNT({after} 1 END) AS later FROM bought GROUP BY customer)"
        f" SELECT again, first, last, COUNT(*) AS size, SUM(later) AS later FROM cut WHERE first <= {day_sql(cut)}"
        " GROUP BY again, first, last",
        seconds=SECONDS,
        **given,
    )
    return await asyncio.to_thread(_kept, found)


def _kept(found: Sequence[Mapping[str, Any]]) -> list[Kept]:
    return [Kept(int(row["again"]), to_day(row["first"]), to_day(row["last"]), int(row["size"]), int(row["later"])) for row in found]
