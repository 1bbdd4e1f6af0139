"""Arguments: values for every input type, as literals, as variables, and as literals that hold variables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
)

from core.naming import camel
from core.resources import Resource
from tests.equality.chance import Chance
from tests.equality.literals import constant, scalar
from tests.equality.pools import DAYS, DECIMALS, FLOATS, MALFORMED, NOBODY, NUMBERS, ODD, SMALL, TIMES, Pools

SETS = 3
ABSENT: Any = Undefined
WRONG: tuple[Any, ...] = ("text", 1.5, True, [], {}, [None], {"nothing": 1}, 2**40)
PIECES = ("a", "A", "ي", "%", "_", "\\", " ", "\u200c", "کد", "o\u0308", "ß", "'")
ZONES = ("UTC", "Asia/Tehran", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Mars/Base", "", "utc", "Asia/Tehran'")
ANYTHING: dict[str, tuple[Any, ...]] = {
    "Int": SMALL, "BigInt": NUMBERS, "Float": FLOATS, "Boolean": (True, False), "Decimal": DECIMALS, "DateTime": TIMES, "Date": DAYS,
    "CurrencyCode": ("EUR", "JPY", "KWD", "USD"), "JSON": ({}, 1, None), "ID": ("x", ""), "String": ODD,
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a value is wanted: its type, and the resource, column and operator that it has to do with."""

    kind: GraphQLInputType
    resource: str = ""
    column: str = ""
    operator: str = ""
    depth: int = 3
    loose: bool = False  # it has a default of its own, so that a variable without a value may stand here


@dataclass
class Variable:
    """A variable of an operation, with a value for each of the times that it is asked; ABSENT where it is left out."""

    name: str
    declared: str
    values: list[Any]
    place: Place | None


