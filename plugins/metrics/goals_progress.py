"""How far goals have come: those of a page together, with one statement for all with the same metric and filter; figures one by one."""

import datetime
import json
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from enum import Enum
from fractions import Fraction

import strawberry
from strawberry.dataloader import DataLoader
from tortoise.exceptions import OperationalError

from core import Call, Money, Refused, day_begins, local_day, permit, select, visible
from plugins.metrics.declaring import Metric, Part
from plugins.metrics.figure import Figure, Reckoned
from plugins.metrics.goals import ONE, SUMS, metric_of, question_of
from plugins.metrics.models import MetricsDirection, MetricsGoal
from plugins.metrics.question import DAY, Question
from plugins.metrics.registry import registered

PARTS = ("numerator", "denominator")
MICROSECOND = datetime.timedelta(microseconds=1)


@strawberry.enum(description="How a goal stands.")
class MetricsStanding(Enum):
    """Of a sum, what is due by now is the part of the target that an even pace has reached; of any other figure, all of it."""

    NOT_BEGUN = strawberry.enum_value("NOT_BEGUN", description="Its first day is yet to come.")
    AHEAD = strawberry.enum_value("AHEAD", description="It runs, and the figure is what is due by now, or better.")
    BEHIND = strawberry.enum_value("BEHIND", description="It runs, and the figure is worse than what is due by now.")
    MET = strawberry.enum_value("MET", description="It is over, and the figure is on the right side of the target.")
    MISSED = strawberry.enum_value("MISSED", description="It is over, and the figure is on the wrong side of the target.")


@strawberry.type(description="How far a goal has come, by the rows that one may see.")
class MetricsProgress:
    """The figure of a goal so far."""

    as_of: datetime.datetime = strawberry.field(description="The moment of which all of it is, in UTC.")
    value: float | None = strawberry.field(description="The figure so far; of money, in units of the currency. Null for 0 / 0.")
    amount: Money | None = strawberry.field(description="The figure so far, of a metric in money.")
    numerator: Decimal = strawberry.field(description="The numerator; of money, in units of the currency.")
    denominator: Decimal | None = strawberry.field(description="The denominator; null for what has none.")
    share: float | None = strawberry.field(description="The figure / the target. Null for a target of 0.")
    expected: float | None = strawberry.field(
        description="Of sums: the share that an even pace has reached by now, time gone by / whole time, from 0 to 1. A rate has no pace."
    )
    projected: float | None = strawberry.field(
        description="Of sums: what they come to at the end when they go on as until now, figure / `expected`. Null in the first 24 hours."
    )
    standing: MetricsStanding | None = strawberry.field(description="How the goal stands. Null for 0 / 0.")
    complete: bool = strawberry.field(description="Whether the last day is over.")


@strawberry.type(name="MetricsGoal", extend=True)
class GoalFields:
    """A field that joins the type MetricsGoal."""

    @strawberry.field(description="How far it has come. Refused to who may not see what the metric tells of.")
    @permit("metrics.read")
    async def progress(self, root: strawberry.Parent[MetricsGoal], info: strawberry.Info[Call]) -> MetricsProgress | None:
        """Reckoned together for all goals that are asked for."""
        call = info.context

        async def load(keys: list[uuid.UUID]) -> list[MetricsProgress | Exception | None]:
            found = await reckoned(call, keys)
            return [found.get(key) for key in keys]

        return await call.loader("metrics.goals", lambda: DataLoader(load, cache=False)).load(root.pk)


async def reckoned(call: Call, keys: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, MetricsProgress | Exception]:
    """The progress of each of these goals that the actor sees, or why it is refused."""
    found: dict[uuid.UUID, MetricsProgress | Exception] = {}
    alike: dict[tuple[str, str, str | None], list[tuple[MetricsGoal, Question]]] = defaultdict(list)
    for goal in await visible(call, MetricsGoal, deleted=True).filter(id__in=keys):
        try:
            metric = metric_of(call, goal)
            question = question_of(call, goal, metric)
            if isinstance(metric, Figure):
                sides = await metric.reckon(question, goal.currency or call.crm.settings.company.currency)
                found[goal.id] = _progress(call, metric, goal, sides, question.zone)
            else:
                alike[metric.name, json.dumps(goal.where, sort_keys=True), goal.currency].append((goal, question))
        # The metric is gone, tells of what is hidden, or is too much for the database: this is no reason to show nothing of the others.
        except (Refused, OperationalError) as error:
            found[goal.id] = error
    for (name, _, _), some in alike.items():
        metric = registered(call.crm)[name]
        try:
            measured = await _measured(call, metric, some)
        except OperationalError as error:
            found |= {goal.id: error for goal, _ in some}
            continue
        found |= {goal.id: _progress(call, metric, goal, measured[goal.id], question.zone) for goal, question in some}
    return found


