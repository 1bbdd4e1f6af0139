"""The parameters of a GraphQL request, out of a body, a query string or a message of a socket."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import QueryParams

from schema.errors import Fault

NESTING = 100
PERSISTED = "persistedQuery"  # the extension by which a document is asked for by its hash


@dataclass(slots=True)  # not frozen, which makes it slow to make, and one is made for each request
class Parameters:
    """What a client sends: a document, its variables, and which of its operations it means.

    `query` is empty when the extensions name the document by its hash.
    """

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)


def from_body(body: bytes) -> Parameters:
    """The parameters in a JSON body. Raises Fault."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Fault("the body is not valid UTF-8") from None
    if not text or text.isspace():
        raise Fault("the body is empty; send JSON with at least a query")
    return checked(read(text, "the body"))


def from_query_string(query: QueryParams) -> Parameters:
    """The parameters in a URL, where variables and extensions are JSON. Raises Fault."""
    given: dict[str, Any] = {}
    for name, value in query.multi_items():
        if name in given:
            raise Fault(f"the parameter {name} comes twice")
        if name in _NAMES:
            given[name] = value
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = read(given[name], f"the parameter {name}")
    return checked(given)


def read(text: str, what: str) -> Any:
    """The value of a JSON text without NaN, endless numbers and depths. Raises Fault."""
    try:
        value, end = _DECODER.raw_decode(text) if text[:1] == "{" else (None, -1)
        if end != len(text):  # something stands around it: a space, or what does not belong there
            value = _DECODER.decode(text)
    except RecursionError:
        raise Fault(f"{what} is nested too deeply") from None
    except ValueError as error:  # also for an integer with more digits than Python reads
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Fault(f"{what} is not valid JSON{where}") from None
    if text.count("[") + text.count("{") > NESTING and _depth(value) > NESTING:
        raise Fault(f"{what} is nested too deeply")
    return value


def checked(given: Any) -> Parameters:
    """The parameters in a JSON value; names that nobody knows are ignored. Raises Fault."""
    if isinstance(given, list):
        raise Fault("batches are not supported: send one operation per request")
    if not isinstance(given, dict):
        raise Fault("the request must be a JSON object with at least a query")
    query, variables, extensions = given.get("query"), given.get("variables"), given.get("extensions")
    if query is None and isinstance(extensions, dict) and extensions.get(PERSISTED) is not None:
        query = ""
    if not isinstance(query, str):
        raise Fault("the parameter query is missing" if query is None else "the parameter query must be a string")
    name = given.get("operationName")
    if name is not None and not isinstance(name, str):
        raise Fault("the parameter operationName must be a string or null")
    for key, value in (("variables", variables), ("extensions", extensions)):
        if value is not None and not isinstance(value, dict):
            raise Fault(f"the parameter {key} must be an object or null")
    return Parameters(query, variables or {}, name or None, extensions or {})


_NAMES = ("query", "variables", "operationName", "extensions")


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("too large")
    return value


def _depth(value: Any) -> int:
    deepest = 0
    waiting = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        deepest = max(deepest, depth)
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        waiting.extend((child, depth + 1) for child in inner)
    return deepest


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
