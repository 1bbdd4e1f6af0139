"""Arguments `where: Annotated[Filter | None, Model]` of a plugin's fields: the input types of the house take their place."""

import inspect
from collections.abc import Collection
from copy import copy
from typing import Annotated, Any, get_args, get_origin

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from core.errors import StartError
from core.records.filters import Filter
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
    wanted = {one.python_name: one for one in field.arguments if _is_filter(one)}
    if not wanted:
        return field
    place = f"plugin '{plugin}': {type_name}.{field.python_name}"
    field = copy(field)
    field.arguments = [_replaced(inputs, one, place) if one.python_name in wanted else one for one in field.arguments]
    field.extensions = [*field.extensions, Plain(wanted.keys())]
    return field


def _is_filter(argument: StrawberryArgument) -> bool:
    return Filter in _alternatives(argument)


def _alternatives(argument: StrawberryArgument) -> tuple[Any, ...]:
    """What the annotation of an argument allows, without its metadata."""
    annotation = argument.type_annotation.annotation
    plain = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return get_args(plain) or (plain,)


def _replaced(inputs: Inputs, argument: StrawberryArgument, place: str) -> StrawberryArgument:
    models = [one for one in get_args(argument.type_annotation.annotation)[1:] if one in inputs.crm.resources.by_model]
    if len(models) != 1:
        raise StartError(f"{place} has a filter of no resource; say `{argument.python_name}: Annotated[Filter | None, Model]`")
    kind = inputs.filter(inputs.crm.resource(models[0]))
    argument = copy(argument)
    argument.type_annotation = StrawberryAnnotation(kind | None if type(None) in _alternatives(argument) else kind, namespace=inputs.book)
    return argument
