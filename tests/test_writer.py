"""Standard mutations past graphql-core answer as they do through it."""

import json
import re
from typing import Any

import pytest

from schema.operations.writer import Writer
from tests.house import House

ERRORS = "userErrors { field code message pluginCode }"
CONTACT = f"contact {{ __typename name lifecycleStage emails {{ address position }} company {{ name }} tags {{ name }} }} {ERRORS}"
CREATE = f"mutation ($i: ContactCreateInput!) {{ contactCreate(input: $i) {{ {CONTACT} }} }}"
UPDATE = f"mutation ($id: ID!, $i: ContactUpdateInput!) {{ contactUpdate(id: $id, input: $i, expectedVersion: 1) {{ {CONTACT} }} }}"
PRODUCT = "{ product { name price { amount currency } } userErrors { field message } }"
ROWS = "{ results { index node { name } userErrors { field code message } } userErrors { message } }"
FRAGMENTS = """
mutation M($yes: Boolean!, $i: ContactCreateInput!) {
  a: contactCreate(input: $i) { ...P c: contact { name @skip(if: $yes) n: name } }
  b: contactCreate(input: $i) { ...P }
}
fragment P on ContactCreatePayload { one: contact { ... on Node { __typename } city @include(if: $yes) } userErrors { message } }
"""
LITERAL = """mutation {
  contactCreate(input: {city: "x", name: "Bob", lifecycleStage: LEAD, emails: {address: "b@example.com"}}) { contact { name city } }
}"""
PAGES = "mutation ($i: ContactCreateInput!, $n: Int) { contactCreate(input: $i) { contact { deals(first: $n) { totalCount } } } }"
NOBODY = "01900000-0000-7000-8000-00000000abcd"
OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "variables": (
        CREATE,
        {"i": {"emails": [{"address": "a@example.com"}], "name": "Ann", "lifecycleStage": "CUSTOMER", "birthDate": "1990-01-02"}},
    ),
    "own values alone": (CREATE.replace(CONTACT, "contact { name city source }"), {"i": {"name": "Ann", "city": "شيراز"}}),
    "nothing of the record": ('mutation { tagCreate(input: {name: "new"}) { __typename userErrors { message } } }', {}),
    "literals": (LITERAL, {}),
    "aliases, fragments and conditions": (FRAGMENTS, {"yes": True, "i": {"name": "c", "city": "d"}}),
    "refused values, in their order": (CREATE, {"i": {"city": "x" * 200, "name": "y" * 300, "birthDate": "1700-01-01"}}),
    "an id of nothing": (CREATE, {"i": {"name": "x", "companyId": f"company_{NOBODY}"}}),
    "an id of another type": (CREATE, {"i": {"name": "x", "companyId": f"contact_{NOBODY}"}}),
    "money": (
        f"mutation ($i: ProductCreateInput!) {{ productCreate(input: $i) {PRODUCT} }}",
        {"i": {"name": "p", "price": {"amount": "12.50", "currency": "EUR"}}},
    ),
    "money in a literal": (f'mutation {{ productCreate(input: {{name: "p", price: {{currency: "EUR", amount: 7}}}}) {PRODUCT} }}', {}),
    "an update of nothing": (UPDATE, {"id": f"contact_{NOBODY}", "i": {}}),
    "upsert": (f'mutation {{ contactUpsert(externalId: "7", input: {{name: "u"}}) {{ created {CONTACT} }} }}', {}),
    "many": (
        f"mutation ($i: [TagCreateInput!]!) {{ tagBulkCreate(inputs: $i, errorPolicy: REJECT_FAILED_ROWS) {ROWS} }}",
        {"i": [{"name": "t"}, {"name": ""}, {"name": "T"}]},
    ),
    "one for a list": (f"mutation ($i: [TagCreateInput!]!) {{ tagBulkCreate(inputs: $i) {ROWS} }}", {"i": {"name": "t"}}),
    "a page below that is refused": (PAGES, {"i": {"name": "x"}, "n": -1}),
    "an unknown field": (CREATE, {"i": {"nam": "x"}}),
    "null for a value that must be": (CREATE, {"i": {"name": None}}),
    "a name of a type beside it": ('mutation { __typename tagCreate(input: {name: "t"}) { tag { name } } }', {}),
}


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_mutation_answers_the_same_on_both_roads(house: House, monkeypatch: pytest.MonkeyPatch, name: str):
    document, variables = OPERATIONS[name]
    direct = _plain(await house.answer(document, **variables))
    await _forget(house)

    monkeypatch.setattr(Writer, "answer", _nothing)
    assert direct == _plain(await house.answer(document, **variables))


