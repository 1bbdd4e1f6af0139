"""Random documents that the schema allows, with hostile values: whatever is asked, the answer is decent."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
)
from hypothesis import strategies as st

from tests.decency import send
from tests.examples import for_all
from tests.house import House
from tests.samples import Samples

HOSTILE = (
    "",
    " ",
    "a",
    "A" * 300,
    "\x00",
    "\ud800",
    "\u202e",
    "z\u0301" * 50,
    "' OR 1=1--",
    '"',
    "\\",
    "%",
    "_",
    "{{7*7}}",
    "../../etc/passwd",
    "null",
    "NaN",
    "1e400",
    "-1",
    "9" * 40,
    "0.1",
    "1.005",
    "2026-02-30",
    "1405-01-01",
    "0001-01-01T00:00:00Z",
    "2026-05-01T10:00:00Z",
    "2026-05-01T10:00:00",
    "9999-12-31T23:59:59-12:00",
    "2026-05-01",
    "Asia/Tehran",
    "Mars/Base",
    "EUR",
    "XXX",
    "JPY",
    "شیراز",
    "CALL",
    "a@example.com",
    "+989121234567",
    "IR",
)
NUMBERS = (0, 1, -1, 2, 100, 101, 2**31 - 1, -(2**31), 2**31, 2**53, 2**63, 10**30)
DECIMALS = ("0", "1", "-1", "0.01", "1.005", "1e3", "NaN", "Infinity", "9" * 30, "90071992547409.92", f"0.{'0' * 29}1", 1, True, 1.5)
NAMED: dict[str, tuple[Any, ...]] = {
    "String": HOSTILE,
    "Int": NUMBERS,
    "BigInt": NUMBERS,
    "Float": (0.0, 1.5, -1e308, 1),
    "Boolean": (True, False),
    "Decimal": DECIMALS,
    "DateTime": HOSTILE[20:29],
    "Date": HOSTILE[20:29],
    "CurrencyCode": ("EUR", "JPY", "KWD", "IRR", "XXX", "eur", ""),
    "JSON": ({}, [], 1, "\x00", None),
}


class Documents:
    """Strategies for the documents of a schema."""

    def __init__(self, schema: GraphQLSchema, ids: list[str]) -> None:
        self.schema = schema
        self.ids = ids

    def root(self, field: GraphQLField, name: str, kind: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
        """An operation that asks for one field, and its variables."""
        given = self._arguments(field)
        selection = self.selection(get_named_type(field.type), 3)

        def document(values: dict[str, Any], selected: str) -> tuple[str, dict[str, Any]]:
            declared = ", ".join(f"${one}: {field.args[one].type}" for one in values)
            passed = ", ".join(f"{one}: ${one}" for one in values)
            head = f"{kind} ({declared})" if declared else kind
            return f"{head} {{ {name}{f'({passed})' if passed else ''} {selected} }}", values

        return st.builds(document, given, selection)

    def selection(self, kind: Any, depth: int) -> st.SearchStrategy[str]:
        """A selection of fields of a type."""
        if is_leaf_type(kind):
            return st.just("")
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            return st.just("{ __typename }")
        plain = [name for name, field in kind.fields.items() if is_leaf_type(get_named_type(field.type)) and not field.args]
        deep = [
            name for name, field in kind.fields.items() if name not in plain and not any(map(is_required_argument, field.args.values()))
        ]
        leaves = st.lists(st.sampled_from(plain), max_size=4, unique=True) if plain else st.just([])
        if depth == 0 or not deep:
            return leaves.map(lambda names: f"{{ __typename {' '.join(names)} }}")
        one = st.sampled_from(deep).flatmap(
            lambda name: self.selection(get_named_type(kind.fields[name].type), depth - 1).map(lambda inner: f"{name} {inner}")
        )
        inner = st.lists(one, max_size=2, unique_by=lambda text: text.split()[0])
        return st.builds(lambda names, more: f"{{ __typename {' '.join([*names, *more])} }}", leaves, inner)

    def value(self, kind: GraphQLInputType, depth: int = 3) -> st.SearchStrategy[Any]:
        """A value that may go where this type is asked for."""
        if is_non_null_type(kind):
            return self._value(kind.of_type, depth)
        return st.none() | self._value(kind, depth)

    def _value(self, kind: Any, depth: int) -> st.SearchStrategy[Any]:
        if is_list_type(kind):
            return st.lists(self.value(kind.of_type, depth), max_size=3)
        if isinstance(kind, GraphQLEnumType):
            return st.sampled_from(sorted(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            required = {
                name: st.deferred(self._later(field.type, depth - 1)) for name, field in kind.fields.items() if is_non_null_type(field.type)
            }
            others = [name for name in kind.fields if name not in required]
            if depth <= 0 or not others:
                return st.fixed_dictionaries(required)
            some = st.lists(st.sampled_from(others), max_size=3, unique=True)
            return some.flatmap(
                lambda names: st.fixed_dictionaries({**required, **{name: self.value(kind.fields[name].type, depth - 1) for name in names}})
            )
        if kind.name == "ID":
            return st.sampled_from([*self.ids, "", "x", "contact_1", "\x00"])
        return st.sampled_from(NAMED[kind.name])

    def _later(self, kind: GraphQLInputType, depth: int) -> Callable[[], st.SearchStrategy[Any]]:
        return lambda: self.value(kind, depth)

    def _arguments(self, field: GraphQLField) -> st.SearchStrategy[dict[str, Any]]:
        required = {name: self.value(one.type) for name, one in field.args.items() if is_required_argument(one)}
        optional = {name: self.value(one.type) for name, one in field.args.items() if name not in required}
        return st.fixed_dictionaries(required, optional=optional)


@pytest.fixture(scope="module")
async def documents(shared_house: House) -> Documents:
    """What can be asked of a house with a record of each type."""
    samples = Samples(shared_house)
    ids = [await samples.make(key) for key in samples.writable()]
    return Documents(build_client_schema(await shared_house.ask(get_introspection_query())), ids)


@pytest.mark.parametrize("kind", ["query", "mutation"])
async def test_whatever_is_asked_the_answer_is_decent(documents: Documents, shared_house: House, kind: str):
    async def check(asked: tuple[str, dict[str, Any]]) -> None:
        document, variables = asked
        await send(shared_house, document, **variables)

    await for_all(check, st.one_of(list(_roots(documents, kind))), share=3)


async def test_the_examples_reach_the_resolvers(documents: Documents, shared_house: House):
    reached: list[bool] = []

    async def check(asked: tuple[str, dict[str, Any]]) -> None:
        document, variables = asked
        reached.append((await send(shared_house, document, **variables)).get("data") is not None)

    await for_all(check, st.one_of(list(_roots(documents, "query"))))
    assert sum(reached) > len(reached) / 5


def _roots(documents: Documents, kind: str) -> Iterator[st.SearchStrategy[tuple[str, dict[str, Any]]]]:
    root = documents.schema.query_type if kind == "query" else documents.schema.mutation_type
    assert root
    return (documents.root(field, name, kind) for name, field in root.fields.items())
