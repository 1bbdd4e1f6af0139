"""The variables of an operation: read as graphql-core reads them, only faster, and told apart by what a statement depends on.

Whatever graphql-core might refuse, or read in a way of its own, is left to it: that raises Unfit.
"""

import math
from collections.abc import Callable, Container, Hashable, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    is_input_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    type_from_ast,
    value_from_ast,
)

Variables = dict[Any, Any]
Read = Callable[[Any], Any]
Shape = Callable[[Any], Hashable]

_INT = 2**31


class Unfit(Exception):
    """What no statement can be made of; the field is answered by its resolver instead."""


class Signature:
    """What the variables of one operation are. Where `shaping` is given, no statement depends on any other variable."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode, shaping: Container[str] | None = None) -> None:
        self.kinds: dict[str, GraphQLInputType] = {}
        self._given: list[tuple[str, Read, Shape, Any, bool]] = []
        for one in operation.variable_definitions or ():
            kind = type_from_ast(schema, one.type)
            if kind is None or not is_input_type(kind):
                raise Unfit(one.variable.name.value)
            name = one.variable.name.value
            default = value_from_ast(one.default_value, kind) if one.default_value else Undefined
            if default is not Undefined and isinstance(_named(kind), GraphQLInputObjectType):
                raise Unfit("a variable whose default is an object")
            self.kinds[name] = kind
            shape = _shaper(kind) if shaping is None or name in shaping else _shapeless
            self._given.append((name, _reader(kind), shape, default, is_non_null_type(kind)))

    def read(self, raw: Mapping[str, Any]) -> tuple[Variables, Hashable]:
        """The values by name, and their shape: whatever has the same shape is answered by the same statement. Raises Unfit."""
        values: Variables = {}
        shapes: list[Hashable] = []
        for name, reader, shape, default, required in self._given:
            if name in raw:
                values[name] = reader(raw[name])
            elif default is not Undefined:
                values[name] = default
            elif required:
                raise Unfit(name)
            else:
                shapes.append(_ABSENT)
                continue
            shapes.append(shape(values[name]))
        return values, tuple(shapes)


_ABSENT = "absent"


def plain_name(field: Any) -> str:
    """The name of an input field in Python, as `schema.inputs.plain` gives it."""
    return field.extensions["strawberry-definition"].python_name.rstrip("_")


# Reading


def _reader(kind: GraphQLInputType) -> Read:
    if is_non_null_type(kind):
        inner = _nullable_reader(kind.of_type)

        def required(value: Any) -> Any:
            if value is None:
                raise Unfit("null")
            return inner(value)

        return required
    inner = _nullable_reader(kind)
    return lambda value: None if value is None else inner(value)


def _nullable_reader(kind: Any) -> Read:
    if is_list_type(kind):
        inner = _reader(kind.of_type)

        def several(value: Any) -> list[Any]:
            if not isinstance(value, list):
                raise Unfit("one value for a list")
            return [inner(one) for one in value]

        return several
    if isinstance(kind, GraphQLInputObjectType):
        return _Object(kind)
    if isinstance(kind, GraphQLEnumType):
        return _enum(kind)
    return _SCALARS.get(kind.name) or _scalar(kind)


class _Object:
    """Reads an input object; its fields are looked at when the first one comes, for types may hold one another."""

    def __init__(self, kind: GraphQLInputObjectType) -> None:
        self._kind = kind
        self._fields: dict[str, tuple[str, Read]] | None = None
        self._required: list[str] = []

    def __call__(self, value: Any) -> dict[str, Any]:
        if self._fields is None:
            self._required = [name for name, field in self._kind.fields.items() if is_required_input_field(field)]
            self._fields = {name: (plain_name(field), _reader(field.type)) for name, field in self._kind.fields.items()}
        if not isinstance(value, dict) or self._kind.is_one_of:
            raise Unfit("no object")
        # In the order of the type, as graphql-core has them: what is said of them comes in that order.
        found = {plain: reader(value[name]) for name, (plain, reader) in self._fields.items() if name in value}
        if len(found) != len(value):
            raise Unfit("an unknown field")
        if any(name not in value for name in self._required):
            raise Unfit("a required field is missing")
        return found


def _enum(kind: GraphQLEnumType) -> Read:
    def read(value: Any) -> Any:
        if type(value) is not str or value not in kind.values:
            raise Unfit("no such value")
        return kind.parse_value(value)

    return read


def _scalar(kind: Any) -> Read:
    def read(value: Any) -> Any:
        try:
            return kind.parse_value(value)
        except Exception as error:  # whatever a scalar says to it, graphql-core has the words for the client
            raise Unfit(kind.name) from error

    return read


def _exactly(kind: type) -> Read:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise Unfit(kind.__name__)
        return value

    return read


def _int(value: Any) -> int:
    if type(value) is not int or not -_INT <= value < _INT:
        raise Unfit("Int")
    return value


def _float(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise Unfit("Float")
    return float(value)


_SCALARS: dict[str, Read] = {"String": _exactly(str), "ID": _exactly(str), "Boolean": _exactly(bool), "Int": _int, "Float": _float}


# Shapes


def _shapeless(value: Any) -> Hashable:
    return None


def _named(kind: Any) -> Any:
    while is_non_null_type(kind) or is_list_type(kind):
        kind = kind.of_type
    return kind


def _shaper(kind: Any) -> Shape:
    if is_non_null_type(kind):
        return _shaper(kind.of_type)
    if is_list_type(kind):
        return _list_shape(_shaper(kind.of_type), structured=isinstance(_named(kind), GraphQLInputObjectType))
    if isinstance(kind, GraphQLInputObjectType):
        return _ObjectShape(kind)
    # A statement depends on the very word of an enum, as in an order, and on true and false.
    return _itself if isinstance(kind, GraphQLEnumType) or kind.name == "Boolean" else _is_null


def _list_shape(inner: Shape, *, structured: bool) -> Shape:
    def shape(value: Any) -> Hashable:
        if value is None:
            return None
        return tuple(inner(one) for one in value) if structured else bool(value)

    return shape


class _ObjectShape:
    """The shape of an input object: which fields it has, and theirs."""

    def __init__(self, kind: GraphQLInputObjectType) -> None:
        self._kind = kind
        self._fields: dict[str, Shape] | None = None

    def __call__(self, value: Any) -> Hashable:
        if value is None:
            return None
        if self._fields is None:
            self._fields = {plain_name(field): _shaper(field.type) for field in self._kind.fields.values()}
        return tuple((name, self._fields[name](one)) for name, one in value.items())


def _itself(value: Any) -> Hashable:
    return value


def _is_null(value: Any) -> Hashable:
    return value is None
