"""Arguments and inputs of a plugin that say `Annotated[Filter | None, Model]`: the filters of the house take their place."""

import functools
import inspect
import operator
from collections.abc import Collection
from copy import copy
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.base import get_object_definition
from strawberry.types.field import StrawberryField

from core.errors import StartError
from core.records.filters import Filter
from schema.inputs import Inputs, plain


class Plain(FieldExtension):
    """Hands filters, and inputs with filters in them, to the resolver as plain mappings."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = names

    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        """Turn the inputs around, then resolve; a subscription's answer is a stream and not awaited."""
        answer = next_(source, info, **{name: plain(value) if name in self.names else value for name, value in kwargs.items()})
        return await answer if inspect.isawaitable(answer) else answer


def filtered(inputs: Inputs, plugin: str, type_name: str, field: StrawberryField) -> StrawberryField:
    """The field, or a copy whose filters are those of this house. Raises StartError for a filter of what is no resource."""
    place = f"plugin '{plugin}': {type_name}.{field.python_name}"
    arguments, changed = [], []
    for one in field.arguments:
        kind = _replaced(inputs, one.type_annotation.annotation, f"{place} has a filter of no resource; say `{one.python_name}: {{}}`")
        if kind is not one.type_annotation.annotation:
            one = copy(one)
            one.type_annotation = StrawberryAnnotation(kind, namespace=inputs.book)
            changed.append(one.python_name)
        arguments.append(one)
    if not changed:
        return field
    field = copy(field)
    field.arguments = arguments
    field.extensions = [*field.extensions, Plain(changed)]
    return field


def _replaced(inputs: Inputs, annotation: Any, wrong: str) -> Any:
    """The annotation with the filters of this house in it; the same object when it has none."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        if Filter in (inner, *get_args(inner)):
            kind = _filter(inputs, metadata, wrong)
            return kind | None if type(None) in get_args(inner) else kind
        kind = _replaced(inputs, inner, wrong)
        return annotation if kind is inner else kind
    if get_origin(annotation) in (list, Union, UnionType):
        parts = get_args(annotation)
        kinds = [_replaced(inputs, one, wrong) for one in parts]
        if all(kind is one for kind, one in zip(kinds, parts, strict=True)):
            return annotation
        return list[kinds[0]] if get_origin(annotation) is list else functools.reduce(operator.or_, kinds)
    return _input(inputs, annotation, wrong) if isinstance(annotation, type) else annotation


def _filter(inputs: Inputs, metadata: list[Any], wrong: str) -> type:
    models = [one for one in metadata if one in inputs.crm.resources.by_model]
    if len(models) != 1:
        raise StartError(wrong.format("Annotated[Filter | None, Model]"))
    return inputs.filter(inputs.crm.resource(models[0]))


def _input(inputs: Inputs, kind: type, wrong: str) -> type:
    """An input type with the filters of this house, made once; the same class when it has none."""
    definition = get_object_definition(kind)
    if definition is None or not definition.is_input:
        return kind
    told = [one.type_annotation.annotation if one.type_annotation else None for one in definition.fields]
    kinds = [_replaced(inputs, one, wrong) for one in told]
    if all(new is old for new, old in zip(kinds, told, strict=True)):
        return kind
    fields = [copy(one) for one in definition.fields]
    for one, replaced in zip(fields, kinds, strict=True):
        one.type_annotation, one.origin = StrawberryAnnotation(replaced, namespace=inputs.book), None
    return inputs.book.add(definition.name, fields, definition.description or "", is_input=True)
