"""SQLite: JSON is put together as text. Its own functions for JSON forget, at the edge of a subselect, what is JSON and what is text."""

from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from core.database.functions import CURSOR, FLOAT, LIST, MEAN, TIME
from core.records.orders import Key, column_of
from core.records.parameters import kept
from core.resources import Column, Kind, Resource
from schema.readpath.dialect import FOUND, PLACE, Dialect, Found, Pairs, Row, cases, digits, quoted, renamed
from schema.readpath.sqlite_json import Plain, written

# Of a row that is dear to write one does not write more than the page holds, as one would before the rows are sorted.
DEAR = ("(SELECT ", f"{CURSOR}(", f"{FLOAT}(")


class Sqlite(Dialect):
    """The dialect of SQLite 3.35 and newer."""

    null = Plain("'null'", "NULL")

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
        if key.null and not key.flag:  # said like this an index helps, and with a term for being null none does
            return [f"{key.terms(alias)[-1]} {'DESC NULLS FIRST' if key.descending else 'NULLS LAST'}"]
        return [f"{term} DESC" if key.descending else term for term in key.terms(alias)]

    @override
    def among(self, expression: str, select: str) -> str:
        return f"{expression} IN ({select})"

    @override
    def rule(self, test: str) -> str:
        # Without figures SQLite takes any test for equality for one that few rows pass, and would look among all that
        # somebody owns for the three deals of a contact.
        return f"likelihood({test}, 0.9)"

    @override
    def string(self, text: str) -> str:
        return Plain(quoted(f'"{text}"'), quoted(text))

    @override
    def number(self, expression: str) -> str:
        return Plain(expression, expression)

    @override
    def truth(self, expression: str) -> str:
        return f"CASE WHEN {expression} THEN 'true' ELSE 'false' END"

    @override
    def text(self, expression: str) -> str:
        return Plain(f"json_quote({expression})", expression)

    @override
    def day(self, value: str) -> str:
        return Plain(f"json_quote({value})", value)

    @override
    def integer(self, value: str) -> str:
        return Plain(f"coalesce({value}, 'null')", value)

    @override
    def decimal(self, units: str, digits: int) -> str:
        return self.text(_scaled(units, digits))

    @override
    def rounded(self, total: str, count: str) -> str:
        return f"CASE WHEN {total} < 0 THEN -1 ELSE 1 END * ((2 * abs({total}) + {count}) / nullif(2 * {count}, 0))"

    @override
    def mean(self, total: str, count: str) -> str:
        return f"coalesce({MEAN}({total}, {count}), 'null')"

    @override
    def exactly(self, text: str) -> str:
        return text

    @override
    def sorted_array(self, expression: str, order: str, condition: str) -> str:
        return f"coalesce({LIST}({expression}, {order}) FILTER (WHERE {condition}), '[]')"

    @override
    def column(self, resource: Resource, column: Column, value: str, *, null: bool) -> str:
        return self.text(value) if column.kind in _TEXTS else _column(resource, column, value, null=null)

    @override
    def amount(self, minor: str, currency: str) -> str:
        cases = " ".join(
            f"WHEN {currency} IN ({', '.join(map(quoted, codes))}) THEN {_scaled(minor, number)}" for number, codes in digits().items()
        )
        return f"CASE {cases} ELSE {_scaled(minor, 2)} END"

    @override
    def object(self, pairs: Pairs) -> str:
        return written(pairs)

    @override
    def placed(self, alias: str) -> str:
        return f"{alias}k"

    @override
    def row(self, expression: str, found: Found, name: str) -> Row:
        # While it is found a row is at hand; later it is looked for again by its number.
        if found.numbered or (found.limit is not None and any(one in expression for one in DEAR)):
            return Row(expression)
        return Row(f'{self.placed(found.alias)}."{name}"', inside=f'{expression} AS "{name}"')

    @override
    def rows(self, found: Found, rows: Sequence[Row]) -> str:
        # SQLite carries all columns of a select in FROM along, used or not: here they are the few that are needed.
        alias, keys = found.alias, self.placed(found.alias)
        again = found.numbered or not rows or any(not row.inside for row in rows)
        columns = ", ".join([*([f"{alias}._rowid_ AS r"] if again else []), *(row.inside for row in rows if row.inside)])
        limit = "" if found.limit is None else f" LIMIT {found.limit}"
        source = f'(SELECT {columns} FROM "{found.table}" {alias}{found.rest}{limit}) {keys}'
        if found.numbered:
            source = f'(SELECT {keys}.*, row_number() OVER () AS "{PLACE}", count(*) OVER () AS "{FOUND}" FROM {source}) {keys}'
        if found.backwards:
            source = f'(SELECT {keys}.* FROM {source} ORDER BY {keys}."{PLACE}" DESC{limit}) {keys}'
        return f'{source} CROSS JOIN "{found.table}" {alias} ON {alias}._rowid_ = {keys}.r' if again else source

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


_TEXTS = (Kind.STRING, Kind.TEXT, Kind.UUID, Kind.DATE)


def _column(resource: Resource, column: Column, value: str, *, null: bool) -> str:
    match column.kind:
        case Kind.ID:
            return _or_null(f"""'"{resource.snake}_' || {value} || '"'""", f"{quoted(resource.snake + '_')} || {value}", null=null)
        case Kind.DATETIME:
            return _in_quotes(_time(value), null=null)
        case Kind.DECIMAL:
            return _in_quotes(_scaled(value, column.scale), null=null)
        case Kind.INT | Kind.BIG_INT:
            return _or_null(value, value, null=null)
        case Kind.ENUM:
            names = renamed(column)
            return _in_quotes(f"CASE {value} {cases(names)} END" if names else value, null=null)
    return f"coalesce({_unlike(column, value)}, 'null')" if null else _unlike(column, value)


def _unlike(column: Column, value: str) -> str:
    """JSON of what SQLite itself would write in another way; null where it is null."""
    match column.kind:
        case Kind.BOOLEAN:
            return f"CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
        case Kind.FLOAT:
            return f"{FLOAT}({value})"  # SQLite writes 15 digits of the 17 that a number may need
        case Kind.JSON:  # a JSON that is a mere number is kept as one
            return f"CASE typeof({value}) WHEN 'real' THEN {FLOAT}({value}) ELSE {value} END"
    return f"json_quote({value})"


def _in_quotes(value: str, *, null: bool) -> Plain:
    """A text in which nothing has to be escaped."""
    return _or_null(f"""'"' || {value} || '"'""", value, null=null)


def _or_null(text: str, value: str, *, null: bool) -> Plain:
    return Plain(f"coalesce({text}, 'null')" if null else text, value)


def _time(value: str) -> str:
    """A time as RFC 3339 with as many digits of the second as are not zero; what is not kept in UTC is read by Python.

    Nearly all times have six digits, of which the last is not zero: these are told at one glance.
    """
    return (
        f"CASE WHEN {value} GLOB '????-??-?? ??:??:??.?????[1-9]+00:00' THEN replace({value}, ' ', 'T')"
        f" WHEN substr({value}, -6) <> '+00:00' THEN {TIME}({value})"
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
    value, column = key.sql(alias), column_of(resource, key)
    if column is not None and column.kind is Kind.DATETIME:
        value = _time(value)
    return f'CASE WHEN {alias}."{key.of}" IS NOT NULL THEN {value} END' if key.of else value
