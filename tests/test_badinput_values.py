"""Bad values, wherever a client can put one: refused or kept as they are, alike on both databases, never an error of ours."""

import json
from typing import Any

import pytest

from tests.decency import decent, send
from tests.house import House

CREATE = """mutation ($input: ContactCreateInput!) {
  contactCreate(input: $input) { contact { id name description city } userErrors { field code message } }
}"""
LIST = "query ($where: ContactFilter) { contacts(where: $where) { nodes { id name } totalCount } }"
UNSTORABLE = ["a\x00b", "\x00", "\ud800", "a\udfff", "\ude00\ud83d"]
ODD = [
    "زهرا ي ك ی ک ۱۲۳ ١٢٣",
    "e\u0301 é",
    "👩‍👩‍👧‍👦",
    "𠜎𝔘",
    "a\u202eb",
    "\u2066a\u2069",
    "می\u200cخواهم",
    "z" + "\u0301" * 100,
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "{{7*7}}",
    "${7*7}",
    "' OR 1=1--",
    "%00",
    "../../etc/passwd",
    "a\r\nb",
    "=HYPERLINK(1)",
    "\ufeffa",
    "null",
    "NaN",
    "\\u0000",
    "\ufffe\uffff",
    "\x01\x1b[31m",
    "%s%n{0}",
    "a\u2028b\u2029c",
    "\U0010ffff",
]


async def refused(house: House, given: Any, document: str = CREATE) -> list[list[str]]:
    """The paths of the user errors of a mutation that wrote nothing."""
    payload = next(iter((await send(house, document, input=given))["data"].values()))
    assert [value for name, value in payload.items() if name != "userErrors"] == [None]
    assert {error["code"] for error in payload["userErrors"]} == {"INVALID"}
    return [error["field"] for error in payload["userErrors"]]


def codes(body: Any) -> set[str]:
    return {error["extensions"]["code"] for error in body["errors"]}


@pytest.mark.parametrize("text", UNSTORABLE)
@pytest.mark.parametrize("field", ["name", "description", "city", "externalId", "locale", "country"])
async def test_text_that_cannot_be_kept_everywhere_is_refused(shared_house: House, field: str, text: str):
    assert await refused(shared_house, {"name": "a", field: text}) == [["input", field]]


@pytest.mark.parametrize("text", UNSTORABLE)
async def test_text_that_cannot_be_kept_is_no_address_number_kind_or_id(shared_house: House, text: str):
    assert await refused(shared_house, {"name": "a", "emails": [{"address": text}]}) == [["input", "emails", "0", "address"]]
    assert await refused(shared_house, {"name": "a", "phones": [{"number": text}]}) == [["input", "phones", "0", "number"]]
    assert await refused(shared_house, {"name": "a", "companyId": text}) == [["input", "companyId"]]
    activity = (
        "mutation ($input: ActivityCreateInput!) { activityCreate(input: $input) { activity { id } userErrors { field code message } } }"
    )
    assert await refused(shared_house, {"kind": text, "subject": "s"}, activity) == [["input", "kind"]]
    ask = 'mutation ($id: String!, $source: String!) { teamUpsert(externalId: $id, externalSource: $source, input: {name: "t"}) {'
    ask += " team { id } userErrors { field code message } } }"
    for given, field in (({"id": text, "source": ""}, "externalId"), ({"id": "1", "source": text}, "externalSource")):
        payload = (await send(shared_house, ask, **given))["data"]["teamUpsert"]
        assert [error["field"] for error in payload["userErrors"]] == [[field]]


@pytest.mark.parametrize("text", UNSTORABLE)
@pytest.mark.parametrize(
    "where",
    [
        {"name": {"eq": "T"}},
        {"name": {"contains": "T"}},
        {"name": {"in": ["a", "T"]}},
        {"jobTitle": {"eq": "T"}},
        {"id": {"eq": "T"}},
        {"emails": {"some": {"address": {"startsWith": "T"}}}},
        {"not": {"city": {"endsWith": "T"}}},
        {"company": {"name": {"ne": "T"}}},
        {"id": {"in": ["T"]}},
        {"tags": {"every": {"name": {"notIn": ["T"]}}}},
    ],
)
async def test_text_that_cannot_be_kept_is_not_searched_for(shared_house: House, where: Any, text: str):
    given = json.loads(json.dumps(where).replace('"T"', json.dumps(text)))
    body = await send(shared_house, LIST, where=given)
    assert body["data"] == {"contacts": None}
    assert codes(body) == {"BAD_USER_INPUT"}


