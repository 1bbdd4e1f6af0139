"""The published schemas: a change of the contract shows in review, and every name in it is explained."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)

from schema.published import FOLDER, Weight, changes, printed, published

NAMES = sorted(published())
CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*\Z")
PASCAL = re.compile(r"[A-Z][a-zA-Z0-9]*\Z")
SCREAMING = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*\Z")

OLD = """
"The root."
type Query { thing(id: ID): Thing, gone: Int }
"A thing."
type Thing { name: String, size: Int, weight: Float }
"What to look for."
input Wanted { name: String }
"""
NEW = """
"The root."
type Query { thing(id: ID, kind: String!): Thing, fresh: Int }
"A thing."
type Thing { name: String, size: Float, weight: Float }
"What to look for."
input Wanted { name: String, must: Int!, may: Int }
"""


@pytest.mark.parametrize("name", NAMES)
def test_the_published_schema_is_that_of_the_code(name):
    path = FOLDER / name
    old, new = path.read_text("utf-8") if path.exists() else "", asyncio.run(printed(published()[name]))
    assert old == new, f"schema/sdl/{name} is not what the code says; when that is meant, run: make sdl\n{_told(old, new)}"


def test_the_schema_is_the_same_text_in_every_process(payvand):
    one, two = (_printed(payvand, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert one == two
    assert one == (FOLDER / "core.graphql").read_text("utf-8")


@pytest.mark.plugins("metrics")
def test_the_schema_of_the_core_leaves_the_plugins_out(payvand):
    assert payvand("schema", "--core").well().out == (FOLDER / "core.graphql").read_text("utf-8")
    assert payvand("schema").well().out != payvand("schema", "--core").well().out


def test_the_schema_needs_no_database(payvand):
    settings = payvand.settings.read_text("utf-8")
    payvand.settings.write_text(re.sub(r'"url" = .*', '"url" = "postgresql://nobody@127.0.0.1:1/nothing"', settings), "utf-8")
    assert payvand("schema").well().out.startswith('"""')


def test_breaking_changes_are_told_apart_from_harmless_ones():
    assert changes(OLD, NEW) == [
        (Weight.BREAKING, "A required argument Query.thing(kind:) was added."),
        (Weight.BREAKING, "A required field Wanted.must was added."),
        (Weight.BREAKING, "Field Query.gone was removed."),
        (Weight.BREAKING, "Field Thing.size changed type from Int to Float."),
        (Weight.RISKY, "An optional field Wanted.may was added."),
        (Weight.HARMLESS, "Field Query.fresh was added."),
    ]


def test_a_check_fails_for_breaking_changes_alone(payvand):
    file = payvand.folder / "old.graphql"
    assert payvand("schema", "--out", str(file)).well().out == ""
    text = file.read_text("utf-8")
    assert payvand("schema", "--check", str(file)).well().out == "Nothing has changed.\n"
    file.write_text(text.replace("type PageInfo {", 'type PageInfo {\n  "It will go."\n  old: Int', 1), "utf-8")
    outcome = payvand("schema", "--check", str(file))
    assert (outcome.code, outcome.out) == (1, "breaking: Field PageInfo.old was removed.\n")
    file.write_text(re.sub(r'  """Code of ISO 4217."""\n  currency: CurrencyCode!\n}', "}", text, count=1), "utf-8")
    assert payvand("schema", "--check", str(file)).well().out == "harmless: Field Money.currency was added.\n"
    file.write_text("type {", "utf-8")
    outcome = payvand("schema", "--check", str(file))
    assert outcome.code == 1
    assert re.fullmatch(r"payvand: this is no schema: .*\n", outcome.err)


@pytest.mark.parametrize("name", NAMES)
def test_everything_in_the_schema_says_what_it_is(name):
    assert [place for place, described in _described(_schema(name)) if not described] == []


@pytest.mark.parametrize("name", NAMES)
def test_names_in_the_schema_follow_the_conventions(name):
    assert [place for place, pattern in _named(_schema(name)) if not pattern.match(re.split(r"[.(]", place)[-1].rstrip(":)"))] == []


def _told(old: str, new: str) -> str:
    found = changes(old, new) if old else []
    return "\n".join(f"{weight}: {text}" for weight, text in found) or "Only descriptions or the order have changed."


def _printed(payvand, **environment: str) -> str:
    payvand.environment.update(environment)
    return payvand("schema").well().out


def _schema(name: str) -> GraphQLSchema:
    return build_schema((FOLDER / name).read_text("utf-8"))


def _types(schema: GraphQLSchema) -> Iterator[GraphQLNamedType]:
    standard = {"String", "Int", "Float", "Boolean", "ID"}
    return (one for name, one in schema.type_map.items() if not name.startswith("__") and name not in standard)


def _described(schema: GraphQLSchema) -> Iterator[tuple[str, bool]]:
    """Each place in the schema, and whether it has a description."""
    for one in _types(schema):
        yield one.name, bool(one.description)
        if isinstance(one, GraphQLEnumType):
            yield from ((f"{one.name}.{name}", bool(value.description)) for name, value in one.values.items())
        if isinstance(one, GraphQLInputObjectType):
            yield from ((f"{one.name}.{name}", bool(field.description)) for name, field in one.fields.items())
        if isinstance(one, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in one.fields.items():
                yield f"{one.name}.{name}", bool(field.description)
                yield from ((f"{one.name}.{name}({given}:)", bool(argument.description)) for given, argument in field.args.items())


def _named(schema: GraphQLSchema) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Each place in the schema, and how the last name in it is to be written."""
    enums = {one.name for one in _types(schema) if isinstance(one, GraphQLEnumType)}
    for place, _ in _described(schema):
        owner, dot, _ = place.partition(".")
        yield place, PASCAL if not dot else SCREAMING if owner in enums else CAMEL
