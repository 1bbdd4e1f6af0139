"""Bounds of a document: each is checked before anything is executed, and named in the one error that it causes."""

import re
from collections.abc import Mapping
from typing import Any

from core.errors import Refused
from core.settings import Limits
from schema.operations.cost import Cost, total
from schema.operations.shapes import Shape

NESTING = 100
OPERATIONS = 50
INTROSPECTION_DEPTH = 20
OBJECTS = 5_000

# One pass that cannot backtrack. What is not closed reaches to the end, so that no text is read twice.
_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\(?:""")?+|"(?!""))*+(?:"""|\Z)'
    r'|"(?:[^"\\\n\r]++|\\[^\n\r]?+)*+(?:"|(?=[\n\r])|\Z)'
    r"|#[^\n\r]*+|[A-Za-z_]\w*+|-?\d[\w.+-]*+|\.\.\.|[^\s,\ufeff]"
)


class TooComplex(Refused):
    """A document that asks for more than the limits allow."""

    code = "QUERY_TOO_COMPLEX"


def check_text(text: str, limits: Limits) -> None:
    """Count tokens and nesting before the parser sees the text. Raises TooComplex."""
    tokens = _TOKEN.findall(text)
    if len(tokens) > limits.tokens:
        raise _over("tokens", len(tokens), limits.tokens, "split the document, or leave out comments and fields that nobody reads")
    deepest = depth = 0
    for token in tokens:
        if token in ("{", "[", "("):
            depth += 1
            deepest = max(deepest, depth)
        elif token in ("}", "]", ")"):
            depth -= 1
    if deepest > NESTING:
        raise _over("nested brackets", deepest, NESTING, "flatten the document")


def check_operations(count: int) -> None:
    """Refuse a document with too many operations. Raises TooComplex."""
    if count > OPERATIONS:
        raise _over("operations in one document", count, OPERATIONS, "send the operation that you need")


def check_shape(shape: Shape, limits: Limits) -> None:
    """Compare what can be known without variables. Raises TooComplex."""
    most = max(shape.aliases.items(), key=lambda pair: pair[1], default=(("", ""), 0))
    (parent, field), aliases = most
    for name, value, limit, hint in (
        ("root fields", shape.width, limits.root_fields, "spread them over several requests"),
        ("uses of __schema", shape.schemas, 1, "ask for it once"),
        ("levels of fields", shape.depth, limits.depth, "ask for fewer nested fields, and follow ids in a second request"),
        ("levels of introspection", shape.introspection, INTROSPECTION_DEPTH, "use the standard introspection query"),
        (f"aliases of {parent}.{field}", aliases, limits.aliases, "use a filter or nodes(ids: ...) in place of repeating the field"),
        ("selected fields", shape.fields, limits.fields, "select fewer fields"),
    ):
        if value > limit:
            raise _over(name, value, limit, hint)


def check_cost(cost: Cost, variables: Mapping[str, Any], limits: Limits) -> int:
    """The cost of an operation with these variables. Raises TooComplex."""
    value = total(cost, variables, limits)
    if value > limits.cost:
        raise _over("cost", value, limits.cost, "ask for smaller pages (first), or for fewer lists within lists")
    return value


def check_variables(variables: Mapping[str, Any]) -> None:
    """Count the objects in the variables, each of which costs as much as its type has fields. Raises TooComplex."""
    if not variables:
        return
    waiting: list[Any] = [variables]
    objects = 0
    while waiting:
        one = waiting.pop()
        objects += isinstance(one, Mapping)
        if objects > OBJECTS:
            raise TooComplex(f"objects in the variables: more than the limit of {OBJECTS}; send them in several requests")
        waiting += [inner for inner in (one.values() if isinstance(one, Mapping) else one) if isinstance(inner, Mapping | list)]


def _over(name: str, value: int, limit: int, hint: str) -> TooComplex:
    return TooComplex(f"{name}: {value}, more than the limit of {limit}; {hint}")