@pytest.mark.parametrize("text", UNSTORABLE)
@pytest.mark.parametrize("ask", ["contact(id: $text) { id }", "node(id: $text) { id }", "nodes(ids: [$text]) { id }"])
async def test_text_that_cannot_be_kept_is_no_id(shared_house: House, ask: str, text: str):
    assert codes(await send(shared_house, f"query ($text: ID!) {{ {ask} }}", text=text)) == {"BAD_USER_INPUT"}


@pytest.mark.parametrize("text", ODD)
async def test_odd_text_is_kept_as_it_is_and_found(shared_house: House, text: str):
    body = await send(shared_house, CREATE, input={"name": text, "description": text, "city": text})
    contact = body["data"]["contactCreate"]["contact"]
    assert (contact["name"], contact["description"], contact["city"]) == (text.strip(),) * 3
    found = (await send(shared_house, LIST, where={"name": {"eq": text}, "city": {"contains": text}, "id": {"eq": contact["id"]}}))["data"]
    assert found["contacts"]["nodes"] == [{"id": contact["id"], "name": text.strip()}]


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\u3000", "\u2003\u00a0"])
async def test_text_of_nothing_but_space_is_empty(shared_house: House, text: str):
    assert await refused(shared_house, {"name": text}) == [["input", "name"]]
    contact = (await send(shared_house, CREATE, input={"name": "a", "city": text}))["data"]["contactCreate"]["contact"]
    assert contact["city"] is None


@pytest.mark.parametrize(
    ("field", "length"),
    [("name", 201), ("name", 900_000), ("city", 121), ("description", 100_001), ("externalId", 201), ("postalCode", 21)],
)
@pytest.mark.parametrize("letter", ["a", "ب"])
async def test_text_that_is_too_long_is_refused_with_both_lengths(shared_house: House, field: str, length: int, letter: str):
    text = letter * (length if letter == "a" else min(length, 100_001))
    body = await send(shared_house, CREATE, input={"name": "a", field: text})
    (error,) = body["data"]["contactCreate"]["userErrors"]
    assert error["field"] == ["input", field]
    assert error["message"].startswith(f"has {len(text)} characters (code points), at most ")


@pytest.mark.parametrize("text", ["z" + "\u0301" * 199, "👩" * 200, "ب" * 200])
async def test_a_limit_counts_code_points_alike_on_both_databases(shared_house: House, text: str):
    assert (await send(shared_house, CREATE, input={"name": text}))["data"]["contactCreate"]["contact"]["name"] == text
    assert await refused(shared_house, {"name": text + "x"}) == [["input", "name"]]


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**63, 10**30, "12", True, 1.5, [1], {"a": 1}, "", "NaN"])
async def test_what_is_no_whole_number_of_32_bits_is_refused(shared_house: House, number: Any):
    ask = "mutation ($input: CompanyCreateInput!) { companyCreate(input: $input) { company { id } userErrors { field } } }"
    assert codes(await send(shared_house, ask, input={"name": "c", "employees": number})) == {"BAD_USER_INPUT"}
    ask = "query ($n: Int) { companies(where: {employees: {gt: $n}}) { totalCount } contacts(first: $n) { totalCount } }"
    assert codes(await send(shared_house, ask, n=number)) == {"BAD_USER_INPUT"}
    ask = 'mutation ($n: Int) { contactDelete(id: "x", expectedVersion: $n) { userErrors { field } } }'
    assert codes(await send(shared_house, ask, n=number)) == {"BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "number", ["2147483648", "-2147483649", "1e400", "1.0", "9" * 400, "12abc", "0x10", "01", "1_000", "NaN", "Infinity"]
)
async def test_a_number_in_a_document_that_is_none_is_refused(shared_house: House, number: str):
    body = await send(shared_house, f"{{ companies(where: {{employees: {{eq: {number}}}}}) {{ totalCount }} }}")
    assert codes(body) <= {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999"])
async def test_numbers_that_json_does_not_know_are_refused(shared_house: House, number: str):
    content = f'{{"query": "query ($n: Int) {{ contacts(first: $n) {{ totalCount }} }}", "variables": {{"n": {number}}}}}'
    response = await shared_house.client.post("/graphql", content=content, headers={"Content-Type": "application/json"})
    assert codes(decent(response)) == {"BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "amount",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e3",
        "1E400",
        "١٢",
        "۱۲",
        "1,5",
        "1 000",
        "",
        ".5",
        "5.",
        "+1",
        "--1",
        "0x1",
        True,
        1.5,
        [],
        {},
        "1" * 31,
    ],
)
async def test_what_is_no_exact_decimal_is_refused(shared_house: House, amount: Any):
    ask = "mutation ($input: ProductCreateInput!) { productCreate(input: $input) { product { id } userErrors { field } } }"
    assert codes(await send(shared_house, ask, input={"name": "p", "price": {"amount": amount, "currency": "EUR"}})) == {"BAD_USER_INPUT"}
    ask = 'query ($n: Decimal) { products(where: {price: {currency: "EUR", gt: $n}}) { totalCount } }'
    assert codes(await send(shared_house, ask, n=amount)) == {"BAD_USER_INPUT"}