async def test_only_what_it_has_to_say_is_left_to_graphql_core(house: House, monkeypatch: pytest.MonkeyPatch):
    done: list[bool] = []
    answer = Writer.answer

    async def noted(self: Writer, *given: Any) -> Any:
        found = await answer(self, *given)
        done.append(found is not None)
        return found

    monkeypatch.setattr(Writer, "answer", noted)
    for document, variables in OPERATIONS.values():
        await house.answer(document, **variables)
    left = [name for name, one in zip(OPERATIONS, done, strict=True) if not one]
    assert left == ["one for a list", "an unknown field", "a name of a type beside it"]


async def test_updates_deletes_and_restores_answer_the_same(house: House, monkeypatch: pytest.MonkeyPatch):
    direct = await _story(house)
    monkeypatch.setattr(Writer, "answer", _nothing)
    assert direct == await _story(house)


async def _story(house: House) -> list[Any]:
    """What is told of a contact from its making to its end."""
    made = await house.make("Contact", name="Ann")
    rows = [{"id": made.id, "input": {"name": "C"}, "expectedVersion": 2}, {"id": "x", "input": {}}]
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        (UPDATE, {"id": made.id, "i": {"lifecycleStage": "CUSTOMER", "phones": [{"number": "+989121234567"}]}}),
        (UPDATE, {"id": made.id, "i": {"name": "B"}}),  # of another version by now
        (f"mutation ($i: [ContactBulkUpdateInput!]!) {{ contactBulkUpdate(inputs: $i) {ROWS} }}", {"i": rows}),
        (f"mutation ($id: ID!) {{ contactDelete(id: $id) {{ {CONTACT} }} }}", {"id": made.id}),
        (f"mutation ($id: ID!) {{ contactRestore(id: $id) {{ {CONTACT} }} }}", {"id": made.id}),
        (f"mutation ($ids: [ID!]!) {{ contactBulkDelete(ids: $ids) {ROWS} }}", {"ids": [made.id, "x"]}),
    )
    return [_plain(await house.answer(document, **variables)) for document, variables in steps]


@pytest.mark.settings(roles={"reader": {"*.read": "all"}})
async def test_what_an_actor_may_not_do_is_refused_the_same(house: House, monkeypatch: pytest.MonkeyPatch):
    document = 'mutation { a: tagCreate(input: {name: "a"}) { tag { name } } b: tagCreate(input: {name: "b"}) { tag { name } } }'
    reader = await house.as_("reader")
    direct = _plain(await reader.answer(document))

    monkeypatch.setattr(Writer, "answer", _nothing)
    assert direct == _plain(await reader.answer(document))
    assert len(direct[1]) == 1
    assert not await house.sql("SELECT id FROM tag")


async def _nothing(*_: Any) -> None:
    """Leaves it to graphql-core."""


def _plain(answer: tuple[Any, list[dict[str, Any]]]) -> Any:
    """An answer without what is another one each time."""
    return json.loads(re.sub(r'"(requestId|incident)": "[^"]*"', r'"\1": ""', json.dumps(answer)))


async def _forget(house: House) -> None:
    """Take away what must be there only once."""
    await house.sql("DELETE FROM tag")
    await house.sql("UPDATE contact SET external_id = NULL")
