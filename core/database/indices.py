"""Which filters and orders of the API an index helps, and which none does."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from tortoise.models import Model

from core.crm import CRM
from core.records.orders import Key
from core.resources import Kind, Resource


def unhelped(crm: CRM) -> list[str]:
    """One sentence for each resource with columns that lists can be filtered or ordered by, and no index begins with."""
    return [f"{resource.name}: no index helps to filter or order by {', '.join(names)}" for resource, names in _found(crm)]


def leading(model: type[Model], keys: Sequence[Key]) -> frozenset[str]:
    """The columns that, each with one value, an index leads from to the rows in the order of the keys. Empty when there are none."""
    order = _walked(keys)
    return frozenset(one[0] for one in _several(model) if order and one[1:] == order)


def walks(model: type[Model], keys: Sequence[Key]) -> bool:
    """Whether an index holds the rows in the order of the keys, be it of all or of those with one value in a column before them."""
    order = _walked(keys)
    return bool(order) and any(order in (one, one[1:]) for one in _several(model))


def _walked(keys: Sequence[Key]) -> tuple[str, ...]:
    plain = len({key.descending for key in keys}) == 1 and not any(key.null or key.flag or key.of or key.worked for key in keys)
    return tuple(key.attribute for key in keys) if plain else ()


@cache
def _several(model: type[Model]) -> frozenset[tuple[str, ...]]:
    """The columns of each index of several."""
    meta: Any = model._meta
    return frozenset(tuple(getattr(one, "fields", one)) for one in (*meta.unique_together, *meta.indexes))


def _found(crm: CRM) -> Iterator[tuple[Resource, list[str]]]:
    for resource in crm.resources:
        first = _first(resource.model)
        columns = [one for one in resource.columns.values() if one.kind is not Kind.JSON and one.compared not in first]
        names = [one.name for one in columns] + [one.name for one in resource.to_one.values() if one.attr not in first]
        names += crm.expressed.get(resource.model, {})
        if names:
            yield resource, names


def _first(model: type[Model]) -> set[str]:
    """The columns with which an index begins."""
    meta: Any = model._meta
    found = {names[0] for names in _several(model) if names}
    found |= {name for name, field in meta.fields_map.items() if field.pk or field.index or field.unique}
    return found | {str(field.source_field) for field in meta.fields_map.values() if (field.index or field.unique) and field.source_field}
