"""What is empty in a contact is filled from others."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.models import Contact
from core.resources import Change, Resource

APART = frozenset({"external_id", "external_source"})  # stay with the record that another system knows by them


@dataclass(frozen=True)
class Filled:
    """A field that was empty, by its name, and the contact whose value it has now."""

    name: str
    source: uuid.UUID


async def fill(resource: Resource, change: Change, contacts: Sequence[Contact]) -> list[Filled]:
    """Put the values of the first contact that has one where the record has none, in the change.

    Only what may be null can be empty: a consent that was not given is an answer.
    """
    filled: list[Filled] = []
    attrs = {name: name for name, column in resource.writable().items() if column.null and name not in APART}
    attrs |= {attr: one.name for attr, one in resource.writable_to_one.items() if one.null}
    for attr, name in attrs.items():
        if getattr(change.record, attr) is not None:
            continue
        for contact in contacts:
            value = getattr(contact, attr)
            if value is not None and await _there(resource, attr, value):
                _put(resource, change, attr, value, contact)
                filled.append(Filled(name, contact.id))
                break
    return filled


async def _there(resource: Resource, attr: str, value: Any) -> bool:
    """Whether a value is no key, or that of a record which is not deleted."""
    relation = resource.writable_to_one.get(attr)
    return relation is None or await relation.model.filter(id=value, deleted_at__isnull=True).exists()


def _put(resource: Resource, change: Change, attr: str, value: Any, source: Contact) -> None:
    change.put(attr, value)
    if key := resource.folded.get(attr):
        change.put(key, getattr(source, key))
