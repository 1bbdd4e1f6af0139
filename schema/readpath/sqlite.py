"""SQLite: JSON is put together as text. Its own functions for JSON forget, at the edge of a subselect, what is JSON and what is text."""

from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from core.database.functions import CURSOR, FLOAT, LIST, TIME, kept
from core.records.orders import Key
from core.resources import Column, Kind, Resource
from schema.readpath.dialect import Dialect, Pairs, cases, digits, json_name, quoted, renamed

MOST = 50  # pairs in one chain of ||, whose depth is limited


class Sqlite(Dialect):
    """The dialect of SQLite 3.35 and newer."""

    null = "'null'"

    @override
    def place(self, number: int, kind: str, *, many: bool = False) -> str:
        return f"?{number}"

    @override
    def value(self, value: Any) -> Any:
        return kept(value)

    @override
    def one_of(self, expression: str, place: str) -> str:
        return f"{expression} IN (SELECT value FROM json_each({place}))"

    @override
    def contains(self, operator: str, column: str, place: str) -> str:
        match operator:
            case "contains":
                return f"instr({column}, {place}) > 0"
            case "starts_with":
                return f"substr({column}, 1, length({place})) = {place}"
        return f"({place} = '' OR substr({column}, -length({place})) = {place})"

    @override
    def order(self, key: Key, alias: str) -> list[str]:
        return [f"{term} DESC" if key.descending else term for term in key.terms(alias)]

    @override
    def string(self, text: str) -> str:
        return quoted(f'"{text}"')

    @override
    def number(self, expression: str) -> str:
        return expression

    @override
    def truth(self, expression: str) -> str:
        return f"CASE WHEN {expression} THEN 'true' ELSE 'false' END"

    @override
    def text(self, expression: str) -> str:
        return f"json_quote({expression})"

    @override
    def day(self, value: str) -> str:
        return f"""coalesce('"' || {value} || '"', 'null')"""

    @override
    def integer(self, value: str) -> str:
        return f"coalesce({value}, 'null')"

    @override
    def decimal(self, units: str, digits: int) -> str:
        return f"""coalesce('"' || {_scaled(units, digits)} || '"', 'null')"""

    @override
    def rounded(self, total: str, count: str) -> str:
        return f"CASE WHEN {total} < 0 THEN -1 ELSE 1 END * ((2 * abs({total}) + {count}) / nullif(2 * {count}, 0))"

    @override
    def mean(self, total: str, count: str) -> str:
        return f"coalesce({FLOAT}(CAST({total} AS REAL) / nullif({count}, 0)), 'null')"

    @override
    def exactly(self, text: str) -> str:
        return text

    @override
    def sorted_array(self, expression: str, order: str, condition: str) -> str:
        return f"coalesce({LIST}({expression}, {order}) FILTER (WHERE {condition}), '[]')"

    @override
    def column(self, resource: Resource, column: Column, value: str, *, null: bool) -> str:
        expression = _written(resource, column, value)
        return f"coalesce({expression}, 'null')" if null else expression

    @override
    def amount(self, minor: str, currency: str) -> str:
        cases = " ".join(
            f"WHEN {currency} IN ({', '.join(map(quoted, codes))}) THEN {_scaled(minor, number)}" for number, codes in digits().items()
        )
        return f"CASE {cases} ELSE {_scaled(minor, 2)} END"

    @override
    def object(self, pairs: Pairs) -> str:
        heads = [quoted(f"{',' if place else ''}{json_name(name)}:") for place, (name, _) in enumerate(pairs)]
        parts = [f"{head} || {expression}" for head, (_, expression) in zip(heads, pairs, strict=True)]
        groups = [" || ".join(parts[start : start + MOST]) for start in range(0, len(parts), MOST)]
        inner = groups[0] if len(groups) == 1 else " || ".join(f"({group})" for group in groups)
        return f"('{{' || {inner} || '}}')" if groups else "'{}'"

    @override
    def beside(self, expression: str, name: str) -> tuple[str, str]:
        return expression, ""

    @override
    def json(self, expression: str) -> str:
        return expression

    @override
    def raw(self, expression: str) -> str:
        return f"CAST({expression} AS BLOB)"

    @override
    def gathered(self, pairs: Pairs, source: str) -> str:
        return f"(SELECT {self.object(pairs)} FROM {source})"

    @override
    def provided(self, condition: str, expression: str) -> str:
        return f"CASE WHEN {condition} THEN {expression} ELSE 'null' END"

    @override
    def select(self, expression: str, source: str) -> str:
        return f"coalesce((SELECT {expression} FROM {source}), 'null')"

    @override
    def array(self, expression: str, condition: str = "") -> str:
        return f"'[' || coalesce(group_concat({expression}){f' FILTER (WHERE {condition})' if condition else ''}, '') || ']'"

    @override
    def cursor(self, purpose: str, keys: Sequence[Key], resource: Resource, alias: str) -> str:
        return f"{CURSOR}({', '.join([quoted(purpose), *(_wire(key, resource, alias) for key in keys)])})"

    @override
    def listed(self, place: str, kinds: str) -> str:
        keys = f"json_each({place}) AS k JOIN json_each({kinds}) AS n ON n.key = k.key"
        return f"(SELECT k.value AS key, n.value AS kind, k.key AS i FROM {keys}) AS u"


