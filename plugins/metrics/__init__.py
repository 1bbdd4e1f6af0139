"""Metrics: how sales go, in figures: conversion, retention and value, by whatever they are put together by, and by period."""

from collections.abc import Sequence

import click
from tortoise.expressions import Q

from core import CRM, Actor, Call, Expressed, Job, Resource, hookimpl
from core.models import Contact
from plugins.metrics import bundled, scores, spend
from plugins.metrics.acquisition import AcquisitionQuery
from plugins.metrics.declaring import Metric
from plugins.metrics.fields import query
from plugins.metrics.models import MetricsScore, MetricsSpend
from plugins.metrics.rfm import RfmQuery
from plugins.metrics.scores_command import metrics
from plugins.metrics.scoring import score
from plugins.metrics.value_lifetime import LifetimeValueQuery
from plugins.metrics.value_predicted import PredictedValueQuery


@hookimpl
def permissions() -> dict[str, str]:
    """One permission for all figures; which rows count is decided by those of the resources."""
    return {"metrics.read": "To read metrics of the deals, contacts and activities that one may see."}


@hookimpl
def metric_definitions() -> Sequence[Metric]:
    """The bundled metrics."""
    return bundled.metrics()


@hookimpl
def resources() -> list[Resource]:
    """Scores, which nobody writes by hand, and what was spent to win customers."""
    return [
        Resource(MetricsScore, verbs=frozenset({"read"}), reverse={"contact": "score"}, natural=()),
        Resource(MetricsSpend, natural=(), prepare=spend.check),
    ]


@hookimpl
def expressions() -> list[Expressed]:
    """Scores as fields of contacts."""
    return scores.expressed()


@hookimpl
def rule(crm: CRM, actor: Actor, permission: str) -> bool | Q | None:
    """Scores are seen with their contact."""
    return scores.rule_of_scores(crm, actor, permission)


@hookimpl
async def erase(call: Call, contact: Contact) -> None:
    """Who is forgotten is not scored."""
    await scores.forget(contact)


@hookimpl
async def merge(call: Call, into: Contact, contacts: Sequence[Contact]) -> None:
    """Contacts that are one person have one score."""
    await scores.score_again(call, contacts)


@hookimpl
def jobs() -> list[Job]:
    """Every night, scores."""
    return [Job("metrics.score", score, cron="30 2 * * *")]


@hookimpl
def commands(cli: click.Group) -> None:
    """`payvand metrics score`."""
    cli.add_command(metrics)


@hookimpl
def graphql(crm: CRM) -> list[type]:
    """The fields of the root type Query."""
    return [*query(crm), LifetimeValueQuery, PredictedValueQuery, RfmQuery, AcquisitionQuery]