async def _measured(call: Call, metric: Metric, some: Sequence[tuple[MetricsGoal, Question]]) -> Mapping[uuid.UUID, Reckoned]:
    """Both sides of goals that have metric, filter and currency in common; two statements when the sides go by different times."""
    goals = [goal for goal, _ in some]
    by = {one.name: one for _, question in some for one in question.by}
    first, last = min(goal.starts_on for goal in goals), max(goal.ends_on for goal in goals)
    question = replace(some[0][1], by=tuple(by.values()), first=first, last=last)
    parts = {name: part for name in PARTS if (part := getattr(metric, name)) is not None}
    sums: dict[uuid.UUID, dict[str, int]] = defaultdict(dict)
    for dated in dict.fromkeys(part.dated for part in parts.values()):
        of_this_time = {name: part for name, part in parts.items() if part.dated == dated}
        for key, found in (await _summed(call, metric, question, goals, of_this_time)).items():
            sums[key] |= found
    return {
        goal.id: Reckoned(sums[goal.id].get("numerator", 0), sums[goal.id].get("denominator", 0) if metric.denominator else None)
        for goal in goals
    }


async def _summed(
    call: Call, metric: Metric, question: Question, goals: Sequence[MetricsGoal], parts: Mapping[str, Part]
) -> Mapping[uuid.UUID, Mapping[str, int]]:
    """The sums of these parts over the days and the owners of each goal: the rows are read once, whatever the number of goals."""
    dated = next(iter(parts.values())).dated
    values = {"day": local_day(f'd."{dated}"', question.zone)} | {name: part.value for name, part in parts.items()}
    values |= {one.name: one.key for one in question.by}
    inner = ", ".join(f'{sql} AS "{name}"' for name, sql in values.items())
    joins = " ".join(dict.fromkeys([metric.join, *(one.join for one in question.by)]))
    shown = ", ".join(f'SUM(t."{name}") AS "{name}"' for name in parts)
    whose = "".join(f' AND (g."{one.name}_id" IS NULL OR g."{one.name}_id" = t."{one.name}")' for one in question.by)
    rows = question.rows(dated)
    if metric.unit.in_currency:
        rows = rows.filter(**{metric.currency: goals[0].currency or call.crm.settings.company.currency})
    given = {name: make(call) for one in question.by for name, make in one.rows.items()} | metric.joined(call)
    found = await select(
        f'SELECT g."id" AS "goal", {shown} FROM (SELECT {inner} FROM {{counted}} AS d {joins}) AS t'
        f' JOIN {{goals}} AS g ON t."day" >= g."starts_on" AND t."day" <= g."ends_on"{whose} GROUP BY g."id"',
        counted=rows.values(*sorted(metric.of._meta.db_fields)),
        goals=visible(call, MetricsGoal, deleted=True)
        .filter(id__in=[goal.id for goal in goals])
        .values("id", "starts_on", "ends_on", "owner_id", "team_id"),
        **given,
    )
    return {uuid.UUID(str(row["goal"])): {name: int(row[name] or 0) for name in parts} for row in found}


def _progress(call: Call, metric: Metric | Figure, goal: MetricsGoal, sides: Reckoned, zone: str) -> MetricsProgress:
    begins, ends = day_begins(goal.starts_on, zone), day_begins(goal.ends_on + DAY, zone)
    gone = min(max(Fraction((call.moment - begins) // MICROSECOND, (ends - begins) // MICROSECOND), Fraction(0)), Fraction(1))
    complete, begun = call.moment >= ends, call.moment >= begins
    minor = Money(Decimal(1), goal.currency or call.crm.settings.company.currency).minor if metric.unit.in_currency else 1
    unit = minor if metric.unit.of_money else 1
    wanted = Fraction(goal.amount, unit) if metric.unit.of_money else Fraction(goal.target, ONE)
    value = None if sides.value is None else sides.value / unit
    sums = metric.unit in SUMS
    paced = sums and value is not None and (complete or call.moment - begins >= DAY)
    return MetricsProgress(
        as_of=call.moment,
        value=_float(value),
        amount=Money.of_minor(round(value * unit), str(goal.currency)) if metric.unit.of_money and value is not None else None,
        numerator=_decimal(Fraction(sides.numerator) / minor),
        denominator=None if sides.denominator is None else _decimal(Fraction(sides.denominator) / (1 if metric.unit.of_money else minor)),
        share=None if value is None or not wanted else float(value / wanted),
        expected=float(gone) if sums else None,
        projected=_float(value / gone) if paced and value is not None else None,
        standing=_standing(goal, value, wanted * gone if sums else wanted, begun, complete),
        complete=complete,
    )


def _standing(goal: MetricsGoal, value: Fraction | None, due: Fraction, begun: bool, complete: bool) -> MetricsStanding | None:
    if not begun:
        return MetricsStanding.NOT_BEGUN
    if value is None:
        return None
    good = value >= due if goal.direction is MetricsDirection.AT_LEAST else value <= due
    if complete:
        return MetricsStanding.MET if good else MetricsStanding.MISSED
    return MetricsStanding.AHEAD if good else MetricsStanding.BEHIND


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / value.denominator


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
