"""Metrics: how sales go, in figures: conversion, retention and value, by whatever they are put together by, and by period."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from core import CRM, Resource, hookimpl
from plugins.metrics import bundled, goals
from plugins.metrics.declaring import Metric, Part, Unit
from plugins.metrics.dimensions import Dimension
from plugins.metrics.fields import query
from plugins.metrics.goals_progress import GoalFields
from plugins.metrics.models import MetricsGoal
from plugins.metrics.routes import routes as pictures

__all__ = ["Dimension", "Metric", "Part", "Unit"]


@hookimpl
def permissions() -> dict[str, str]:
    """One permission for all figures; which rows count is decided by those of the resources."""
    return {"metrics.read": "To read metrics of the deals, contacts and activities that one may see."}


@hookimpl
def resources() -> list[Resource]:
    """What metrics are to come to."""
    return [Resource(MetricsGoal, owned_by="owner", prepare=goals.prepare)]


@hookimpl
def metric_definitions() -> Sequence[Metric]:
    """The bundled metrics."""
    return bundled.metrics()


@hookimpl
def graphql(crm: CRM) -> list[type]:
    """The fields of the root type Query, and those of goals that are reckoned."""
    return [*query(crm), GoalFields]


@hookimpl
def routes(crm: CRM) -> list[BaseRoute]:
    """Pictures by address."""
    return pictures(crm)
