"""What holds for goals, wherever they come from."""

from collections.abc import Sequence

from core import Call, Change, Invalid, matching, read_filter
from plugins.metrics.declaring import Metric, Unit
from plugins.metrics.models import MetricsDirection, MetricsGoal
from plugins.metrics.question import EARLIEST, LATEST, Question
from plugins.metrics.registry import registered

SUMS = (Unit.NUMBER, Unit.MONEY)  # what grows from day to day
ONE = 10_000  # 1 as `target` is kept


async def prepare(call: Call, changes: Sequence[Change]) -> None:
    """Check goals: that they can be reckoned, and that who writes them may see what they tell. Raises Invalid and Forbidden."""
    for change in changes:
        goal: MetricsGoal = change.record
        metric = metric_of(call, goal)
        _days(goal)
        _target(goal, metric)
        for name in ("owner", "team"):
            if getattr(goal, f"{name}_id") and not any(one.name == name and not one.before for one in metric.offered):
                raise Invalid({f"{name}_id": f"is for metrics that have an owner, and {metric.name} has none"})
        if goal.owner_id and goal.team_id:
            raise Invalid(team_id="is of a goal for a team, and this one is for a user")
        question_of(call, goal, metric)


def metric_of(call: Call, goal: MetricsGoal) -> Metric:
    """The metric of a goal. Raises Invalid when there is no such metric."""
    known = registered(call.crm)
    if goal.metric not in known:
        raise Invalid(metric=f"'{goal.metric[:80]}' is no metric; there are {', '.join(sorted(known))}")
    return known[goal.metric]


def question_of(call: Call, goal: MetricsGoal, metric: Metric) -> Question:
    """The rows that count for a goal, those of all owners. Raises Invalid for a filter that is none, and Forbidden for what is hidden."""
    where = None if goal.where is None else read_filter(call.crm, call.crm.resource(metric.of), goal.where)
    matching(call, metric.of, where)  # here a value that cannot be compared is refused
    by = tuple(one for one in metric.offered if one.name in ("owner", "team") and getattr(goal, f"{one.name}_id"))
    zone = call.crm.settings.company.time_zone
    return Question(call, metric.of, where, by, first=goal.starts_on, last=goal.ends_on, zone=zone, tells=metric.tells)  # type: ignore[arg-type]


def _days(goal: MetricsGoal) -> None:
    for name in ("starts_on", "ends_on"):
        if not EARLIEST <= getattr(goal, name) < LATEST:
            raise Invalid({name: f"must lie between {EARLIEST} and {LATEST}"})
    if goal.starts_on > goal.ends_on:
        raise Invalid(ends_on="lies before the first day")


def _target(goal: MetricsGoal, metric: Metric) -> None:
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
