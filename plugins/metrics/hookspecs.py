"""The hook by which other plugins add metrics."""

from collections.abc import Sequence

from core import hookspec
from plugins.metrics.declaring import Metric


@hookspec
def metric_definitions() -> Sequence[Metric]:  # type: ignore[empty-body]
    """Return metrics: each becomes a field of Query with all that a metric has. See docs/metrics.md."""
