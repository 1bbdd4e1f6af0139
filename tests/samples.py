"""Values for records of any resource, made from its description alone, and documents that speak of all its fields."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from core.naming import camel
from core.resources import CREATE, Column, Kind, Resource
from tests.house import House

Values = dict[str, Any]
_numbers = count(1)

# What the rules of a record demand of a text beyond its kind.
TEXTS = {
    "Activity.kind": "MEETING",
    "Company.domain": "firm{n}.example.com",
    "Contact.locale": "fa-IR",
    "Contact.time_zone": "Asia/Tehran",
    "ContactEmail.address": "a{n}@example.com",
    "ContactPhone.number": "+98912{n:07}",
    "User.email": "user{n}@example.com",
    "country": "IR",
    "Role.name": "role-{n}",
    "RoleField.field": "contact.city",
    "RoleGrant.permission": "contact.read",
    "RoleGrant.scope": "TEAM",
    "User.role": "sales",
}
FIXED = {"Stage.probability": "0.2500", "DealLine.quantity": "2.500", "DealLine.discount": "10.00", "RoleGrant.where": None}


@dataclass(frozen=True)
class Samples:
    """Makes records in a house."""

    house: House
    made: dict[str, list[str]] = field(default_factory=dict)

    def resource(self, key: str) -> Resource:
        """The resource with this key."""
        return self.house.crm.resources.by_key[key]

    async def values(self, key: str) -> Values:
        """Values for every field of the input that makes such a record; the records that it points at are made first."""
        resource, number = self.resource(key), next(_numbers)
        given = {camel(name): value(resource, column, number) for name, column in resource.writable().items()}
        for attr, relation in resource.writable_to_one.items():
            if attr != "pipeline_id" or "stage_id" not in resource.writable_to_one:  # a deal's pipeline is that of its stage
                given[camel(attr)] = await self.one(self.house.crm.resource(relation.model).key)
        for name, back in self.house.crm.resources.parts(resource).items():
            part = self.house.crm.resource(back.model)
            given[camel(name)] = [await self.values(part.key) for _ in range(2)]
        for link in resource.linked.values():
            given[camel(link.ids)] = [await self.make(self.house.crm.resource(link.model).key)]
        return given

    async def make(self, key: str) -> str:
        """The id of a new record."""
        return (await self.created(key, await self.values(key)))["id"]

    async def one(self, key: str) -> str:
        """The id of a record that others may share, made when there is none."""
        if key not in self.made:
            resource = self.resource(key)
            wanted = {name for name, one in resource.writable().items() if one.required} | {resource.natural[-1]}
            required = {camel(name): value(resource, resource.columns[name], next(_numbers)) for name in wanted}
            for attr, relation in resource.writable_to_one.items():
                if relation.required and (attr != "pipeline_id" or key != "deal"):
                    required[camel(attr)] = await self.one(self.house.crm.resource(relation.model).key)
            self.made[key] = [(await self.created(key, required))["id"]]
        return self.made[key][0]

    async def created(self, key: str, values: Values) -> Values:
        """The new record with all its fields."""
        resource = self.resource(key)
        document = (
            f"mutation ($input: {resource.name}CreateInput!) {{ {key}Create(input: $input) {{"
            f" {camel(resource.snake)} {{ {self.fields(key)} }} userErrors {{ field code message }} }} }}"
        )
        payload = (await self.house.ask(document, input=values))[f"{key}Create"]
        assert payload["userErrors"] == [], payload["userErrors"]
        return payload[camel(resource.snake)]

    def fields(self, key: str) -> str:
        """A selection of all columns, and of the ids of all that the record points at or holds."""
        resource = self.resource(key)
        names = [camel(name) + (" { amount currency }" if one.kind is Kind.MONEY else "") for name, one in resource.columns.items()]
        related: Iterable[str] = (*resource.to_one, *self.house.crm.resources.parts(resource), *resource.linked)
        return " ".join([*names, *(f"{camel(name)} {{ id }}" for name in related)])

    def writable(self) -> list[str]:
        """The keys of all resources that can be made by themselves."""
        return [one.key for one in self.house.crm.resources if CREATE in one.verbs]


def words() -> str:
    """A text that no record has yet."""
    return f"words {next(_numbers)}"


def value(resource: Resource, column: Column, number: int) -> Any:
    """A value that fits the column, as it goes over the wire; another one for each number where that is possible."""
    for name in (f"{resource.name}.{column.name}", column.name):
        if name in TEXTS:
            return TEXTS[name].format(n=number)
        if name in FIXED:
            return FIXED[name]
    match column.kind:
        case Kind.STRING | Kind.TEXT:
            return f"{column.name} {number} ب"[: column.max_length]
        case Kind.INT | Kind.BIG_INT:
            return number
        case Kind.FLOAT:
            return number / 2
        case Kind.BOOLEAN:
            return number % 2 == 0
        case Kind.DATETIME:
            return f"2026-05-01T12:00:{number % 60:02}+00:00"
        case Kind.DATE:
            return f"1990-05-{number % 28 + 1:02}"
        case Kind.DECIMAL:
            return f"{number}.{'5':0<{column.scale}}"
        case Kind.MONEY:
            return {"amount": f"{number}.50", "currency": "EUR"}
        case Kind.ENUM:
            assert column.enum
            return [one.value for one in column.enum][number % len(column.enum)]
        case Kind.JSON:
            return {"number": number}
    raise AssertionError(f"no sample for {resource.name}.{column.name}")
