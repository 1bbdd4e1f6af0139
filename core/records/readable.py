"""Which fields of a record an actor may read, for whatever shows values that no field of the API resolves."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.permissions import rule
from core.resources import READ, Resource

if TYPE_CHECKING:
    from core.crm import Call


def readable(call: "Call", resource: Resource, names: Iterable[str]) -> list[str]:
    """Those of the names (of columns, keys of relations, parts and links) that the actor may read, in their order."""
    parts, links = call.crm.resources.parts(resource), resource.link_inputs
    shut = {*resource.hidden, *resource.folded.values()}
    shut |= {name for name, back in parts.items() if rule(call.crm, call.actor, call.crm.resource(back.model), READ) is not True}
    shut |= {name for name, link in links.items() if rule(call.crm, call.actor, call.crm.resource(link.model), READ) is False}
    hidden = call.actor.hidden
    if not hidden:
        return [name for name in names if name not in shut]
    fields = {one.attr: one.name for one in resource.to_one.values()} | {name: link.name for name, link in links.items()}
    return [name for name in names if name not in shut and f"{resource.key}.{fields.get(name, name)}" not in hidden]
