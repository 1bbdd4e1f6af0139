"""The compiled road: plan an operation once, run its statement, and put the JSON of the root fields together."""

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import DocumentNode, Executor, FieldNode, GraphQLSchema, OperationDefinitionNode, SelectionSetNode

from core.crm import CRM, Call
from core.database.inside import Reading
from core.database.readers import Parts, TooDeep
from core.errors import Refused
from core.resources import Resource
from core.server.outages import outage
from schema.errors import field_entry
from schema.operations.answers import Answer, encoded
from schema.operations.documents import Prepared
from schema.readpath.conditions import tests_of
from schema.readpath.dialect import Dialect
from schema.readpath.holes import fill
from schema.readpath.planner import Planner
from schema.readpath.plans import Operations, Part, Plan, fragments_of
from schema.readpath.postgres import Postgres
from schema.readpath.scopes import Spread
from schema.readpath.selection import Selections
from schema.readpath.sqlite import Sqlite
from schema.readpath.statement import Statement
from schema.readpath.variables import Unfit, Variables
from schema.readpath.written import READER, Look, Steps, ways
from schema.transport.parameters import Parameters

DIALECTS: dict[str, Callable[[], Dialect]] = {"postgres": Postgres, "sqlite": Sqlite}
Interpret = Callable[[Prepared, Parameters, Call], Awaitable[Answer]]
Begin = Callable[[Prepared, Parameters, Call], Executor]

NOTHING = b"null"
KEYS = ("written",)  # among the variables: the keys of the records that were written

log = logging.getLogger(__name__)


