"""What holds for goals, wherever they come from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tortoise.expressions import Q, Subquery

from core import Call, Change, Invalid, matching, read_filter, select, visible
from core.models import User
from plugins.metrics.declaring import Metric, Unit
from plugins.metrics.dimensions import Dimension
from plugins.metrics.figure import Figure
from plugins.metrics.models import MetricsDirection, MetricsGoal
from plugins.metrics.question import Question, known_day
from plugins.metrics.registry import figures, registered

SUMS = (Unit.NUMBER, Unit.MONEY)  # what grows from day to day
ONE = 10_000  # 1 as `target` is kept
WHOSE = ("owner", "team")


async def prepare(call: Call, changes: Sequence[Change]) -> None:
    """Check goals: that they can be reckoned, and that who writes them may see what they tell. Raises Invalid and Forbidden."""
    for change in changes:
        goal: MetricsGoal = change.record
        metric = metric_of(call, goal)
        _days(goal)
        _target(goal, metric)
        for name in WHOSE:
            if getattr(goal, f"{name}_id") and name not in (one.name for one in _whose(goal, metric)):
                raise Invalid({f"{name}_id": f"is for metrics that have an owner, and {metric.name} has none"})
        if goal.owner_id and goal.team_id:
            raise Invalid(team_id="is of a goal for a team, and this one is for a user")
        question = question_of(call, goal, metric)
        if goal.where:  # what is nested too deeply for the database is refused now, and not whenever the goal is shown
            await select("SELECT 1 AS one FROM {meant} AS t LIMIT 0", meant=question.meant.values("id"))


def metric_of(call: Call, goal: MetricsGoal) -> Metric | Figure:
    """The metric of a goal, or the figure. Raises Invalid when there is none of the name."""
    known = {**registered(call.crm), **figures(call.crm)}
    if goal.metric not in known:
        raise Invalid(metric=f"'{goal.metric[:80]}' is no metric; there are {', '.join(sorted(known))}")
    return known[goal.metric]


def question_of(call: Call, goal: MetricsGoal, metric: Metric | Figure) -> Question:
    """The rows that count for a goal: of a metric those of all owners, by owner; of a figure only those of the owner that is meant.

    Raises Invalid for a filter that is none, and Forbidden for what is hidden.
    """
    where = None if goal.where is None else read_filter(call.crm, call.crm.resource(metric.of), goal.where)
    matching(call, metric.of, where)  # here a value that cannot be compared is refused
    zone, by = call.crm.settings.company.time_zone, _whose(goal, metric)
    asked = Question(call, metric.of, where, by, first=goal.starts_on, last=goal.ends_on, zone=zone, tells=metric.tells)  # type: ignore[arg-type]
    if isinstance(metric, Metric) or not by:
        return asked
    return replace(asked, by=(), only=Q(**_owned(call, goal, metric)))


def _whose(goal: MetricsGoal, metric: Metric | Figure) -> tuple[Dimension, ...]:
    """The dimensions of the owner and of the team that a goal is for."""
    return tuple(one for one in metric.offered if one.name in WHOSE and not one.before and getattr(goal, f"{one.name}_id"))


def _owned(call: Call, goal: MetricsGoal, metric: Figure) -> dict[str, Any]:
    """The test that a row is of the owner or the team of a goal; members of a team are those whom the actor sees, as in `groupBy`."""
    (owner,) = next(one.tells[metric.of] for one in metric.offered if one.name == "owner")  # the relation by which a row has its owner
    if goal.owner_id:
        return {f"{owner}_id": goal.owner_id}
    return {f"{owner}_id__in": Subquery(visible(call, User, deleted=True).filter(team_id=goal.team_id).values("id"))}


def _days(goal: MetricsGoal) -> None:
    for name in ("starts_on", "ends_on"):
        known_day(name, getattr(goal, name))
    if goal.starts_on > goal.ends_on:
        raise Invalid(ends_on="lies before the first day")


def _target(goal: MetricsGoal, metric: Metric | Figure) -> None:
    wanted, other = ("amount", "target") if metric.unit.of_money else ("target", "amount")
    value = getattr(goal, wanted)
    kind = "in money" if metric.unit.of_money else "not in money"
    if value is None:
        raise Invalid({wanted: f"is needed: {metric.name} is {kind}"})
    if getattr(goal, other) is not None:
        raise Invalid({other: f"must be left out: {metric.name} is {kind}"})
    if value < 0 or (value == 0 and goal.direction is MetricsDirection.AT_LEAST):
        raise Invalid({wanted: "must be more than 0" if goal.direction is MetricsDirection.AT_LEAST else "must not be less than 0"})
    if metric.unit is Unit.SHARE and value > ONE:
        raise Invalid({wanted: f"must be at most 1: {metric.name} is a share"})