@pytest.mark.parametrize("amount", ["1.005", "90071992547409.93", "9" * 30, f"0.{'0' * 29}1", "-0.001"])
async def test_an_amount_that_cannot_be_is_not_compared(shared_house: House, amount: str):
    ask = 'query ($n: Decimal) { products(where: {price: {currency: "EUR", gt: $n}}) { totalCount } }'
    assert codes(await send(shared_house, ask, n=amount)) == {"BAD_USER_INPUT"}


@pytest.mark.parametrize("code", ["", "eur", "EU", "EURO", "XX1", "€", "E\x00R", "\ud800", 978, True, None, "XYZ"])
async def test_what_is_no_currency_is_refused(shared_house: House, code: Any):
    ask = "mutation ($input: ProductCreateInput!) { productCreate(input: $input) { product { id } userErrors { field } } }"
    assert codes(await send(shared_house, ask, input={"name": "p", "price": {"amount": "1", "currency": code}})) == {"BAD_USER_INPUT"}


TIMES = [
    "2026-05-01",
    "2026-05-01T10:00",
    "2026-05-01T10:00:00",
    "2026-05-01 10:00:00Z",
    "2026-02-30T10:00:00Z",
    "2026-13-01T10:00:00Z",
    "2026-05-01T25:00:00Z",
    "9999-12-31T23:59:60Z",
    "2026-05-01T10:00:00+25:00",
    "2026-05-01T10:00:00+3:30",
    "20260501T100000Z",
    "2026-W18-5T10:00:00Z",
    "1405-02-11",
    "",
    "now",
    "0",
    "۲۰۲۶-۰۵-۰۱T10:00:00Z",
    "2026-05-01T10:00:00Z\n",
    "2026-05-01T10:00:00Z; DROP",
    "-2026-05-01T10:00:00Z",
    "12026-05-01T10:00:00Z",
    0,
    1e9,
    True,
    [],
    {},
]
FAR = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-12:00",
    "1799-12-31T23:59:59Z",
    "2200-01-01T00:00:00Z",
]
ACTIVITY = "mutation ($input: ActivityCreateInput!) { activityCreate(input: $input) { activity { id } userErrors { field code message } } }"


@pytest.mark.parametrize("moment", TIMES)
async def test_what_is_no_time_with_an_offset_is_refused(shared_house: House, moment: Any):
    assert codes(await send(shared_house, ACTIVITY, input={"kind": "NOTE", "subject": "s", "doneAt": moment})) == {"BAD_USER_INPUT"}
    ask = "query ($t: DateTime) { activities(where: {doneAt: {gt: $t}}) { totalCount } }"
    assert codes(await send(shared_house, ask, t=moment)) == {"BAD_USER_INPUT"}


@pytest.mark.parametrize("moment", FAR)
async def test_a_time_too_far_away_is_refused_with_what_is_accepted(shared_house: House, moment: str):
    body = await send(shared_house, ACTIVITY, input={"kind": "NOTE", "subject": "s", "doneAt": moment})
    (error,) = body["data"]["activityCreate"]["userErrors"]
    assert (error["field"], error["message"]) == (["input", "doneAt"], "must lie between 1800-01-01 and 2199-12-31")
    body = await send(shared_house, "query ($t: DateTime) { activities(where: {doneAt: {lt: $t}}) { totalCount } }", t=moment)
    assert body["errors"][0]["extensions"]["fields"] == {"where.doneAt.lt": "must lie between 1800-01-01 and 2199-12-31"}


