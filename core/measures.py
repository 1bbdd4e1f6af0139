"""Figures that plugins, and rooms of the house, add to /metrics."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.errors import StartError

MOST_VALUES = 100  # of one figure: labels are for a few words known beforehand, and never for ids, names or addresses

Values = float | Mapping[tuple[str, ...], float]
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Measure:
    """`read()` gives the figure, or with `labels` one for each tuple of their values; it is awaited at each look at /metrics.

    The name is in small letters and ends in its unit: `mails_waiting`, `oldest_job_seconds`; /metrics shows it as `payvand_NAME`, and
    that of a plugin as `payvand_PLUGIN_NAME`. A counter only grows, and is shown with `_total`.
    """

    name: str
    help: str
    read: Callable[[], Awaitable[Values]]
    labels: Sequence[str] = ()
    kind: Literal["gauge", "counter"] = "gauge"


def checked(declared: Sequence[tuple[str, Measure]]) -> dict[str, tuple[str, Measure]]:
    """The figures by the names that /metrics shows, each with its plugin. Raises StartError for what could not be shown."""
    found: dict[str, tuple[str, Measure]] = {}
    for plugin, one in declared:
        if not isinstance(one, Measure):
            raise StartError(f"plugin '{plugin}': metrics() must return a list of Measure, not of {type(one).__name__}")
        if one.kind not in ("gauge", "counter") or not all(_NAME.fullmatch(name) for name in (one.name, *one.labels)):
            raise StartError(f"plugin '{plugin}': the measure '{one.name}' and its labels must be small letters, digits and _")
        name = f"payvand_{plugin}_{one.name}"
        if name in found:
            raise StartError(f"plugin '{plugin}': the measure '{one.name}' is declared twice")
        found[name] = plugin, one
    return found
