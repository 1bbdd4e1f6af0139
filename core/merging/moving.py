"""Rows that point to contacts point to another one: by few statements, however many rows there are."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from tortoise.exceptions import IntegrityError
from tortoise.expressions import F
from tortoise.models import Model

from core.errors import Conflict
from core.fields import now
from core.merging.pointing import Pointing
from core.models import Record
from core.records.statements import select

AT_ONCE = 10_000  # rows that one statement moves, for a statement has its time limit


@dataclass
class Person:
    """The contact that stays, and those that become a part of it, in their order."""

    into: uuid.UUID
    keys: list[uuid.UUID]
    every: list[uuid.UUID] = field(init=False)

    def __post_init__(self) -> None:
        self.every = [self.into, *self.keys]


async def move(one: Pointing, person: Person) -> None:
    """Move all rows. Raises Conflict when some of them cannot be together at one contact."""
    await together(one, person)
    pk = one.model._meta.pk_attr
    rows = one.model.filter(**{f"{one.attr}__in": person.keys})
    keys: list[Any] = sorted(await rows.values_list(pk, flat=True))  # type: ignore[arg-type]  # keys of one table
    try:
        for start in range(0, len(keys), AT_ONCE):
            first, last = keys[start], keys[min(start + AT_ONCE, len(keys)) - 1]
            part = rows.filter(**{f"{pk}__gte": first, f"{pk}__lte": last})
            # In the order of their keys, as all who write many rows lock them: so nobody waits in a circle.
            await select("SELECT COUNT(*) AS n FROM {rows} AS r", rows=part.order_by(pk).only(pk).select_for_update(no_key=True))
            await part.update(**{one.attr: person.into, **_stamp(one.model)})
    except IntegrityError as error:
        raise Conflict(f"some {one.word} cannot belong to one contact together; change or delete it first") from error


async def together(one: Pointing, person: Person) -> None:
    """Raise Conflict when some rows cannot be together at one contact, as far as the model says."""
    pk = one.model._meta.pk_attr
    for others in one.uniques():
        rows = one.model.filter(**{f"{one.attr}__in": person.every}).values(pk, *others)
        same = " AND ".join([f'a."{pk}" < b."{pk}"', *(f'a."{name}" = b."{name}"' for name in others)])
        if await select(f"SELECT 1 AS found FROM {{rows}} AS a JOIN {{rows}} AS b ON {same} LIMIT 1", rows=rows):
            what = f"with the same {', '.join(others)}" if others else "of which a contact has one only"
            raise Conflict(f"more than one of these contacts has a {one.word} {what}; delete one of them first")


def _stamp(model: type[Model]) -> dict[str, Any]:
    """What changes with every change of a record."""
    return {"version": F("version") + 1, "updated_at": now()} if issubclass(model, Record) else {}
