"""Time to an event: after how many days deals are won, and customers come back, when not all of them are or do yet."""

import asyncio
import datetime
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate
from typing import Annotated, Any

import strawberry

from core import Calendar, Call, Invalid, day_begins, days_between, local_day, permit, visible
from core.fields import now
from core.models import Deal, Stage
from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import compared, days_said, zone_of
from plugins.metrics.counting import Cells, Counted
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.fields import First, Last, Length, Reckoning, Zone
from plugins.metrics.keys import Keys
from plugins.metrics.purchases import ActivityWhere, By, Customer, DealWhere, Events, Happening, dimensions, events_of
from plugins.metrics.question import DAY, LATEST, Question, known_day
from plugins.metrics.retention_counts import grouped
from plugins.metrics.spans import spans
from plugins.metrics.statistics.survival import Ended, aalen_johansen, kaplan_meier
from plugins.metrics.telling import period_of
from plugins.metrics.timing_answers import MetricsDuration, MetricsTimeTo, MetricsTimeToPoint, MetricsTimeToRow

POINTS = (7, 14, 30, 60, 90, 120, 180, 365)
MOST_POINTS, LATEST_POINT = 100, 36_525
EVENT, COMPETING, CENSORED, NEITHER = "EVENT", "COMPETING", "CENSORED", "NEITHER"
DEFINITION = (
    "Share to which something has happened within so many days of the beginning, when not all have been watched so long: 1 - S by Kaplan"
    " and Meier, who take what cannot happen any longer for not seen any longer, and the cumulative incidence by Aalen and Johansen, who do"
    " not."
)


What = Annotated[MetricsDuration, strawberry.argument(description="From what to what.")]
Until = Annotated[
    datetime.date | None,
    strawberry.argument(description="The last day that was watched; what came after it is not known. Today when left out."),
]
Points = Annotated[
    list[int] | None,
    strawberry.argument(description=f"The days of `points`, from 0; at most {MOST_POINTS}. {', '.join(map(str, POINTS))} when left out."),
]


@strawberry.type(name="Query", extend=True)
class TimeToQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def time_to(
        self, info: strawberry.Info[Call], what: What = MetricsDuration.DEAL_WON, as_of: Until = None, days: Points = None,
        customer: Customer = MetricsCustomer.CONTACT, event: Happening = None, where: DealWhere = None,
        activity_where: ActivityWhere = None, group_by: By = None, period: Length = None, first: First = None, last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN, time_zone: Zone = None,
    ) -> MetricsTimeTo | None:  # fmt: skip
        """The curves."""
        call, moment = info.context, now()
        zone = zone_of(call, time_zone)
        by = [group_by] if group_by else []
        if days is not None and not (len(days) <= MOST_POINTS and all(0 <= day <= LATEST_POINT for day in days)):
            raise Invalid(days=f"must be at most {MOST_POINTS}, from 0 to {LATEST_POINT}")
        known_day("as_of", as_of)
        asked: dict[str, Any] = {"period": period, "calendar": calendar, "first": first, "last": last, "zone": zone}
        if what is MetricsDuration.DEAL_WON:
            if event is not None or activity_where is not None:
                raise Invalid(event="is for SECOND_EVENT; deals are won or not")
            tells = {Deal: ("stage", "started_at", "closed_at"), Stage: ("kind",)}
            question = Question(call, Deal, where, dimensions(Deal, by), tells=tells, **asked)
            until = min(as_of or LATEST, question.today())
            found: Callable[[Question], Awaitable[Cells]] = partial(_deals, until=until)
        else:
            events = events_of(call, event, customer, where, activity_where, moment, by, **asked)
            question = events.question
            until = min(as_of or LATEST, question.today())
            cut = min(moment, day_begins(until + DAY, zone))
            found = partial(_customers, replace(events, until=cut), until)

        async def answer(asked: Question) -> MetricsTimeTo:
            cells = await found(asked)
            rows = await asyncio.to_thread(_rows, await Keys.of(asked, [cells]), cells, POINTS if days is None else days)
            return MetricsTimeTo(**days_said(asked, f"{DEFINITION} {what.value}", moment), until=until, rows=rows)

        return await compared(question, answer)


