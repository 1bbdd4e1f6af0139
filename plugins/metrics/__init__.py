"""Metrics: how sales go, in figures: conversion, retention and value, by whatever they are put together by, and by period."""

from collections.abc import Sequence

import click
from starlette.routing import BaseRoute
from tortoise.expressions import Q

from core import CRM, Actor, Call, Consumer, Expressed, Job, Resource, hookimpl
from core.models import Contact
from plugins.metrics import bundled, bundled_figures, goals, scores, spend
from plugins.metrics.acquisition import AcquisitionQuery
from plugins.metrics.cohorts import CohortQuery
from plugins.metrics.command import metrics
from plugins.metrics.conversion import ConversionQuery
from plugins.metrics.cycle import SalesCycleQuery
from plugins.metrics.declaring import Metric, Part, Unit
from plugins.metrics.dimensions import Dimension
from plugins.metrics.dwell import StageDwellQuery
from plugins.metrics.fields import query
from plugins.metrics.figure import Figure, Reckoned
from plugins.metrics.forecast import ForecastQuery
from plugins.metrics.funnel import FunnelQuery
from plugins.metrics.goals_progress import GoalFields
from plugins.metrics.models import MetricsGoal, MetricsScore, MetricsSpend
from plugins.metrics.question import Question
from plugins.metrics.registry import figures
from plugins.metrics.retention import RetentionQuery
from plugins.metrics.returning import RepeatQuery
from plugins.metrics.rfm import RfmQuery
from plugins.metrics.rollup_keeping import CONSUMER, EVENTS, REBUILD, catch_up, follow, rebuild
from plugins.metrics.routes import routes as pictures
from plugins.metrics.scoring import score
from plugins.metrics.stages import StageConversionQuery
from plugins.metrics.stages_matrix import StageTransitionsQuery
from plugins.metrics.timing import TimeToQuery
from plugins.metrics.value_lifetime import LifetimeValueQuery
from plugins.metrics.value_predicted import PredictedValueQuery
from plugins.metrics.velocity import SalesVelocityQuery

__all__ = ["Dimension", "Figure", "Metric", "Part", "Question", "Reckoned", "Unit"]


@hookimpl
def permissions() -> dict[str, str]:
    """One permission for all figures; which rows count is decided by those of the resources."""
    return {"metrics.read": "To read metrics of the deals, contacts and activities that one may see."}


@hookimpl
def resources() -> list[Resource]:
    """What metrics are to come to; scores, which nobody writes by hand; and what was spent to win customers."""
    return [
        Resource(MetricsGoal, owned_by="owner", prepare=goals.prepare),
        Resource(MetricsScore, verbs=frozenset({"read"}), reverse={"contact": "score"}, natural=()),
        Resource(MetricsSpend, natural=(), prepare=spend.check),
    ]


@hookimpl
def metric_definitions() -> Sequence[Metric]:
    """The bundled metrics."""
    return bundled.metrics()


@hookimpl
def metric_figures() -> Sequence[Figure]:
    """The bundled figures."""
    return bundled_figures.figures()


@hookimpl
def expressions() -> list[Expressed]:
    """Scores as fields of contacts."""
    return scores.expressed()


@hookimpl
def graphql(crm: CRM) -> list[type]:
    """The fields of the root type Query, and those of goals that are reckoned. Raises StartError for what is not well declared."""
    figures(crm)
    return [
        *query(crm), GoalFields,
        FunnelQuery, ConversionQuery, SalesCycleQuery, SalesVelocityQuery, ForecastQuery,
        StageConversionQuery, StageDwellQuery, StageTransitionsQuery,
        CohortQuery, RetentionQuery, RepeatQuery, TimeToQuery,
        LifetimeValueQuery, PredictedValueQuery, RfmQuery, AcquisitionQuery,
    ]  # fmt: skip


@hookimpl
def rule(crm: CRM, actor: Actor, permission: str) -> bool | Q | None:
    """Scores are seen with their contact."""
    return scores.rule_of_scores(crm, actor, permission)


@hookimpl
async def erase(call: Call, contact: Contact) -> None:
    """Who is forgotten is not scored, and leaves no day of purchases behind that was another's by now."""
    await scores.forget(contact)
    await catch_up(call)


@hookimpl
async def merge(call: Call, into: Contact, contacts: Sequence[Contact]) -> None:
    """Contacts that are one person have one score."""
    await scores.score_again(call, contacts)


@hookimpl
def consumers() -> list[Consumer]:
    """The days on which customers buy are kept as deals change."""
    return [Consumer(CONSUMER, follow, names=EVENTS, batch=500, from_start=True, seconds=600)]


@hookimpl
def jobs() -> list[Job]:
    """Every night, scores; the roll-up when most of it has changed at once."""
    return [Job("metrics.score", score, cron="30 2 * * *"), Job(REBUILD, rebuild)]


@hookimpl
def commands(cli: click.Group) -> None:
    """`payvand metrics score` and `payvand metrics rollup`."""
    cli.add_command(metrics)


@hookimpl
def routes(crm: CRM) -> list[BaseRoute]:
    """Pictures by address."""
    return pictures(crm)
