"""Requests that arrive in one piece are answered without a task. Whoever asks must not see any difference."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest

from tests.house import House
from tests.wire import on_a_port

QUERY = "query ($id: ID!) { contact(id: $id) { name company { name } } }"
PLAIN = {"content-type": "application/json", "accept": "application/json"}
GRAPHQL = {"content-type": "application/json", "accept": "application/graphql-response+json"}
CASES = {
    "a constant": ({"query": "{ __typename }"}, PLAIN),
    "introspection": ({"query": '{ __type(name: "Contact") { name } }'}, PLAIN),
    "a syntax error": ({"query": "{ __typename"}, PLAIN),
    "an unknown field, as the client likes errors": ({"query": "{ nothing }"}, GRAPHQL),
    "a variable that is missing": ({"query": QUERY}, GRAPHQL),
    "an id of nothing": ({"query": QUERY, "variables": {"id": "contact_01900000-0000-7000-8000-000000000000"}}, PLAIN),
    "an id that is none": ({"query": QUERY, "variables": {"id": "x"}}, PLAIN),
    "a subscription": ({"query": "subscription { events { event } }"}, PLAIN),
    "explain": ({"query": "{ contacts { nodes { name } } }", "extensions": {"explain": True}}, PLAIN),
    "no JSON": (b"{,}", PLAIN),
    "JSON and more": (b'{"query": "{ __typename }"} x', PLAIN),
    "JSON between spaces": (b' {"query": "{ __typename }"} ', PLAIN),
    "an empty body": (b"  ", PLAIN),
    "a list": ([{"query": "{ __typename }"}], PLAIN),
    "another type of body": ({"query": "{ __typename }"}, PLAIN | {"content-type": "text/plain"}),
    "no type that we have": ({"query": "{ __typename }"}, PLAIN | {"accept": "image/png"}),
    "a compressed body": ({"query": "{ __typename }"}, PLAIN | {"content-encoding": "gzip"}),
    "too large a body": ({"query": "{ __typename }", "variables": {"x": "y" * 2_000_000}}, PLAIN),
    "an id of the client": ({"query": "{ nothing }"}, PLAIN | {"x-request-id": "mine"}),
    "the last of a connection": ({"query": "{ __typename }"}, PLAIN | {"connection": "close"}),
    "no key": ({"query": "{ __typename }"}, PLAIN | {"authorization": ""}),
    "a wrong key": ({"query": "{ __typename }"}, PLAIN | {"authorization": "Bearer pvk_no_no"}),
}


@pytest.fixture
async def port(shared_house: House) -> AsyncIterator[int]:
    async with on_a_port(shared_house.app) as port:
        yield port


@pytest.mark.parametrize("name", CASES)
async def test_in_one_piece_or_in_two_the_answer_is_the_same(shared_house: House, port: int, name: str):
    body, headers = CASES[name]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": shared_house.client.headers["authorization"]} | headers
    await _asked(port, content, headers)  # now it is known who asks
    assert await _asked(port, content, headers) == await _asked(port, content, headers, apart=True)


async def test_a_record_and_a_creation_are_the_same_in_both_ways(shared_house: House, port: int):
    company = await shared_house.make("Company", name="Ü")
    contact = await shared_house.make("Contact", name="a", company_id=company.id)
    headers = PLAIN | {"authorization": shared_house.client.headers["authorization"]}
    asked = json.dumps({"query": QUERY, "variables": {"id": contact.id}}).encode()
    answer = await _asked(port, asked, headers)
    assert answer == await _asked(port, asked, headers, apart=True)
    assert json.loads(answer[1])["data"] == {"contact": {"name": "a", "company": {"name": "Ü"}}}
    made = json.dumps({"query": 'mutation { tagCreate(input: {name: "t"}) { tag { name } userErrors { code } } }'}).encode()
    assert json.loads((await _asked(port, made, headers))[1])["data"]["tagCreate"]["tag"] == {"name": "t"}
    assert json.loads((await _asked(port, made, headers, apart=True))[1])["data"]["tagCreate"]["userErrors"]


async def test_a_long_answer_is_packed_in_both_ways(shared_house: House, port: int):
    contact = await shared_house.make("Contact", name="n" * 200)
    fields = " ".join(f"a{number}: name" for number in range(11))
    asked = json.dumps({"query": f'{{ contact(id: "{contact.id}") {{ {fields} }} }}'}).encode()
    headers = PLAIN | {"authorization": shared_house.client.headers["authorization"], "accept-encoding": "gzip"}
    head, _ = answer = await _asked(port, asked, headers)
    assert "content-encoding: gzip" in head
    assert answer == await _asked(port, asked, headers, apart=True)


async def test_several_requests_sent_at_once_are_answered_in_their_order(shared_house: House, port: int):
    authorization = shared_house.client.headers["authorization"]
    contact = await shared_house.make("Contact", name="a")
    bodies = [f'{{"query": "{{ a{number}: __typename {more} }}"}}' for number in range(6) for more in ("", _name(contact.id))]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(_request(body.encode(), PLAIN | {"authorization": authorization}) for body in bodies))
    answers = [(await _answer(reader))[1] for _ in bodies]
    assert [re.findall(rb"a\d", answer)[0] for answer in answers] == [b"a%d" % number for number in range(6) for _ in range(2)]
    writer.close()


def _name(id: str) -> str:
    return f'contact(id: \\"{id}\\") {{ name }}'


async def _asked(port: int, body: bytes, headers: dict[str, str], *, apart: bool = False) -> tuple[str, bytes]:
    """Head and body of the answer, without what differs by itself: the time, the budget that is left, an id that is not the client's."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    whole = _request(body, headers)
    if apart:
        writer.write(whole[: -len(body)])
        await writer.drain()
        await asyncio.sleep(0.05)
        whole = body
    writer.write(whole)
    head, answer = await _answer(reader)
    writer.close()
    ids = re.compile(r"[0-9a-f]{32}")
    lines = sorted(line for line in ids.sub("", head).split("\r\n") if not line.startswith(("date:", "ratelimit:")))
    return "\n".join(lines), ids.sub("", answer.decode()).encode() if b"requestId" in answer else answer


def _request(body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"{name}: {value}" for name, value in {**headers, "host": "house", "content-length": str(len(body))}.items()]
    return "\r\n".join(["POST /graphql HTTP/1.1", *lines, "", ""]).encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    async with asyncio.timeout(5):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        return head, await reader.readexactly(int(re.findall(r"content-length: (\d+)", head)[0]))
