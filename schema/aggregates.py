"""`contactsAggregate`: groups with their counts, sums and extremes."""

import datetime
import decimal
from collections.abc import Mapping
from typing import Annotated, Any, Optional

import strawberry
from strawberry.types.field import StrawberryField
from strawberry.types.nodes import FragmentSpread, InlineFragment, SelectedField

from core.crm import CRM, Call
from core.money import Money
from core.naming import camel
from core.records.aggregates import COMPARED, GROUPED, SUMMED, Group, Grouping, aggregate, grouping
from core.records.calendars import Calendar, Period
from core.records.visibility import visible
from core.resources import Column, Kind, Resource
from schema.inputs import Inputs, plain
from schema.make import Book, described
from schema.readpath.reads import Groups, marked
from schema.scalars import BigInt
from schema.types import KINDS

FUNCTIONS = {
    "sum": "Sums. Null where no row has a value; money by currency.",
    "avg": "Means of the rows that have a value, halves rounded away from zero. Null where none has; money by currency.",
    "min": "Smallest values. Null where no row has one; money by currency.",
    "max": "Largest values. Null where no row has one; money by currency.",
}


class Aggregates:
    """The aggregate fields of one house."""

    def __init__(self, crm: CRM, book: Book, inputs: Inputs) -> None:
        self.crm, self.book, self.inputs = crm, book, inputs

    def field(self, resource: Resource) -> StrawberryField:
        """`contactsAggregate(where, groupBy)`."""
        to_group, row = self._grouping(resource), self._group(resource)

        async def resolve(info, where=None, group_by=None, include_deleted=False):
            call = info.context
            groupings = [_meant(call, resource, one) for one in group_by or []]
            wanted = _asked(resource, info)
            groups = await aggregate(call, resource, plain(where) if where else None, groupings, wanted, deleted=include_deleted)
            rows = {one.name: await _behind(call, resource, one.name, groups) for one in groupings if one.name in resource.to_one}
            return [_Shown(group, rows) for group in groups]

        resolve.__annotations__ |= {
            "info": strawberry.Info,
            "where": _argument(self.inputs.filter(resource), "Only rows like this."),
            "group_by": _argument(list[to_group], "What to put rows together by; one group of all rows when nothing is said."),
            "include_deleted": Annotated[bool, strawberry.argument(description="Whether deleted rows count.")],
            "return": list[row] | None,
        }
        name = f"{resource.plural}_aggregate"
        what = f"Groups of {resource.name} with counts, sums and extremes, in the order of their keys."
        return marked(self.book.field(name, list[row] | None, what, resolve), Groups(resource))

    def _grouping(self, resource: Resource) -> type:
        fields = {
            name: column.description for name, column in resource.columns.items() if column.kind in GROUPED and not column.field.unique
        }
        fields |= {
            name: relation.description for name, relation in resource.to_one.items() if relation.model in self.crm.resources.by_model
        }
        names = self.book.enum(f"{resource.name}GroupField", fields, f"What rows of {resource.name} can be put together by.")
        members = [
            self.book.member("field", names, "What to group by.", required=True),
            self.book.member("period", described(Period), "For dates and times, and only for them: how long a group is."),
            self.book.member("calendar", described(Calendar), "Whose months, quarters and years are meant; GREGORIAN when left out."),
            self.book.member("time_zone", str, "For times: the IANA time zone whose days are meant.", default="UTC"),
        ]
        return self.book.add(f"{resource.name}Grouping", members, f"One key to group {resource.name} by.", is_input=True)

    def _group(self, resource: Resource) -> type:
        name = resource.name
        members = [
            self.book.field("key", self._key(resource), "What the rows of this group have in common.", _key_of),
            self.book.field("count", int, "How many rows the group has.", _count_of),
        ]
        for function, description in FUNCTIONS.items():
            kind = self._values(resource, function)
            if kind is not None:
                members.append(self.book.field(function, kind, description, _function_of(function, kind)))
        return self.book.add(f"{name}Aggregate", members, f"A group of {name}.")

    def _key(self, resource: Resource) -> type:
        members = []
        for name, column in resource.columns.items():
            if column.kind not in GROUPED or column.field.unique:
                continue
            dated = column.kind in (Kind.DATE, Kind.DATETIME)
            kind = datetime.date if dated else described(column.enum) if column.enum else KINDS[column.kind]
            what = f"First day of the period of: {column.description}" if dated else column.description
            members.append(self.book.field(name, Optional[kind], what, _key_value(name, Optional[kind])))  # noqa: UP045  # kinds are values
        for name, relation in resource.to_one.items():
            if relation.model in self.crm.resources.by_model:
                members.append(self.book.field(name, relation.model | None, relation.description, _key_row(name, relation.model | None)))
        return self.book.add(
            f"{resource.name}GroupKey", members, f"The key of a group of {resource.name}; null for what it is not grouped by."
        )

    def _values(self, resource: Resource, function: str) -> type | None:
        kinds = SUMMED if function in ("sum", "avg") else COMPARED
        columns = [column for column in resource.columns.values() if column.kind in kinds]
        if not columns:
            return None
        members = [
            self.book.field(one.name, _kind(one, function), one.description, _value_of(function, one, _kind(one, function)))
            for one in columns
        ]
        return self.book.add(
            f"{resource.name}{function.title()}", members, f"{function.title()} over a group of {resource.name}. {FUNCTIONS[function]}"
        )