def _written(resource: Resource, column: Column, value: str) -> str:
    """A value as JSON; null where it is null."""
    match column.kind:
        case Kind.ID:
            return f"""'"{resource.snake}_' || {value} || '"'"""
        case Kind.UUID | Kind.DATE:
            return f"""'"' || {value} || '"'"""
        case Kind.DATETIME:
            return f"""'"' || {_time(value)} || '"'"""
        case Kind.DECIMAL:
            return f"""'"' || {_scaled(value, column.scale)} || '"'"""
        case Kind.BOOLEAN:
            return f"CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
        case Kind.FLOAT:
            return f"{FLOAT}({value})"  # SQLite writes 15 digits of the 17 that a number may need
        case Kind.INT | Kind.BIG_INT:
            return value
        case Kind.JSON:  # a JSON that is a mere number is kept as one
            return f"CASE typeof({value}) WHEN 'real' THEN {FLOAT}({value}) ELSE {value} END"
        case Kind.ENUM:
            names = renamed(column)
            if not names:
                return f"""'"' || {value} || '"'"""
            return f"CASE {value} {cases(names, json=True)} END"
    return f"json_quote({value})"


def _time(value: str) -> str:
    """A time as RFC 3339 with as many digits of the second as are not zero; what is not kept in UTC is read by Python."""
    return (
        f"CASE WHEN substr({value}, -6) <> '+00:00' THEN {TIME}({value})"
        f" WHEN length({value}) = 25 THEN replace({value}, ' ', 'T')"
        f" ELSE replace(rtrim(substr({value}, 1, 26), '0'), ' ', 'T') || '+00:00' END"
    )


def _scaled(value: str, digits: int) -> str:
    """Units as a decimal text with so many digits after the point."""
    if not digits:
        return f"CAST({value} AS TEXT)"
    unit = 10**digits
    sign = f"CASE WHEN {value} < 0 THEN '-' ELSE '' END"
    return f"CASE WHEN {value} IS NOT NULL THEN printf('%s%d.%0{digits}d', {sign}, abs({value}) / {unit}, abs({value}) % {unit}) END"


def _wire(key: Key, resource: Resource, alias: str) -> str:
    value = f'{alias}."{key.attribute}"'
    column = resource.columns.get(key.attribute)
    if column is not None and column.kind is Kind.DATETIME:
        value = _time(value)
    return f'CASE WHEN {alias}."{key.of}" IS NOT NULL THEN {value} END' if key.of else value
