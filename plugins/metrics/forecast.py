"""Forecast: what open deals may bring."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

import strawberry
from tortoise.expressions import Subquery

from core import Calendar, Call, Money, permit, select, visible
from core.models import Deal, DealStageChange, Stage, StageKind
from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import (
    Answer,
    ByDeals,
    MetricsShare,
    OfDeals,
    currency_of,
    grouped,
    of_currency,
    said,
    share,
    total,
    units,
    zone_of,
)
from plugins.metrics.counting import Counted, counted
from plugins.metrics.fields import Currency, First, Last, Length, Reckoning, Zone, chosen
from plugins.metrics.question import Question
from plugins.metrics.telling import money

DEFINITION = (
    "Sum of amount x probability of the stage, of open deals by the day on which they are expected to close. The probability is that of the"
    " stage; where it has none, won / (won + lost) of all deals that ever came to this stage and are closed. A deal whose stage has neither"
    " is not in the sum, and counted apart. Deals that have no expected day are left out where days or periods are asked for."
)
TELLS = {
    Deal: ("stage", "amount", "currency", "expected_close_on"), Stage: ("kind", "probability", "position"), DealStageChange: ("to_stage",),
}  # fmt: skip
ONE = 10_000  # a probability of 1


@strawberry.enum(description="Where a probability comes from.")
class MetricsProbabilitySource(Enum):
    """Who says how probable it is."""

    STAGE = strawberry.enum_value("STAGE", description="It is written on the stage.")
    HISTORY = strawberry.enum_value("HISTORY", description="It is the share of won deals among the closed ones that came to the stage.")
    UNKNOWN = strawberry.enum_value("UNKNOWN", description="The stage has none, and no deal that came to it is closed.")


@strawberry.type(description="How probable it is that a deal in a stage is won.")
class MetricsStageProbability:
    """The probability that a forecast takes for a stage."""

    stage: Stage | None = strawberry.field(description="The stage; null when it is not for you to see.")
    probability: float | None = strawberry.field(description="From 0 to 1. Null when it is unknown.")
    source: MetricsProbabilitySource = strawberry.field(description="Where it comes from.")
    history: MetricsShare | None = strawberry.field(
        description="The won among the closed deals that came here; null where the stage has a probability of its own."
    )


@strawberry.type(description="What some open deals may bring.")
class MetricsForecastRow:
    """A row of `forecast`."""

    key: MetricsKey = strawberry.field(description="Which deals these figures are about. Its period is that of `expectedCloseOn`.")
    deals: int = strawberry.field(description="How many deals are open.")
    amount: Money = strawberry.field(description="Sum of their amounts: what all of them would bring.")
    weighted: Money = strawberry.field(description="Sum of amount x probability, rounded half to even.")
    exact: float = strawberry.field(description="It without rounding, in units of the currency.")
    without_amount: int = strawberry.field(description="How many of the deals have no amount; they are in neither sum.")
    without_probability: int = strawberry.field(
        description="How many with an amount stand in a stage of unknown probability; they are in `amount`, and not in `weighted`."
    )


@strawberry.type(description="What open deals may bring.")
class MetricsForecast(Answer):
    """The answer of `forecast`."""

    currency: str = strawberry.field(description="ISO 4217 code of all amounts. Deals with an amount in another one are left out.")
    probabilities: list[MetricsStageProbability] = strawberry.field(description="What was taken for each stage in which a deal stands.")
    undated: int = strawberry.field(description="How many open deals are in no row, for days are asked for and they have none.")
    rows: list[MetricsForecastRow] = strawberry.field(description="The figures, in the order of the names in their keys, then of time.")


@dataclass(frozen=True)
class Chance:
    """What a forecast takes for a stage: in ten thousandths on the stage, else the won and the closed deals that came there."""

    written: int | None
    won: int = 0
    closed: int = 0

    @property
    def value(self) -> Fraction | None:
        """The probability; None when it is unknown."""
        if self.written is not None:
            return Fraction(self.written, ONE)
        return Fraction(self.won, self.closed) if self.closed else None


@strawberry.type(name="Query", extend=True)
class ForecastQuery:
    """What open deals may bring."""

    @strawberry.field(description=DEFINITION)
    @permit("metrics.read")
    async def forecast(
        self,
        info: strawberry.Info[Call],
        where: OfDeals = None,
        group_by: ByDeals = None,
        period: Length = None,
        first: First = None,
        last: Last = None,
        calendar: Reckoning = Calendar.GREGORIAN,
        time_zone: Zone = None,
        currency: Currency = None,
    ) -> MetricsForecast | None:
        """Adds up open deals by key and stage; what each stage means is looked up once."""
        call = info.context
        code, zone = currency_of(call, currency), zone_of(call, time_zone)
        question = Question(call, Deal, where, chosen(Deal, group_by), period, calendar, first, last, zone, TELLS)
        still = visible(call, Stage, deleted=True).filter(kind=StageKind.OPEN)
        every = of_currency(Question(call, Deal, where).rows("closed_at"), code).filter(stage_id__in=Subquery(still.values("id")))
        sums = {"n": "1", "priced": "CASE WHEN d.amount IS NOT NULL THEN 1 END", "amount": "d.amount"}
        cells = await counted(
            question, "expected_close_on", sums, {"in_stage": "d.stage_id"}, rows=_dated(question, every), day="d.expected_close_on"
        )
        stages = {stage.id: stage for stage in await still}
        chances = await _chances(call, {_id(row) for rows in cells.values() for row in rows}, stages)
        return MetricsForecast(
            **said(question, DEFINITION), currency=code, probabilities=[_told(stages[one], chance) for one, chance in chances.items()],
            undated=await every.filter(expected_close_on__isnull=True).count() if question.by_time else 0,
            rows=[_row(key, rows, chances, code) for key, rows in await grouped(question, cells)],
        )  # fmt: skip


def _dated(question: Question, rows: Any) -> Any:
    """Those of the days asked. An expected day is a date, and has no time zone."""
    if question.by_time:
        rows = rows.filter(expected_close_on__isnull=False)
    if question.first is not None:
        rows = rows.filter(expected_close_on__gte=question.first)
    if question.last is not None:
        rows = rows.filter(expected_close_on__lte=question.last)
    return rows


def _id(row: Mapping[str, object]) -> uuid.UUID:
    return uuid.UUID(str(row["in_stage"]))


async def _chances(call: Call, wanted: set[uuid.UUID], stages: Mapping[uuid.UUID, Stage]) -> dict[uuid.UUID, Chance]:
    """What each of these stages means, in the order of their positions."""
    known = [one for one in stages if one in wanted]
    known.sort(key=lambda one: (str(stages[one].pipeline_id), stages[one].position, str(one)))
    past = await _past(call, [one for one in known if stages[one].probability is None])
    return {one: Chance(stages[one].probability, *past.get(one, ())) for one in known}


async def _past(call: Call, stages: list[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    """Of each stage the won and the closed deals that ever came to it."""
    if not stages:
        return {}
    rows = await select(
        "SELECT c.to_stage_id AS stage, SUM(CASE WHEN s.kind = 'WON' THEN 1 ELSE 0 END) AS won, COUNT(*) AS closed"
        " FROM (SELECT DISTINCT x.deal_id, x.to_stage_id FROM {changes} AS x) AS c"
        " JOIN {deals} AS d ON d.id = c.deal_id JOIN {stages} AS s ON s.id = d.stage_id GROUP BY c.to_stage_id",
        changes=visible(call, DealStageChange).filter(to_stage_id__in=stages).values("deal_id", "to_stage_id"),
        deals=visible(call, Deal).values("id", "stage_id"),
        stages=visible(call, Stage, deleted=True).filter(kind__in=[StageKind.WON, StageKind.LOST]).values("id", "kind"),
    )
    return {uuid.UUID(str(row["stage"])): (int(row["won"]), int(row["closed"])) for row in rows}


def _told(stage: Stage, chance: Chance) -> MetricsStageProbability:
    source = MetricsProbabilitySource.STAGE if chance.written is not None else MetricsProbabilitySource.HISTORY
    value = chance.value
    return MetricsStageProbability(
        stage=stage, probability=None if value is None else float(value),
        source=MetricsProbabilitySource.UNKNOWN if value is None else source,
        history=share(chance.won, chance.closed) if chance.written is None else None,
    )  # fmt: skip


def _row(key: MetricsKey, rows: Counted, chances: Mapping[uuid.UUID, Chance], code: str) -> MetricsForecastRow:
    weighted, unknown = Fraction(0), 0
    for row in rows:
        value = chances[_id(row)].value
        if value is None:
            unknown += int(row["priced"] or 0)
        else:
            weighted += int(row["amount"] or 0) * value
    return MetricsForecastRow(
        key=key, deals=total(rows, "n"), amount=Money.of_minor(total(rows, "amount"), code),
        weighted=money(weighted, code) or Money.of_minor(0, code), exact=units(weighted, code) or 0.0,
        without_amount=total(rows, "n") - total(rows, "priced"), without_probability=unknown,
    )  # fmt: skip
