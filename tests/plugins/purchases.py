"""Customers and what they bought, put into a house, and what is to be said of them: worked out one by one in plain Python."""

import datetime
import random
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from core import SYSTEM, Call, Money
from core.models import Company, Contact, Deal, DealLine, DealStageChange, Pipeline, Stage, StageKind
from core.records import store
from plugins.metrics.statistics.rfm import group, least_is_best, most_is_best
from tests.house import House

DAY = datetime.timedelta(days=1)
NAMES = tuple("ABCDEFGH")
FIRMS = ("North", "South")
SOURCES = {"A": "fair", "B": "web", "C": None}


def today() -> datetime.date:
    """The day in UTC, where the houses of these tests are."""
    return datetime.datetime.now(datetime.UTC).date()


@dataclass(frozen=True)
class Purchase:
    """A deal as a test thinks of it, closed at noon."""

    who: str | None
    on: datetime.date
    cents: int | None = 100
    currency: str = "EUR"
    kind: str = "WON"
    source: str | None = None
    firm: str | None = None

    @property
    def counts(self) -> bool:
        """Whether it is a won deal with an amount in euros."""
        return self.kind == "WON" and self.currency == "EUR" and self.cents is not None


def purchases(days: int = 200) -> st.SearchStrategy[Purchase]:
    """Any deal of the last days."""
    return st.builds(
        Purchase,
        who=st.sampled_from([*NAMES, None]),
        on=st.integers(0, days).map(lambda ago: today() - ago * DAY),
        cents=st.none() | st.integers(0, 10**6),
        currency=st.sampled_from(("EUR", "EUR", "USD")),
        kind=st.sampled_from(("WON", "WON", "WON", "LOST")),
        source=st.sampled_from((None, "web", "fair")),
        firm=st.sampled_from((None, *FIRMS)),
    )


def simulated(customers: int, seed: int = 1) -> list[Purchase]:
    """What many customers bought within two years, each at a rate of one's own until one leaves after a purchase."""
    dice, found = random.Random(seed), []
    for number in range(customers):
        rate, leaving = dice.gammavariate(0.8, 1 / 60), dice.betavariate(0.6, 1.5)
        worth, ago, left = dice.gammavariate(3, 3_000), dice.uniform(0, 730), False
        while ago >= 0 and not left:
            found.append(Purchase(f"N{number}", today() - int(ago) * DAY, 1 + int(dice.gammavariate(4, worth / 4))))
            ago -= dice.expovariate(rate)
            left = len(found) > 1 and found[-2].who == found[-1].who and dice.random() < leaving
    return found


@dataclass
class Market:
    """A house with customers, in which things are sold."""

    house: House
    ids: dict[tuple[type, str], Any] = field(default_factory=dict)

    async def open(self, names: Sequence[str] = NAMES) -> "Market":
        """Itself, with everything but deals."""
        await self._make(Pipeline, [{"name": "Sales"}])
        pipeline = self.ids[Pipeline, "Sales"]
        await self._make(
            Stage, [{"name": kind, "kind": StageKind(kind), "position": at, "pipeline_id": pipeline} for at, kind in enumerate(StageKind)]
        )
        await self._make(Company, [{"name": name} for name in FIRMS])
        await self._make(Contact, [{"name": name, "source": SOURCES.get(name)} for name in names])
        return self

    async def sell(self, sold: Iterable[Purchase]) -> None:
        """Put in these deals, and no others."""
        for model in (DealStageChange, DealLine, Deal):
            await model.all().delete()
        await store.create_many(self.call, self.house.crm.resource(Deal), [self._values(one) for one in sold], past=True)

    def id(self, name: str) -> str:
        """The global id of a contact."""
        return f"contact_{self.ids[Contact, name]}"

    @property
    def call(self) -> Call:
        """A call of the house itself, since only an import knows the past."""
        return Call(self.house.crm, SYSTEM)

    async def _make(self, model: type, rows: Sequence[dict[str, Any]]) -> None:
        made = await store.create_many(self.call, self.house.crm.resource(model), rows, past=True)
        self.ids |= {(model, one.name): one.id for one in made}

    def _values(self, one: Purchase) -> dict[str, Any]:
        noon = datetime.datetime.combine(one.on, datetime.time(12), datetime.UTC)
        if noon.date() == today():
            noon = datetime.datetime.combine(one.on, datetime.time(), datetime.UTC)  # not after now
        return {
            "title": "A deal", "stage_id": self.ids[Stage, one.kind], "source": one.source, "closed_at": noon,
            "contact_id": one.who and self.ids[Contact, one.who], "company_id": one.firm and self.ids[Company, one.firm],
            "amount": None if one.cents is None else Money(Decimal(one.cents).scaleb(-2), one.currency),
        }  # fmt: skip


