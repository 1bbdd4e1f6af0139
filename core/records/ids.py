"""Global ids: the type and the key of a record in one opaque word, `contact_0190a8f2-...`."""

import re
import uuid
from typing import TYPE_CHECKING

from tortoise.models import Model

from core.errors import Invalid
from core.registry import Resources
from core.resources import Resource

if TYPE_CHECKING:
    from core.crm import Call

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def encode(resource: Resource, key: uuid.UUID) -> str:
    """The global id of a record."""
    return f"{resource.snake}_{key}"


def decode(resource: Resource, text: str, path: str = "id") -> uuid.UUID:
    """The key in the id of a record of this resource. Raises Invalid for any other id."""
    kind, key = _split(text, path)
    if kind != resource.snake:
        raise Invalid({path: f"is the id of another type ({kind[:40]}), not of a {resource.name}"})
    return key


def key_of(call: "Call", model: type[Model], text: str, path: str = "id") -> uuid.UUID:
    """The key in the global id of a row of this model, for arguments of a plugin's own. Raises Invalid under `path`."""
    return decode(call.crm.resource(model), text, path)


def find(resources: Resources, text: str, path: str = "id") -> tuple[Resource, uuid.UUID]:
    """The resource and the key that an id speaks of. Raises Invalid for what is no id."""
    kind, key = _split(text, path)
    for resource in resources:
        if resource.snake == kind:
            return resource, key
    raise Invalid({path: "is not an id of this server"})


def _split(text: str, path: str) -> tuple[str, uuid.UUID]:
    kind, _, key = text.rpartition("_")
    if not kind.replace("_", "").isalnum() or not _UUID.match(key):
        raise Invalid({path: "is not an id of this server"})
    return kind, uuid.UUID(key)
