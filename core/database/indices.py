"""Which filters and orders of the API no index helps."""

from collections.abc import Iterator
from typing import Any

from tortoise.models import Model

from core.crm import CRM
from core.resources import Kind, Resource


def unhelped(crm: CRM) -> list[str]:
    """One sentence for each resource with columns that lists can be filtered or ordered by, and no index begins with."""
    return [f"{resource.name}: no index helps to filter or order by {', '.join(names)}" for resource, names in _found(crm)]


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
    found = {name for name, field in meta.fields_map.items() if field.pk or field.index or field.unique}
    found |= {str(field.source_field) for field in meta.fields_map.values() if (field.index or field.unique) and field.source_field}
    several = [*meta.unique_together, *(getattr(one, "fields", one) for one in meta.indexes)]
    return found | {names[0] for names in several if names}
