"""From the parameters of a request to an answer: prepare, then execute. The two are apart, so that a faster way can stand between."""

import inspect
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, cast

import strawberry
from graphql import (
    ExecutionResult,
    Executor,
    GraphQLError,
    OperationType,
    create_source_event_stream,
    execute_subscription_event,
)
from strawberry.execution import optimized_is_awaitable

from core.claims import Claims
from core.crm import CRM, Call
from core.database.readers import querying
from core.errors import Forbidden
from core.permissions import ALL, may
from schema.errors import Unprocessable, code_of, entries, field_entry
from schema.operations.answers import Answer
from schema.operations.documents import ERRORS, Documents, Prepared
from schema.operations.introspection import Introspection, introspects
from schema.operations.once import Once
from schema.operations.persisted import Persisted
from schema.operations.safelist import safelist
from schema.operations.shared import OfEvent, Question
from schema.operations.writer import Writer
from schema.readpath.reader import Reader
from schema.transport.parameters import Parameters

Work = Callable[[], ExecutionResult]


EXPLAIN = "graphql.explain"

log = logging.getLogger(__name__)


class Engine:
    """Executes the operations of one schema for one house."""

    def __init__(self, crm: CRM, schema: strawberry.Schema) -> None:
        self.crm = crm
        self.schema = schema
        listed = safelist(crm.settings)
        self.documents = Documents(schema._schema, crm.settings, None if listed is None else listed.values())
        self.persisted = Persisted(listed)
        self.once = Once(self.execute, Claims(crm.settings.database.statement_timeout))
        self._introspection = Introspection()
        self._reader = Reader(crm, schema._schema, self.interpret, self._executor)
        self._writer = Writer(schema._schema, self._reader, self._executor)
        self._known = crm.counts.operation("query", "compiled")  # what is answered at once, where a search for it would show
        self._terse = not crm.settings.server.introspection

    def prepare(self, parameters: Parameters) -> Prepared:
        """Parse, validate and measure. Raises GraphQLSyntaxError, Unprocessable, TooComplex, Forbidden and Refused."""
        try:
            return self.documents.prepare(parameters.query, parameters.operation_name, parameters.variables)
        except Exception as error:
            self.crm.counts.operation("none", "none", code_of(error)).add(0.0)
            raise

    async def execute(self, prepared: Prepared, parameters: Parameters, call: Call) -> Answer:
        """Run a query or a mutation; the root fields of a mutation one after the other. Raises Unprocessable and Forbidden."""
        answer = self.begun(prepared, parameters, call)
        return answer if isinstance(answer, Answer) else await answer

    def begun(self, prepared: Prepared, parameters: Parameters, call: Call) -> Answer | Awaitable[Answer]:
        """As `execute`: the answer where nothing has to be waited for, else what is to be awaited. Nothing is written before that."""
        if parameters.extensions and parameters.extensions.get("explain") and not _may_explain(call):
            raise Forbidden(f"the permission {EXPLAIN} is needed")
        if (tracing := self.crm.tracing) is not None:
            name = prepared.operation.name.value if prepared.operation.name else None
            return tracing.operation(prepared.kind.value, name, lambda: self._begun(prepared, parameters, call))
        return self._begun(prepared, parameters, call)

    def _begun(self, prepared: Prepared, parameters: Parameters, call: Call) -> Answer | Awaitable[Answer]:
        began = time.perf_counter()
        if prepared.kind is OperationType.QUERY:
            answer = self._reader.answer(prepared, parameters, call)
            if isinstance(answer, Answer):
                self._note_slow(prepared, call, seconds := time.perf_counter() - began)
                self._known.add(seconds)
                return answer
        else:
            answer = self._mutated(prepared, parameters, call)
        return self._awaited(answer, began, prepared, call)

    async def _awaited(self, answer: Awaitable[Answer], began: float, prepared: Prepared, call: Call) -> Answer:
        try:
            with querying(self.crm.readers if prepared.kind is OperationType.QUERY else None):
                found = await answer
        except BaseException as error:
            self._ended(prepared, call, time.perf_counter() - began, error)
            raise
        self._ended(prepared, call, time.perf_counter() - began, found)
        return found

    async def _mutated(self, prepared: Prepared, parameters: Parameters, call: Call) -> Answer:
        if (answer := await self._writer.answer(prepared, parameters, call)) is not None:
            return answer
        self._reader.begin(prepared, parameters, call)
        return await self.interpret(prepared, parameters, call)

    async def interpret(self, prepared: Prepared, parameters: Parameters, call: Call) -> Answer:
        """Run it field by field, with no statement of its own: the answer that the compiled one must equal. Raises Unprocessable."""
        executor = self._executor(prepared, parameters, call)
        if introspects(prepared.operation):
            key = (parameters.query, parameters.operation_name)
            return self._answer(await self._introspection.answer(key, cast(Work, executor.execute_operation)), prepared, call)
        result = executor.execute_operation()
        if inspect.isawaitable(result):
            result = await result
        return self._answer(cast(ExecutionResult, result), prepared, call)

    def _ended(self, prepared: Prepared, call: Call, seconds: float, found: Answer | BaseException) -> None:
        """Count an operation, and name one that was slow."""
        road, code = "none", ""
        if isinstance(found, Answer):
            road, code = "resolved" if found.text is None and not found.written else "compiled", found.outcome()
        self.crm.counts.operation(prepared.kind.value, road, code or code_of(cast(BaseException, found))).add(seconds)
        self._note_slow(prepared, call, seconds)

    def _note_slow(self, prepared: Prepared, call: Call, seconds: float) -> None:
        if 0 < self.crm.settings.database.slow <= seconds:
            name = prepared.operation.name.value if prepared.operation.name else "without a name"
            log.warning("request %s: slow: the %s %s took %.0f ms", call.request_id, prepared.kind.value, name, seconds * 1000)

    async def stream(self, prepared: Prepared, parameters: Parameters, call: Call) -> AsyncGenerator[Answer, None]:
        """Run a subscription: an answer for each event. Raises Unprocessable, and what the source of the events raises."""
        self.crm.counts.operation("subscription", "resolved").add(0.0)
        executor = self._executor(prepared, parameters, call)
        source = create_source_event_stream(executor)
        if inspect.isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            yield Answer({"errors": [field_entry(error, _id(call)) for error in source.errors or ()]}, executed=False)
            return
        question = Question(prepared, parameters)
        async with aclosing(cast(AsyncGenerator[Any, None], source)) as payloads:
            async for payload in payloads:
                now = call.again()
                if now.actor != call.actor and not getattr(payload, "follows", False):
                    raise Forbidden("your rights have changed; subscribe again")  # what a plugin looks up has the rights of the beginning
                make = partial(self._told, payload, executor, prepared, now)
                yield await (question.answer(payload.told, now.actor, make) if isinstance(payload, OfEvent) else make())

    async def _told(self, payload: Any, executor: Executor, prepared: Prepared, call: Call) -> Answer:
        """Execute one event. What a loader keeps is true for one event only, and rights may have changed since the last one."""
        one = executor.build_per_event_executor(payload)
        one.context_value = call
        result = execute_subscription_event(one)
        return self._answer(await result if inspect.isawaitable(result) else cast(ExecutionResult, result), prepared, call)

    def _executor(self, prepared: Prepared, parameters: Parameters, call: Call) -> Executor:
        name = prepared.operation.name.value if prepared.operation.name else None
        made = self.schema.execution_context_class.build(
            self.schema._schema,
            prepared.document,
            context_value=call,
            raw_variable_values=dict(parameters.variables),
            operation_name=name,
            max_coercion_errors=ERRORS,
            is_awaitable=cast(Any, optimized_is_awaitable),
            hide_suggestions=self._terse,
            operation_extensions=None,
        )
        if isinstance(made, list):
            raise Unprocessable(cast(list[GraphQLError], made))
        return made

    def _answer(self, result: ExecutionResult, prepared: Prepared, call: Call) -> Answer:
        body: dict[str, Any] = {}
        if result.errors:
            body["errors"] = [field_entry(error, _id(call)) for error in result.errors]
        return Answer({**body, "data": result.data, "extensions": {"cost": prepared.cost}})


def _may_explain(call: Call) -> bool:
    """Whether the actor may see statements and plans, which tell of rows that are not its own."""
    return call.actor.grant(EXPLAIN) == ALL and may(call.crm, call.actor, EXPLAIN)


def refused(error: Exception, request_id: str) -> Answer:
    """The answer to a request of which nothing was executed."""
    return Answer({"errors": entries(error, request_id)}, executed=False)


def _id(call: Call) -> str:
    return call.request_id or ""
