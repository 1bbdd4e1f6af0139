"""Which fields of a record an actor may read, for whatever shows values that no field of the API resolves."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.resources import Resource

if TYPE_CHECKING:
    from core.crm import Call


def readable(call: "Call", resource: Resource, names: Iterable[str]) -> list[str]:
    """Those of the names (of columns, keys of relations, parts and links) that the actor may read, in their order."""
    shut = {*resource.hidden, *resource.folded.values()}
    hidden = call.actor.hidden
    if not hidden:
        return [name for name in names if name not in shut]
    fields = {one.attr: one.name for one in resource.to_one.values()} | {link.ids: link.name for link in resource.linked.values()}
    return [name for name in names if name not in shut and f"{resource.key}.{fields.get(name, name)}" not in hidden]
