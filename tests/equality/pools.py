"""What a generator may put into arguments: ids, cursors and values that are there, and some that are nearly there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.money import exponent
from core.naming import camel
from core.resources import Column, Kind, Resource
from schema.inputs import sortable
from tests.world import Row, World

Orders = tuple[tuple[str, str], ...]  # field and direction, as the API names them

NOBODY = "019a0000-0000-7000-8000-000000000000"
MALFORMED = ("", "x", "contact_", "contact_1", "_", f"contact_{NOBODY.upper()}", f"contact_{NOBODY}\n", NOBODY, "contact_%", "é_1")
ODD = (
    "", " ", "\u200c", "%", "_", "\\", "'", '"', "''", '\\"', "a'; --", "\n", "\t\x01\x1f", "\u2028", "\ufeff", "😀", "ي",
    "A", "$1", "?", "{}",
    "%s", "\x00", "\ud800", "ß", "\x7f", "x" * 1001,
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 5, 50, 2**31 - 1, -(2**31), 2**53, 2**53 + 1)
SMALL = (0, 1, -1, 2, 5, 50, 2**31 - 1, -(2**31))
DECIMALS = ("0", "1", "-1", "0.5", "12.5", "1.005", "-0.001", "1050", "9" * 20, 3)
FLOATS = (0.0, 0.1, -1.5, 1e22, 5e-324, 3)
TIMES = (
    "2026-03-21T20:30:00+00:00", "2026-03-21T20:30:00.000000Z", "2021-09-21T20:29:59.5+00:00", "1700-01-01T00:00:00Z",
    "2026-01-01T00:00:00-11:30",
)  # fmt: skip
DAYS = ("2026-03-21", "2025-12-29", "1700-01-01", "2199-12-31")
CURRENCIES = ("EUR", "JPY", "KWD", "USD")


@dataclass
class Pools:
    """What there is in a world, by resource."""

    world: World
    ids: dict[str, list[str]] = field(default_factory=dict)
    cursors: dict[str, dict[Orders, list[str]]] = field(default_factory=dict)
    values: dict[tuple[str, str], list[Any]] = field(default_factory=dict)

    async def fill(self) -> None:
        """Read the world: deleted rows too, and the cursors of several orders of each list."""
        for resource in self.world.house.crm.resources:
            rows = await self._rows(resource)
            self.ids[resource.key] = [row["id"] for row in rows] or [f"{resource.snake}_{NOBODY}"]
            columns = self.columns(resource)
            self.cursors[resource.key] = {orders: await self._cursors(resource, orders) for orders in orders_of(resource, columns)}
            for name, column in columns.items():
                self.values[resource.key, name] = _known(column, (row.get(camel(name)) for row in rows))

    def columns(self, resource: Resource) -> Mapping[str, Column]:
        """What rows are filtered and ordered by: columns, and what SQL works out."""
        return self.world.house.crm.columns(resource)

    def strange(self, key: str, name: str) -> Sequence[Any]:
        """Values for a column that perhaps no row has."""
        column = self.columns(self.world.resource(key))[name]
        return () if column.enum else STRANGE.get(column.kind, ODD)

    def any_id(self) -> Sequence[str]:
        """Ids of all resources, and some that are of nothing."""
        return [*(one for ids in self.ids.values() for one in (*ids[:3], *ids[-2:])), f"deal_{NOBODY}", f"nothing_{NOBODY}"]

    async def _rows(self, resource: Resource) -> list[Row]:
        columns = self.columns(resource).items()
        names = " ".join(camel(name) + (" { amount currency }" if one.kind is Kind.MONEY else "") for name, one in columns)
        deleted = ", includeDeleted: true" if resource.soft else ""
        document = f"{{ page: {camel(resource.plural)}(first: 100{deleted}) {{ nodes {{ {names} }} }} }}"
        return (await self.world.house.ask(document))["page"]["nodes"]

    async def _cursors(self, resource: Resource, orders: Orders) -> list[str]:
        document = f"{{ page: {camel(resource.plural)}(first: 100{ordering(orders, ', orderBy: ')}) {{ edges {{ cursor }} }} }}"
        return [one["cursor"] for one in (await self.world.house.ask(document))["page"]["edges"]]


def ordering(orders: Orders, name: str = "") -> str:
    """Orders as a literal of GraphQL, after `name`; nothing for none."""
    terms = ", ".join(f"{{field: {one}, direction: {way}}}" for one, way in orders)
    return f"{name}[{terms}]" if orders else ""


def orders_of(resource: Resource, given: Mapping[str, Column]) -> list[Orders]:
    """Orders that cursors are taken from: none, money, a key without values, a key with many ties, two keys, what SQL works out."""
    columns = {name: one for name, one in given.items() if sortable(one) and name in resource.columns}
    worked = [name.upper() for name, one in given.items() if sortable(one) and name not in resource.columns]
    found: dict[Orders, None] = {(): None}
    for name, column in columns.items():
        if column.kind is Kind.MONEY or (column.null and not name.endswith("_at")) or name in ("done_at", "at_or_none", "position"):
            for way in ("ASC", "DESC"):
                found[((name.upper(), way),)] = None
    names = [name.upper() for name in columns]
    if len(names) > 1:
        found[(names[0], "DESC"), (names[-1], "ASC")] = None
        found[(names[-1], "DESC"), (names[0], "DESC")] = None
    several: list[Orders] = [((worked[0], "DESC"), (worked[-1], "ASC"))] if len(worked) > 1 else []
    return [*list(found)[:9], *(((name, way),) for name in worked for way in ("ASC", "DESC")), *several]


def _known(column: Column, given: Iterable[Any]) -> list[Any]:
    have = [value for value in given if value is not None]
    if column.kind is Kind.MONEY:
        return list({(one["amount"], one["currency"]): one for one in [*have, *MONEY]}.values())
    if column.enum:
        return [one.name for one in column.enum]
    return list({repr(value): value for value in have}.values())


MONEY: tuple[Mapping[str, str], ...] = tuple(
    {"amount": amount, "currency": one} for one in CURRENCIES for amount in ("0", "-7", "10" if not exponent(one) else "10.5")
)
STRANGE: dict[Kind, Sequence[Any]] = {
    Kind.INT: SMALL, Kind.BIG_INT: NUMBERS, Kind.FLOAT: FLOATS, Kind.DECIMAL: DECIMALS, Kind.DATETIME: TIMES, Kind.DATE: DAYS,
    Kind.BOOLEAN: (True, False), Kind.JSON: ({},), Kind.UUID: (NOBODY, "x"), Kind.ID: MALFORMED,
}  # fmt: skip