class Reader:
    """Answers queries of one schema by statements. What it cannot say is left to the resolvers, root field by root field."""

    def __init__(self, crm: CRM, schema: GraphQLSchema, interpret: Interpret, executor: Begin) -> None:
        self.interpret = interpret
        self.executor = executor
        self._crm = crm
        self._schema = schema
        self.operations = Operations(schema)

    def answer(self, prepared: Prepared, parameters: Parameters, call: Call) -> Answer | Awaitable[Answer]:
        """The answer to a query, or what gives it when something has to be waited for: the database, or a resolver."""
        try:
            plan, variables = self._plan(prepared, parameters, call)
            for check in plan.checks:
                check(call, variables)
            values = [bind(call, variables) for bind in plan.binds]
        except (Refused, Unfit):
            return self.interpret(prepared, parameters, call)
        except Exception:  # the edge of the planner: an operation that it stumbles over is answered all the same
            log.exception("request %s: an operation could not be planned, its resolvers answer", call.request_id)
            return self.interpret(prepared, parameters, call)
        explain = parameters.extensions.get("explain")
        if not plan.compiled and plan.slow and not explain:
            return self.interpret(prepared, parameters, call)
        found = None if explain or not plan.plain else self._row_now(plan, values)
        answer = None if found is None else _plain(plan, found, prepared)
        return answer or self._waited(prepared, parameters, call, plan, values)

    async def _waited(self, prepared: Prepared, parameters: Parameters, call: Call, plan: Plan, values: Sequence[Any]) -> Answer:
        """The answer by a plan. Raises what says that the database does not serve."""
        try:
            found = await self._row(plan, values)
        except TooDeep:
            log.info("request %s: an operation is too deep for one statement, its resolvers answer from now on", call.request_id)
            known = self.operations.of(prepared.operation, prepared.document)
            if known.signature is not None:
                variables, shape = known.signature.read(parameters.variables)
                known.give_up(shape, call, variables)
            return await self.interpret(prepared, parameters, call)
        except Exception as error:  # whatever the database says to a statement of ours, the resolvers ask it smaller ones
            if outage(error):
                raise
            log.exception("request %s: a statement failed, its resolvers answer", call.request_id)
            return await self.interpret(prepared, parameters, call)
        answer = _plain(plan, found, prepared) if plan.plain else None
        answer = answer or await _Assembly(self, prepared, parameters, call, plan).answer(found)
        return await self._explained(answer, plan, values) if parameters.extensions.get("explain") is True else answer

    def begin(self, prepared: Prepared, parameters: Parameters, call: Call, given: tuple[Variables, Hashable] | None = None) -> None:
        """Let the mutations of an operation read back what they write. `given` are its variables with their shape, where they are read."""

        def written(resource: Resource, steps: Steps, kind: Any, nodes: Sequence[FieldNode], keys: Sequence[uuid.UUID]) -> Look | None:
            try:
                plan, variables = self._plan(prepared, parameters, call, (resource, steps, kind, nodes), given)
                variables[KEYS] = list(keys)
                values = [bind(call, variables) for bind in plan.binds]
            except (Refused, Unfit):
                return None
            return Look([tuple(json.loads(part.key)) for part in plan.parts], Reading(plan.sql, values, plan.fresh)) if plan.sql else None

        call.loaders[READER] = written

    async def _explained(self, answer: Answer, plan: Plan, values: Sequence[Any]) -> Answer:
        """The answer with the statement and what the database makes of it, in `extensions.explain`."""
        assert answer.text and self._crm.readers
        lines = await self._crm.readers.explained(plan.sql, values) if plan.sql else []
        resolved = [part.key for part in plan.parts if part.column is None and part.constant is None]
        told = {"statement": plan.sql, "plan": lines, "compiled": list(plan.compiled), "resolved": resolved}
        return replace(answer, text=answer.text[:-2] + b',"explain":%s}}' % encoded(told))

    def _row_now(self, plan: Plan, values: Sequence[Any]) -> Parts | None:
        """The row of a plan if nobody has to be waited for."""
        assert self._crm.readers
        if not plan.sql:
            return ()
        return self._crm.readers.row_now(plan.sql, values) if plan.brief else None

    async def _row(self, plan: Plan, values: Sequence[Any]) -> Parts:
        assert self._crm.readers
        return await self._crm.readers.row(plan.sql, values, brief=plan.brief, steady=plan.steady) if plan.sql else ()

    def _plan(
        self, prepared: Prepared, parameters: Parameters, call: Call, written: Any = None, given: tuple[Variables, Hashable] | None = None
    ) -> tuple[Plan, Variables]:
        known = self.operations.of(prepared.operation, prepared.document)
        if self._crm.readers is None or known.signature is None:
            raise Unfit("nobody to ask")
        variables, shape = given or known.signature.read(parameters.variables)
        if written is not None:
            shape = (shape, id(written[-1][0]))  # a node lives as long as its operation
        plan = known.find(shape, call, variables)
        if plan is None:
            made = Statement(DIALECTS[self._crm.readers.dialect](), call, variables, meaning=tests_of)
            plan = self._planned(prepared, made) if written is None else self._planned_written(prepared, made, *written)
            known.keep(shape, made.questions, plan)
        return plan, variables

    def _planned_written(
        self, prepared: Prepared, made: Statement, resource: Resource, steps: Steps, kind: Any, nodes: Sequence[FieldNode]
    ) -> Plan:
        planner = self._planner(prepared, made)
        keep, parts, columns, fresh = made.dialect.value, [], [], []
        for way, below, same in ways(planner.selections, kind, nodes, steps):
            try:
                columns.append(planner.written(resource, below, same, lambda _, variables: keep(variables[KEYS])))
                fresh.append(planner.fresh(resource, below, same))
            except (Unfit, Refused, RecursionError):
                return Plan((), "", (), (), False)
            parts.append(Part(json.dumps(way), tuple(same), column=len(parts)))
        return Plan(tuple(parts), _select(columns), tuple(made.binds), (), False, fresh=_select(fresh) if all(fresh) else "")

    def _planner(self, prepared: Prepared, made: Statement) -> Planner:
        return Planner(self._schema, self._crm, made, Selections(self._schema, fragments_of(prepared.document), made.variables))

    def _planned(self, prepared: Prepared, made: Statement) -> Plan:
        planner = self._planner(prepared, made)
        root = self._schema.query_type
        assert root
        parts: list[Part] = []
        columns: list[str] = []
        sources: list[str] = []
        for key, nodes in planner.selections.root(root, prepared.operation.selection_set).items():
            name, binds, checks, planner.holes = nodes[0].name.value, len(made.binds), len(made.checks), []
            if name == "__typename":
                parts.append(Part(key, tuple(nodes), constant=encoded(root.name)))
                continue
            try:
                found = planner.root(root.fields.get(name), nodes)
            except (Unfit, Refused, RecursionError):
                del made.binds[binds:], made.checks[checks:]
                parts.append(Part(key, tuple(nodes)))
                continue
            pairs = found.pairs if isinstance(found, Spread) else ()
            fields = tuple(encoded(field) + b":" for field, _ in pairs)
            parts.append(Part(key, tuple(nodes), column=len(columns), holes=tuple(planner.holes), fields=fields))
            if isinstance(found, Spread):
                named = ", ".join(f"{made.dialect.raw(expression)} AS c{place}" for place, (_, expression) in enumerate(pairs))
                columns += [f"s{len(sources)}.c{place}" for place in range(len(pairs))]
                sources.append(f"(SELECT {named} FROM {found.source}) s{len(sources)}")
            else:
                columns.append(made.dialect.raw(found))
        return Plan(tuple(parts), _select(columns, sources), tuple(made.binds), tuple(made.checks), made.brief, made.steady)


