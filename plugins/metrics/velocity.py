"""Sales velocity: the money that comes in each day while all goes on as it does."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import strawberry
from tortoise.expressions import Q, Subquery

from core import Call, Money, day_begins, days_between, local_day, permit, visible
from core.models import Deal, Stage, StageKind
from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import (
    ByDeals,
    Comparable,
    MetricsShare,
    OfDeals,
    compared,
    currency_of,
    days_said,
    grouped,
    of_currency,
    share,
    total,
    units,
    zone_of,
)
from plugins.metrics.counting import Cells, Counted, counted
from plugins.metrics.fields import Currency, First, Last, Zone, chosen
from plugins.metrics.question import DAY, Question
from plugins.metrics.telling import money

DEFINITION = (
    "Open deals x win rate x average amount of a won deal / average days of a won deal: money in a day. Open deals are those of now, or of"
    " the end of `to` where that is over: work on them had begun, and they are open now or were closed later. The three other factors are"
    " of deals closed from `from` to `to`. Win rate: won / (won + lost). Amount: of won deals that have one. Days: from the day on which"
    " work began to that of the close, of won deals that have both."
)
TELLS = {Deal: ("stage", "started_at", "closed_at", "amount", "currency"), Stage: ("kind",)}


@strawberry.type(description="How fast some deals bring money, with the four factors of it.")
class MetricsVelocityRow:
    """A row of `salesVelocity`."""

    key: MetricsKey = strawberry.field(
        description="Which deals these figures are about. Its period are the days from `from` to `to`, where both are asked."
    )
    value: Money | None = strawberry.field(
        description="Money in a day, rounded half to even. Null where a factor is 0 / 0, or the days are not more than 0."
    )
    exact: float | None = strawberry.field(description="It without rounding, in units of the currency.")
    open_deals: int = strawberry.field(description="How many deals are open now, or were at the end of `to` where that is over.")
    win_rate: MetricsShare = strawberry.field(description="Won / (won + lost).")
    average_deal: Money | None = strawberry.field(description="Average amount of a won deal, rounded half to even. Null for 0 / 0.")
    cycle_days: float | None = strawberry.field(description="Average days of a won deal. Null for 0 / 0.")


@strawberry.type(description="How fast deals bring money.")
class MetricsVelocity(Comparable):
    """The answer of `salesVelocity`."""

    currency: str = strawberry.field(
        description="ISO 4217 code of all amounts. Deals with an amount in another currency are in no factor; those without an amount are."
    )
    rows: list[MetricsVelocityRow] = strawberry.field(description="The figures, in the order of the names in their keys.")


@strawberry.type(name="Query", extend=True)
class SalesVelocityQuery:
    """How fast deals bring money."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def sales_velocity(
        self,
        info: strawberry.Info[Call],
        where: OfDeals = None,
        group_by: ByDeals = None,
        first: First = None,
        last: Last = None,
        time_zone: Zone = None,
        currency: Currency = None,
    ) -> MetricsVelocity | None:
        """Counts what is closed, and what is open; see DEFINITION."""
        call = info.context
        code, zone = currency_of(call, currency), zone_of(call, time_zone)
        question = Question(call, Deal, where, chosen(Deal, group_by), first=first, last=last, zone=zone, tells=TELLS)
        return await compared(question, lambda asked: _answer(asked, code))


async def _answer(question: Question, code: str) -> MetricsVelocity:
    rows = [_row(key, some, code) for key, some in await grouped(question, *await factors(question, code))]
    return MetricsVelocity(**days_said(question, DEFINITION), currency=code, rows=rows)


async def factors(question: Question, code: str) -> tuple[Cells, Cells]:
    """What of deals that are closed, and of those that are open, the factors are made of."""
    call, zone = question.call, question.zone
    stages = {"stages": visible(call, Stage, deleted=True).values("id", "kind")}
    days = days_between(local_day("d.started_at", zone), local_day("d.closed_at", zone))
    join, won = "JOIN {stages} AS s ON s.id = d.stage_id", "CASE WHEN s.kind = 'WON' THEN {} END"
    sums = {
        "won": won.format("1"), "lost": "CASE WHEN s.kind = 'LOST' THEN 1 END", "amount": won.format("d.amount"),
        "priced": "CASE WHEN s.kind = 'WON' AND d.amount IS NOT NULL THEN 1 END", "days": won.format(days),
        "timed": f"CASE WHEN s.kind = 'WON' AND {days} IS NOT NULL THEN 1 END",
    }  # fmt: skip
    closed = await counted(question, "closed_at", sums, join=join, rows=of_currency(question.rows("closed_at"), code), more=stages)
    everything = replace(question, first=None, last=None)
    return closed, await counted(everything, "closed_at", {"open": "1"}, rows=of_currency(_open(question), code))


def _open(question: Question) -> Any:
    """The deals that were open at the end of the last day, as a queryset; where it is not over, or none is asked, those open now."""
    rows = question.meant
    now_open = Q(stage_id__in=Subquery(visible(question.call, Stage, deleted=True).filter(kind=StageKind.OPEN).values("id")))
    if question.last is None or question.last >= question.today():
        return rows.filter(now_open)
    end = day_begins(question.last + DAY, question.zone)
    return rows.filter(now_open | Q(closed_at__gte=end), started_at__lt=end)


@dataclass(frozen=True)
class Pace:
    """The factors of a velocity; amount and days are means, None of nothing. The amount is in minor units."""

    open: int
    won: int
    ended: int
    amount: Fraction | None
    days: Fraction | None

    @classmethod
    def of(cls, rows: Counted) -> "Pace":
        """Those of what was counted."""
        won = total(rows, "won")
        return cls(total(rows, "open"), won, won + total(rows, "lost"), _mean(rows, "amount", "priced"), _mean(rows, "days", "timed"))

    @property
    def value(self) -> Fraction | None:
        """Minor units in a day. None where a factor is 0 / 0, or the days are not more than 0."""
        if self.amount is None or self.days is None or self.days <= 0:
            return None
        return self.open * Fraction(self.won, self.ended) * self.amount / self.days


def _row(key: MetricsKey, rows: Counted, code: str) -> MetricsVelocityRow:
    pace = Pace.of(rows)
    return MetricsVelocityRow(
        key=key, value=money(pace.value, code), exact=units(pace.value, code), open_deals=pace.open, win_rate=share(pace.won, pace.ended),
        average_deal=money(pace.amount, code), cycle_days=None if pace.days is None else float(pace.days),
    )  # fmt: skip


def _mean(rows: Counted, part: str, whole: str) -> Fraction | None:
    return Fraction(total(rows, part), total(rows, whole)) if total(rows, whole) else None
