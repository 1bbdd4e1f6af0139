"""What a document may ask for, and that measuring it takes no time worth mentioning."""

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSyntaxError, get_introspection_query

from core.settings import Limits, Server, Settings
from schema.errors import Unprocessable
from schema.operations.documents import KEPT_DOCUMENTS, Documents, Prepared
from schema.operations.limits import TooComplex
from tests.graph import SCHEMA

STANDARD = get_introspection_query(descriptions=True, specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True)


def prepare(
    text: str, name: str | None = None, variables: dict[str, Any] | None = None, server: Server | None = None, **limits: int
) -> Prepared:
    settings = Settings(Path("settings.toml"), limits=dataclasses.replace(Limits(), **limits), server=server or Server())
    return Documents(SCHEMA._schema, settings).prepare(text, name, variables or {})


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("{ __typename }", 1),
        ("{ order { title } }", 2),
        ("{ orders { nodes { title } } }", 1 + 20),
        ("{ orders(first: 50) { nodes { title } } }", 1 + 50),
        ("{ orders(last: 50) { nodes { title } } }", 1 + 50),
        ("{ orders(first: 50) { nodes { title } pageInfo { hasNextPage } } }", 1 + 50 + 2),
        ("{ order { lines(first: 10) { edges { cursor node { name quantity } } nodes { name } totalCount } } }", 1 + 1 + 10 * 4 + 1),
        ("{ orders(first: 10) { nodes { title lines(first: 5) { nodes { name } } } } }", 1 + 10 * (1 + 1 + 5)),
        ("{ orders(first: 10) { ...Page } } fragment Page on OrderConnection { nodes { title } }", 1 + 10),
        (
            "{ orders(first: 10) { ... on OrderConnection { nodes { title ...More } } } } fragment More on Order { friend { title } }",
            1 + 30,
        ),
        ("{ orders(first: 1000000) { nodes { title } } }", 1 + 100),
        ("{ orders(first: -1) { nodes { title } } }", 1),
        ('{ named(ids: ["a", "b", "c"]) { title } }', 3 * 2),
        (STANDARD, 0),
    ],
)
def test_a_connection_costs_its_page_times_its_children(text, cost):
    assert prepare(text).cost == cost


@pytest.mark.parametrize(
    ("variables", "cost"),
    [({}, 1 + 7), ({"n": 30}, 1 + 30), ({"n": None}, 1 + 20), ({"n": 10**9}, 1 + 100), ({"n": "many"}, 1 + 20), ({"n": True}, 1 + 20)],
)
def test_variables_and_their_defaults_count(variables, cost):
    assert prepare("query ($n: Int = 7) { orders(first: $n) { nodes { title } } }", variables=variables).cost == cost


def test_variables_within_fragments_count():
    text = "query ($n: Int, $m: Int) { orders(first: $n) { ...P } }"
    text += " fragment P on OrderConnection { nodes { lines(first: $m) { nodes { name } } } }"
    assert prepare(text, variables={"n": 10, "m": 5}).cost == 1 + 10 * (1 + 5)
    with pytest.raises(TooComplex, match="cost: 1001, more than the limit of 1000"):
        prepare(text, variables={"n": 10, "m": 99}, cost=1000)


def test_a_list_of_ids_in_a_variable_counts():
    assert prepare("query ($ids: [ID!]!) { named(ids: $ids) { title } }", variables={"ids": ["a"] * 30}).cost == 60


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{" + "a { " * 20_000 + "b" + " }" * 20_000 + "}", "tokens: 60003"),
        ("{" + "a{" * 3_000 + "b" + "}" * 3_000 + "}", "nested brackets: 3001"),
        ("{ echo(text: " + "[" * 3_000 + "]" * 3_000 + ") }", "nested brackets: 3002"),
        ("{" + "__typename\n" * 100_000 + "}", "tokens: 100002"),
        ("#\n" * 100_000 + "{ __typename }", "tokens: 100003"),
        ("{ order " + "{ friend " * 12 + "{ title }" + " }" * 13, "levels of fields: 14, more than the limit of 12"),
        ("{" + " ".join(f"a{n}: order {{ title }}" for n in range(11)) + "}", "root fields: 11, more than the limit of 10"),
        ("{" + "__typename " * 1_000 + "}", "root fields: 1000"),
        ("{ order {" + " ".join(f"a{n}: title" for n in range(16)) + "} }", "aliases of Order.title: 16, more than the limit of 15"),
        ("{ order {" + " title" * 2_000 + "} }", "selected fields: 2001, more than the limit of 2000"),
        ("{ a: __schema { description } b: __schema { description } }", "uses of __schema: 2"),
        ('{ __type(name: "A") ' + "{ ofType " * 20 + "{ name }" + " }" * 21, "levels of introspection: 22, more than the limit of 20"),
        ("query ($v: Boolean!) {" + " ... @include(if: $v) { __typename }" * 500 + "}", "root fields: 500"),
        ("{" + " ... { __typename ... { __typename ... { __typename } } }" * 700 + "}", "root fields: 2100"),
        (" ".join(f"query q{n} {{ __typename }}" for n in range(500)), "operations in one document: 500"),
        ("{ orders(first: 100) { nodes { lines(first: 100) { nodes { name quantity a: name b: name c: name } } } } }", "cost: 50101"),
    ],
)
def test_what_goes_over_a_limit_is_refused_with_one_sentence(text, message):
    with pytest.raises(TooComplex) as refusal:
        prepare(text, "q1" if "query q1 " in text else None)
    assert message in str(refusal.value)
    assert "; " in str(refusal.value), "it says how to ask for less"
    assert refusal.value.code == "QUERY_TOO_COMPLEX"


