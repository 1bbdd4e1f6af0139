"""Traces for OpenTelemetry: a request, its operation, the fields that resolvers answer, statements, and work beside the requests.

Only names go into a span: of operations, fields, and kinds of statements. Never a variable, a value, a key, or the text of a statement.
Without `[telemetry] endpoint` nothing here runs, and the libraries need not be there: `pip install payvand[otel]`.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import StartError
from core.logs import TRACE
from core.settings import Telemetry

if TYPE_CHECKING:
    from core.crm import CRM

T = TypeVar("T")

PATIENCE = 5  # seconds in which the endpoint has to take what it is sent
LONGEST = 100  # characters of a name that a client chose

Attributes = Mapping[str, str | int | bool]


def tracing(settings: Telemetry) -> "Tracing | None":
    """What traces, when the settings say where traces are sent. Raises StartError when the libraries are not there."""
    return Tracing(settings) if settings.endpoint else None


def span(crm: "CRM", name: str, attributes: Attributes | None = None) -> AbstractContextManager[Any]:
    """A span around a block of work, such as a job; nothing when nobody traces. The name and the attributes hold no values of records."""
    return nullcontext() if crm.tracing is None else crm.tracing.span(name, attributes)


class Tracing:
    """The traces of one house."""

    def __init__(self, settings: Telemetry) -> None:
        try:  # here, because they are heavy, and not everybody has them
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
            from opentelemetry.trace import SpanKind, StatusCode
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            raise StartError("[telemetry] needs libraries that are not there; install payvand[otel]") from error
        self._kinds, self._failed = SpanKind, StatusCode.ERROR
        self._propagator = TraceContextTextMapPropagator()
        resource = Resource.create({"service.name": settings.service, "service.version": version("payvand")})
        self._provider = TracerProvider(sampler=ParentBasedTraceIdRatio(settings.sample), resource=resource)
        exporter = OTLPSpanExporter(f"{settings.endpoint.rstrip('/')}/v1/traces", timeout=PATIENCE)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("payvand", version("payvand"))

    @contextmanager
    def span(self, name: str, attributes: Attributes | None = None, *, kind: str = "INTERNAL", parent: Any = None) -> Iterator[Any]:
        """A span around a block, inside the one that is open. Of what is raised only the kind is told: a message may quote a value."""
        with self._tracer.start_as_current_span(
            name, parent, self._kinds[kind], attributes, record_exception=False, set_status_on_exception=False
        ) as made:
            token = TRACE.set(f"{made.get_span_context().trace_id:032x}")
            try:
                yield made
            except BaseException as error:
                made.set_attribute("error.type", type(error).__name__)
                made.set_status(self._failed)
                raise
            finally:
                TRACE.reset(token)

    @contextmanager
    def request(self, method: str, path: str, request: str, headers: Mapping[str, str]) -> Iterator[Callable[[int], None]]:
        """A span around a request, inside that of the client who sent a `traceparent`; what it gives hears the status."""
        attributes = {"http.request.method": method, "url.path": path, "payvand.request_id": request}
        with self.span(f"{method} {path}", attributes, kind="SERVER", parent=self._propagator.extract(headers)) as made:

            def answered(status: int) -> None:
                made.set_attribute("http.response.status_code", status)
                if status >= 500:
                    made.set_status(self._failed)

            yield answered

    async def operation(self, kind: str, name: str | None, work: Callable[[], Any]) -> Any:
        """What `work` gives, awaited where it has to be, in the span of a GraphQL operation."""
        attributes = {"graphql.operation.type": kind, **({"graphql.operation.name": name[:LONGEST]} if name else {})}
        with self.span(f"graphql {kind}", attributes):
            found = work()
            return await found if inspect.isawaitable(found) else found

    def field(self, name: str, work: Callable[[], Any]) -> Any:
        """What `work` gives, in the span of a field that a resolver answers."""
        made = self.span(f"field {name}", {"graphql.field.name": name})
        made.__enter__()
        try:
            found = work()
        except BaseException as error:
            made.__exit__(type(error), error, error.__traceback__)
            raise
        made.__exit__(None, None, None)
        return self._awaited(name, found) if inspect.isawaitable(found) else found

    async def _awaited(self, name: str, found: Awaitable[T]) -> T:
        with self.span(f"field {name} awaited", {"graphql.field.name": name}):
            return await found

    def statement(self, sql: str) -> AbstractContextManager[Any]:
        """A span around a statement, of which only the first word is told."""
        word = found[0].upper() if (found := _WORD.search(sql)) else "SQL"
        return self.span(f"sql {word}", {"db.operation.name": word}, kind="CLIENT")

    def close(self) -> None:
        """Send what is left. It may take some seconds, in which the caller waits."""
        self._provider.shutdown()


_WORD = re.compile(r"[A-Za-z]+")
