"""What SQL works out of a row, in the statements of the object mapper: as a value, a test, or a key of an order."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pypika_tortoise.context import SqlContext
from pypika_tortoise.enums import Dialects
from pypika_tortoise.queries import Table
from pypika_tortoise.terms import Criterion, ValueWrapper
from pypika_tortoise.utils import format_alias_sql
from tortoise.expressions import Expression, Q, ResolveContext, ResolveResult, Subquery
from tortoise.query_utils import QueryModifier
from typing_extensions import override

from core.expressions import LATER, NAME, NOW, ROW, Expressed
from core.records.parameters import kept, kind_of
from core.records.visibility import visible
from core.resources import Column, Kind, Resource

if TYPE_CHECKING:
    from core.crm import Call

SIGNS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Worked(Expression):
    """The value of an expressed field for the rows of a queryset. Raises Forbidden when the actor may see no row of some model in it."""

    def __init__(self, call: "Call", one: Expressed) -> None:
        self.column = one.column
        self.sql = one.sql
        self.moments = {name: call.moment + one.after(name) for name in (NOW, LATER)}
        self.rows = {name: visible(call, model).values(*sorted(model._meta.db_fields)) for name, model in one.rows.items()}

    @override
    def resolve(self, resolve_context: ResolveContext) -> ResolveResult:
        return ResolveResult(term=_Written(self, resolve_context.table))


class Missing(Expression):
    """Whether an expressed field has no value."""

    def __init__(self, worked: Worked) -> None:
        self.worked = worked

    @override
    def resolve(self, resolve_context: ResolveContext) -> ResolveResult:
        return ResolveResult(term=_Written(self.worked, resolve_context.table, "is_null", True))


class Holds(Q):
    """A test of an expressed field, true or false and never unknown: an operator of the filters of the API, and its value."""

    __slots__ = ("operator", "value", "worked")

    def __init__(self, worked: Worked, operator: str, value: Any) -> None:
        super().__init__()
        self.worked, self.operator, self.value = worked, operator, value

    @override
    def resolve(self, resolve_context: ResolveContext) -> QueryModifier:
        return QueryModifier(where_criterion=_Written(self.worked, resolve_context.table, self.operator, self.value))

    @override
    def __invert__(self) -> Q:
        return ~Q(self)

    @override
    def __bool__(self) -> bool:
        return True

    @override
    def __eq__(self, other: object) -> bool:
        return self is other

    @override
    def __hash__(self) -> int:
        return id(self)


class Among(Q):
    """The test that the id of a row is among those that a SELECT of one column gives, in which `{name}` stands for the rows of a queryset.

    `Contact.filter(Among("SELECT d.contact_id FROM {deals} AS d", deals=visible(call, Deal).values("contact_id")))`

    The querysets start at `visible`, and nothing that a client sent may be put into `sql`.
    """

    __slots__ = ("rows", "sql")

    def __init__(self, sql: str, **rows: Any) -> None:
        super().__init__()
        self.sql, self.rows = sql, rows

    @override
    def resolve(self, resolve_context: ResolveContext) -> QueryModifier:
        return QueryModifier(where_criterion=_Member(self, resolve_context.table))

    @override
    def __invert__(self) -> Q:
        return ~Q(self)

    @override
    def __bool__(self) -> bool:
        return True

    @override
    def __eq__(self, other: object) -> bool:
        return self is other

    @override
    def __hash__(self) -> int:
        return id(self)


async def values(call: "Call", resource: Resource, one: Expressed, keys: Sequence[Any]) -> dict[Any, Any]:
    """The values of a field for records by their keys. Raises Forbidden when the actor may see no row of some model in it."""
    found = await resource.model.filter(id__in=list(keys)).annotate(_worked=Worked(call, one)).values_list("id", "_worked")
    return {key: one.python(value) for key, value in found}


class _Written(Criterion):
    """An expression, or with an operator a test of it, as SQL."""

    def __init__(self, worked: Worked, table: Table, operator: str | None = None, value: Any = None) -> None:
        super().__init__()
        self.worked, self.table, self.operator, self.value = worked, table, operator, value

    @override
    def get_sql(self, ctx: SqlContext) -> str:
        text = self._whole(ctx.copy(with_alias=False, subquery=False, subcriterion=False))
        return format_alias_sql(text, self.alias, ctx) if ctx.with_alias else text

    def _whole(self, ctx: SqlContext) -> str:
        if self.operator is None:
            return self._text(ctx)
        if self.operator == "is_null":
            return f"({self._text(ctx)} IS {'' if self.value else 'NOT '}NULL)"
        return f"({self._test(ctx)} AND {self._text(ctx)} IS NOT NULL)"

    def _test(self, ctx: SqlContext) -> str:
        column, text = self.worked.column, self._text(ctx)
        if self.operator == "in":
            return f"{text} IN ({', '.join(_place(one, ctx, column) for one in self.value)})"
        if column.kind is Kind.BOOLEAN and self.operator == "eq":
            return text if self.value else f"NOT {text}"
        return f"{text} {SIGNS[str(self.operator)]} {_place(self.value, ctx, column)}"

    def _text(self, ctx: SqlContext) -> str:
        def place(match: re.Match[str]) -> str:
            if match[1] == ROW:
                return f'"{self.table.get_table_name()}"'
            if match[1] in self.worked.moments:
                return _place(self.worked.moments[match[1]], ctx, _MOMENT)
            return f"({Subquery(self.worked.rows[match[1]]).get_sql(ctx)})"

        return f"({NAME.sub(place, self.worked.sql)})"


class _Member(Criterion):
    """The test of Among as SQL."""

    def __init__(self, among: Among, table: Table) -> None:
        super().__init__()
        self.among, self.table = among, table

    @override
    def get_sql(self, ctx: SqlContext) -> str:
        inner = ctx.copy(with_alias=False, subquery=False, subcriterion=False)

        def rows(match: re.Match[str]) -> str:
            return f"({Subquery(self.among.rows[match[1]]).get_sql(inner)})"

        return f'"{self.table.get_table_name()}"."id" IN ({NAME.sub(rows, self.among.sql)})'


_MOMENT = Column("now", Kind.DATETIME, None, null=False, required=True, description="The present moment.")


def _place(value: Any, ctx: SqlContext, column: Column) -> str:
    """The place of a parameter; PostgreSQL is told its type, as nothing beside it may say so."""
    if ctx.dialect is not Dialects.POSTGRESQL:
        return ValueWrapper(kept(value)).get_sql(ctx)
    return f"CAST({ValueWrapper(value).get_sql(ctx)} AS {kind_of(column)})"
