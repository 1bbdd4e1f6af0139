"""/metrics: the figures of a house for Prometheus, in its own text format or in that of OpenMetrics."""

import asyncio
import logging
import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from starlette.requests import Request
from starlette.responses import Response
from tortoise import connections

from core.counts import BOUNDS
from core.crm import CRM
from core.measures import MOST_VALUES, Measure, Values
from core.server.figures import Figures
from core.server.observers import demand_observer

log = logging.getLogger(__name__)

PATIENCE = 3.0  # seconds that one figure may take


class Metrics:
    """The figures of one house, and who may see them."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm
        self._house = _House(crm)
        Figures(crm)
        self._registry = CollectorRegistry()
        self._registry.register(self._house)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    async def show(self, request: Request) -> Response:
        """The figures. Raises Unauthenticated and Forbidden, unless the settings say that they are open to all."""
        if self._crm.settings.server.metrics == "key":
            await demand_observer(self._crm, request)
        self._house.read = await self._read()
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"Content-Type": kind, "Cache-Control": "no-store"})

    async def _read(self) -> Mapping[str, tuple[Measure, Values]]:
        measures = self._crm.measures
        values = await asyncio.gather(*(_value(plugin, one) for plugin, one in measures.values()))
        return {name: (one, value) for (name, (_, one)), value in zip(measures.items(), values, strict=True) if value is not None}


async def _value(plugin: str, one: Measure) -> Values | None:
    try:
        async with asyncio.timeout(PATIENCE):
            value = await one.read()
        if isinstance(value, Mapping) and len(value) > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES} values")
        if isinstance(value, Mapping) != bool(one.labels):
            raise ValueError("values by tuples of labels are for a measure with labels")
        return value
    except (Exception, SystemExit):  # the edge where a stranger's failure ends
        log.exception("plugin '%s' failed to say its measure %s", plugin, one.name)
        return None


class _House(Collector):
    """Makes metrics of what is counted, at each look."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm
        self.read: Mapping[str, tuple[Measure, Values]] = {}

    def describe(self) -> Iterable[Metric]:
        """Nothing: to register it must not need an open house."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All figures of the house."""
        counts = self._crm.counts
        yield InfoMetricFamily(
            "payvand_build", "What runs here.", value={"version": version("payvand"), "python": platform.python_version()}
        )
        yield _family(
            "payvand_http_answers", "Answers by path, of those that the house knows, and status.", "counter", ("path", "status"),
            {(path, str(status)): count for path, found in counts.answers.items() for status, count in found.items()},
        )  # fmt: skip
        yield _family(
            "payvand_operations", "GraphQL operations by type, by the road that answered, and by the code of the first error.", "counter",
            ("type", "road", "code"), {key: sum(one.counts) for key, one in counts.operations.items()},
        )  # fmt: skip
        times = HistogramMetricFamily("payvand_operation_seconds", "How long operations took, from document to answer.", labels=["type"])
        for kind in ("query", "mutation"):
            ended = [one for (of, _, _), one in counts.operations.items() if of == kind]
            buckets = [sum(numbers) for numbers in zip(*(one.counts for one in ended), strict=True)]
            times.add_metric([kind], _cumulated(buckets or [0] * (len(BOUNDS) + 1)), sum(one.seconds for one in ended))
        yield times
        yield _family("payvand_events", "Events written and committed.", "counter", (), counts.events)
        yield _family("payvand_websockets", "WebSockets that are open.", "gauge", (), counts.sockets)
        yield _family("payvand_background_tasks", "Hooks that are told of what was committed.", "gauge", (), len(self._crm.background))
        yield from self._database()
        for name, (one, value) in self.read.items():
            yield _family(name, one.help, one.kind, one.labels, value)

    def _database(self) -> Iterator[Metric]:
        lanes = {**connections.get("default").usage(), **(self._crm.readers.usage() if self._crm.readers else {})}  # type: ignore[attr-defined]  # our own clients
        yield _family(
            "payvand_statements", "Statements by lane; of the lane write, transactions.", "counter", ("lane",),
            {(name,): one.statements for name, one in lanes.items()},
        )  # fmt: skip
        for word, help in {
            "size": "Connections that a lane may have.", "open": "Connections that are open.", "busy": "Connections that are in use.",
            "waiting": "Who waits for a connection.",
        }.items():  # fmt: skip
            yield _family(
                f"payvand_connections_{word}", help, "gauge", ("lane",), {(name,): getattr(one, word) for name, one in lanes.items()}
            )


def _family(name: str, help: str, kind: str, labels: Iterable[str], value: Values) -> Metric:
    made = (CounterMetricFamily if kind == "counter" else GaugeMetricFamily)(name, help, labels=[*labels])
    for key, number in (value if isinstance(value, Mapping) else {(): value}).items():
        made.add_metric([*key], number)
    return made


def _cumulated(counts: Iterable[int]) -> list[tuple[str, float]]:
    total, found = 0, []
    for bound, count in zip((*BOUNDS, float("inf")), counts, strict=True):
        total += count
        found.append((floatToGoString(bound), total))
    return found
