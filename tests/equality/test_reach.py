"""The random operations reach what they are meant to reach; a comparison of errors with errors would prove little."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping

import pytest
from graphql import FieldNode, GraphQLObjectType, OperationDefinitionNode, parse

from tests.equality.cases import Asked, asked
from tests.equality.comparing import read
from tests.equality.laboratory import Laboratory
from tests.equality.operations import THEMES

pytestmark = pytest.mark.anyio

FEATURES = frozenset(
    {
        *(f"root {theme}" for theme in THEMES if theme != "mixed"),
        *(f"alias {kind}" for kind in ("short", "other", "under", "long", "case")),
        *(f"operator {name}" for name in ("eq", "ne", "in", "notIn", "gt", "lte", "contains", "isNull")),
        *(f"filter {kind}" for kind in ("column", "related", "and", "or", "not")),
        *(f"{name}{how}" for name in ("@include", "@skip") for how in ("", " with a variable")),
        *("variable", "variable with default", "variable null", "variable absent", "variable used twice"),
        *("fragment", "fragment on Node", "fragment spread twice", "inline fragment", "inline fragment on Node", "fragment on Query"),
        *("first", "last", "after", "before", "orderBy", "where", "includeDeleted"),
        *("cursor", "cursor of another order", "mangled cursor", "malformed id", "id of any type"),
        *("grouped by a date", "grouped by something else", "time zone", "money compared", "argument where", "argument groupBy"),
        *("several root fields", "several operations", "introspection", "merged fields", "many fields in one object", "__typename"),
        *("empty list", "empty filter", "one value in place of a list"),
    }
)


@pytest.fixture(scope="module")
async def examples(laboratory: Laboratory) -> AsyncIterator[Mapping[str, list[Asked]]]:
    """The cases of an administrator, by theme. They are asked again, and agree or not: that is for others to say."""
    yield {theme: [one async for one in asked(laboratory, theme, "admin", compared=False)] for theme in THEMES}


async def test_the_examples_have_all_that_can_be_had(examples: Mapping[str, list[Asked]]):
    hits = Counter(feature for some in examples.values() for one in some for feature in one.operation.features)
    assert FEATURES - hits.keys() == set()


@pytest.mark.parametrize("theme", THEMES)
async def test_most_examples_are_answered_and_many_without_an_error(examples: Mapping[str, list[Asked]], theme: str):
    some = examples[theme]
    answered = [one for one in some if one.answers]
    clean = [one for one in answered if any("errors" not in read(answer.encoded()) for answer in one.answers)]
    assert len(answered) > len(some) * 0.7
    assert len(clean) > len(some) * 0.4


async def test_most_root_fields_are_compiled(laboratory: Laboratory, examples: Mapping[str, list[Asked]]):
    query = laboratory.engine.schema._schema.query_type
    assert query
    compiled = total = 0
    for one in (one for theme, some in examples.items() if theme != "plugin" for one in some):
        keys = _resources(query, one)
        for answer in one.answers:
            if "errors" not in (body := read(answer.encoded())):
                total += len(keys & body["data"].keys())
                compiled += len(keys & set(answer.compiled))
    assert compiled > total / 2


def _resources(query: GraphQLObjectType, one: Asked) -> set[str]:
    """The response keys of the root fields that are neither a plugin's nor introspection, as far as they stand in no fragment."""
    document = parse(one.operation.document)
    return {
        (node.alias or node.name).value
        for part in document.definitions
        if isinstance(part, OperationDefinitionNode)
        for node in part.selection_set.selections
        if isinstance(node, FieldNode) and node.name.value in query.fields and not node.name.value.startswith(("lab", "activityKinds"))
    }
