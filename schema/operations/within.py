"""Queries of the house's own plugins: executed as those of clients are, and checked before they are needed."""

import json
from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse_type, type_from_ast
from graphql.utilities import is_type_sub_type_of

from core.crm import Call
from core.errors import Invalid, Refused
from schema.errors import Unprocessable
from schema.operations.documents import Prepared
from schema.operations.execution import Engine, refused
from schema.transport.parameters import Parameters

REFUSALS = (GraphQLError, Unprocessable, Refused)


class Within:
    """Asks the engine of the house."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def ask(self, call: Call, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """What a query answers, as Python."""
        parameters = Parameters(document, variables)
        try:
            prepared = self.engine.prepare(parameters)
            if prepared.kind is not OperationType.QUERY:
                raise Refused(f"only a query can be asked from within, and not a {prepared.kind.value}")
            answer = await self.engine.execute(prepared, parameters, call)
        except REFUSALS as error:
            answer = refused(error, call.request_id or "")
        body = json.loads(answer.encoded())
        return {name: body[name] for name in ("data", "errors") if name in body}

    def check(self, document: str, given: Mapping[str, str], path: str) -> None:
        """Raise Invalid for what could not be asked with these variables."""
        try:
            prepared = self.engine.documents.prepare(document, None, {})
        except REFUSALS as error:
            raise Invalid({path: _sentence(error)}) from None
        operations = [one for one in prepared.document.definitions if isinstance(one, OperationDefinitionNode)]
        if len(operations) > 1:
            raise Invalid({path: f"has {len(operations)} operations; leave one, a query"})
        if prepared.kind is not OperationType.QUERY:
            raise Invalid({path: f"is a {prepared.kind.value}; only a query can be asked here"})
        self._check_variables(prepared, given, path)

    def _check_variables(self, prepared: Prepared, given: Mapping[str, str], path: str) -> None:
        schema = self.engine.schema._schema
        for one in prepared.operation.variable_definitions or ():
            name = one.variable.name.value
            if name not in given:
                known = ", ".join(f"${known}: {kind}" for known, kind in given.items())
                raise Invalid({path: f"declares ${name[:60]}, which it is not given; it is given {known or 'no variables'}"})
            gets, takes = type_from_ast(schema, parse_type(given[name])), type_from_ast(schema, one.type)
            if gets is None or takes is None or not is_type_sub_type_of(schema, gets, takes):
                raise Invalid({path: f"declares ${name} as {takes}, and is given {given[name]}; declare it as that"})


def _sentence(error: Exception) -> str:
    """The first thing that is wrong, and where."""
    first = error.errors[0] if isinstance(error, Unprocessable) else error
    if not isinstance(first, GraphQLError):
        return str(first)
    place = next((f" (line {one.line}, column {one.column})" for one in first.locations or ()), "")
    return f"{first.message[:300]}{place}"
