"""Deals of the past, put into a house, and what the metrics of them should be: counted one by one in plain Python."""

import datetime
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from core import SYSTEM, Call, Money
from core.fields import now
from core.models import Company, Deal, DealLine, DealStageChange, Pipeline, Product, Stage, StageKind, Team, User
from core.records import store
from tests.house import House

OWNERS = {"Ada": "North", "Bo": "North", "Cy": "South", "Di": None}
ABOVE = {"North": "Head", "South": None}
COMPANIES = {"Acme": "steel", "Brick": "steel", "Coal": None}
PRODUCTS = ("Anvil", "Bellows", "Crane")
STAGES = {"New": "OPEN", "Met": "OPEN", "Offered": "OPEN", "Won": "WON", "Lost": "LOST"}
OPEN = ("New", "Met", "Offered")
FIRST = datetime.datetime(2025, 12, 20, 18, 0, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Sale:
    """A deal as a test thinks of it. `path` are the stages in which it stood, the last is where it stands."""

    path: tuple[str, ...] = ("New",)
    started: datetime.datetime | None = None
    closed: datetime.datetime | None = None
    owner: str | None = None
    products: tuple[str, ...] = ()
    source: str | None = None
    company: str | None = None
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

    @property
    def minor(self) -> int | None:
        """Its amount in hundredths."""
        return None if self.amount is None else int(self.amount.scaleb(2))

    def keys(self, dimension: str) -> list[str | None]:
        """The names under which it counts."""
        team = OWNERS[self.owner] if self.owner else None
        match dimension:
            case "OWNER":
                return [self.owner]
            case "TEAM":
                return [team]
            case "PARENT_TEAM":
                return [ABOVE[team] if team else None]
            case "PRODUCT":
                return [*sorted(set(self.products))] if self.products else [None]
            case "PIPELINE":
                return ["Sales"]
            case "INDUSTRY":
                return [COMPANIES[self.company] if self.company else None]
            case _:
                return [self.source]


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    """Any deal, begun around the turn of a year and around midnight in more than one zone; now and then it takes a year longer."""
    path = tuple(draw(st.lists(st.sampled_from(OPEN), max_size=3)))
    path += (draw(st.sampled_from([*STAGES, "Won", "Lost"])),)
    minutes = st.integers(0, 80 * 24 * 60)
    years = st.sampled_from((0, 0, 0, 364, 365)).map(lambda days: days * DAY)
    started = draw(st.none() | minutes.map(lambda minute: FIRST + datetime.timedelta(minutes=minute)))
    open = STAGES[path[-1]] == "OPEN"
    closed = None if open else draw(st.none() | minutes.map(lambda minute: (started or FIRST) + datetime.timedelta(minutes=minute)))
    return Sale(
        path,
        started,
        closed and closed + draw(years),
        owner=draw(st.none() | st.sampled_from(sorted(OWNERS))),
        products=tuple(draw(st.lists(st.sampled_from(PRODUCTS), max_size=3))),
        source=draw(st.sampled_from((None, "web", "fair"))),
        company=draw(st.none() | st.sampled_from(sorted(COMPANIES))),
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
        await self._make(Team, [{"name": "Head"}])
        await self._make(Team, [{"name": name, "parent_id": self.ids[Team, above] if above else None} for name, above in ABOVE.items()])
        await self._make(User, [{"name": name, "team_id": self.ids[Team, team] if team else None} for name, team in OWNERS.items()])
        await self._make(Company, [{"name": name, "industry": industry} for name, industry in COMPANIES.items()])
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
            "company_id": self.ids[Company, one.company] if one.company else None,
            "source": one.source,
            "started_at": one.started,
            "closed_at": one.closed,
            "amount": None if one.amount is None else Money(one.amount, one.currency),
            "lines": [{"product_id": self.ids[Product, name]} for name in one.products],
            "history": {"stage": steps},
        }


@dataclass(frozen=True)
class Side:
    """One side of a metric: the time by which a deal counts, `closed` or `started`, and what it adds; None for nothing."""

    dated: str
    adds: Callable[[Sale], int | None]


@dataclass(frozen=True)
class Days:
    """From the first to the last, both included; None for all time."""

    first: datetime.date
    last: datetime.date


Names = tuple[str | None, ...]


@dataclass(frozen=True)
class Asked:
    """What a test asks, and the oracle for it. `weekday` is the day on which weeks begin, 0 for Monday."""

    by: tuple[str, ...] = ()
    period: str | None = None
    zone: str = "UTC"
    first: datetime.date | None = None
    last: datetime.date | None = None
    calendar: str = "GREGORIAN"
    weekday: int = 0

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of the documents."""
        days = {"first": self.first and self.first.isoformat(), "last": self.last and self.last.isoformat()}
        return {"by": list(self.by), "period": self.period, "zone": self.zone, "calendar": self.calendar, **days}

    def counting(self, sold: Iterable[Sale], dated: str) -> list[Sale]:
        """Those that count at all."""
        known = [one for one in sold if not one.deleted]
        if self.period is None and self.first is None and self.last is None:
            return known
        return [one for one in known if self._between(one, dated, self.first, self.last)]

    def within(self, sold: Iterable[Sale], dated: str, days: Days | None) -> list[Sale]:
        """Those of these days that are not deleted, and all others when there are no days."""
        return [one for one in sold if not one.deleted and (days is None or self._between(one, dated, days.first, days.last))]

    def rows(self, sold: Iterable[Sale], dated: str, figures: Callable[[list[Sale]], Any]) -> list[tuple[Names, Days | None, Any]]:
        """Names, days, and the figures of the deals behind them, in the order of the API."""
        known = self.counting(sold, dated)
        return [
            (name, days, figures([one for one in self._cut(known, dated, days) if self.has(one, name)]))
            for name in self.names(known)
            for days in self.stretches(known, dated)
        ]

    def _cut(self, known: Sequence[Sale], dated: str, days: Days | None) -> list[Sale]:
        return [*known] if days is None else self.within(known, dated, days)

    def names(self, known: Sequence[Sale]) -> list[Names]:
        """All names under which one of these counts, in their order; none comes last."""
        if not self.by:
            return [()]
        names: set[Names] = {()}
        for dimension in self.by:
            names = {(*name, key) for name in names for one in known for key in one.keys(dimension)}
        used = [name for name in names if any(self.has(one, name) for one in known)]
        return sorted(used, key=lambda name: [(key is None, key or "") for key in name])

    def has(self, one: Sale, name: Names) -> bool:
        """Whether it counts under this name."""
        return all(key in one.keys(dimension) for dimension, key in zip(self.by, name, strict=True))

    def day(self, one: Sale, dated: str) -> datetime.date | None:
        """The day by which it counts."""
        return local(one.closed if dated == "closed" else one.started, self.zone)

    def _between(self, one: Sale, dated: str, first: datetime.date | None, last: datetime.date | None) -> bool:
        day = self.day(one, dated)
        return day is not None and (first is None or day >= first) and (last is None or day <= last)

    def stretches(self, known: Sequence[Sale], *dated: str) -> list[Days | None]:
        """The periods of the answer."""
        if self.period is None:
            return [Days(self.first, self.last) if self.first and self.last else None]
        days = [day for one in known for side in dated if (day := self.day(one, side))]
        first, last = self.first or min(days, default=None), self.last or max(days, default=None)
        if first is None or last is None:
            return []
        every = (first + more * DAY for more in range((last - first).days + 1))
        return list(dict.fromkeys(self.around(day) for day in every))

    def around(self, day: datetime.date) -> Days:
        """The period with this day, found by going a day at a time."""
        assert self.period
        last = day
        while not begins(last + DAY, self.period, self.calendar, self.weekday):
            last += DAY
        return Days(start_of(day, self.period, self.calendar, self.weekday), last)

    def previous(self, days: Days) -> Days:
        """The period before; as many days where there are no periods."""
        if self.period:
            return self.around(days.first - DAY)
        return Days(days.first - ((days.last - days.first) + DAY), days.first - DAY)

    def last_year(self, days: Days) -> Days:
        """The same days by their names in the calendar, a year before; of weeks those 364 days before."""
        if self.period == "WEEK":
            return Days(days.first - 364 * DAY, days.last - 364 * DAY)
        if self.period:
            return self.around(self._year_before(days.first))
        return Days(self._year_before(days.first), self._year_before(days.last))

    def _year_before(self, day: datetime.date) -> datetime.date:
        year, month, number = named(day, self.calendar)
        found = day - 370 * DAY
        while named(found, self.calendar) < (year - 1, month, number):
            found += DAY
        return found if named(found, self.calendar) == (year - 1, month, number) else found - DAY


asked = st.builds(
    Asked,
    by=st.lists(
        st.sampled_from(("OWNER", "TEAM", "PARENT_TEAM", "PRODUCT", "PIPELINE", "SOURCE", "INDUSTRY")), max_size=2, unique=True
    ).map(tuple),
    period=st.sampled_from((None, "DAY", "WEEK", "MONTH", "QUARTER", "YEAR")),
    zone=st.sampled_from(("UTC", "Asia/Tehran", "America/New_York", "Pacific/Kiritimati")),
    first=st.none() | st.dates(datetime.date(2025, 12, 1), datetime.date(2026, 1, 31)),
    last=st.none() | st.dates(datetime.date(2026, 2, 1), datetime.date(2026, 3, 15)),
    calendar=st.sampled_from(("GREGORIAN", "JALALI")),
)


def bounded(question: Asked) -> Asked:
    """The same question of some days, for by the day all time would be more than an answer holds."""
    first, last = question.first or datetime.date(2025, 12, 5), question.last or datetime.date(2026, 3, 1)
    return replace(question, first=first, last=last) if question.period == "DAY" else question


def local(at: datetime.datetime | None, zone: str) -> datetime.date | None:
    """The day of a time in a zone."""
    return at and at.astimezone(ZoneInfo(zone)).date()


def named(day: datetime.date, calendar: str) -> tuple[int, int, int]:
    """Year, month and day in a calendar."""
    one = JalaliDate(day) if calendar == "JALALI" else day
    return one.year, one.month, one.day


def begins(day: datetime.date, period: str, calendar: str = "GREGORIAN", weekday: int = 0) -> bool:
    """Whether a period begins on this day."""
    _, month, number = named(day, calendar)
    match period:
        case "DAY":
            return True
        case "WEEK":
            return day.weekday() == weekday
        case "MONTH":
            return number == 1
        case "QUARTER":
            return number == 1 and month in (1, 4, 7, 10)
        case _:
            return (month, number) == (1, 1)


def start_of(day: datetime.date, period: str, calendar: str = "GREGORIAN", weekday: int = 0) -> datetime.date:
    """The first day of the period with this day, found by going back a day at a time."""
    while not begins(day, period, calendar, weekday):
        day -= DAY
    return day


def _one(kinds: Sequence[str]) -> Callable[[Sale], int | None]:
    return lambda one: 1 if one.kind in kinds else None


def _worth(kinds: Sequence[str]) -> Callable[[Sale], int | None]:
    return lambda one: one.minor if one.kind in kinds else None


CLOSED = ("WON", "LOST")
METRICS: Mapping[str, tuple[Side, Side | None]] = {
    "winRate": (Side("closed", _one(("WON",))), Side("closed", _one(CLOSED))),
    "cohortConversion": (Side("started", _one(("WON",))), Side("started", lambda one: 1)),
    "periodConversion": (Side("closed", _one(("WON",))), Side("started", lambda one: 1)),
    "wonDeals": (Side("closed", _one(("WON",))), None),
    "lostDeals": (Side("closed", _one(("LOST",))), None),
    "startedDeals": (Side("started", lambda one: 1), None),
}
IN_MONEY: Mapping[str, tuple[Side, Side | None]] = {
    "revenue": (Side("closed", _worth(("WON",))), None),
    "averageDeal": (
        Side("closed", _worth(("WON",))),
        Side("closed", lambda one: 1 if one.kind == "WON" and one.minor is not None else None),
    ),
}


@dataclass(frozen=True)
class Figure:
    """What a metric comes to."""

    numerator: int
    denominator: int | None

    @property
    def value(self) -> Fraction | None:
        """numerator / denominator, or the numerator alone."""
        if self.denominator is None:
            return Fraction(self.numerator)
        return Fraction(self.numerator, self.denominator) if self.denominator else None


@dataclass(frozen=True)
class Expected:
    """A row of a metric. `others` are what it is compared with: the days and their figure, by `previous` and `lastYear`."""

    names: Names
    days: Days | None
    figure: Figure
    others: Mapping[str, tuple[Days, Figure]]


def measured(question: Asked, sold: Iterable[Sale], sides: tuple[Side, Side | None]) -> list[Expected]:
    """The rows of a metric with both comparisons. What adds to neither side makes no name and no period."""
    sold = list(sold)
    adding = {side: [one for one in sold if side.adds(one) is not None] for side in sides if side}
    given = [side for side in sides if side]
    stretches = _in_order([question.stretches(question.counting(adding[side], side.dated), side.dated) for side in given], question)
    compared = {"previous": question.previous, "lastYear": question.last_year}
    then = {name: [where(days) for days in stretches if days] for name, where in compared.items()}
    known = [one for side in given for one in question.counting(adding[side], side.dated)]
    known += [
        one
        for days in then.values() if days
        for side in given
        for one in question.within(adding[side], side.dated, Days(days[0].first, days[-1].last))
    ]  # fmt: skip

    def figure(name: Names, days: Days | None, cut: bool) -> Figure:
        def added(side: Side) -> int:
            some = question.within(sold, side.dated, days) if days else question.counting(sold, side.dated)
            inside = [one for one in some if not cut or one in question.counting(sold, side.dated)]
            return sum(side.adds(one) or 0 for one in inside if question.has(one, name))

        return Figure(added(sides[0]), added(sides[1]) if sides[1] else None)

    return [
        Expected(
            name, days, figure(name, days, cut=True),
            {key: (where(days), figure(name, where(days), cut=False)) for key, where in compared.items()} if days else {},
        )
        for name in question.names(known)
        for days in stretches
    ]  # fmt: skip


def _in_order(some: Sequence[Sequence[Days | None]], question: Asked) -> list[Days | None]:
    """The stretches of one answer from those of its sides: from the first to the last of both."""
    every = [days for one in some for days in one]
    known = [days for days in every if days]
    if question.period is None or not known:
        return list(dict.fromkeys(every))
    found = [min(known, key=lambda days: days.first)]
    while found[-1].last < max(days.last for days in known):
        found.append(question.around(found[-1].last + DAY))
    return [*found]


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


def stages(sold: Sequence[Sale]) -> list[tuple[int, int]]:
    """How many deals reached each open stage, and winning; and how many of them are open and came no further."""
    return [
        (sum(one.furthest >= step for one in sold), sum(one.furthest == step and one.kind == "OPEN" for one in sold))
        for step in range(len(OPEN) + 1)
    ]
