"""GraphQL over HTTP: methods, media types, statuses, sizes, and the one form of every error."""

import gzip
import json
import re
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import pytest

from schema.transport.media import GRAPHQL, JSON, accepted, is_json, wants_page
from tests.house import House

TYPE = {"Content-Type": JSON}
ANSWERED = {"data": {"__typename": "Query"}, "extensions": {"cost": 1}}
HELLO = b'{"query": "{ __typename }"}'
MUTATION = 'mutation { contactCreate(input: {name: "Never"}) { contact { id } } }'


async def post(house: House, content: bytes, **headers: str) -> httpx.Response:
    return await house.client.post(
        "/graphql", content=content, headers={**TYPE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    )


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Status and code of an error, which has the one form that all of them have."""
    body = response.json()
    assert set(body) == {"errors"}
    for error in body["errors"]:
        assert set(error) <= {"message", "locations", "path", "extensions"}
        assert error["extensions"]["requestId"] == response.headers["x-request-id"]
        assert not re.search(r"Traceback|\.py|site-packages|[a-z]Error\b|Exception|SELECT", error["message"])
    return response.status_code, body["errors"][0]["extensions"]["code"]


async def contacts(house: House) -> int:
    return (await house.ask("{ contacts { totalCount } }"))["contacts"]["totalCount"]


# Statuses and media types


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL}; charset=utf-8, {JSON};q=0.9", GRAPHQL),
        (f"{JSON};q=0, */*", GRAPHQL),
        ("APPLICATION/JSON", JSON),
        ("text/html, */*;q=0.1", JSON),
        ("image/png", None),
        (f"{JSON};q=0", None),
        (";;;,q=,=/", None),
    ],
)
def test_the_answer_has_the_type_that_the_client_likes_best(accept, media):
    assert accepted(accept) == media


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html", True),
        ("*/*", False),
        (None, False),
        (f"{JSON}, text/html", False),
    ],
)
def test_only_browsers_get_a_page(accept, page):
    assert wants_page(accept) is page


@pytest.mark.parametrize(
    ("kind", "fine"),
    [
        ("application/json", True),
        ("Application/JSON ; Charset=UTF-8", True),
        ('application/json; charset="utf-8"', True),
        ("application/json; charset=utf-16", False),
        ("application/json; charset=latin1", False),
        ("application/graphql", False),
        ("application/jsonp", False),
        ("text/plain", False),
        (None, False),
    ],
)
def test_only_json_in_utf_8_is_read(kind, fine):
    assert is_json(kind) is fine


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"query": "{"}', "GRAPHQL_PARSE_FAILED"),
        (b'{"query": ""}', "GRAPHQL_PARSE_FAILED"),
        (b'{"query": "{ nope }"}', "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "query ($n: Int!) { contacts(first: $n) { totalCount } }"}', "BAD_USER_INPUT"),
        (b'{"query": "query ($n: Int!) { contacts(first: $n) { totalCount } }", "variables": {"n": "many"}}', "BAD_USER_INPUT"),
        (b'{"query": "query A { __typename } query B { __typename }"}', "BAD_USER_INPUT"),
        (b'{"query": "query A { __typename }", "operationName": "B"}', "BAD_USER_INPUT"),
        (b'{"query": "fragment A on Query { __typename }"}', "BAD_USER_INPUT"),
        (b'{"query": "subscription { events { id } }"}', "BAD_USER_INPUT"),
        (b'{"query": "{ a: __schema { description } b: __schema { description } }"}', "QUERY_TOO_COMPLEX"),
    ],
)
async def test_what_cannot_be_executed_is_400_for_new_clients_and_200_for_old_ones(shared_house, body, code):
    for accept, status in ((GRAPHQL, 400), (JSON, 200)):
        response = await post(shared_house, body, Accept=accept)
        assert refusal(response) == (status, code)
        assert response.headers["content-type"] == f"{accept}; charset=utf-8"


async def test_an_answer_says_what_it_is_and_what_it_cost(shared_house):
    response = await post(shared_house, HELLO, Accept=GRAPHQL)
    assert (response.status_code, response.json()) == (200, ANSWERED)
    assert response.headers["content-type"] == f"{GRAPHQL}; charset=utf-8"
    assert response.headers["vary"] == "Accept"
    assert response.headers["cache-control"] == "no-store"
    assert "server" not in response.headers


async def test_a_field_that_fails_leaves_the_rest_and_the_status(shared_house):
    query = b'{"query": "{ __typename node(id: \\"nonsense\\") { id } }"}'
    response = await post(shared_house, query, Accept=GRAPHQL)
    assert response.status_code == 200
    assert response.json()["data"] == {"__typename": "Query", "node": None}
    assert response.json()["errors"][0]["path"] == ["node"]


async def test_who_takes_nothing_of_ours_is_told_what_there_is(shared_house):
    response = await post(shared_house, HELLO, Accept="image/png")
    assert refusal(response) == (406, "BAD_USER_INPUT")
    assert response.headers["content-type"].startswith(JSON)


# Who asks


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer pvk_000000000000_x"])
async def test_nobody_is_let_in_without_a_key(shared_house, header):
    response = await post(shared_house, HELLO, Authorization=header)
    assert refusal(response) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == "Bearer"


# Methods


async def test_a_query_may_be_asked_by_get(shared_house):
    query = {
        "query": "query A($n: String!) { __type(name: $n) { name } }",
        "variables": '{"n": "Contact"}',
        "operationName": "A",
        "extensions": "{}",
    }
    response = await shared_house.client.get("/graphql", params=query)
    assert (response.status_code, response.json()["data"]) == (200, {"__type": {"name": "Contact"}})


@pytest.mark.parametrize(
    "query",
    [
        "",
        "query=",
        "query=%7B__typename%7D&query=x",
        "query=%7B__typename%7D&variables=7",
        "query=%7B__typename%7D&variables=%7B",
        "variables=%7B%7D",
    ],
)
async def test_a_get_that_asks_nothing_sensible_is_refused(shared_house, query):
    response = await shared_house.client.get(f"/graphql?{query}", headers={"Accept": GRAPHQL})
    assert refusal(response)[0] == 400


async def test_a_mutation_by_get_changes_nothing(shared_house):
    before = await contacts(shared_house)
    response = await shared_house.client.get(f"/graphql?{urlencode({'query': MUTATION})}")
    assert refusal(response) == (405, "BAD_USER_INPUT")
    assert response.headers["allow"] == "POST"
    assert await contacts(shared_house) == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_other_methods_are_refused(shared_house, method):
    response = await shared_house.client.request(method, "/graphql", content=json.dumps({"query": MUTATION}), headers=TYPE)
    assert refusal(response) == (405, "BAD_USER_INPUT")
    assert response.headers["allow"] == "GET, POST"


# Bodies


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"query": "{__typename}"', id="cut off"),
        pytest.param(b"{}", id="no query"),
        pytest.param(b"", id="empty"),
        pytest.param(b" \n", id="blank"),
        pytest.param(b"[]", id="empty list"),
        pytest.param(b"7", id="number"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"{__typename}"', id="text"),
        pytest.param(b"[" + b",".join([HELLO] * 50) + b"]", id="batch"),
        pytest.param(b'{"query": null}', id="query null"),
        pytest.param(b'{"query": 7}', id="query number"),
        pytest.param(b'{"query": ["{__typename}"]}', id="query list"),
        pytest.param(b'{"query": "{__typename}", "variables": []}', id="variables list"),
        pytest.param(b'{"query": "{__typename}", "variables": "{}"}', id="variables text"),
        pytest.param(b'{"query": "{__typename}", "variables": false}', id="variables false"),
        pytest.param(b'{"query": "{__typename}", "operationName": 0}', id="name number"),
        pytest.param(b'{"query": "{__typename}", "operationName": false}', id="name false"),
        pytest.param(b'{"query": "{__typename}", "extensions": []}', id="extensions list"),
        pytest.param(b'{"query": "{__typename}", "variables": {"a": "\xff\xfe"}}', id="bytes that are no UTF-8"),
        pytest.param('{"query": "{__typename}"}'.encode("utf-16"), id="UTF-16"),
        pytest.param('{"query": "{__typename}"}'.encode("utf-16-le"), id="UTF-16 without a mark"),
        pytest.param(b"\xef\xbb\xbf" + HELLO, id="UTF-8 with a mark"),
        pytest.param(b'{"query": "{__typename\x00}"}', id="NUL"),
        pytest.param(b'{"query": "{__typename}", "variables": {"a": NaN}}', id="NaN"),
        pytest.param(b'{"query": "{__typename}", "variables": {"a": -Infinity}}', id="Infinity"),
        pytest.param(b'{"query": "{__typename}", "variables": {"a": 1e400}}', id="a float without end"),
        pytest.param(b'{"query": "{__typename}", "variables": {"a": ' + b"9" * 100_000 + b"}}", id="a number of 100,000 digits"),
        pytest.param(b'{"query": "{__typename}", "variables": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}", id="100,000 deep"),
        pytest.param(b'{"query": "{__typename}", "variables": {"a": ' + b"[" * 150 + b"]" * 150 + b"}}", id="150 deep"),
        pytest.param(b'{"query": "{__typename}", "variables": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}", id="objects 5,000 deep"),
    ],
)
async def test_a_body_that_is_no_request_is_400_at_once(shared_house, body):
    for accept in (GRAPHQL, JSON):
        assert refusal(await post(shared_house, body, Accept=accept)) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize(
    "body",
    [
        b'{"query": "{ __typename }", "variables": null, "operationName": null, "extensions": null}',
        b'{"query": "{ __typename }", "variables": {"unknown": 1}, "extensions": {"some": "value"}, "more": [1]}',
        b'{"query": "query A { __typename }", "operationName": "A"}',
        b'{"query": "{ __typename }", "operationName": ""}',
        '{"query": "{ __typename } # Run🏃Swim🏊"}'.encode(),
    ],
)
async def test_what_may_be_left_out_may_be_null_and_strangers_are_ignored(shared_house, body):
    response = await post(shared_house, body)
    assert (response.status_code, response.json()) == (200, ANSWERED)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": ""},
        {**TYPE, "Content-Encoding": "gzip"},
        {**TYPE, "Content-Encoding": "br"},
    ],
)
async def test_bodies_that_a_foreign_page_can_send_and_packed_ones_are_not_read(shared_house, headers):
    before = await contacts(shared_house)
    body = json.dumps({"query": MUTATION}).encode()
    packed = gzip.compress(body) if headers.get("Content-Encoding") == "gzip" else body
    response = await shared_house.client.post("/graphql", content=packed, headers=headers)
    assert refusal(response) == (415, "BAD_USER_INPUT")
    assert await contacts(shared_house) == before


async def test_a_body_without_any_type_is_not_read(shared_house):
    request = shared_house.client.build_request("POST", "/graphql", content=HELLO)
    assert "content-type" not in request.headers
    assert refusal(await shared_house.client.send(request)) == (415, "BAD_USER_INPUT")


async def test_a_packed_bomb_is_not_unpacked(shared_house):
    bomb = gzip.compress(b'{"query":"{__typename}","x":"' + b"a" * 30_000_000 + b'"}')
    assert refusal(await post(shared_house, bomb, Content_Encoding="gzip")) == (415, "BAD_USER_INPUT")


async def test_a_body_over_the_limit_is_413_by_its_length_alone(shared_house):
    response = await post(shared_house, b'{"query": "{__typename}", "x": "' + b"a" * 1_048_576 + b'"}')
    assert refusal(response) == (413, "BAD_USER_INPUT")


async def test_a_body_of_unknown_length_is_read_no_further_than_the_limit(shared_house):
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"query": "{__typename}", "x": "'
        while sent < 200_000_000:
            sent += 100_000
            yield b"a" * 100_000

    response = await shared_house.client.post("/graphql", content=endless(), headers=TYPE)
    assert refusal(response) == (413, "BAD_USER_INPUT")
    assert sent <= 1_048_576 + 200_000


@pytest.mark.settings(limits={"body": 100})
async def test_the_limit_of_a_body_is_a_setting(house):
    fits = b'{"query": "{ __typename }"' + b" " * 73 + b"}"
    assert (await post(house, fits)).status_code == 200
    assert refusal(await post(house, fits + b" ")) == (413, "BAD_USER_INPUT")


async def test_a_lone_surrogate_comes_back_as_it_went(shared_house):
    response = await post(
        shared_house, b'{"query": "query ($n: Int!) { contacts(first: $n) { totalCount } }", "variables": {"n": "\\ud800"}}'
    )
    assert refusal(response) == (200, "BAD_USER_INPUT")


# Weapons


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("{" + " ".join(f"a{n}: __typename" for n in range(1_000)) + "}", id="1,000 aliases"),
        pytest.param("{" + "__typename " * 1_000 + "}", id="1,000 times one field"),
        pytest.param("{" + " ".join(f"a{n}: contact(id: 1) {{ id }}" for n in range(100)) + "}", id="100 aliases of one root field"),
        pytest.param("{ contacts { nodes " + "{ company { contacts { nodes " * 10 + "{ id }" + " } } }" * 10 + " } }", id="30 deep"),
        pytest.param("{ a{" + "a{" * 20_000 + "b" + "}" * 20_001 + "}", id="20,000 deep"),
        pytest.param(
            "{ __schema { types { fields { type " + "{ fields { type " * 30 + "{ name }" + " } }" * 30 + " } } } }", id="deep introspection"
        ),
        pytest.param(" ".join(f"query q{n} {{ __typename }}" for n in range(500)), id="500 operations"),
        pytest.param("{" + "id\n" * 100_000 + "}", id="100,000 tokens"),
        pytest.param("{ __typename(a:" + "[" * 20_000 + "]" * 20_000 + ") }", id="a list 20,000 deep"),
        pytest.param(
            "{ contacts(first: 100) { nodes { deals(first: 100) { nodes { activities(first: 100) { nodes { id } } } } } } }",
            id="a million records",
        ),
    ],
)
async def test_a_weapon_is_refused_within_a_second(shared_house, query):
    response = await post(shared_house, json.dumps({"query": query, "operationName": "q1" if "q1 " in query else None}).encode())
    assert refusal(response) == (200, "QUERY_TOO_COMPLEX")


@pytest.mark.parametrize(
    "query",
    [
        "query { ...A } fragment A on Query { ...A }",
        "query { ...A } fragment A on Query { __typename ...B } fragment B on Query { __typename ...A }",
        "query { ...Unknown }",
        "{ __typename " + "@zz" * 500 + " }",
    ],
)
async def test_circles_and_strangers_are_validation_errors_and_few(shared_house, query):
    response = await post(shared_house, json.dumps({"query": query}).encode())
    assert refusal(response) == (200, "GRAPHQL_VALIDATION_FAILED")
    assert len(response.json()["errors"]) < 10


async def test_a_comment_of_3_mb_is_too_large(shared_house):
    assert refusal(await post(shared_house, json.dumps({"query": "#" + "x" * 3_000_000 + "\n{__typename}"}).encode())) == (
        413,
        "BAD_USER_INPUT",
    )


async def test_a_bomb_of_fragments_is_answered_in_no_time(shared_house):
    bomb = "query { ...F0 }" + "".join(f"fragment F{n} on Query {{ __typename {f'...F{n + 1} ' * 4} }}" for n in range(14))
    bomb += "fragment F14 on Query { __typename }"
    await post(shared_house, json.dumps({"query": bomb}).encode())


@pytest.mark.parametrize("first", [1_000_000, -1, 2_147_483_648])
async def test_a_page_out_of_bounds_is_the_clients_fault(shared_house, first):
    response = await post(shared_house, json.dumps({"query": f"{{ contacts(first: {first}) {{ nodes {{ id }} }} }}"}).encode())
    assert response.json()["errors"][0]["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


async def test_a_page_left_out_is_twenty(shared_house):
    response = await post(shared_house, b'{"query": "{ contacts { nodes { id } } }"}')
    assert response.json()["extensions"] == {"cost": 1 + 20}


async def test_the_standard_introspection_passes_and_is_packed(shared_house):
    from graphql import get_introspection_query

    response = await post(shared_house, json.dumps({"query": get_introspection_query(input_value_deprecation=True)}).encode())
    assert len(response.json()["data"]["__schema"]["types"]) > 20
    assert response.headers["content-encoding"] == "gzip"


@pytest.mark.settings(server={"introspection": False})
async def test_with_introspection_off_nothing_tells_the_names(house):
    assert refusal(await post(house, b'{"query": "{ __schema { description } }"}')) == (200, "GRAPHQL_VALIDATION_FAILED")
    response = await post(house, b'{"query": "{ contact { id } contcts { nodes { idd } } }"}')
    assert "Did you mean" not in response.text
    response = await post(
        house, b'{"query": "query ($o: [ContactOrder!]) { contacts(orderBy: $o) { totalCount } }", "variables": {"o": [{"fild": 1}]}}'
    )
    assert "Did you mean" not in response.text
    assert (await post(house, HELLO)).json() == ANSWERED


# Ids of requests


async def test_a_request_keeps_its_id(shared_house):
    response = await post(shared_house, b"{}", X_Request_Id="order-17_b.2")
    assert response.headers["x-request-id"] == "order-17_b.2"
    assert response.json()["errors"][0]["extensions"]["requestId"] == "order-17_b.2"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\tb", "ä", "a;b", "<script>"])
async def test_an_id_that_could_forge_a_log_is_replaced(shared_house, given):
    response = await shared_house.client.post("/graphql", content=HELLO, headers=[("Content-Type", JSON), ("X-Request-Id", given.encode())])
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])