@pytest.mark.parametrize(
    "day", ["2026-02-30", "2026-2-3", "20260501", "2026-05-01T00:00:00Z", "01.05.2026", "۱۴۰۵-۰۲-۱۱", "2026-00-01", "", 20260501, True]
)
async def test_what_is_no_day_is_refused(shared_house: House, day: Any):
    assert codes(await send(shared_house, CREATE, input={"name": "a", "birthDate": day})) == {"BAD_USER_INPUT"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-05-01T10:00:00+03:30", "2026-05-01T06:30:00+00:00"),
        ("2026-05-01T10:00:00z", "2026-05-01T10:00:00+00:00"),
        ("2026-05-01T10:00:00.1234567Z", "2026-05-01T10:00:00.123456+00:00"),
        ("2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00+00:00"),
        ("2026-05-01T00:00:00-00:00", "2026-05-01T00:00:00+00:00"),
        ("1800-01-02T00:00:00Z", "1800-01-02T00:00:00+00:00"),
    ],
)
async def test_a_time_is_kept_in_utc(shared_house: House, given: str, kept: str):
    made = await shared_house.make("Activity", returning="doneAt", kind="NOTE", subject="s", done_at=given)
    assert made.doneAt == kept


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("ContactCreateInput", "id"),
        ("ContactCreateInput", "version"),
        ("ContactCreateInput", "createdAt"),
        ("ContactCreateInput", "deletedAt"),
        ("ContactCreateInput", "role"),
        ("ContactCreateInput", "tenantId"),
        ("ContactCreateInput", "nameKey"),
        ("ContactUpdateInput", "lifecycleChanges"),
        ("DealCreateInput", "closedAt"),
        ("DealLineInput", "total"),
        ("DealLineInput", "dealId"),
        ("ContactEmailInput", "position"),
        ("ContactEmailInput", "contactId"),
        ("ActivityCreateInput", "__proto__"),
        ("UserCreateInput", "password"),
    ],
)
async def test_a_field_that_no_input_has_is_refused(shared_house: House, kind: str, name: str):
    mutation = {"ContactCreateInput": "contactCreate", "ActivityCreateInput": "activityCreate", "UserCreateInput": "userCreate"}.get(
        kind, "dealCreate"
    )
    given: Any = {name: "x"}
    if kind == "DealLineInput":
        given = {"title": "d", "lines": [given]}
    if kind == "ContactEmailInput":
        mutation, given = "contactCreate", {"name": "a", "emails": [given]}
    if kind == "ContactUpdateInput":
        ask = 'mutation ($input: ContactUpdateInput!) { contactUpdate(id: "x", input: $input) { userErrors { field } } }'
    else:
        outer = f"{mutation[0].upper()}{mutation[1:]}Input!"
        ask = f"mutation ($input: {outer}) {{ {mutation}(input: $input) {{ userErrors {{ field }} }} }}"
    body = await send(shared_house, ask, input=given)
    assert codes(body) == {"BAD_USER_INPUT"}
    assert name in body["errors"][0]["message"]


@pytest.mark.parametrize(
    "identity",
    [
        "",
        "1",
        "contact",
        "contact_",
        "_",
        "contact_1",
        "contact_0190a8f2-0000-7000-8000-00000000000g",
        "contact_0190A8F2-0000-7000-8000-000000000000",
        "0190a8f2-0000-7000-8000-000000000000",
        "Contact_0190a8f2-0000-7000-8000-000000000000",
        "session_0190a8f2-0000-7000-8000-000000000000",
        "event_0190a8f2-0000-7000-8000-000000000000",
        "contact_0190a8f2-0000-7000-8000-000000000000 ",
        "contact_{0190a8f2-0000-7000-8000-000000000000}",
        "' OR 1=1--",
        "a" * 100_000,
        1,
        2**70,
        "کد_0190a8f2-0000-7000-8000-000000000000",
    ],
)
@pytest.mark.parametrize("ask", ["contact(id: $id) { id }", "node(id: $id) { id }", "contacts(where: {id: {eq: $id}}) { totalCount }"])
async def test_what_is_no_id_is_a_clear_error(shared_house: House, ask: str, identity: Any):
    body = await send(shared_house, f"query ($id: ID!) {{ {ask} }}", id=identity)
    assert codes(body) == {"BAD_USER_INPUT"}


