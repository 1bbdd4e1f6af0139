"""Webhooks where they run: written down by the server, sent by a worker, which makes the schema when it first asks."""

import time

import httpx
import pytest

from tests.receiving import Message, Receiver, receiving
from tests.shell import Server

WEBHOOKS = {"allow_http": True, "allow_addresses": ["127.0.0.1/32"]}
CREATE = """mutation ($url: String!, $query: String) {
    webhookEndpointCreate(input: {url: $url, names: ["contact.created"], query: $query}) {
        webhookEndpoint { secret } userErrors { message } } }"""

pytestmark = [pytest.mark.plugins("webhooks"), pytest.mark.settings(plugins={"webhooks": WEBHOOKS}, jobs={"in_server": False})]


def test_a_worker_sends_what_a_server_wrote(server: Server):
    key = server.shell("keys", "create", "--name", "test", "--role", "admin").well().out.strip()
    client = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {key}"}, timeout=20)
    with client, receiving() as receiver, server.shell.running("worker"):
        while not server.shell("consumers", "list", "--json").well().out.count("webhooks"):  # it begins with the next event
            time.sleep(0.1)
        query = "query ($id: ID!) { contact(id: $id) { name } }"
        body = {"query": CREATE, "variables": {"url": receiver.url, "query": query}}
        made = client.post("/graphql", json=body).json()["data"]["webhookEndpointCreate"]["webhookEndpoint"]
        client.post("/graphql", json={"query": 'mutation { contactCreate(input: {name: "شیرین"}) { contact { id } } }'})
        assert first(receiver).verified(made["secret"])["data"] == {"contact": {"name": "شیرین"}}


def first(receiver: Receiver) -> Message:
    """The first message, which is waited for."""
    until = time.monotonic() + 60
    while not receiver.messages:
        assert time.monotonic() < until, "nothing has arrived"
        time.sleep(0.05)
    return receiver.messages[0]
