"""PostgreSQL: row_to_json over a select whose columns bear the response keys."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from typing_extensions import override

from core.records.orders import Key, column_of
from core.resources import Column, Kind, Resource
from schema.readpath.dialect import FOUND, PLACE, Dialect, Found, Pairs, Row, cases, digits, quoted, renamed
from schema.readpath.variables import Unfit

LONGEST_NAME = 63  # bytes; a longer name of a column would be cut off in silence


class _Record(str):
    """The JSON of a row, which remembers the columns of the row."""

    columns: str

    def __new__(cls, columns: str) -> "_Record":
        made = super().__new__(cls, f"(SELECT row_to_json(o) FROM (SELECT {columns}) o)")
        made.columns = columns
        return made


class Postgres(Dialect):
    """The dialect of PostgreSQL 14 and newer."""

    null = "NULL::text"

    @override
    def place(self, number: int, kind: str, *, many: bool = False) -> str:
        return f"${number}::{kind}{'[]' if many else ''}"

    @override
    def value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.value(one) for one in value]
        return value.value if isinstance(value, Enum) else value

    @override
    def one_of(self, expression: str, place: str) -> str:
        return f"{expression} = ANY({place})"

    @override
    def contains(self, operator: str, column: str, place: str) -> str:
        match operator:
            case "contains":
                return f"strpos({column}, {place}) > 0"
            case "starts_with":
                return f"starts_with({column}, {place})"
        return f"right({column}, length({place})) = {place}"

    @override
    def order(self, key: Key, alias: str) -> list[str]:
        way = " DESC" if key.descending else ""  # NULLS LAST when ascending and FIRST when descending is the default here
        return [f"{term}{way}" for term in key.terms(alias)[-1:]]

    @override
    def among(self, expression: str, select: str) -> str:
        # As an array it is found once and then compared; as a select it would be joined, with all rows and not only the first.
        return f"{expression} = ANY (ARRAY({select}))"

    @override
    def rule(self, test: str) -> str:
        return test  # it keeps figures, and knows

    @override
    def string(self, text: str) -> str:
        return f"{quoted(text)}::text"

    @override
    def number(self, expression: str) -> str:
        return expression

    @override
    def truth(self, expression: str) -> str:
        return expression

    @override
    def text(self, expression: str) -> str:
        return expression

    @override
    def day(self, value: str) -> str:
        return value

    @override
    def integer(self, value: str) -> str:
        return value

    @override
    def decimal(self, units: str, digits: int) -> str:
        return _scaled(units, digits)

    @override
    def rounded(self, total: str, count: str) -> str:
        return f"sign({total}) * div(2 * abs({total}) + {count}, nullif(2 * {count}, 0))"

    @override
    def mean(self, total: str, count: str) -> str:
        # Exactly first, and only then as a floating-point number, which many a total is not: the digits are enough for any count.
        return f"(round({total}::numeric, 40) / nullif({count}, 0))::float8"

    @override
    def exactly(self, text: str) -> str:
        return f'{text} COLLATE "C"'

    @override
    def sorted_array(self, expression: str, order: str, condition: str) -> str:
        return f"coalesce(json_agg({expression} ORDER BY {self.exactly(order)}) FILTER (WHERE {condition}), '[]'::json)"

    @override
    def column(self, resource: Resource, column: Column, value: str, *, null: bool) -> str:
        if column.kind is Kind.ID:
            return f"{quoted(resource.snake + '_')} || {value}::text"  # a cast costs less than a concatenation of other types
        if column.kind is Kind.DECIMAL:
            return _scaled(value, column.scale)
        if column.enum and (names := renamed(column)):
            return f"CASE {value} {cases(names)} END"
        return value

    @override
    def amount(self, minor: str, currency: str) -> str:
        cases = " ".join(
            f"WHEN {currency} IN ({', '.join(map(quoted, codes))}) THEN {_scaled(minor, number)}" for number, codes in digits().items()
        )
        return f"CASE {cases} ELSE {_scaled(minor, 2)} END"

    @override
    def object(self, pairs: Pairs) -> str:
        return _Record(_columns(pairs))

    @override
    def placed(self, alias: str) -> str:
        return alias

    @override
    def row(self, expression: str, found: Found, name: str) -> Row:
        # Of a row that stands in FROM a list is made without making JSON of each row first.
        return Row(name, beside=f", LATERAL (SELECT {expression.columns}) {name}") if isinstance(expression, _Record) else Row(expression)

    @override
    def rows(self, found: Found, rows: Sequence[Row]) -> str:
        alias = found.alias
        limit = "" if found.limit is None else f" LIMIT {found.limit}"
        source = f'(SELECT {alias}.* FROM "{found.table}" {alias}{found.rest}{limit}) {alias}'
        if found.numbered:
            source = f'(SELECT {alias}.*, row_number() OVER () AS "{PLACE}", count(*) OVER () AS "{FOUND}" FROM {source}) {alias}'
        if found.backwards:
            source = f'(SELECT {alias}.* FROM {source} ORDER BY {alias}."{PLACE}" DESC) {alias}'
        return f"{source}{''.join(row.beside for row in rows)}"

    @override
    def json(self, expression: str) -> str:
        return f"to_json({expression})"

    @override
    def raw(self, expression: str) -> str:
        return expression  # the reader's connections take JSON as it comes

    @override
    def gathered(self, pairs: Pairs, source: str) -> str:
        return f"(SELECT row_to_json(o) FROM (SELECT {_columns(pairs)} FROM {source}) o)"

    @override
    def provided(self, condition: str, expression: str) -> str:
        return f"CASE WHEN {condition} THEN {expression} END"

    @override
    def select(self, expression: str, source: str) -> str:
        return f"(SELECT {expression} FROM {source})"

    @override
    def array(self, expression: str, condition: str = "") -> str:
        return f"coalesce(json_agg({expression}){f' FILTER (WHERE {condition})' if condition else ''}, '[]'::json)"

    @override
    def cursor(self, purpose: str, keys: Sequence[Key], resource: Resource, alias: str) -> str:
        """The same bytes as `core.records.pages.sealed`: a check sum of MD5, and JSON, in base64 for URLs."""
        values = "|| ',' ||".join(f"coalesce(to_json({_wire(key, resource, alias)})::text, 'null')" for key in keys)
        body = f"'[' || {values} || ']'"
        seal = f"substring(decode(md5(convert_to({quoted(purpose)} || {body}, 'UTF8')), 'hex') FROM 1 FOR 9)"
        code = f"encode({seal} || convert_to({body}, 'UTF8'), 'base64')"
        return f"rtrim(translate({code}, E'+/\\n', '-_'), '=')"

    @override
    def listed(self, place: str, kinds: str) -> str:
        return f"unnest({place}, {kinds}) WITH ORDINALITY AS u(key, kind, i)"


def _columns(pairs: Pairs) -> str:
    if any(len(name.encode()) > LONGEST_NAME for name, _ in pairs):
        raise Unfit("a response key that is longer than a name")
    return ", ".join(f'{expression} AS "{name}"' for name, expression in pairs)


def _scaled(value: str, digits: int) -> str:
    """Units as a decimal text with so many digits after the point."""
    return f"({value} * {'0.' + '0' * (digits - 1) + '1'})::text" if digits else f"({value})::text"


def _wire(key: Key, resource: Resource, alias: str) -> str:
    value, column = key.sql(alias), column_of(resource, key)
    if column is not None and column.kind is Kind.BOOLEAN:
        value = f"{value}::int"
    return f'CASE WHEN {alias}."{key.of}" IS NOT NULL THEN {value} END' if key.of else value
