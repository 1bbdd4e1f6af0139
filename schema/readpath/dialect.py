"""What the two databases say differently: how a value, an object, a list become JSON, and how a parameter is compared.

An expression of JSON is SQL. On PostgreSQL it has any type that row_to_json writes as it should be; on SQLite it is
text, ready to stand in a larger text, and never NULL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import iso4217

from core.money import exponent
from core.records.orders import Key
from core.resources import Column, Resource

Pairs = Sequence[tuple[str, str]]

PLACE, FOUND = "#place", "#found"  # no column of a table is called like this


@dataclass(frozen=True)
class Found:
    """Rows of a table: `rest` says which and in what order, `limit` how many at most.

    When they are numbered each has its place in the column PLACE, from 1, and in FOUND how many there are.
    """

    table: str
    alias: str
    rest: str
    limit: int | None = None
    numbered: bool = False
    backwards: bool = False


@dataclass(frozen=True)
class Row:
    """How the JSON of a row is gathered: by what expression, what column it needs where rows are found, and what beside them."""

    gathered: str
    inside: str = ""
    beside: str = ""


class Dialect(Protocol):
    """One of the two databases. `null` is the JSON null."""

    null: str

    def place(self, number: int, kind: str, *, many: bool = False) -> str:
        """The place of parameter `number` (from 1), of that kind: text, bigint, uuid, timestamptz, date, boolean, float8."""
        ...

    def value(self, value: Any) -> Any:
        """A value, or a list of them, as the driver takes it."""
        ...

    def one_of(self, expression: str, place: str) -> str:
        """Whether an expression is among the values of a parameter that holds many."""
        ...

    def contains(self, operator: str, column: str, place: str) -> str:
        """Whether a text contains, starts_with or ends_with another one."""
        ...

    def order(self, key: Key, alias: str) -> list[str]:
        """The terms of ORDER BY that a key means, nulls as the largest."""
        ...

    def among(self, expression: str, select: str) -> str:
        """A test for a value that is among the few of a select, which does not depend on the row."""
        ...

    def rule(self, test: str) -> str:
        """A test of a rule: the rows that somebody sees are many, compared with those that a filter or a relation means."""
        ...

    def string(self, text: str) -> str:
        """A constant text."""
        ...

    def number(self, expression: str) -> str:
        """A whole number that is not null."""
        ...

    def truth(self, expression: str) -> str:
        """What is true or false, and not null."""
        ...

    def column(self, resource: Resource, column: Column, value: str, *, null: bool) -> str:
        """A value of a column, money apart; with `null` it may be null."""
        ...

    def day(self, value: str) -> str:
        """A day, or null."""
        ...

    def integer(self, value: str) -> str:
        """A whole number, or null."""
        ...

    def decimal(self, units: str, digits: int) -> str:
        """Units as a decimal text with so many digits after the point, or null."""
        ...

    def rounded(self, total: str, count: str) -> str:
        """SQL of a mean rounded to a whole number, halves away from zero; null when the count is zero."""
        ...

    def mean(self, total: str, count: str) -> str:
        """A mean as a floating-point number, or null when the count is zero."""
        ...

    def exactly(self, text: str) -> str:
        """SQL that orders a text by its code points."""
        ...

    def amount(self, minor: str, currency: str) -> str:
        """An amount in minor units as a decimal text of its currency."""
        ...

    def text(self, expression: str) -> str:
        """A text, or null."""
        ...

    def object(self, pairs: Pairs) -> str:
        """An object of expressions, by their response keys."""
        ...

    def placed(self, alias: str) -> str:
        """The name by which the numbers of numbered rows are known."""
        ...

    def row(self, expression: str, found: Found, name: str) -> Row:
        """How the JSON of each row is gathered over rows, with a name that it may use."""
        ...

    def rows(self, found: Found, rows: Sequence[Row]) -> str:
        """The source of rows, in their order, for all that is gathered of them."""
        ...

    def json(self, expression: str) -> str:
        """A text, a number or a truth as JSON where it is a column of the answer itself."""
        ...

    def raw(self, expression: str) -> str:
        """A column of the answer as bytes, which need not become text on their way."""
        ...

    def gathered(self, pairs: Pairs, source: str) -> str:
        """An object of aggregates over the rows of a source."""
        ...

    def provided(self, condition: str, expression: str) -> str:
        """The expression where the condition holds, else null."""
        ...

    def select(self, expression: str, source: str) -> str:
        """The expression for the one row of a source, null when there is none."""
        ...

    def array(self, expression: str, condition: str = "") -> str:
        """The list of an expression over the rows of a select, in their order; with a condition, of some rows."""
        ...

    def sorted_array(self, expression: str, order: str, condition: str) -> str:
        """The list of an expression over some rows of a group, by the code points of a text."""
        ...

    def cursor(self, purpose: str, keys: Sequence[Key], resource: Resource, alias: str) -> str:
        """The cursor of a row: text, or the SQL of it."""
        ...

    def listed(self, place: str, kinds: str) -> str:
        """A source of rows `key`, `kind` and `i` of two parameters that hold as many keys and kinds."""
        ...


@cache
def digits() -> dict[int, list[str]]:
    """The currencies by their digits after the point, those of two apart, which most have."""
    found: dict[int, list[str]] = {}
    for one in iso4217.Currency:
        found.setdefault(exponent(one.code), []).append(one.code)
    return {number: sorted(codes) for number, codes in found.items() if number != 2}


def renamed(column: Column) -> dict[Any, str]:
    """What is kept of each value of an enum, and its name in GraphQL; empty when the two are always the same."""
    assert column.enum is not None
    names = {one.value: one.name for one in column.enum}
    return {} if all(value == name for value, name in names.items()) else names


def cases(names: dict[Any, str], *, json: bool = False) -> str:
    """The WHENs of a CASE that turn what is kept of an enum into its name, on request in the quotes of JSON."""
    return " ".join(
        f"WHEN {one if isinstance(one, int) else quoted(one)} THEN {quoted(json_name(name) if json else name)}"
        for one, name in names.items()
    )


def json_name(name: str) -> str:
    """A name of GraphQL as JSON."""
    return f'"{name}"'


def quoted(text: str) -> str:
    """A text of the project's own as a constant of SQL; never one that a client sent."""
    return "'" + text.replace("'", "''") + "'"
