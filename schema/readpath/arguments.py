"""The arguments of a field, with what each part of them is now and how it is found again for other variables of the same shape."""

from collections.abc import Callable, Iterator
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    is_list_type,
    is_non_null_type,
    value_from_ast,
)

from schema.readpath.variables import Unfit, Variables, plain_name


class Given:
    """A value that was given: `value` is what it is now, `at(variables)` what it is for others of the same shape."""

    def __init__(self, value: Any, at: Callable[[Variables], Any] | None = None, parts: Any = None) -> None:
        self.value = value
        self.fixed = at is None
        self._at = at
        self._parts: dict[str, Given] | list[Given] | None = parts

    def at(self, variables: Variables) -> Any:
        """The value for these variables."""
        return self.value if self._at is None else self._at(variables)

    def items(self) -> Iterator[tuple[str, "Given"]]:
        """The fields of an object."""
        return ((name, self[name]) for name in self.value)

    def __iter__(self) -> Iterator["Given"]:
        return (self[place] for place in range(len(self.value)))

    def __getitem__(self, key: Any) -> "Given":
        if self._parts is not None:
            return self._parts[key]
        at = self._at
        return Given(self.value[key], None if at is None else lambda variables: at(variables)[key])

    def get(self, key: str) -> "Given | None":
        """A field of an object, when it was given and is not null."""
        return self[key] if self.value is not None and self.value.get(key) is not None else None


def arguments(field: GraphQLField, node: FieldNode, variables: Variables) -> dict[str, Given]:
    """What was given for the arguments of a field, by their names in GraphQL; what was left out or is null is not among it."""
    found: dict[str, Given] = {}
    for one in node.arguments or ():
        given = _given(field.args[one.name.value].type, one.value, variables)
        if given is not None and given.value is not None:
            found[one.name.value] = given
    return found


def _given(kind: GraphQLInputType, node: ValueNode, variables: Variables) -> Given | None:
    """None when a variable was left out, which is as if the argument were. Raises Unfit for null where it must not be."""
    if isinstance(node, VariableNode):
        name = node.name.value
        if is_non_null_type(kind) and variables.get(name) is None:
            raise Unfit("null for what must not be null")  # a variable that has a default may be given as null
        return Given(variables[name], lambda values: values[name]) if name in variables else None
    kind = kind.of_type if is_non_null_type(kind) else kind
    if isinstance(node, NullValueNode):
        return Given(None)
    if isinstance(node, ObjectValueNode) and isinstance(kind, GraphQLInputObjectType):
        return _object(kind, node, variables)
    if is_list_type(kind):
        nodes = node.values if isinstance(node, ListValueNode) else (node,)
        return _list([_given(kind.of_type, one, variables) for one in nodes])
    if isinstance(node, ObjectValueNode | ListValueNode):
        raise Unfit("a scalar that may have variables in it")
    value = value_from_ast(node, kind)
    if value is Undefined:
        raise Unfit("a literal that does not fit")
    return Given(value)


def _object(kind: GraphQLInputObjectType, node: ObjectValueNode, variables: Variables) -> Given:
    parts: dict[str, Given] = {}
    literals = {one.name.value: one.value for one in node.fields}
    for name, field in kind.fields.items():  # in the order of the type, as graphql-core has them
        if name in literals and (given := _given(field.type, literals[name], variables)) is not None:
            parts[plain_name(field)] = given
    value = {name: one.value for name, one in parts.items()}
    if all(one.fixed for one in parts.values()):
        return Given(value, None, parts)
    return Given(value, lambda values: {name: one.at(values) for name, one in parts.items()}, parts)


def _list(given: list[Given | None]) -> Given:
    parts = [one if one is not None else Given(None) for one in given]
    value = [one.value for one in parts]
    if all(one.fixed for one in parts):
        return Given(value, None, parts)
    return Given(value, lambda values: [one.at(values) for one in parts], parts)
