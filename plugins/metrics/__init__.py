"""Metrics: how sales go, in figures: win rate, sales cycle and stage conversion, by owner, product and period."""

from core import hookimpl
from plugins.metrics.graphql import MetricsQuery


@hookimpl
def permissions() -> dict[str, str]:
    """One permission for all figures; which deals count is decided by `deal.read`."""
    return {"metrics.read": "To read win rate, sales cycle and stage conversion of the deals that one may see."}


@hookimpl
def graphql() -> list[type]:
    """The fields of the root type Query."""
    return [MetricsQuery]
