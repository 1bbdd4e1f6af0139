"""The rooms of a house in which spans begin, where the settings ask for traces: requests and statements."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.counts import PATHS
from core.database.readers import Parts, Readers
from core.database.usage import Usage
from core.server.requests import request_id
from core.telemetry import Tracing

STATEMENTS = (
    "execute_query", "execute_query_dict", "execute_insert", "execute_many", "execute_script", "look", "insert", "last",
)  # fmt: skip  # what a client of Tortoise, and a transaction of ours, is asked to run
CONTEXT = (b"traceparent", b"tracestate")
MADE = {"insert": "INSERT", "last": "INSERT"}  # those that get rows and no statement


class Traced:
    """Pure ASGI: a span around each request."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self.app, self._tracing = app, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name in (b"traceparent", b"tracestate")
        }
        path = scope["path"] if scope["path"] in PATHS else "other"
        with self._tracing.request(scope["method"], path, request_id(scope), headers) as answered:

            async def heard(message: Message) -> None:
                if message["type"] == "http.response.start":
                    answered(message["status"])
                await send(message)

            await self.app(scope, receive, heard)


class TracedReaders:
    """Readers, with a span around each statement."""

    def __init__(self, readers: Readers, tracing: Tracing) -> None:
        self._readers, self._tracing = readers, tracing
        self.dialect = readers.dialect

    async def row(self, sql: str, values: Sequence[Any], *, brief: bool = False, steady: bool = False) -> Parts:
        """The row, in a span."""
        with self._tracing.statement(sql):
            return await self._readers.row(sql, values, brief=brief, steady=steady)

    def row_now(self, sql: str, values: Sequence[Any]) -> Parts | None:
        """The row if it needs no waiting, in a span."""
        with self._tracing.statement(sql):
            return self._readers.row_now(sql, values)

    async def rows(self, sql: str, values: Sequence[Any], seconds: float | None = None) -> list[dict[str, Any]]:
        """The rows, in a span."""
        with self._tracing.statement(sql):
            return await self._readers.rows(sql, values, seconds)

    async def explained(self, sql: str, values: Sequence[Any]) -> list[str]:
        """The plan of a statement."""
        return await self._readers.explained(sql, values)

    def usage(self) -> dict[str, Usage]:
        """How busy the connections are."""
        return self._readers.usage()


def trace_statements(client: Any, tracing: Tracing) -> None:
    """Let whatever is asked of a client of Tortoise, and of its transactions, begin a span."""
    for name in STATEMENTS:
        if hasattr(client, name):
            setattr(client, name, _spanned(name, getattr(client, name), tracing))
    for name in ("_in_transaction", "late_transaction"):
        setattr(client, name, _opening(getattr(client, name), tracing))


def _spanned(name: str, method: Any, tracing: Tracing) -> Any:
    async def run(*arguments: Any, **named: Any) -> Any:
        with tracing.statement(MADE.get(name) or str(arguments[0])):
            return await method(*arguments, **named)

    return run


def _opening(method: Any, tracing: Tracing) -> Any:
    return lambda: _Turn(method(), tracing)


class _Turn:
    """A transaction with a span around it."""

    def __init__(self, turn: Any, tracing: Tracing) -> None:
        self._turn = turn
        self._span: AbstractContextManager[Any] = tracing.span("transaction", kind="CLIENT")
        self._tracing = tracing

    async def __aenter__(self) -> Any:
        self._span.__enter__()
        try:
            client = await self._turn.__aenter__()
        except BaseException as error:
            self._span.__exit__(type(error), error, error.__traceback__)
            raise
        trace_statements(client, self._tracing)
        return client

    async def __aexit__(self, *raised: Any) -> None:
        try:
            await self._turn.__aexit__(*raised)
        finally:
            self._span.__exit__(*raised)