def euros(minor: Fraction | int | None) -> str | None:
    """An amount in cents as the API shows it, rounded half to even."""
    return None if minor is None else f"{Decimal(round(minor)).scaleb(-2):.2f}"


def values(sold: Iterable[Purchase], customer: str) -> dict[str, tuple[datetime.date, int, int]]:
    """For each customer the day of the first purchase, what was bought in all, and how many purchases there were."""
    found: dict[str, list[Purchase]] = defaultdict(list)
    for one in sold:
        name = one.who if customer == "CONTACT" else one.firm
        if one.counts and name:
            found[name].append(one)
    return {name: (min(one.on for one in some), sum(one.cents or 0 for one in some), len(some)) for name, some in found.items()}


def lifetime(amounts: Sequence[int], purchases: int) -> dict[str, Any]:
    """The figures of customers with these values, as the standard library has them."""
    size = len(amounts)
    exact = [Fraction(one) for one in amounts]
    cuts = statistics.quantiles(exact * 2 if size == 1 else exact, n=20, method="inclusive") if amounts else [None] * 19
    mean = Fraction(sum(amounts), size) if size else None
    return {
        "value": euros(mean), "exact": None if mean is None else float(mean / 100), "numerator": euros(sum(amounts)),
        "denominator": str(size),
        "purchases": str(purchases), "purchasesPerCustomer": purchases / size if size else None, "p25": euros(cuts[4]),
        "median": euros(cuts[9]), "p75": euros(cuts[14]), "p90": euros(cuts[17]),
    }  # fmt: skip


@dataclass(frozen=True)
class History:
    """What one customer did: all won deals, and by day the money of those in euros."""

    deals: int
    days: dict[datetime.date, int]

    @property
    def first(self) -> datetime.date:
        """The day of the first purchase."""
        return min(self.days)

    @property
    def last(self) -> datetime.date:
        """The day of the last purchase."""
        return max(self.days)

    @property
    def again(self) -> int:
        """Days with purchases after the first one."""
        return len(self.days) - 1

    @property
    def money(self) -> int:
        """All cents."""
        return sum(self.days.values())

    @property
    def mean(self) -> float:
        """Cents of a day after the first one."""
        return (self.money - self.days[self.first]) / self.again if self.again else 0.0

    def buyer(self, end: datetime.date) -> tuple[int, int, int]:
        """As the model BG/NBD takes it."""
        return self.again, (self.last - self.first).days, (end - self.first).days


def histories(sold: Iterable[Purchase], until: datetime.date | None = None) -> dict[str, History]:
    """Those of all contacts, until the end of a day."""
    days: dict[str, dict[datetime.date, int]] = defaultdict(lambda: defaultdict(int))
    deals: dict[str, int] = defaultdict(int)
    for one in sold:
        if one.kind == "WON" and one.who and (until is None or one.on <= until):
            days[one.who][one.on] += (one.cents or 0) if one.currency == "EUR" else 0
            deals[one.who] += 1
    return {name: History(deals[name], dict(some)) for name, some in days.items()}


def scored(known: dict[str, History]) -> dict[str, dict[str, Any]]:
    """The scores of all customers, without predictions."""
    now = today()
    ages = {name: (now - one.last).days for name, one in known.items()}
    recency = least_is_best(_counted(ages.values()))
    frequency = most_is_best(_counted(one.deals for one in known.values()))
    monetary = most_is_best(_counted(one.money for one in known.values()))
    return {
        name: {
            "recency": ages[name], "frequency": one.deals, "monetary": euros(one.money), "recencyScore": recency[ages[name]],
            "frequencyScore": frequency[one.deals], "monetaryScore": monetary[one.money],
            "group": group(recency[ages[name]], frequency[one.deals]).name, "firstPurchaseOn": one.first.isoformat(),
            "lastPurchaseOn": one.last.isoformat(),
            "meanGap": one.again and _half_up(Fraction((one.last - one.first).days * 10, one.again), 1),
            "gaps": one.again and _half_up(Fraction(ages[name] * one.again * 100, (one.last - one.first).days), 2),
        }
        for name, one in known.items()
    }  # fmt: skip


def _counted(values: Iterable[int]) -> dict[int, int]:
    counts: dict[int, int] = defaultdict(int)
    for value in values:
        counts[value] += 1
    return counts


def _half_up(value: Fraction, digits: int) -> Decimal:
    return Decimal((2 * value.numerator + value.denominator) // (2 * value.denominator)).scaleb(-digits)
