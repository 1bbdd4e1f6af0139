"""Deals of the past, put into a house, and what the metrics of them should be: counted one by one in plain Python."""

import datetime
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from core import SYSTEM, Call, Money
from core.fields import now
from core.models import Deal, DealLine, DealStageChange, Pipeline, Product, Stage, StageKind, Team, User
from core.records import store
from tests.house import House

OWNERS = {"Ada": "North", "Bo": "North", "Cy": "South", "Di": None}
PRODUCTS = ("Anvil", "Bellows", "Crane")
STAGES = {"New": "OPEN", "Met": "OPEN", "Offered": "OPEN", "Won": "WON", "Lost": "LOST"}
OPEN = ("New", "Met", "Offered")
FIRST = datetime.datetime(2025, 12, 20, 18, 0, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Sale:
    """A deal as a test thinks of it. `path` are the stages in which it stood, the last is where it stands."""

    path: tuple[str, ...] = ("New",)
    started: datetime.datetime | None = None
    closed: datetime.datetime | None = None
    owner: str | None = None
    products: tuple[str, ...] = ()
    source: str | None = None
    amount: Decimal | None = None
    currency: str = "EUR"
    deleted: bool = False

    @property
    def kind(self) -> str:
        """OPEN, WON or LOST."""
        return STAGES[self.path[-1]]

    @property
    def furthest(self) -> int:
        """How many steps it has reached beyond the first."""
        if self.kind == "WON":
            return len(OPEN)
        return max([0, *(OPEN.index(one) for one in self.path if one in OPEN), *(len(OPEN) - 1 for one in self.path if one == "Won")])

    def keys(self, dimension: str) -> list[str | None]:
        """The names under which it counts."""
        match dimension:
            case "OWNER":
                return [self.owner]
            case "TEAM":
                return [OWNERS[self.owner] if self.owner else None]
            case "PRODUCT":
                return [*sorted(set(self.products))] if self.products else [None]
            case "PIPELINE":
                return ["Sales"]
            case _:
                return [self.source]


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    """Any deal, begun around the turn of a year and around midnight in more than one zone."""
    path = tuple(draw(st.lists(st.sampled_from(OPEN), max_size=3)))
    path += (draw(st.sampled_from([*STAGES, "Won", "Lost"])),)
    minutes = st.integers(0, 80 * 24 * 60)
    started = draw(st.none() | minutes.map(lambda minute: FIRST + datetime.timedelta(minutes=minute)))
    open = STAGES[path[-1]] == "OPEN"
    closed = None if open else draw(st.none() | minutes.map(lambda minute: (started or FIRST) + datetime.timedelta(minutes=minute)))
    return Sale(
        path,
        started,
        closed,
        owner=draw(st.none() | st.sampled_from(sorted(OWNERS))),
        products=tuple(draw(st.lists(st.sampled_from(PRODUCTS), max_size=3))),
        source=draw(st.sampled_from((None, "web", "fair"))),
        amount=draw(st.none() | st.integers(0, 10**9).map(lambda cents: Decimal(cents).scaleb(-2))),
        currency=draw(st.sampled_from(("EUR", "USD"))),
        deleted=draw(st.integers(0, 9)) == 0,
    )


@dataclass
class Shop:
    """The pipeline, the people and the products of a house, and its deals."""

    house: House
    ids: dict[tuple[type, str], Any] = field(default_factory=dict)

    async def open(self) -> "Shop":
        """Itself, with everything but deals."""
        await self._make(Team, [{"name": name} for name in ("North", "South")])
        await self._make(User, [{"name": name, "team_id": self.ids[Team, team] if team else None} for name, team in OWNERS.items()])
        await self._make(Product, [{"name": name} for name in PRODUCTS])
        await self._make(Pipeline, [{"name": "Sales"}, {"name": "Renewals", "position": 1}])
        pipeline = self.ids[Pipeline, "Sales"]
        rows = [
            {"name": name, "kind": StageKind(kind), "position": place, "pipeline_id": pipeline}
            for place, (name, kind) in enumerate(STAGES.items())
        ]
        await self._make(Stage, rows)
        return self

    async def sell(self, sold: Iterable[Sale]) -> None:
        """Put in these deals, and no others."""
        for model in (DealStageChange, DealLine, Deal):
            await model.all().delete()
        rows = list(sold)
        made = await store.create_many(self.call, self.house.crm.resource(Deal), [self._values(one) for one in rows], past=True)
        gone = [deal.id for deal, one in zip(made, rows, strict=True) if one.deleted]
        await Deal.filter(id__in=gone).update(deleted_at=now())

    @property
    def call(self) -> Call:
        """A call of the house itself, since only an import knows the past."""
        return Call(self.house.crm, SYSTEM)

    async def _make(self, model: type, rows: Sequence[dict[str, Any]]) -> None:
        made = await store.create_many(self.call, self.house.crm.resource(model), rows, past=True)
        self.ids |= {(model, one.name): one.id for one in made}

    def _values(self, one: Sale) -> dict[str, Any]:
        began = one.started or FIRST
        steps = [(self.ids[Stage, name], began + datetime.timedelta(seconds=place)) for place, name in enumerate(one.path)]
        return {
            "title": "A deal",
            "stage_id": self.ids[Stage, one.path[-1]],
            "owner_id": self.ids[User, one.owner] if one.owner else None,
            "source": one.source,
            "started_at": one.started,
            "closed_at": one.closed,
            "amount": None if one.amount is None else Money(one.amount, one.currency),
            "lines": [{"product_id": self.ids[Product, name]} for name in one.products],
            "history": {"stage": steps},
        }


@dataclass(frozen=True)
class Asked:
    """What a test asks, and the oracle for it."""

    by: tuple[str, ...] = ()
    period: str | None = None
    zone: str = "UTC"
    dated: str = "CLOSED_AT"
    first: datetime.date | None = None
    last: datetime.date | None = None

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of the documents below."""
        days = {"first": self.first and self.first.isoformat(), "last": self.last and self.last.isoformat()}
        return {"by": list(self.by), "period": self.period, "zone": self.zone, **days}

    def rows(self, sold: Iterable[Sale], figures: Callable[[list[Sale]], Any]) -> list[tuple[list[str | None], str | None, Any]]:
        """Names, first day of the period, and the figures of the deals behind them, in the order of the API."""
        known = [one for one in sold if not one.deleted and self._within(one)]
        names: set[tuple[str | None, ...]] = {()}
        for dimension in self.by:
            names = {(*name, key) for name in names for one in known for key in one.keys(dimension)}
        used = [name for name in names if any(self._has(one, name) for one in known)] if self.by else [()]
        ordered = sorted(used, key=lambda name: [(key is None, key or "") for key in name])
        return [
            (list(name), start, figures([one for one in known if self._has(one, name) and (start is None or self._start(one) == start)]))
            for name in ordered
            for start in self._starts(known)
        ]

    def _has(self, one: Sale, name: tuple[str | None, ...]) -> bool:
        return all(key in one.keys(dimension) for dimension, key in zip(self.by, name, strict=True))

    def _day(self, one: Sale) -> datetime.date | None:
        return local(one.closed if self.dated == "CLOSED_AT" else one.started, self.zone)

    def _within(self, one: Sale) -> bool:
        if self.period is None and self.first is None and self.last is None:
            return True
        day = self._day(one)
        return day is not None and (self.first is None or day >= self.first) and (self.last is None or day <= self.last)

    def _start(self, one: Sale) -> str | None:
        day = self._day(one)
        return start_of(day, self.period).isoformat() if day and self.period else None

    def _starts(self, known: Sequence[Sale]) -> list[str | None]:
        if self.period is None:
            return [None]
        days = [day for one in known if (day := self._day(one))]
        first, last = self.first or min(days, default=None), self.last or max(days, default=None)
        if first is None or last is None:
            return []
        every = (first + datetime.timedelta(days=more) for more in range((last - first).days + 1))
        return list(dict.fromkeys(start_of(day, self.period).isoformat() for day in every))


asked = st.builds(
    Asked,
    by=st.lists(st.sampled_from(("OWNER", "TEAM", "PRODUCT", "PIPELINE", "SOURCE")), max_size=2, unique=True).map(tuple),
    period=st.sampled_from((None, "DAY", "WEEK", "MONTH", "QUARTER", "YEAR")),
    zone=st.sampled_from(("UTC", "Asia/Tehran", "America/New_York", "Pacific/Kiritimati")),
    dated=st.sampled_from(("CLOSED_AT", "STARTED_AT")),
    first=st.none() | st.dates(datetime.date(2025, 12, 1), datetime.date(2026, 1, 31)),
    last=st.none() | st.dates(datetime.date(2026, 2, 1), datetime.date(2026, 3, 15)),
)


def local(at: datetime.datetime | None, zone: str) -> datetime.date | None:
    """The day of a time in a zone."""
    return at and at.astimezone(ZoneInfo(zone)).date()


def start_of(day: datetime.date, period: str) -> datetime.date:
    """The first day of the period with this day, found by going back a day at a time."""
    begins: dict[str, Callable[[datetime.date], bool]] = {
        "DAY": lambda one: True,
        "WEEK": lambda one: one.isoweekday() == 1,
        "MONTH": lambda one: one.day == 1,
        "QUARTER": lambda one: one.day == 1 and one.month in (1, 4, 7, 10),
        "YEAR": lambda one: (one.day, one.month) == (1, 1),
    }
    while not begins[period](day):
        day -= datetime.timedelta(days=1)
    return day


def won_and_lost(sold: Sequence[Sale]) -> dict[str, Any]:
    """Won, lost, open, and the revenue by currency."""
    won = [one for one in sold if one.kind == "WON"]
    revenue = {one.currency: Decimal(0) for one in won if one.amount is not None}
    for one in won:
        if one.amount is not None:
            revenue[one.currency] += one.amount
    lost, open = (sum(one.kind == kind for one in sold) for kind in ("LOST", "OPEN"))
    return {"won": len(won), "lost": lost, "open": open, "revenue": sorted(revenue.items())}


def cycle(sold: Sequence[Sale], zone: str, kinds: Sequence[str]) -> dict[str, Any]:
    """The days of the deals with both times, and their quantiles as the standard library has them."""
    days = [
        (end - start).days
        for one in sold
        if one.kind in kinds and (start := local(one.started, zone)) is not None and (end := local(one.closed, zone)) is not None
    ]
    cuts = statistics.quantiles(days * 2 if len(days) == 1 else days, n=20, method="inclusive") if days else [None] * 19
    return {
        "deals": len(days),
        "mean": statistics.fmean(days) if days else None,
        "median": statistics.median(days) if days else None,
        "p25": cuts[4],
        "p75": cuts[14],
        "p90": cuts[17],
        "min": min(days, default=None),
        "max": max(days, default=None),
    }


def funnel(sold: Sequence[Sale]) -> list[int]:
    """How many deals reached each open stage, and winning."""
    return [sum(one.furthest >= step for one in sold) for step in range(len(OPEN) + 1)]


def cohort(question: Asked) -> Asked:
    """The same question by the start of deals."""
    return replace(question, dated="STARTED_AT")
