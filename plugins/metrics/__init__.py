"""Metrics: how sales go, in figures: conversion, retention and value, by whatever they are put together by, and by period."""

from collections.abc import Sequence

import click

from core import CRM, Consumer, hookimpl
from plugins.metrics import bundled
from plugins.metrics.declaring import Metric
from plugins.metrics.fields import query
from plugins.metrics.rollup_command import metrics
from plugins.metrics.rollup_keeping import CONSUMER, EVENTS, follow


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
    return query(crm)


@hookimpl
def consumers() -> list[Consumer]:
    """The days on which customers buy are kept as deals change."""
    return [Consumer(CONSUMER, follow, names=EVENTS, batch=500, from_start=True, seconds=600)]


@hookimpl
def commands(cli: click.Group) -> None:
    """`payvand metrics rollup`."""
    cli.add_command(metrics)