def _select(columns: Sequence[str], sources: Sequence[str] = ()) -> str:
    if not columns:
        return ""
    selected = ", ".join(f"{column} AS r{place}" for place, column in enumerate(columns))
    return f"SELECT {selected} FROM {', '.join(sources)}" if sources else f"SELECT {selected}"


@dataclass
class _Assembly:
    """The parts of one answer while they come together."""

    reader: Reader
    prepared: Prepared
    parameters: Parameters
    call: Call
    plan: Plan
    values: dict[str, bytes] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, found: Parts) -> Answer:
        """The answer, of the row that the statement gave."""
        slow: list[Part] = []
        for part in self.plan.parts:
            value = part.constant if part.column is None else await self._filled(part, found)
            if value is None:
                slow.append(part)
            else:
                self.values[part.key] = value
        if slow and not await self._interpreted(slow):
            return self._written(NOTHING)
        return self._written(b"{%s}" % b",".join(part.head + self.values[part.key] for part in self.plan.parts))

    async def _filled(self, part: Part, found: Parts) -> bytes | None:
        """The JSON of a root field; None where its resolver has to say why there is nothing."""
        value = part.value(found)
        if value == NOTHING:
            return None
        if not part.holes:
            return value
        whole = json.loads(value)
        executor = self.reader.executor(self.prepared, self.parameters, self.call)
        try:
            errors = await fill(executor, part.key, part.holes, whole)
        except Unfit:
            return None
        self.errors += [field_entry(error, self.call.request_id or "") for error in errors]
        return encoded(whole)

    async def _interpreted(self, parts: Sequence[Part]) -> bool:
        """Let their resolvers answer for some root fields; whether there are data at all."""
        rest = _only(self.prepared, [node for part in parts for node in part.nodes])
        answer = (await self.reader.interpret(rest, self.parameters, self.call)).body
        self.errors += answer.get("errors", ())
        if answer["data"] is None:
            return False
        self.values |= {part.key: encoded(answer["data"][part.key]) for part in parts}
        return True

    def _written(self, data: bytes) -> Answer:
        errors = b'"errors":%s,' % encoded(self.errors) if self.errors else b""
        text = b'{%s"data":%s,"extensions":{"cost":%d}}' % (errors, data, self.prepared.cost)
        return Answer(text=text, compiled=self.plan.compiled, code=self.errors[0]["extensions"]["code"] if self.errors else "OK")


def _plain(plan: Plan, found: Parts, prepared: Prepared) -> Answer | None:
    """The answer by a plan to which nothing is added, unless a resolver has to say why there is nothing in a field."""
    values: list[bytes] = []
    for part in plan.parts:
        value = part.value(found)
        if value == NOTHING:
            return None
        values.append(part.head + value)
    data = b",".join(values)
    return Answer(text=b'{"data":{%s},"extensions":{"cost":%d}}' % (data, prepared.cost), compiled=plan.compiled)


def _only(prepared: Prepared, nodes: Sequence[FieldNode]) -> Prepared:
    """The operation with these root fields alone."""
    whole = prepared.operation
    operation = OperationDefinitionNode(
        operation=whole.operation, name=whole.name, variable_definitions=whole.variable_definitions, directives=whole.directives,
        selection_set=SelectionSetNode(selections=tuple(nodes)), loc=whole.loc,
    )  # fmt: skip
    definitions = [operation, *fragments_of(prepared.document).values()]
    return Prepared(DocumentNode(definitions=tuple(definitions)), operation, prepared.cost)
