"""What access control costs: a list of contacts with rules on their rows beside the same list without.

Each role sees nearly the same rows, so that what differs is the rule alone. The lists are asked in turns by keys of the roles;
the ratio of each to the role without rules is taken within a round, and its median and extremes are told. ACCESS_CONTACTS
says how many contacts there are, 20,000 when it says nothing.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.peers import tables
from benchmarks.peers.copying import copy
from benchmarks.peers.payvand import MAIL, Payvand
from benchmarks.peers.running import running
from benchmarks.peers.samples import samples
from benchmarks.peers.stand import Stand
from benchmarks.peers.wire import send
from tests.engines import engine

ROUNDS, REQUESTS, GOAL = 9, 60, 1.3
CONTACTS = int(os.environ.get("ACCESS_CONTACTS", "20000"))
NODES = "{ nodes { id name city createdAt company { name } deals(first: 3) { nodes { id title } } } }"
NEWEST = "first: 100, orderBy: [{field: CREATED_AT, direction: DESC}]"
# The first page is a statement without a value where there are no rules, and PostgreSQL plans it once; a filter is planned each time.
LISTS = {
    "first page": f"{{ contacts({NEWEST}) {NODES} }}",
    "of a stage": f"{{ contacts({NEWEST}, where: {{lifecycleStage: {{in: [LEAD, CUSTOMER]}}}}) {NODES} }}",
}
ALL = [{"permission": "*", "scope": "ALL"}]
OWNED = ("contact.read", "company.read", "deal.read", "activity.read")
ROLES = {
    "all": ALL,
    "own": [*ALL, *({"permission": one, "scope": "OWN"} for one in OWNED)],
    "team": [*ALL, *({"permission": one, "scope": "TEAM"} for one in OWNED)],
    "filter": [*ALL, {"permission": "contact.read", "scope": "WHERE", "where": {"owner": {"id": {"eq": "$me"}}}}],
}


def main() -> None:
    """Print the ratios on both databases."""
    with tempfile.TemporaryDirectory(prefix="payvand-access-") as place, engine("postgres", tables.TUNING) as server:
        url, folder = server.create(), Path(place)
        tables.migrate(url, folder / "postgres")
        asyncio.run(tables.fill(url, CONTACTS))
        found = samples(server, url)
        file = folder / "sqlite" / "access.db"
        tables.migrate(f"sqlite://{file}", file.parent)
        asyncio.run(copy(url, file))
        for kind, address, home in (("sqlite", f"sqlite://{file}", file.parent), ("postgres", url, folder / "postgres")):
            admin = json.loads(tables.payvand(home, "keys", "create", "--name", "admin", "--role", "admin", "--json"))["key"]
            peer = Payvand(Stand(kind, address, home, found, admin))
            with running(peer, home / "access.log"):
                _measure(kind, peer, home, admin)


def _measure(kind: str, peer: Payvand, home: Path, admin: str) -> None:
    keys = _keys(peer, home, admin)
    print(f"{kind}: {CONTACTS:,} contacts, {ROUNDS} rounds of {REQUESTS} lists of 100")
    for name, document in LISTS.items():
        with _client(peer) as client:
            for key in keys.values():
                _spent(client, key, document)
            rounds = [{role: _spent(client, key, document) for role, key in keys.items()} for _ in range(ROUNDS)]
        _tell(name, rounds)


def _tell(name: str, rounds: list[dict[str, float]]) -> None:
    print(f"  {name}, without rules {_middle(rounds) * 1000:.2f} ms")
    for role in list(ROLES)[1:]:
        ratios = [one[role] / one["all"] for one in rounds]
        told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
        print(f"    {role:7} {told:22} goal <= {GOAL}")


def _keys(peer: Payvand, home: Path, admin: str) -> dict[str, str]:
    """A key of each role, of the user who owns nearly everything; the user alone is a team below another."""
    url = f"{peer.url}/graphql"

    def ask(query: str, **variables: object) -> dict[str, dict[str, dict[str, str]]]:
        return send(url, {"query": query, "variables": variables}, admin)["data"]

    make = "mutation ($name: String!, $parent: ID) { teamCreate(input: {name: $name, parentId: $parent}) { team { id } } }"
    above = ask(make, name="above")["teamCreate"]["team"]["id"]
    below = ask(make, name="below", parent=above)["teamCreate"]["team"]["id"]
    users = ask("query ($mail: String!) { users(where: {email: {eq: $mail}}) { nodes { id } } }", mail=MAIL)
    user = users["users"]["nodes"][0]["id"]  # type: ignore[index]  # a list
    ask("mutation ($id: ID!, $team: ID) { userUpdate(id: $id, input: {teamId: $team}) { userErrors { message } } }", id=user, team=below)
    for role, grants in ROLES.items():
        made = {"name": f"b-{role}", "grants": grants}
        ask("mutation ($input: RoleCreateInput!) { roleCreate(input: $input) { role { id } } }", input=made)
    words = ("keys", "create", "--name", "access", "--user", MAIL, "--json", "--role")
    return {role: json.loads(tables.payvand(home, *words, f"b-{role}"))["key"] for role in ROLES}


@contextmanager
def _client(peer: Payvand) -> Iterator[HTTPConnection]:
    host = peer.url.removeprefix("http://")
    client = HTTPConnection(host, timeout=60)
    try:
        yield client
    finally:
        client.close()


def _spent(client: HTTPConnection, key: str, document: str) -> float:
    """Seconds for one list, as the mean of some."""
    body, headers = json.dumps({"query": document}), {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    began = time.perf_counter()
    for _ in range(REQUESTS):
        client.request("POST", "/graphql", body, headers)
        answer = client.getresponse()
        text = answer.read()
        assert answer.status == 200 and b'"errors"' not in text, text[:300]
    return (time.perf_counter() - began) / REQUESTS


def _middle(rounds: list[dict[str, float]]) -> float:
    return statistics.median(one["all"] for one in rounds)
