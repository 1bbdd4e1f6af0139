"""Which rows are meant, as SQL: filters, as `core.records.filters` makes them a Q, and cursors, as `core.records.orders` does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from core.crm import Call
from core.database.indices import walks
from core.expressions import Expressed
from core.money import minor_units
from core.permissions import demand
from core.records.filters import TEXTUAL, comparable, measure
from core.records.orders import Key, Order, column_of, keyset
from core.records.pages import position
from core.records.parameters import kind_of
from core.resources import Column, Kind, Linked, Resource, ToMany, ToOne
from schema.readpath.arguments import Given
from schema.readpath.dialect import quoted
from schema.readpath.rules import table, visible
from schema.readpath.statement import Statement
from schema.readpath.variables import Unfit, Variables
from schema.readpath.worked import worked

SIGNS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def filtered(made: Statement, resource: Resource, alias: str, where: Given | None) -> list[str]:
    """Tests that hold for the rows of `alias` that a filter means. Each is true or false, and never unknown.

    Raises Unfit for a filter that is to be refused.
    """
    if where is None:
        return []
    made.check(lambda _, variables: measure(where.at(variables), "where"))
    return tests_of(made, resource, alias, where)


def tests_of(made: Statement, resource: Resource, alias: str, where: Given) -> list[str]:
    """The tests of a filter that is known to be small enough."""
    tests = []
    for name, test in where.items():
        if test.value is None and name not in ("and", "or", "not"):
            raise Unfit("null for a test")
        if name in ("and", "or"):
            parts = [_all(tests_of(made, resource, alias, one)) for one in test] if test.value else []
            tests += parts if name == "and" else [f"({' OR '.join(parts)})" if parts else "FALSE"]
        elif name == "not":
            tests.append(f"NOT {_all(tests_of(made, resource, alias, test) if test.value else [])}")
        else:
            tests.append(_field(made, resource, alias, name, test))
    return tests


def _all(tests: Sequence[str]) -> str:
    return f"({' AND '.join(tests)})" if tests else "TRUE"


def _field(made: Statement, resource: Resource, alias: str, name: str, test: Given) -> str:
    crm = made.call.crm
    if made.ruled:
        demand(made.call, resource, name)
    if column := resource.columns.get(name):
        if column.kind is Kind.MONEY:
            return _all(_money(made, column, alias, test))
        return _all(_column(made, resource, column, _Side.of(column, alias, made), test))
    if one := crm.worked(resource, name):
        return _worked(made, resource, one, alias, test)
    if relation := resource.to_one.get(name):
        return _to_one(made, relation, alias, test)
    if link := resource.linked.get(name):
        return _quantified(test, lambda inner, negated: _linked(made, link, alias, inner, negated=negated))
    back = crm.resources.children(resource)[name]
    if back.single:
        return _child(made, back, alias, test)
    return _quantified(test, lambda inner, negated: _child(made, back, alias, inner, negated=negated))


def _worked(made: Statement, resource: Resource, one: Expressed, alias: str, test: Given) -> str:
    first, text = len(made.binds), worked(made, one, alias)
    tests = _column(made, resource, one.column, _Side(text, text), test)
    if not any(text in one for one in tests):  # nothing is compared: PostgreSQL wants no parameter that is not used
        del made.binds[first:]
    return _all(tests)


@dataclass(frozen=True)
class _Side:
    """SQL of what is compared, and of what tells whether there is a value.

    It leads when an index goes on from it in the order of the list.
    """

    value: str
    whole: str
    leads: bool = False

    @classmethod
    def of(cls, column: Column, alias: str, made: Statement) -> "_Side":
        leads = column.kind is Kind.ID and column.name in made.led.get(alias, ())
        return cls(f'{alias}."{column.compared}"', f'{alias}."{column.name}"', leads)


def _column(made: Statement, resource: Resource, column: Column, sql: _Side, test: Given) -> list[str]:
    tests = []
    for operator, value in test.items():
        if operator == "is_null" or (operator == "eq" and value.value is None):
            tests.append(_null(sql.whole, True if operator == "eq" else value.value))
        elif value.value is None:
            raise Unfit("null is compared")
        elif operator in ("ne", "not_in"):
            tests.append(f"NOT {_compared(made, resource, column, sql, 'eq' if operator == 'ne' else 'in', value)}")
        else:
            tests.append(_compared(made, resource, column, sql, operator, value))
    return tests


def _null(expression: str, value: Any) -> str:
    if value is None:
        raise Unfit("neither true nor false")
    return f"{expression} IS {'' if value else 'NOT '}NULL"


def _compared(made: Statement, resource: Resource, column: Column, sql: _Side, operator: str, value: Given) -> str:
    keep, compared = made.dialect.value, sql.value
    filled = f" AND {sql.whole} IS NOT NULL" if column.null else ""
    if column.kind is Kind.BOOLEAN and made.call.crm.worked(resource, column.name):  # true and false belong to the shape of variables
        return f"({'' if value.value else 'NOT '}{compared}{filled})"  # so that an index helps, where it helps the expression
    if column.kind is Kind.ENUM and column.enum:
        return f"({compared} IN ({_words(made, resource, column, operator, value)}){filled})" if value.value != [] else "FALSE"
    if operator == "in":
        if not value.value:
            return "FALSE"

        def several(_: Call, variables: Variables) -> Any:
            return keep([comparable(resource, column, "in", one, "where") for one in value.at(variables)])

        return f"({made.dialect.one_of(compared, made.bind(several, kind_of(column), many=True))}{filled})"

    def one(_: Call, variables: Variables) -> Any:
        return keep(comparable(resource, column, operator, value.at(variables), "where"))

    place = made.bind(one, kind_of(column), steady=sql.leads and operator == "eq")
    test = made.dialect.contains(operator, compared, place) if operator in TEXTUAL else f"{compared} {SIGNS[operator]} {place}"
    return f"({test}{filled})"


def _words(made: Statement, resource: Resource, column: Column, operator: str, value: Given) -> str:
    """The values of an enumeration, as they stand in the text: they are our own, and what a plan is good for depends on them."""

    def words(_: Call, variables: Variables) -> tuple[str | int, ...]:
        given = value.at(variables)
        found = {comparable(resource, column, operator, one, "where") for one in (given if operator == "in" else [given])}
        return tuple(sorted(one.value for one in found))

    return ", ".join(quoted(word) if isinstance(word, str) else str(int(word)) for word in made.ask(words))


def _money(made: Statement, column: Column, alias: str, test: Given) -> list[str]:
    amount, code = f'{alias}."{column.name}"', f'{alias}."{column.currency}"'
    currency = test.get("currency")
    tests = []
    for operator, value in test.items():
        if operator == "is_null":
            tests.append(_null(amount, value.value))
        elif currency is None or value.value is None:
            raise Unfit("money without a currency")
        elif operator == "currency":
            place = made.bind(lambda _, variables, value=value: value.at(variables), "text")
            tests.append(f"({code} = {place} AND {amount} IS NOT NULL AND {code} IS NOT NULL)")
        else:

            def minor(_: Call, variables: Variables, value: Given = value, currency: Given = currency) -> int:
                return minor_units(value.at(variables), currency.at(variables), "where")

            filled = f" AND {amount} IS NOT NULL" if column.null else ""
            tests.append(f"({amount} {SIGNS[operator]} {made.bind(minor, 'bigint')}{filled})")
    return tests


def _to_one(made: Statement, relation: ToOne, alias: str, test: Given) -> str:
    rows = _rows(made, made.call.crm.resource(relation.model), "id", test, led=relation.attr in made.led.get(alias, ()))
    return f'({alias}."{relation.attr}" IN ({rows}) AND {alias}."{relation.attr}" IS NOT NULL)'


def _quantified(test: Given, matching: Any) -> str:
    tests = []
    for quantifier, inner in test.items():
        if inner.value is None:
            raise Unfit("null for a filter")
        found = matching(inner, quantifier == "every")
        tests.append(found if quantifier == "some" else f"NOT {found}")
    return _all(tests)


def _child(made: Statement, back: ToMany, alias: str, test: Given, *, negated: bool = False) -> str:
    child = made.call.crm.resource(back.model)
    rows = _rows(made, child, back.attr, test, negated=negated, filled=True)
    return f'({alias}."id" IN ({rows}))'


def _linked(made: Statement, link: Linked, alias: str, test: Given, *, negated: bool = False) -> str:
    rows, tie = _rows(made, made.call.crm.resource(link.model), "id", test, negated=negated), made.alias()
    ties = f'SELECT {tie}."{link.near}" FROM "{link.through._meta.db_table}" {tie} WHERE {tie}."{link.far}" IN ({rows})'
    return f'({alias}."id" IN ({ties}))'


def _rows(
    made: Statement, resource: Resource, attr: str, where: Given, *, negated: bool = False, filled: bool = False, led: bool = False
) -> str:
    """A select of one column of the visible rows that a filter means, or of the others."""
    alias = made.alias()
    if led:
        made.led[alias] = ("id",)
    tests, inner = visible(made, resource, alias), tests_of(made, resource, alias, where)
    tests += [f"NOT {_all(inner)}"] if negated else inner
    if filled:
        tests.append(f'{alias}."{attr}" IS NOT NULL')
    return f'SELECT {alias}."{attr}" FROM "{table(resource)}" {alias}{where_of(tests)}'


def where_of(tests: Sequence[str]) -> str:
    """The WHERE of these tests, if there are any."""
    return f" WHERE {' AND '.join(tests)}" if tests else ""


# Cursors


def beyond(made: Statement, resource: Resource, orders: Sequence[Order], cursor: Given, alias: str, *, backwards: bool) -> list[str]:
    """Tests that hold for the rows of `alias` that come after a cursor, or before it when `backwards`."""
    keys = keyset(resource, orders, backwards=backwards)
    memory = ("cursor", made.alias())  # among the variables of a request, none of which has such a name

    def values(variables: Variables) -> list[Any]:
        if memory not in variables:
            variables[memory] = position(resource, orders, cursor.at(variables), "before" if backwards else "after")
        return variables[memory]

    nulls: tuple[bool, ...] = made.ask(lambda _, variables: tuple(value is None for value in values(variables)))
    keep, kinds = made.dialect.value, [_kind(resource, key) for key in keys]

    steady = walks(resource.model, keys)

    @cache
    def place(index: int) -> str:
        return made.bind(lambda _, variables: keep(values(variables)[index]), kinds[index], steady=steady)

    columns = [key.sql(alias) for key in keys]
    descending, plain = {key.descending for key in keys}, not any(nulls) and not any(key.of or key.flag for key in keys)
    if plain and len(descending) == 1 and (True in descending or not any(key.null for key in keys)):
        # As a row of values, so that an index leads straight to it however far it is. Where nulls come first they are past.
        places = [place(index) for index in range(len(keys))]
        sign = "<" if keys[0].descending else ">"
        return [f"({', '.join(columns)}) {sign} ({', '.join(places)})" if len(keys) > 1 else f"{columns[0]} {sign} {places[0]}"]
    alternatives = []
    for index, key in enumerate(keys):
        after = _after(key, columns[index], partial(place, index), null=nulls[index])
        if after is not None:
            same = [_same(one, columns[at], partial(place, at), null=nulls[at]) for at, one in enumerate(keys[:index])]
            alternatives.append(_all([*same, after]))
    bound = []
    if not nulls[0] and not keys[0].flag and (keys[0].descending or not keys[0].null):
        # Says nothing new, but an index leads to it, as it does not to alternatives.
        bound.append(f"{columns[0]} {'<=' if keys[0].descending else '>='} {place(0)}")
    return [*bound, f"({' OR '.join(alternatives)})"]


def _kind(resource: Resource, key: Key) -> str:
    column = column_of(resource, key)
    return kind_of(column) if column else "text"  # a folded form, or a currency


def _same(key: Key, column: str, place: Callable[[], str], *, null: bool) -> str:
    if key.of and null:
        return "TRUE"
    if null or key.flag:
        return f"{column} IS {'' if null else 'NOT '}NULL"
    return f"{column} = {place()}"


def _after(key: Key, column: str, place: Callable[[], str], *, null: bool) -> str | None:
    if key.of and null:
        return None
    if null:
        return f"{column} IS NOT NULL" if key.descending else None
    if key.flag:
        return None if key.descending else f"{column} IS NULL"
    if key.descending:
        return f"{column} < {place()}"
    return f"({column} > {place()} OR {column} IS NULL)" if key.null else f"{column} > {place()}"
