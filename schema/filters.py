"""Arguments `where: Filter[Model]` of a plugin's fields: the input types of the house take their place."""

import inspect
from collections.abc import Collection
from copy import copy
from typing import Any, get_args, get_origin

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from core.errors import StartError
from core.query import Filter
from schema.inputs import Inputs, plain


class Plain(FieldExtension):
    """Hands filters to the resolver as plain mappings."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = names

    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        """Turn the inputs around, then resolve; a subscription's answer is a stream and not awaited."""
        answer = next_(source, info, **{name: plain(value) if name in self.names else value for name, value in kwargs.items()})
        return await answer if inspect.isawaitable(answer) else answer


def filtered(inputs: Inputs, plugin: str, type_name: str, field: StrawberryField) -> StrawberryField:
    """The field, or a copy whose filters are those of this house. Raises StartError for a filter of what is no resource."""
    wanted = {one.python_name: found for one in field.arguments if (found := _filters(one))}
    if not wanted:
        return field
    for model in (get_args(found[0])[0] for found in wanted.values()):
        if model not in inputs.crm.resources.by_model:
            name = getattr(model, "__name__", model)
            raise StartError(f"plugin '{plugin}': {type_name}.{field.python_name} filters {name}, which is no resource of this house")
    field = copy(field)
    field.arguments = [_replaced(inputs, one, wanted[one.python_name]) if one.python_name in wanted else one for one in field.arguments]
    field.extensions = [*field.extensions, Plain(frozenset(wanted))]
    return field


def _filters(argument: StrawberryArgument) -> list[Any]:
    """`Filter[Deal]` in the annotation of an argument."""
    annotation = argument.type_annotation.annotation
    return [one for one in (annotation, *get_args(annotation)) if get_origin(one) is Filter]


def _replaced(inputs: Inputs, argument: StrawberryArgument, found: list[Any]) -> StrawberryArgument:
    kind = inputs.filter(inputs.crm.resource(get_args(found[0])[0]))
    optional = argument.type_annotation.annotation is not found[0]
    argument = copy(argument)
    argument.type_annotation = StrawberryAnnotation(kind | None if optional else kind, namespace=inputs.book)
    return argument