async def _deals(question: Question, until: datetime.date) -> Cells:
    """Deals by how they ended, and after how many days."""
    deals = question.meant.filter(started_at__lt=day_begins(until + DAY, question.zone))
    columns = {"began": local_day("d.started_at", question.zone), "ended": local_day("d.closed_at", question.zone), "kind": "s.kind"}
    open = f"kind = 'OPEN' OR ended > '{until}'"
    how = f"WHEN {open} THEN '{CENSORED}' WHEN ended IS NULL OR ended < began THEN '{NEITHER}' WHEN kind = 'WON' THEN '{EVENT}'"
    days = days_between("began", f"CASE WHEN {open} OR ended IS NULL THEN '{until}' ELSE ended END")
    given = {"stages": visible(question.call, Stage, deleted=True).values("id", "kind")}
    source = "{counted} AS d JOIN {stages} AS s ON s.id = d.stage_id"
    return await grouped(question, source, columns, {"how": f"CASE {how} ELSE '{COMPETING}' END", "days": days}, {}, given, deals)


async def _customers(events: Events, until: datetime.date, question: Question) -> Cells:
    """Customers by whether there was a second event, and after how many days."""
    window = "WINDOW w AS (PARTITION BY customer ORDER BY at, id)"
    parts = {
        "o": f"SELECT id AS first_id, day AS began, LEAD(day) OVER w AS ended, ROW_NUMBER() OVER w AS place FROM e {window}",
        "c": "SELECT first_id, began, ended FROM o WHERE place = 1",
    }
    how = f"CASE WHEN ended IS NULL THEN '{CENSORED}' ELSE '{EVENT}' END"
    days = days_between("began", f"COALESCE(ended, '{until}')")
    return await replace(events, question=question).by_first(parts, {"began": "c.began", "ended": "c.ended"}, {"how": how, "days": days})


def _rows(keys: Keys, found: Cells, days: Sequence[int]) -> list[MetricsTimeToRow]:
    question, cells = keys.question, keys.merged(found)
    stretches = spans(question, [start for _, start in found if start is not None])
    if len(keys.values) * len(stretches) * len(days) > question.cells:
        raise Invalid(days=f"makes more than {question.cells} points; ask for fewer days, longer periods, or name from and to")
    rows = []
    for values, span in keys.rows(stretches):
        key = MetricsKey(**keys.named(values), period=period_of(span) if span else None)
        rows.append(_row(key, cells.get((values, span.start if span and question.period else None), []), days))
    return rows


def _row(key: MetricsKey, rows: Counted, days: Sequence[int]) -> MetricsTimeToRow:
    ways: dict[str, Counter[int]] = {way: Counter() for way in (EVENT, COMPETING, CENSORED, NEITHER)}
    for row in rows:
        ways[row["how"]][0 if row["how"] == NEITHER else int(row["days"])] += int(row["n"])
    events, competing, censored = (ways[way] for way in (EVENT, COMPETING, CENSORED))
    ended = [Ended(day, events[day], competing[day], censored[day]) for day in sorted({*events, *competing, *censored})]
    survival, incidence = kaplan_meier(ended), aalen_johansen(ended)
    watched = Watched(ended)

    def point(day: int) -> MetricsTimeToPoint:
        lasting, known = survival and survival.at(day), incidence and incidence.at(day)
        return MetricsTimeToPoint(
            day=day, at_risk=watched.on(day), events=events[day], competing=competing[day],
            value=1 - lasting.survival if lasting else None,
            low=1 - lasting.high if lasting and lasting.high is not None else None,
            high=1 - lasting.low if lasting and lasting.low is not None else None,
            incidence=known.incidence if known else None,
        )  # fmt: skip

    return MetricsTimeToRow(
        key=key, n=watched.on(0), events=events.total(), competing=competing.total(), censored=censored.total(),
        left_out=ways[NEITHER].total(), median=survival.median if survival else None, points=[point(day) for day in days],
        curve=[point(step.day) for step in incidence.steps] if incidence else [],
    )  # fmt: skip


class Watched:
    """How many are still watched on a day."""

    def __init__(self, ended: Sequence[Ended]) -> None:
        self.days = [one.day for one in ended]
        self.left = list(accumulate((sum(one[1:]) for one in reversed(ended)), initial=0))[::-1]

    def on(self, day: int) -> int:
        """Those that did not end before it."""
        return self.left[bisect_left(self.days, day)]
