"""Batch loading: a constant number of statements for each level of a query, however many rows it has."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from strawberry.dataloader import DataLoader
from tortoise.connection import get_connection
from tortoise.models import Model

from core.crm import Call
from core.expressions import Expressed
from core.records.filters import Where, condition
from core.records.orders import Order, keyset, sort, with_worked
from core.records.pages import Page, Window, arranged, windowed
from core.records.statements import statement
from core.records.visibility import visible
from core.records.worked import values
from core.resources import Linked, Resource, ToMany


async def one(call: Call, model: type[Model], key: uuid.UUID | None, *, deleted: bool = False) -> Any:
    """The record with this key, or None when there is none for the actor; a deleted one only with `deleted`."""
    if key is None:
        return None

    async def load(keys: list[uuid.UUID]) -> list[Any]:
        found = await visible(call, model, deleted=deleted).filter(id__in=list(set(keys))).in_bulk(keys, "id")
        return [found.get(key) for key in keys]

    return await call.loader(("one", model, deleted), lambda: DataLoader(load)).load(key)


async def behind(call: Call, back: ToMany, key: uuid.UUID) -> list[Any]:
    """All rows of a way back, in their order: the parts of a record, or the one row of a single relation."""
    child = call.crm.resource(back.model)
    terms = ("position", "id") if child.has("position") else ("id",)

    async def load(keys: list[uuid.UUID]) -> list[list[Any]]:
        rows = await visible(call, child).filter(**{f"{back.attr}__in": keys}).order_by(*terms)
        return _by(rows, back.attr, keys)

    return await call.loader(("behind", back.model, back.attr), lambda: DataLoader(load)).load(key)


async def linked(call: Call, link: Linked, key: uuid.UUID) -> list[Any]:
    """The rows that are tied to a record, in the order of their ids."""

    async def load(keys: list[uuid.UUID]) -> list[list[Any]]:
        ties = await link.through.filter(**{f"{link.near}__in": keys}).values_list(link.near, link.far)
        rows = {row.id: row for row in await visible(call, link.model).filter(id__in=list({far for _, far in ties}))}
        found: dict[uuid.UUID, list[Any]] = defaultdict(list)
        for near, far in ties:
            if far in rows:
                found[near].append(rows[far])
        return [sorted(found[key], key=lambda row: row.id) for key in keys]

    return await call.loader(("linked", link.through, link.near), lambda: DataLoader(load)).load(key)


async def expressed(call: Call, resource: Resource, one: Expressed, key: uuid.UUID) -> Any:
    """What SQL works out of a record, for all records of a request at once."""

    async def load(keys: list[uuid.UUID]) -> list[Any]:
        found = await values(call, resource, one, keys)
        return [found.get(key) for key in keys]

    return await call.loader(("expressed", resource.key, one.name), lambda: DataLoader(load)).load(key)


async def page_behind(
    call: Call, back: ToMany, key: uuid.UUID, where: Where | None, orders: Sequence[Order], window: Window, deleted: bool
) -> Page:
    """A page of the rows of a way back, for one of many records at once."""
    child = call.crm.resource(back.model)
    same = ("page", back.model, back.attr, repr(where), tuple(orders), window, deleted)

    async def load(keys: list[uuid.UUID]) -> list[Page]:
        rows = visible(call, child, deleted=deleted).filter(condition(call, child, where), **{f"{back.attr}__in": keys})
        rows = windowed(rows, child, orders, window)
        found = await _first_of_each(child, rows, back.attr, orders, window)
        return [arranged(some[: window.size], len(some) > window.size, window) for some in _by(found, back.attr, keys)]

    return await call.loader(same, lambda: DataLoader(load)).load(key)


async def count_behind(call: Call, back: ToMany, key: uuid.UUID, where: Where | None, deleted: bool) -> int:
    """How many rows of a way back there are, for one of many records at once."""
    child = call.crm.resource(back.model)

    async def load(keys: list[uuid.UUID]) -> list[int]:
        rows = visible(call, child, deleted=deleted).filter(condition(call, child, where), **{f"{back.attr}__in": keys})
        sql, parameters = statement(rows.values(back.attr))
        found = await get_connection("default").execute_query_dict(
            f'SELECT t."{back.attr}" AS k, COUNT(*) AS n FROM ({sql}) AS t GROUP BY 1', parameters
        )
        numbers = {uuid.UUID(str(row["k"])): row["n"] for row in found}
        return [numbers.get(key, 0) for key in keys]

    return await call.loader(("count", back.model, back.attr, repr(where), deleted), lambda: DataLoader(load)).load(key)


async def _first_of_each(child: Resource, rows: Any, attr: str, orders: Sequence[Order], window: Window) -> list[Any]:
    """The first rows for each value of `attr`, one more than the window holds, in the window's direction."""
    keys = keyset(child, orders, backwards=window.backwards)
    names = sorted({"id", attr, *(key.attribute for key in keys), *(key.of for key in keys if key.of)})
    sql, parameters = statement(with_worked(rows, keys).values(*names))
    terms = ", ".join(f"{term} DESC" if key.descending else term for key in keys for term in key.terms("t"))
    numbered = f'SELECT t."id" AS id, ROW_NUMBER() OVER (PARTITION BY t."{attr}" ORDER BY {terms}) AS place FROM ({sql}) AS t'
    found = await get_connection("default").execute_query_dict(
        f"SELECT id FROM ({numbered}) AS numbered WHERE place <= {window.size + 1}", parameters
    )
    return list(await sort(child.model.filter(id__in=[uuid.UUID(str(row["id"])) for row in found]), keys))


def _by(rows: Sequence[Any], attr: str, keys: Sequence[uuid.UUID]) -> list[list[Any]]:
    found: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, attr)].append(row)
    return [found[key] for key in keys]
