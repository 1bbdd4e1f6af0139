"""How many rows are moved, as far as an actor may know: it counts those that it may see, by ways that are not hidden from it."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.merging.pointing import Pointing
from core.permissions import rule
from core.records.visibility import visible
from core.resources import READ, Resource

if TYPE_CHECKING:
    from core.crm import Call


async def counted(call: "Call", one: Pointing, keys: Sequence[uuid.UUID]) -> int:
    """How many rows there are of these keys: of contacts; of parts themselves; of the records at the far end of ties."""
    resource = call.crm.resource(one.link.model) if one.link else one.resource
    if not keys or resource is None or rule(call.crm, call.actor, resource, READ) is False or _hidden(call, one, resource):
        return 0
    attr = "id" if one.link or one.listed else one.attr
    return await visible(call, resource).filter(**{f"{attr}__in": list(keys)}).count()


def _hidden(call: "Call", one: Pointing, resource: Resource) -> bool:
    back = one.link.name if one.link else resource.reverse.get(one.name)
    names = {f"contact.{back}"} | (set() if one.link else {f"{resource.key}.{one.name}"})
    return bool(names & call.actor.hidden) or (not one.link and one.name in resource.hidden)
