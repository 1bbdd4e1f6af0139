"""Documents that are asked for by their hash, and houses that execute no others than they know."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from core.errors import StartError
from core.settings import GraphQL, Settings
from schema.operations import persisted
from schema.operations.persisted import Persisted, Unknown
from schema.operations.safelist import safelist
from schema.transport.media import GRAPHQL
from schema.transport.parameters import Parameters
from tests.house import House, Houses
from tests.wire import on_a_port

HELLO = "{ __typename }"
CONTACTS = "query Contacts($first: Int) { contacts(first: $first) { totalCount } }"
CREATE = 'mutation Make { contactCreate(input: {name: "Ada"}) { contact { name } } }'


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def extension(name: Any, version: Any = 1) -> dict[str, Any]:
    return {"persistedQuery": {"version": version, "sha256Hash": name}}


async def ask(house: House, query: str | None = None, name: str | None = None, accept: str = "*/*", **more: Any) -> httpx.Response:
    body = {**({} if query is None else {"query": query}), **({} if name is None else {"extensions": extension(name)}), **more}
    return await house.client.post("/graphql", json=body, headers={"Accept": accept})


def code(response: httpx.Response) -> str:
    return response.json()["errors"][0]["extensions"]["code"]


# Automatic persisted queries


async def test_a_document_is_sent_once_and_then_known_by_its_hash(house):
    for accept, status in (("*/*", 200), (GRAPHQL, 400)):
        response = await ask(house, name=sha(CONTACTS), accept=accept)
        assert (response.status_code, code(response)) == (status, "PERSISTED_QUERY_NOT_FOUND")
        assert response.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    for query in (CONTACTS, None, None):
        response = await ask(house, query, sha(CONTACTS), variables={"first": 1}, operationName="Contacts")
        assert response.json()["data"] == {"contacts": {"totalCount": 0}}


async def test_a_browser_may_ask_by_get(house):
    document = "query ByGet($first: Int) { contacts(first: $first) { totalCount } }"
    query = {"extensions": json.dumps(extension(sha(document))), "variables": '{"first": 2}'}
    assert code(await house.client.get("/graphql", params=query)) == "PERSISTED_QUERY_NOT_FOUND"
    for params in ({**query, "query": document}, query):
        assert (await house.client.get("/graphql", params=params)).json()["data"] == {"contacts": {"totalCount": 0}}


async def test_a_mutation_by_its_hash_is_for_post_alone(house):
    assert (await ask(house, CREATE, sha(CREATE))).json()["data"]["contactCreate"]["contact"]
    response = await house.client.get("/graphql", params={"extensions": json.dumps(extension(sha(CREATE)))})
    assert response.status_code == 405
    again = await ask(house, None, sha(CREATE))
    assert again.json()["data"]["contactCreate"]["contact"]
    assert len(await house.sql("SELECT id FROM contact")) == 2


async def test_a_key_that_was_used_with_the_text_counts_for_the_hash(house):
    for query in (CREATE, None):
        body = {**({"query": query} if query else {}), "extensions": extension(sha(CREATE))}
        await house.client.post("/graphql", json=body, headers={"Idempotency-Key": "k"})
    assert len(await house.sql("SELECT id FROM contact")) == 1


@pytest.mark.parametrize(
    "given",
    [
        extension(sha(HELLO), 2),
        extension(sha(HELLO), None),
        extension(7),
        extension(""),
        extension("x" * 300),
        {"persistedQuery": 7},
        {"persistedQuery": {}},
        {"persistedQuery": []},
    ],
)
@pytest.mark.parametrize("query", [HELLO, None])
async def test_what_is_no_hash_is_the_clients_fault(house, given, query):
    response = await house.client.post("/graphql", json={"query": query, "extensions": given})
    assert code(response) == "BAD_USER_INPUT"


@pytest.mark.parametrize("name", [sha(CONTACTS), sha(HELLO).upper()])
async def test_the_hash_of_another_document_is_refused(house, name):
    assert code(await ask(house, HELLO, name)) == "BAD_USER_INPUT"


async def test_an_empty_extension_asks_nothing(house):
    response = await house.client.post("/graphql", json={"extensions": {"persistedQuery": None}})
    assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")


def test_documents_are_kept_within_bounds(monkeypatch):
    monkeypatch.setattr(persisted, "KEPT", 3)
    monkeypatch.setattr(persisted, "LONGEST_KEPT", 50)
    known = Persisted()
    texts = [f"{{ a{number}: __typename }}" for number in range(4)]
    for text in (*texts[:3], texts[0], texts[3], "#" * 60):
        known.resolved(Parameters(text, extensions=extension(sha(text))))
        if text == texts[0]:
            known.resolved(Parameters("", extensions=extension(sha(text))))
    for text in (texts[1], "#" * 60):
        with pytest.raises(Unknown):
            known.resolved(Parameters("", extensions=extension(sha(text))))
    assert known.resolved(Parameters("", extensions=extension(sha(texts[0])))).query == texts[0]
    assert known._characters == sum(map(len, known._kept.values()))


# The safelist

FORMS = {
    "by hash": {sha(text): text for text in (HELLO, CONTACTS, CREATE)},
    "by id": dict(zip("abc", (HELLO, CONTACTS, CREATE), strict=True)),
    "of Apollo": {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [{"id": sha(text), "name": "N", "type": "query", "body": text} for text in (HELLO, CONTACTS, CREATE)],
    },
}


def manifest(folder: Path, content: Any) -> str:
    path = folder / "documents.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


@pytest.mark.parametrize("form", FORMS)
async def test_only_documents_of_the_list_are_executed(houses: Houses, tmp_path: Path, form: str):
    name = "b" if form == "by id" else sha(CONTACTS)
    async with houses(graphql={"safelist": manifest(tmp_path, FORMS[form])}) as house:
        for response in (await ask(house, CONTACTS), await ask(house, None, name), await ask(house, CONTACTS, name)):
            assert response.json()["data"] == {"contacts": {"totalCount": 0}}
        assert (await ask(house, CREATE)).json()["data"]
        for accept, status in (("*/*", 200), (GRAPHQL, 400)):
            response = await ask(house, CONTACTS + " ", accept=accept)
            assert (response.status_code, code(response)) == (status, "FORBIDDEN")
            assert "safelist" in response.json()["errors"][0]["message"]
        assert code(await ask(house, "{ contacts { nodes { name } } }", sha("{ contacts { nodes { name } } }"))) == "FORBIDDEN"
        assert code(await ask(house, None, sha("{ contacts { nodes { name } } }"))) == "FORBIDDEN"
        assert code(await ask(house, HELLO, name)) == "BAD_USER_INPUT"
        assert code(await ask(house, get_introspection_query())) == "FORBIDDEN"
        assert code(await ask(house, "{ nonsense")) == "FORBIDDEN"


async def test_introspection_is_executed_when_it_is_listed(houses: Houses, tmp_path: Path):
    listed = get_introspection_query(input_value_deprecation=True)
    async with houses(graphql={"safelist": manifest(tmp_path, {sha(listed): listed})}) as house:
        assert (await ask(house, listed)).json()["data"]["__schema"]
    async with houses(graphql={"safelist": manifest(tmp_path, {"a": listed})}, server={"introspection": False}) as house:
        assert code(await ask(house, listed)) == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not valid JSON"),
        ("\ud800".encode("utf-16", "surrogatepass").decode("latin-1"), "is not valid JSON"),
        ("[]", "must be a JSON object"),
        ("[" * 100_000, "is nested too deeply"),
        ({}, "lists no document"),
        ({"operations": []}, "lists no document"),
        ({"a": 7}, "has no document as a text under 'a'"),
        ({"": HELLO}, "has no id of at most 255 characters in entry 1"),
        ({"a": HELLO, "b": "{"}, "has a document that is no GraphQL under 'b': Syntax Error"),
        ({"a": "{" * 20_000}, "under 'a'"),
        ({sha(HELLO): CONTACTS}, f"has a document whose SHA-256 is not its id '{sha(HELLO)}'"),
        ({"operations": [{"id": "a", "body": HELLO}, {"id": "a", "body": CONTACTS}]}, "has two documents of the id 'a'"),
        ({"operations": [{"id": "a", "body": HELLO}, 7]}, "in entry 2"),
        ({"operations": [{"id": "a"}]}, "has no document as a text under 'a'"),
        ({"format": "another", "operations": [{"id": "a", "body": HELLO}]}, "is of another format"),
        ({"version": 2, "operations": [{"id": "a", "body": HELLO}]}, "is of another format"),
    ],
)
def test_a_bad_list_stops_the_start(tmp_path: Path, content: Any, problem: str):
    manifest(tmp_path, content)
    with pytest.raises(StartError) as stopped:
        safelist(Settings(tmp_path / "settings.toml", graphql=GraphQL(safelist="documents.json")))
    assert str(stopped.value).startswith("settings.toml [graphql] safelist: documents.json ")
    assert problem in str(stopped.value)


async def test_a_list_that_is_not_there_stops_the_start(houses: Houses, tmp_path: Path):
    with pytest.raises(StartError, match=r"none\.json cannot be read: No such file"):
        async with houses(graphql={"safelist": "none.json"}):
            pass


# The same over WebSocket


async def over_socket(house: House, payload: dict[str, Any]) -> dict[str, Any]:
    """The first message about an operation over WebSocket."""
    protocols = [Subprotocol("graphql-transport-ws")]
    async with on_a_port(house.app) as port, connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=protocols) as socket:
        key = house.client.headers["Authorization"]
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": key}}))
        await socket.recv()
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        return json.loads(await socket.recv())


async def test_a_socket_knows_what_was_sent_before(house):
    document = "query BySocket { contacts { totalCount } }"
    payload = {"extensions": extension(sha(document))}
    assert (await over_socket(house, payload))["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    await ask(house, document, sha(document))
    assert (await over_socket(house, payload))["payload"]["data"] == {"contacts": {"totalCount": 0}}


async def test_the_list_holds_for_sockets(houses: Houses, tmp_path: Path):
    async with houses(graphql={"safelist": manifest(tmp_path, FORMS["by hash"])}) as house:
        assert (await over_socket(house, {"query": HELLO}))["payload"]["data"]
        message = await over_socket(house, {"query": "subscription { events { name } }"})
        assert message["payload"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.settings(server={"introspection": False})
async def test_introspection_is_off_for_sockets_too(house):
    message = await over_socket(house, {"query": "{ __schema { description } }"})
    assert message["payload"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