class _Shown:
    """A group with the rows behind its key."""

    def __init__(self, group: Group, rows: dict[str, dict[Any, Any]]) -> None:
        self.group, self.rows = group, rows


def _kind(column: Column, function: str) -> Any:
    if column.kind is Kind.MONEY:
        return list[Money]
    if column.kind is Kind.DECIMAL:
        return decimal.Decimal | None
    if column.kind in SUMMED:
        return float | None if function == "avg" else Optional[BigInt]  # noqa: UP045  # a NewType does not know |
    return KINDS[column.kind] | None


def _key_of(root: Any) -> Any:
    return root


def _count_of(root: Any) -> int:
    return root.group.count


def _function_of(function: str, kind: type) -> Any:
    def resolve(root: Any) -> Any:
        return root

    resolve.__annotations__["return"] = kind
    return resolve


def _key_value(name: str, kind: Any) -> Any:
    def resolve(root: Any) -> Any:
        return root.group.key.get(name)

    resolve.__annotations__["return"] = kind
    return resolve


def _key_row(name: str, kind: Any) -> Any:
    def resolve(root: Any) -> Any:
        return root.rows.get(name, {}).get(root.group.key.get(name))

    resolve.__annotations__["return"] = kind
    return resolve


def _value_of(function: str, column: Column, kind: Any) -> Any:
    def resolve(root: Any) -> Any:
        return root.group.values[function, column.name]

    resolve.__annotations__["return"] = kind
    return resolve


async def _behind(call: Any, resource: Resource, name: str, groups: list[Group]) -> dict[Any, Any]:
    keys = [group.key[name] for group in groups if group.key[name] is not None]
    return {row.id: row for row in await visible(call, resource.to_one[name].model).filter(id__in=keys)}


def _asked(resource: Resource, info: strawberry.Info) -> set[tuple[str, str]]:
    """The functions and columns that the operation selects."""
    names = {camel(name): name for name in resource.columns}

    def fields(selections: list[Any]) -> Any:
        for one in selections:
            if not _included(one.directives):
                continue
            if isinstance(one, SelectedField):
                yield one
            elif isinstance(one, FragmentSpread | InlineFragment):
                yield from fields(one.selections)

    return {
        (function.name, names[column.name])
        for field in info.selected_fields
        for function in fields(field.selections)
        if function.name in FUNCTIONS
        for column in fields(function.selections)
        if column.name in names
    }


def _included(directives: Mapping[str, Mapping[str, Any]]) -> bool:
    return not directives.get("skip", {}).get("if") and directives.get("include", {}).get("if") is not False


def _meant(call: Call, resource: Resource, one: Any) -> Grouping:
    zone = "UTC" if one.time_zone in (None, strawberry.UNSET) else one.time_zone
    return grouping(call, resource, one.field.value, one.period or None, zone, one.calendar or Calendar.GREGORIAN)


def _argument(kind: Any, description: str) -> Any:
    return Annotated[Optional[kind], strawberry.argument(description=description)]  # noqa: UP045  # a type is a value here
