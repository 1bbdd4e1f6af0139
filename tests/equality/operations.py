"""Whole operations: several root fields, their fragments, and the values of their variables, of which there are several sets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema

from tests.equality.chance import Chance
from tests.equality.inputs import ABSENT, SETS, Inputs, Variable
from tests.equality.pools import Pools
from tests.equality.scopes import Scope
from tests.equality.selections import Selections, reachable

THEMES = ("connection", "one", "aggregate", "nodes", "plugin", "mixed")
INTROSPECTION = (
    '__type(name: "Contact") { name fields { name } }',
    "__schema { queryType { name } }",
    "__typename",
    "activityKinds { name }",
)
LIKELY = ("Contact", "Deal", "Activity", "Company", "Probe")


@dataclass(frozen=True)
class Operation:
    """A document, the variables of each time that it is asked, and what it has of all that can be had."""

    document: str
    variables: tuple[dict[str, Any], ...]
    name: str | None
    features: frozenset[str]


def operation(chance: Chance, schema: GraphQLSchema, pools: Pools, theme: str) -> Operation:
    """An operation with root fields of a theme."""
    hits: set[str] = set()
    inputs = Inputs(chance, pools, schema, hits.add, percent=chance.pick((0, 18, 18, 40)), wrong=chance.happens(6))
    made = Selections(chance, inputs, hits.add, budget=chance.pick((3, 8, 16, 32, 64)))
    query = schema.query_type
    assert query
    scope = Scope()
    items: list[str] = []
    for _ in range(chance.pick((1, 1, 1, 2, 3, 4))):
        item = _root(chance, made, query, theme, scope)
        items += [item] if item else []
    if len(items) > 1:
        hits.add("several root fields")
    if chance.happens(10) or not items:
        items.append(chance.pick(INTROSPECTION))
        hits.add("introspection")
    if chance.happens(8):
        hits.add("fragment on Query")
        items = [f"... on Query{made.directives()} {{ {' '.join(items)} }}"]
    return _assembled(chance, f"{{ {' '.join(items)} }}", made, inputs.variables, hits)


def _root(chance: Chance, made: Selections, query: GraphQLObjectType, theme: str, scope: Scope) -> str | None:
    kind = chance.pick(THEMES[:5]) if theme == "mixed" else theme
    names = _names(query, kind)
    likely = [name for name in names if _target(query, name).startswith(LIKELY)]
    name = chance.pick(likely if likely and chance.happens(70) else names)
    made.hit(f"root {kind}")
    return made.field(query, name, chance.pick((1, 2, 2, 3)) + 1, scope)


def _names(query: GraphQLObjectType, kind: str) -> Sequence[str]:
    fields = query.fields
    if kind == "connection":
        return [name for name, one in fields.items() if "first" in one.args]
    if kind == "aggregate":
        return [name for name in fields if name.endswith("Aggregate")]
    if kind == "one":
        return [name for name, one in fields.items() if "id" in one.args and name != "node"]
    return ("node", "nodes") if kind == "nodes" else [name for name in fields if name.startswith("lab")]


def _target(query: GraphQLObjectType, name: str) -> str:
    return str(query.fields[name].type).strip("[]!")


def _assembled(chance: Chance, body: str, made: Selections, variables: Sequence[Variable], hits: set[str]) -> Operation:
    fragments = reachable(body, made.fragments)
    parts = [body, *(one.text for one in fragments)]
    used = [one for one in variables if f"${one.name}" in " ".join(parts)]
    name = "Named" if used or chance.happens(30) else None
    head = f"query {name or ''}"
    if used:
        head += f"({', '.join(one.declared for one in used)})"
    parts[0] = f"{head} {body}" if name else body
    document = "\n".join(parts[::-1] if chance.happens(25) else parts)
    if name and chance.happens(10):
        document = f"query Other {{ __typename }}\n{document}"
        hits.add("several operations")
    given = tuple({one.name: one.values[index] for one in used if one.values[index] is not ABSENT} for index in range(SETS))
    return Operation(_spaced(chance, document), given, name, frozenset(hits))


def _spaced(chance: Chance, document: str) -> str:
    """The document with other white space, so that places in it are compared as well."""
    return re.sub(r" \} (?=\w)", "\n  } ", document) if chance.happens(50) else document
