"""Values of Python as literals of GraphQL."""

import json
from collections.abc import Mapping
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInputType, GraphQLList, get_named_type, get_nullable_type


def text(value: str, *, plain: bool = False) -> str:
    """A text between quotes; with `plain`, what is not ASCII stays as it is. Half a surrogate pair cannot be written."""
    return json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=not plain)


def constant(kind: GraphQLInputType, value: Any) -> str:
    """A value of this type as a literal without variables."""
    if value is None:
        return "null"
    bare = get_nullable_type(kind)
    if isinstance(value, list):
        inner = bare.of_type if isinstance(bare, GraphQLList) else kind
        return f"[{', '.join(constant(inner, one) for one in value)}]"
    named = get_named_type(kind)
    if isinstance(value, Mapping):
        fields = named.fields if isinstance(named, GraphQLInputObjectType) else {}
        return "{" + ", ".join(f"{name}: {constant(fields[name].type, one)}" for name, one in value.items()) + "}"
    return scalar(named.name, value, isinstance(named, GraphQLEnumType))


def scalar(kind: str, value: Any, named: bool = False, *, plain: bool = False) -> str:
    """A value that holds no others: a text, a number, a boolean, or the name of one of an enum's values when `named`."""
    if isinstance(value, str):
        return value if named else text(value, plain=plain)
    if kind == "Float" and isinstance(value, float):
        return format(value, ".17g") if value and abs(value) < 1e300 else "0.0"
    return json.dumps(value)
