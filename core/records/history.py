"""The history of a column: a row for each step, with the time spent before it."""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tortoise.models import Model

from core.fields import now
from core.records.batch import Batch
from core.resources import Change, Resource


async def record_history(batch: Batch, model: type[Model], resource: Resource, column: str, changes: Sequence[Change]) -> None:
    """Write the steps that these changes took in `column`, those of the past included when an import gives them."""
    attr = resource.to_one[column].attr if column in resource.to_one else column
    moved = [change for change in changes if change.before is None or attr in change.values]
    if not moved:
        return
    parent, source, target = _columns(model, resource)
    begun = await _begun(model, parent, target, [change.record.id for change in moved if change.before is not None])
    rows: list[tuple[Any, ...]] = []
    for change in moved:
        key = change.record.id
        value, since = _stage(change, attr, begun.get(key, {})) if begun else (None, None)
        for new, at in change.history.get(column) or ((getattr(change.record, attr), now()),):
            if new is None or new == value or (since is not None and at < since):
                continue
            seconds = None if since is None else max(0, int((at - since).total_seconds()))
            rows.append((key, value, new, at, seconds))
            value, since = new, at
    if rows:
        names = (parent, source, target, "changed_at", "seconds")
        await batch.insert_columns(model, {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})


def _columns(model: type[Model], resource: Resource) -> tuple[str, str, str]:
    """The attributes for the record, the value before and the value after."""
    relations = {name: one for name, one in model._meta.fields_map.items() if name in model._meta.fk_fields}
    parent = next(f"{name}_id" for name, one in relations.items() if getattr(one, "related_model", None) is resource.model)
    ends = {}
    for end in ("from_", "to_"):
        name = next(name for name in model._meta.fields_map if name.startswith(end) and not name.endswith("_id"))
        ends[end] = f"{name}_id" if name in relations else name
    return parent, ends["from_"], ends["to_"]


async def _begun(model: type[Model], parent: str, target: str, keys: list[uuid.UUID]) -> dict[uuid.UUID, dict[Any, datetime.datetime]]:
    """When each record last came to each of its values, the newest at the end."""
    if not keys:
        return {}
    begun: dict[uuid.UUID, dict[Any, datetime.datetime]] = defaultdict(dict)
    for key, value, at in (
        await model.filter(**{f"{parent}__in": keys}).order_by("changed_at", "id").values_list(parent, target, "changed_at")
    ):
        begun[key].pop(value, None)
        begun[key][value] = at
    return begun


def _stage(change: Change, attr: str, begun: dict[Any, datetime.datetime]) -> tuple[Any, datetime.datetime | None]:
    """The value that a record had until now, and since when.

    It is not always the newest in its history: of a contact that others were merged into, that may be a step of another.
    """
    own = (change.before or {}).get(attr)
    value = own if own in begun else next(reversed(begun), None)
    return value, begun.get(value)
