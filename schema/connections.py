"""Fields of plugins that answer `Annotated[Rows | None, Model]`: a page of the rows that the resolver means takes its place."""

import inspect
from collections.abc import Sequence
from copy import copy
from typing import Annotated, Any, get_args, get_origin

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from core.errors import StartError
from core.records import pages
from core.records.filters import Rows
from core.records.pages import Window
from core.records.statements import count
from core.resources import Resource
from schema.inputs import Inputs, to_orders
from schema.listing import Listing
from schema.types import Types


class Paged(FieldExtension):
    """Cuts a page out of the rows that a resolver means."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    async def resolve_async(
        self,
        next_: Any,
        source: Any,
        info: strawberry.Info,
        page_first: int | None = None,
        page_after: str | None = None,
        page_last: int | None = None,
        page_before: str | None = None,
        page_order: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Read the page first, so that a wrong one costs nothing; then resolve."""
        call = info.context
        orders = to_orders(call, self.resource, page_order)
        window = Window.of(call, page_first, page_after, page_last, page_before)
        rows = next_(source, info, **kwargs)
        rows = await rows if inspect.isawaitable(rows) else rows
        if rows is None:
            return None
        page = await pages.page(rows.queryset, self.resource, orders, window)

        async def counted() -> tuple[int, bool]:
            return await count(rows.queryset, call.crm.settings.limits.count)

        return Listing(self.resource, orders, page, counted)


def paged(types: Types, plugin: str, type_name: str, field: StrawberryField) -> StrawberryField:
    """The field, or a copy that answers a connection. Raises StartError for rows of what is no resource."""
    inputs = types.inputs
    annotation = field.base_resolver.type_annotation if field.base_resolver else None
    told = annotation.annotation if annotation else None
    if get_origin(told) is not Annotated or Rows not in (get_args(told)[0], *get_args(get_args(told)[0])):
        return field
    models = [one for one in get_args(told)[1:] if one in inputs.crm.resources.by_model]
    if len(models) != 1:
        place = f"plugin '{plugin}': {type_name}.{field.python_name}"
        raise StartError(f"{place} answers rows of no resource; say `-> Annotated[Rows | None, Model]`")
    resource = inputs.crm.resource(models[0])
    field = copy(field)
    field.type_annotation = StrawberryAnnotation(types.connection(resource) | None, namespace=inputs.book)
    field.arguments = [*field.arguments, *_arguments(inputs, resource)]
    field.extensions = [*field.extensions, Paged(resource)]
    return field


def _arguments(inputs: Inputs, resource: Resource) -> Sequence[StrawberryArgument]:
    """Those of a page, by names that no resolver has."""
    limits, order = inputs.crm.settings.limits, inputs.order(resource)

    def page(page_first=None, page_after=None, page_last=None, page_before=None, page_order=None): ...

    page.__annotations__ |= {
        "page_first": _argument(int, "first", f"How many rows from the start; {limits.default_page} of itself, at most {limits.page}."),
        "page_after": _argument(str, "after", "Only rows after this cursor."),
        "page_last": _argument(int, "last", f"How many rows from the end; at most {limits.page}."),
        "page_before": _argument(str, "before", "Only rows before this cursor."),
        "page_order": _argument(list[order], "orderBy", "The order; by id, and so by age, when nothing is said."),
    }
    return StrawberryResolver(page).arguments


def _argument(kind: Any, name: str, description: str) -> Any:
    return Annotated[kind | None, strawberry.argument(name=name, description=description)]