@dataclass
class Inputs:
    """Makes the arguments of one document, and keeps its variables."""

    chance: Chance
    pools: Pools
    schema: GraphQLSchema
    hit: Callable[[str], None]
    variables: list[Variable] = field(default_factory=list)
    percent: int = 18
    wrong: bool = False

    def literal(self, place: Place) -> str:
        """A value as it stands in the document: a variable, a literal, or a literal with variables in it."""
        if self.chance.happens(self.percent):
            return self.variable(place)
        made = self._made(place)
        if isinstance(made, Mapping):
            return "{" + ", ".join(f"{name}: {self.literal(inner)}" for name, inner in made.items()) + "}"
        if isinstance(made, list):
            items = [self.literal(inner) for inner in made]
            if len(items) == 1 and items[0][0] not in "$n" and self.chance.happens(10):
                self.hit("one value in place of a list")
                return items[0]
            return f"[{', '.join(items)}]"
        if made is None:
            return "null"
        named = get_named_type(place.kind)
        return scalar(named.name, made, isinstance(named, GraphQLEnumType), plain=self.chance.happens(50))

    def value(self, place: Place) -> Any:
        """A value as it stands among the variables."""
        made = self._made(place)
        if isinstance(made, Mapping):
            return {name: self.value(inner) for name, inner in made.items()}
        if not isinstance(made, list):
            return made
        items = [self.value(inner) for inner in made]
        return items[0] if len(items) == 1 and items[0] is not None and self.chance.happens(6) else items

    def variable(self, place: Place, values: list[Any] | None = None) -> str:
        """A variable for this place, perhaps one that stands elsewhere too."""
        same = [one for one in self.variables if one.place == place] if values is None else []
        if same and self.chance.happens(50):
            self.hit("variable used twice")
            return f"${self.chance.pick(same).name}"
        name = f"{self.chance.pick(('v', 'v', '_v', 'V', 'where'))}{len(self.variables)}_"
        declared, nullable, optional = self._declared(place)
        given = [self._given(place, nullable, optional, values, index) for index in range(SETS)]
        self.variables.append(Variable(name, f"${name}: {declared}", given, place if values is None else None))
        self.hit("variable")
        return f"${name}"

    def _declared(self, place: Place) -> tuple[str, bool, bool]:
        """The type of a variable with its default, whether it may be null, and whether it may be left out."""
        bare = get_nullable_type(place.kind)
        strict = isinstance(place.kind, GraphQLNonNull)
        if self.chance.happens(18):
            self.hit("variable with default")
            default = constant(place.kind, self.value(replace(place, kind=GraphQLNonNull(bare))))
            exclamation = "!" if self.chance.happens(40) else ""
            return f"{bare}{exclamation} = {default}", not exclamation, True
        if strict and not (place.loose and self.chance.happens(30)):
            return f"{bare}!", False, False
        return (f"{bare}!", False, False) if self.chance.happens(20) else (f"{bare}", True, True)

    def _given(self, place: Place, nullable: bool, optional: bool, values: list[Any] | None, index: int) -> Any:
        how = self.chance.weighed(value=100, null=10 * nullable, absent=12 * optional, wrong=15 * self.wrong)
        if how == "wrong":
            self.hit("variable of a wrong type")
            return self.chance.pick(WRONG)
        if how == "null":
            self.hit("variable null")
            return None
        if how == "absent":
            self.hit("variable absent")
            return ABSENT
        return self.value(replace(place, kind=GraphQLNonNull(get_nullable_type(place.kind)))) if values is None else values[index]

    # What a value consists of

    def _made(self, place: Place) -> Any:
        """A scalar, None, or the places of which a list or an object consists."""
        kind = place.kind
        if is_non_null_type(kind):
            kind = kind.of_type
        elif self.chance.happens(6 if place.operator in ("eq", "timeZone", "period", "orderBy", "groupBy") else 1):
            self.hit("null in a literal or variable")
            return None
        if is_list_type(kind):
            return self._list(place, kind.of_type)
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(place, kind)
        if isinstance(kind, GraphQLEnumType):
            return self.chance.pick(place.column.split(",") if place.operator == "groupField" else sorted(kind.values))
        assert isinstance(kind, GraphQLScalarType)
        return self._scalar(place, kind.name)

    def _list(self, place: Place, inner: GraphQLInputType) -> list[Place]:
        most = 2 if place.operator in ("and", "or", "orderBy", "groupBy") else 8 if place.operator == "ids" else 4
        length = self.chance.number(0, most) if not self.chance.happens(2) else 40 if place.operator.endswith("n") else 0
        if place.operator == "groupBy" and self.chance.happens(80):
            length = max(length, 1)
        if not length:
            self.hit("empty list")
        return [replace(place, kind=inner)] * length

    def _object(self, place: Place, kind: GraphQLInputObjectType) -> dict[str, Place]:
        name = kind.name
        resources = {one.name: one for one in self.pools.world.house.crm.resources}
        if name.endswith("ListFilter"):
            inner = resources[name.removesuffix("ListFilter")].key
            return self._places(place, kind, self.chance.some(("some", "none", "every"), 2, 1), inner)
        if name.removesuffix("Filter") in resources and name.endswith("Filter"):
            return self._filter(place, kind, resources[name.removesuffix("Filter")])
        if name == "MoneyFilter":
            return self._money(place, kind)
        if name.endswith("Filter"):
            self.hit("operators")
            chosen = self.chance.some(sorted(kind.fields), 2, 0 if self.chance.happens(4) else 1)
            for one in chosen:
                self.hit(f"operator {one}")
            return {one: replace(place, kind=kind.fields[one].type, operator=one) for one in chosen}
        if name.endswith("Grouping"):
            return self._grouping(place, kind)
        chosen = [one for one, field in kind.fields.items() if is_non_null_type(field.type) or self.chance.happens(50)]
        return {
            one: replace(place, kind=kind.fields[one].type, loose=kind.fields[one].default_value is not Undefined, operator=one)
            for one in chosen
        }

    def _filter(self, place: Place, kind: GraphQLInputObjectType, resource: Resource) -> dict[str, Place]:
        if self.chance.happens(4):
            self.hit("empty filter")
            return {}
        columns = [name for name in map(camel, self.pools.columns(resource)) if name in kind.fields]
        logic = ["and", "or", "not"]
        related = [name for name in kind.fields if name not in columns and name not in logic]
        chosen: list[str] = []
        for _ in range(self.chance.pick((1, 1, 1, 2, 3))):
            what = self.chance.weighed(column=60, related=25 * bool(related) * (place.depth > 0), logic=25 * (place.depth > 0))
            chosen.append(self.chance.pick({"column": columns, "related": related, "logic": logic}[what]))
            self.hit(f"filter {chosen[-1] if what == 'logic' else what}")
        return self._places(place, kind, list(dict.fromkeys(chosen)), resource.key)

    def _places(self, place: Place, kind: GraphQLInputObjectType, names: list[str], resource: str) -> dict[str, Place]:
        return {
            name: replace(place, kind=kind.fields[name].type, resource=resource, column=name, operator=name, depth=place.depth - 1)
            for name in names
        }

    def _money(self, place: Place, kind: GraphQLInputObjectType) -> dict[str, Place]:
        chosen: list[str] = self.chance.some(["eq", "gt", "gte", "lt", "lte"], 2)
        if self.chance.happens(15):
            chosen.append("isNull")
        if self.chance.happens(90) or not chosen:
            chosen.append("currency")
        self.hit("money compared" if "currency" in chosen else "money without currency")
        column = f"{place.column}\n{self.chance.pick(self._known(place))['currency']}"  # its amounts are of this currency
        return {one: replace(place, kind=kind.fields[one].type, operator=one, column=column) for one in chosen}

    def _grouping(self, place: Place, kind: GraphQLInputObjectType) -> dict[str, Place]:
        names = get_named_type(kind.fields["field"].type)
        assert isinstance(names, GraphQLEnumType)
        dated = [one for one in names.values if one.lower().endswith(("_at", "_on", "_date", "at", "day", "day_or_none", "at_or_none"))]
        others = [one for one in names.values if one not in dated]
        wanted = dated if dated and self.chance.happens(40) else others or dated
        chosen = {"field": replace(place, kind=kind.fields["field"].type, operator="groupField", column=",".join(wanted))}
        self.hit("grouped by a date" if wanted is dated else "grouped by something else")
        if (wanted is dated) != self.chance.happens(4):
            period = kind.fields["period"].type
            chosen["period"] = replace(place, kind=GraphQLNonNull(period) if self.chance.happens(90) else period, operator="period")
        if self.chance.happens(35 if wanted is dated else 5):
            chosen["timeZone"] = replace(place, kind=kind.fields["timeZone"].type, loose=True, operator="timeZone")
        return chosen

    def _scalar(self, place: Place, kind: str) -> Any:
        if place.operator == "timeZone":
            self.hit("time zone")
            return self.chance.pick(ZONES[:5] if self.chance.happens(85) else ZONES)
        if place.operator in ("id", "ids"):
            return self._id(place)
        if kind == "Boolean" or not place.resource or not place.column:
            return self.chance.pick(ANYTHING[kind])
        if kind == "CurrencyCode":
            return place.column.partition("\n")[2] or "EUR"
        known = self._known(place)
        if "\n" in place.column:
            same = [one["amount"] for one in known if one["currency"] == place.column.partition("\n")[2]]
            return self.chance.pick(same if self.chance.happens(92) else DECIMALS)
        if kind == "ID":
            return self._id(replace(place, operator="id"))
        strange = not known or self.chance.happens(12)
        value = self.chance.pick((self.pools.strange(place.resource, self._name(place)) or ANYTHING[kind]) if strange else known)
        if isinstance(value, str) and place.operator in ("contains", "startsWith", "endsWith") and not self.chance.happens(20):
            return self._piece(value, place.operator)
        return value

    def _id(self, place: Place) -> str:
        how = self.chance.weighed(known=85, nobody=5, other=5, malformed=5)
        if how == "malformed":
            self.hit("malformed id")
            return self.chance.pick(MALFORMED)
        if how == "other" or not place.resource:
            self.hit("id of any type")
            return self.chance.pick(self.pools.any_id())
        return (
            f"{self.pools.world.resource(place.resource).snake}_{NOBODY}"
            if how == "nobody"
            else self.chance.pick(self.pools.ids[place.resource])
        )

    def _known(self, place: Place) -> list[Any]:
        return self.pools.values[place.resource, self._name(place)]

    def _name(self, place: Place) -> str:
        """The name of the column, as the resource has it."""
        name = place.column.partition("\n")[0]
        return next(one for one in self.pools.columns(self.pools.world.resource(place.resource)) if camel(one) == name)

    def _piece(self, text: str, operator: str) -> str:
        if self.chance.happens(15):
            return self.chance.pick(PIECES)
        start, end = sorted((self.chance.number(0, len(text)), self.chance.number(0, len(text))))
        return text[:end] if operator == "startsWith" else text[start:] if operator == "endsWith" else text[start:end]
