"""The hooks by which other plugins add metrics."""

from collections.abc import Sequence

from core import hookspec
from plugins.metrics.declaring import Metric
from plugins.metrics.figure import Figure


@hookspec
def metric_definitions() -> Sequence[Metric]:  # type: ignore[empty-body]
    """Return metrics: each becomes a field of Query with all that a metric has. See docs/metrics.md."""


@hookspec
def metric_figures() -> Sequence[Figure]:  # type: ignore[empty-body]
    """Return figures, which are no sums over rows: goals can be set for each. See docs/metrics.md."""
