"""Metrics: how sales go, in figures: conversion, retention and value, by whatever they are put together by, and by period."""

from collections.abc import Sequence

from core import CRM, hookimpl
from plugins.metrics import bundled
from plugins.metrics.cycle import SalesCycleQuery
from plugins.metrics.declaring import Metric
from plugins.metrics.dwell import StageDwellQuery
from plugins.metrics.fields import query
from plugins.metrics.forecast import ForecastQuery
from plugins.metrics.funnel import FunnelQuery
from plugins.metrics.stages import StageConversionQuery
from plugins.metrics.stages_matrix import StageTransitionsQuery
from plugins.metrics.velocity import SalesVelocityQuery


@hookimpl
def permissions() -> dict[str, str]:
    """One permission for all figures; which rows count is decided by those of the resources."""
    return {"metrics.read": "To read metrics of the deals, contacts and activities that one may see."}


@hookimpl
def metric_definitions() -> Sequence[Metric]:
    """The bundled metrics."""
    return bundled.metrics()


@hookimpl
def graphql(crm: CRM) -> list[type]:
    """The fields of the root type Query."""
    return [
        *query(crm), SalesCycleQuery, SalesVelocityQuery, ForecastQuery, StageConversionQuery, StageDwellQuery, StageTransitionsQuery,
        FunnelQuery,
    ]  # fmt: skip