async def test_the_id_of_another_type_ties_nothing(shared_house: House):
    tag = await shared_house.make("Tag", name="a tag that is no company")
    assert await refused(shared_house, {"name": "a", "companyId": tag.id}) == [["input", "companyId"]]
    body = await send(shared_house, LIST, where={"company": {"id": {"eq": tag.id}}})
    assert body["errors"][0]["extensions"]["fields"] == {"where.company.id.eq": "is the id of another type (tag), not of a Company"}


def nested(levels: int, inner: Any, *names: str) -> Any:
    for level in range(levels):
        inner = {names[level % len(names)]: [inner] if names[level % len(names)] in ("and", "or") else inner}
    return inner


LARGE: dict[str, Any] = {
    "not in not": nested(90, {"name": {"eq": "a"}}, "not"),
    "and in and": nested(45, {"name": {"eq": "a"}}, "and"),
    "or in or": nested(45, {"name": {"eq": "a"}}, "or"),
    "relations in relations": nested(84, {"name": {"eq": "a"}}, "company", "some", "contacts"),
    "many of the same": {"or": [{"name": {"eq": "a"}}] * 20_000},
    "many": {"or": [{"name": {"eq": str(number)}} for number in range(3_000)]},
    "many relations": {"and": [{"company": {"name": {"eq": str(number)}}} for number in range(3_000)]},
    "texts": {"name": {"in": [f"a{number}" for number in range(40_000)]}},
    "numbers": {"version": {"in": list(range(100_000))}},
    "other numbers": {"version": {"notIn": list(range(40_000))}},
    "ids": {"id": {"in": [f"contact_0190a8f2-0000-7000-8000-{number:012}" for number in range(15_000)]}},
    "a long text": {"name": {"contains": "a" * 100_000}},
    "a long pattern": {"name": {"contains": "%" * 60_000}},
    "a text that grows": {"name": {"eq": "ß" * 100_000}},
    "a text that fits nowhere": {"jobTitle": {"eq": "b" * 900_000}},
}


@pytest.mark.parametrize("what", LARGE)
async def test_a_filter_that_is_too_large_is_refused(shared_house: House, what: str):
    body = await send(shared_house, LIST, where=LARGE[what])
    assert codes(body) <= {"BAD_USER_INPUT", "QUERY_TOO_COMPLEX"}


async def test_more_objects_than_a_request_may_have_are_refused_before_they_are_looked_at(shared_house: House):
    body = await send(shared_house, LIST, where={"or": [{"name": {}}] * 2_500})
    assert codes(body) == {"QUERY_TOO_COMPLEX"}


@pytest.mark.parametrize("number", [11, 1_000])
async def test_an_order_by_more_than_ten_keys_is_refused(shared_house: House, number: int):
    order = [{"field": "CITY"}] * number
    body = await send(shared_house, "query ($order: [ContactOrder!]) { contacts(orderBy: $order) { totalCount } }", order=order)
    assert codes(body) == {"BAD_USER_INPUT"}


async def test_an_input_that_is_too_large_is_refused_as_a_whole(shared_house: House):
    tags = [f"tag_0190a8f2-0000-7000-8000-{number:012}" for number in range(20_000)]
    assert await refused(shared_house, {"name": "a", "tagIds": tags}) == [["input", "tagIds"]]
    emails = [{"address": f"a{number}@example.com"} for number in range(4_000)]
    assert await refused(shared_house, {"name": "a", "emails": emails}) == [["input", "emails"]]
    body = await send(shared_house, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=tags)
    assert codes(body) <= {"BAD_USER_INPUT", "QUERY_TOO_COMPLEX"}


@pytest.mark.parametrize(
    "value", [None, {}, [], "x", 1, [None], {"eq": None, "x": 1}, {"in": None}, {"in": [None]}, {"gt": None}, {"isNull": None}]
)
@pytest.mark.parametrize("field", ["name", "version", "createdAt", "company", "deals", "emails", "and", "or", "not", "gender", "id"])
async def test_a_test_that_is_none_is_refused_or_means_nothing(shared_house: House, field: str, value: Any):
    body = await send(shared_house, LIST, where={field: value})
    assert "errors" not in body or codes(body) == {"BAD_USER_INPUT"}
