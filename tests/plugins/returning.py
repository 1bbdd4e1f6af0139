"""Customers of the past and what they did, put into a house, and what the metrics of them should be, in plain Python."""

import datetime
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from core import SYSTEM, Call
from core.fields import now
from core.models import Activity, Company, Contact, Deal, DealStageChange, LifecycleChange, Pipeline, Stage, StageKind
from core.records import store
from tests.house import House

PEOPLE = ("Ada", "Bo", "Cy", "Di")
FIRMS = {"Acme": "metal", "Bolt": "metal", "Cord": None}
DAY = datetime.timedelta(days=1)
FIRST = datetime.datetime(2023, 12, 20, 18, 0, tzinfo=datetime.UTC)
ZONES = ("UTC", "Asia/Tehran", "America/New_York")


@dataclass(frozen=True)
class Sold:
    """A deal as a test thinks of it."""

    closed: datetime.datetime | None = None
    who: str | None = None
    firm: str | None = None
    kind: str = "WON"
    started: datetime.datetime | None = None
    source: str | None = None
    deleted: bool = False


@dataclass(frozen=True)
class Done:
    """An activity as a test thinks of it."""

    done: datetime.datetime | None
    who: str | None = None
    firm: str | None = None
    kind: str = "CALL"


@dataclass(frozen=True)
class Person:
    """A contact: when it came in, and when it reached which stages."""

    name: str
    created: datetime.datetime
    stages: tuple[tuple[str, datetime.datetime], ...] = ()
    city: str | None = None


@dataclass
class Market:
    """The contacts and companies of a house, and what they do."""

    house: House
    ids: dict[tuple[type, str], Any] = field(default_factory=dict)

    async def open(self) -> "Market":
        """Itself, with everybody and nothing done."""
        await self._make(Contact, [{"name": name, "created_at": FIRST} for name in PEOPLE])
        await self._make(Company, [{"name": name, "industry": industry} for name, industry in FIRMS.items()])
        await self._make(Pipeline, [{"name": "Sales"}])
        line = self.ids[Pipeline, "Sales"]
        await self._make(Stage, [{"name": kind, "kind": StageKind(kind), "pipeline_id": line} for kind in ("OPEN", "WON", "LOST")])
        return self

    async def do(self, sold: Sequence[Sold] = (), done: Sequence[Done] = ()) -> None:
        """Put in these deals and activities, and no others."""
        for model in (Activity, DealStageChange, Deal):
            await model.all().delete()
        rows = [
            {
                "title": "A deal", "stage_id": self.ids[Stage, one.kind], "contact_id": self.ids.get((Contact, one.who or "")),
                "company_id": self.ids.get((Company, one.firm or "")), "started_at": one.started, "closed_at": one.closed,
                "source": one.source, "history": {"stage": [(self.ids[Stage, one.kind], one.closed or one.started or FIRST)]},
            }
            for one in sold
        ]  # fmt: skip
        made = await store.create_many(self.call, self.house.crm.resource(Deal), rows, past=True)
        gone = [deal.id for deal, one in zip(made, sold, strict=True) if one.deleted]
        await Deal.filter(id__in=gone).update(deleted_at=now())
        acts = [
            {
                "subject": "An activity", "kind": one.kind, "done_at": one.done, "contact_id": self.ids.get((Contact, one.who or "")),
                "company_id": self.ids.get((Company, one.firm or "")),
            }
            for one in done
        ]  # fmt: skip
        await store.create_many(self.call, self.house.crm.resource(Activity), acts, past=True)

    async def people(self, some: Sequence[Person]) -> None:
        """Put in these contacts, and no others; what was done before is gone."""
        await self.do()
        for model in (LifecycleChange, Contact):
            await model.all().delete()
        rows = [
            {
                "name": one.name, "created_at": one.created, "city": one.city,
                "lifecycle_stage": one.stages[-1][0] if one.stages else "LEAD",
                "history": {"lifecycle_stage": list(one.stages) or [("LEAD", one.created)]},
            }
            for one in some
        ]  # fmt: skip
        await self._make(Contact, rows)

    @property
    def call(self) -> Call:
        """A call of the house itself, since only an import knows the past."""
        return Call(self.house.crm, SYSTEM)

    async def _make(self, model: type, rows: Sequence[dict[str, Any]]) -> None:
        made = await store.create_many(self.call, self.house.crm.resource(model), rows, past=True)
        self.ids |= {(model, one.name): one.id for one in made}


minutes = st.integers(0, 200 * 24 * 60).map(lambda minute: FIRST + datetime.timedelta(minutes=minute))
somebody = st.sampled_from((*PEOPLE, *PEOPLE, None))
firm = st.sampled_from((*FIRMS, None))


@st.composite
def sales(draw: st.DrawFn) -> Sold:
    """Any deal, mostly won."""
    kind = draw(st.sampled_from(("WON", "WON", "WON", "LOST", "OPEN")))
    closed = None if kind == "OPEN" else draw(st.one_of(minutes, minutes, minutes, st.none()))
    started = draw(st.none() | minutes.map(lambda one: min(one, closed or one)))
    source = draw(st.sampled_from((None, "web", "fair")))
    return Sold(closed, draw(somebody), draw(firm), kind, started, source, deleted=draw(st.integers(0, 9)) == 0)