def test_aliases_spread_over_fragments_count_together():
    parts = " ".join(f"fragment F{n} on Order {{ a{n}: title b{n}: title }}" for n in range(8))
    with pytest.raises(TooComplex, match=r"aliases of Order.title: 16"):
        prepare("{ order {" + " ".join(f"...F{n}" for n in range(8)) + "} }" + parts)


def test_the_same_alias_at_many_places_is_one_alias():
    assert prepare("{ order { x: title friend { x: title friend { x: title } } } }", aliases=1)


def test_the_standard_introspection_is_within_all_limits():
    assert prepare(STANDARD).cost == 0


@pytest.mark.parametrize("spread", ["...F{}", "a: friend {{ ...F{} }} b: friend {{ ...F{} }}"])
def test_a_bomb_of_fragments_is_never_unrolled(spread):
    def body(n: int) -> str:
        return " ".join([spread.replace("F{}", f"F{n + 1}").replace("{{", "{").replace("}}", "}")] * 4)

    bomb = (
        "{ order { ...F0 } }"
        + " ".join(f"fragment F{n} on Order {{ title {body(n)} }}" for n in range(200))
        + "fragment F200 on Order { title }"
    )
    with contextlib.suppress(TooComplex):
        prepare(bomb, tokens=100_000)


def test_a_long_chain_of_fragments_does_not_exhaust_the_interpreter():
    chain = " ".join(f"fragment F{n} on Order {{ friend {{ ...F{n + 1} }} }}" for n in range(900))
    with pytest.raises(TooComplex, match="levels of fields: 902"):
        prepare("{ order { ...F0 } }" + chain + " fragment F900 on Order { title }")
    with pytest.raises((TooComplex, Unprocessable)):
        prepare(
            "query ($n: Int) { order { ...F0 lines(first: $n) { totalCount } } }" + chain + " fragment F900 on Order { title }",
            depth=10_000,
        )


@pytest.mark.parametrize(
    "text",
    [
        "{ order { ...A } } fragment A on Order { ...A }",
        "{ order { ...A } } fragment A on Order { friend { ...B } } fragment B on Order { friend { ...A } }",
        "{ order { ...Nowhere } }",
        "{ nowhere { at { all } } }",
        "{ order { ... on Nothing { title } } }",
        "mutation { nothing }",
    ],
)
def test_circles_and_strangers_are_left_to_validation(text):
    with pytest.raises(Unprocessable) as refusal:
        prepare(text)
    assert refusal.value.code == "GRAPHQL_VALIDATION_FAILED"


def test_validation_stops_after_a_few_errors():
    with pytest.raises(Unprocessable) as refusal:
        prepare("{ __typename " + "@zz" * 500 + " }")
    assert len(refusal.value.errors) < 10


@pytest.mark.parametrize(
    "text", ['{ echo(text: "', '{ echo(text: """', '"' * 9_999, '"""\\"""' * 1_400, '{ echo(text: "\\\n") }', "\\", "{", ""]
)
def test_broken_texts_are_syntax_errors(text):
    with pytest.raises(GraphQLSyntaxError):
        prepare(text)


@pytest.mark.parametrize("field", ["title", "friend { title }", "friend { friend { friend { title } } }"])
def test_a_field_that_is_repeated_without_end_is_not_compared_without_end(field):
    with pytest.raises(TooComplex, match=r"repeats the same fields|selected fields"):
        prepare("{ order {" + f" {field}" * (1_900 // field.count(" ") if " " in field else 1_900) + "} }")


def test_brackets_and_words_within_strings_and_comments_are_not_counted():
    text = '{ # {{{{ ((( \n a: echo(text: "' + "{" * 300 + '") b: echo(text: """' + "[ a b c " * 3_000 + ' \\""" """) }'
    assert prepare(text, tokens=40).cost == 2


@pytest.mark.parametrize("open", [True, False])
def test_names_are_suggested_only_where_introspection_is_open(open):
    with pytest.raises(Unprocessable) as refusal:
        prepare("{ secretSauc }", server=Server(introspection=open))
    assert ("secretSauce" in refusal.value.errors[0].message) is open


def test_introspection_can_be_switched_off():
    with pytest.raises(Unprocessable, match="GRAPHQL_VALIDATION_FAILED"):
        prepare(STANDARD, server=Server(introspection=False))
    assert prepare("{ __typename }", server=Server(introspection=False))


def test_documents_are_kept_within_bounds():
    documents = Documents(SCHEMA._schema, Settings(Path("settings.toml")))
    first = documents.prepare("{ __typename }", None, {})
    assert documents.prepare("{ __typename }", None, {}).document is first.document
    for number in range(KEPT_DOCUMENTS + 5):
        documents.prepare(f"{{ a{number}: __typename }}", None, {})
    assert len(documents._kept) == KEPT_DOCUMENTS
    assert documents._characters == sum(map(len, documents._kept))
    assert documents.prepare("{ __typename }", None, {}).document is not first.document


def test_each_operation_of_a_document_has_its_own_measure():
    documents = Documents(SCHEMA._schema, Settings(Path("settings.toml")))
    text = "query Small { order { title } } query Large { order " + "{ friend " * 12 + "{ title }" + " }" * 13
    assert documents.prepare(text, "Small", {}).cost == 2
    with pytest.raises(TooComplex):
        documents.prepare(text, "Large", {})
    assert documents.prepare(text, "Small", {}).cost == 2