acts = st.builds(Done, st.none() | minutes, somebody, firm, st.sampled_from(("CALL", "CALL", "NOTE")))


@dataclass(frozen=True)
class Happened:
    """An event of a customer on a day; `source` is that of a deal."""

    customer: str
    at: datetime.datetime
    day: datetime.date
    source: str | None = None


@dataclass(frozen=True)
class Asked:
    """What a test asks about customers, and the events that it means."""

    customer: str = "CONTACT"
    kind: str | None = None
    period: str | None = "MONTH"
    calendar: str = "GREGORIAN"
    zone: str = "UTC"
    first: datetime.date | None = None
    last: datetime.date | None = None

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of a document with VARIABLES."""
        days = {"first": self.first and self.first.isoformat(), "last": self.last and self.last.isoformat()}
        event = {"kind": self.kind} if self.kind else None
        return {"customer": self.customer, "event": event, "period": self.period, "calendar": self.calendar, "zone": self.zone, **days}

    def events(self, sold: Sequence[Sold], done: Sequence[Done]) -> list[Happened]:
        """The events in the order of time."""
        if self.kind is None:
            found = [(one.closed, one, one.source) for one in sold if one.kind == "WON" and not one.deleted]
        else:
            found = [(one.done, one, None) for one in done if one.kind == self.kind]
        named = [(at, one.who if self.customer == "CONTACT" else one.firm, source) for at, one, source in found]
        some = [Happened(who, at, at.astimezone(ZoneInfo(self.zone)).date(), source) for at, who, source in named if at and who]
        return sorted(some, key=lambda one: one.at)

    def undated(self, sold: Sequence[Sold]) -> Counter[str]:
        """How many purchases of each customer have no day."""
        some = [one for one in sold if one.kind == "WON" and not one.deleted and one.closed is None] if self.kind is None else []
        return Counter(who for one in some if (who := one.who if self.customer == "CONTACT" else one.firm))

    def start(self, day: datetime.date) -> datetime.date:
        """The first day of its period."""
        return start_of(day, self.period or "DAY", self.calendar)

    def starts(self, first: datetime.date | None, last: datetime.date | None) -> list[datetime.date]:
        """The first days of all periods from one day to another."""
        if first is None or last is None:
            return []
        first = self.start(first)
        return list(dict.fromkeys(self.start(first + more * DAY) for more in range((last - first).days + 1)))

    def shown(self, days: Sequence[datetime.date]) -> list[datetime.date]:
        """The periods of an answer, when something was on these days."""
        return self.starts(self.first or min(days, default=None), self.last or max(days, default=None))


VARIABLES = (
    "$customer: MetricsCustomer!, $event: MetricsEvent, $period: Period, $calendar: Calendar!, $zone: String, $first: Date, $last: Date"
)
ARGUMENTS = "customer: $customer, event: $event, period: $period, calendar: $calendar, timeZone: $zone, from: $first, to: $last"
asked = st.builds(
    Asked,
    customer=st.sampled_from(("CONTACT", "COMPANY")),
    kind=st.sampled_from((None, None, "CALL")),
    period=st.sampled_from(("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")),
    calendar=st.sampled_from(("GREGORIAN", "JALALI")),
    zone=st.sampled_from(ZONES),
    first=st.none() | st.dates(datetime.date(2023, 12, 1), datetime.date(2024, 2, 15)),
    last=st.none() | st.dates(datetime.date(2024, 2, 16), datetime.date(2024, 8, 1)),
)


def start_of(day: datetime.date, period: str, calendar: str) -> datetime.date:
    """The first day of the period with this day, found by going back a day at a time."""

    def named(one: datetime.date) -> tuple[int, int]:
        shown = JalaliDate(one) if calendar == "JALALI" else one
        return shown.month, shown.day

    begins: dict[str, Callable[[datetime.date], bool]] = {
        "DAY": lambda one: True,
        "WEEK": lambda one: one.isoweekday() == 1,
        "MONTH": lambda one: named(one)[1] == 1,
        "QUARTER": lambda one: named(one)[1] == 1 and named(one)[0] in (1, 4, 7, 10),
        "YEAR": lambda one: named(one) == (1, 1),
    }
    while not begins[period](day):
        day -= DAY
    return day


def share(part: int, of: int) -> Any:
    """part / of; None of nothing."""
    return part / of if of else None


def curves(ended: Sequence[tuple[int, str]], day: int) -> tuple[float | None, float | None]:
    """1 - S by Kaplan and Meier and the incidence by Aalen and Johansen at the end of a day, by their products and sums; None if unknown.

    `ended` has for each one after how many days it was not watched any longer, and why: EVENT, COMPETING or CENSORED.
    """
    alone, both, incidence = Fraction(1), Fraction(1), Fraction(0)
    for one in sorted({last for last, _ in ended if last <= day}):
        left = sum(last >= one for last, _ in ended)
        events, others = (sum(last == one and why == way for last, why in ended) for way in ("EVENT", "COMPETING"))
        incidence += both * Fraction(events, left)
        alone *= 1 - Fraction(events, left)
        both *= 1 - Fraction(events + others, left)
    last = max((last for last, _ in ended), default=-1)
    value = float(1 - alone) if ended and (day <= last or not alone) else None
    return value, float(incidence) if ended and (day <= last or not both) else None
