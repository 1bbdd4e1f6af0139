"""Directus 12: a CMS that reads the tables it finds, in Node."""

import asyncio
import subprocess
import sys
from typing import Any, ClassVar

import asyncpg

from benchmarks.peers import npm
from benchmarks.peers.meaning import plain, totals
from benchmarks.peers.peer import Body, Launch, Peer
from benchmarks.peers.samples import USER, Fresh, Place, Sample
from benchmarks.peers.stand import POOL, Stand, environment
from benchmarks.peers.wire import send
from benchmarks.peers.workloads import Workload
from tests.engines import apart

SCHEMA = "directus"  # for its own tables, so that no other server sees them
TOKEN = "token-of-the-benchmark"
FIELDS = "id name given_name family_name job_title city lifecycle_stage source created_at updated_at"
# It has no cursors. Times are unique, so a time says as much as one.
PAGE = 'filter: {lifecycle_stage: {_eq: $stage}, created_at: {_lt: $before}}, sort: ["-created_at", "-id"]'
PARTS = """
company_id { name }
deals(limit: 3, sort: ["created_at", "id"]) { id title amount currency }
activities(limit: 3, sort: ["-created_at", "-id"]) { id kind subject created_at }
"""
QUERIES = {
    Workload.W1: f"query W1($id: ID!) {{ contact_by_id(id: $id) {{ {FIELDS} company_id {{ id name domain city }} }} }}",
    Workload.W2: f"query W2($stage: String!, $before: String!) {{ contact(limit: 100, {PAGE}) {{ {FIELDS} {PARTS} }} }}",
    Workload.W3: f"query W3($stage: String!, $before: String!) {{ contact(limit: 1000, {PAGE}) {{ {FIELDS} }} }}",
    Workload.W5: 'query W5 { deal_aggregated(groupBy: ["stage_id", "currency"], limit: -1) { group count { id } sum { amount } } }',
    Workload.W6: "query W6 { __typename }",
}
LISTS = {"deals": "deal", "activities": "activity", "emails": "contact_email"}  # of a contact, and the table of their rows
COLLECTIONS = ("contact", "company", *LISTS.values())


class Directus(Peer):
    """Directus in one process of Node, asked by its administrator."""

    name: ClassVar = "directus"

    def __init__(self, stand: Stand) -> None:
        super().__init__(stand)
        self.token = TOKEN

    def launch(self) -> Launch:
        """Its command, after it has made its own tables."""
        folder = npm.installed(self.name)
        apart(_execute(self.stand.url, f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        command = [str(npm.node()), "node_modules/directus/cli.js"]
        done = subprocess.run([*command, "bootstrap"], cwd=folder, env=self._words(), capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"Directus could not make its tables: {(done.stderr or done.stdout)[-800:]}")
        return Launch([*command, "start"], folder, self._words())

    def arrange(self) -> None:
        """Tell it of the lists that a contact has."""
        for collection in COLLECTIONS:
            send(f"{self.url}/collections/{collection}", {"meta": {"hidden": False}}, TOKEN, "PATCH")
        for name, table in LISTS.items():
            field = {"field": name, "type": "alias", "schema": None, "meta": {"interface": "list-o2m", "special": ["o2m"]}}
            send(f"{self.url}/fields/contact", field, TOKEN)
            relation = {"collection": table, "field": "contact_id", "related_collection": "contact", "meta": {"one_field": name}}
            send(f"{self.url}/relations/{table}/contact_id", relation, TOKEN, "PATCH")

    def path(self, workload: Workload) -> str:
        """GraphQL; but there it cannot tie a contact to a company without writing the company, so W4 goes to the other API."""
        return f"/items/contact?fields={FIELDS.replace(' ', ',')}" if workload is Workload.W4 else "/graphql"

    def body(self, workload: Workload, sample: Sample) -> Body:
        """A GraphQL request, or a row."""
        match sample:
            case Fresh():
                made = {"name": sample.name, "name_key": sample.name.lower(), "lifecycle_stage": sample.stage, "owner_id": USER}
                return {**made, "company_id": sample.company, "emails": [{"address": sample.address, "address_key": sample.address}]}
            case str():
                variables = {"id": sample}
            case Place():
                variables = {"stage": sample.stage, "before": sample.created_at.isoformat()}
            case _:
                variables = {}
        return {"query": QUERIES[workload], "variables": variables}

    def meaning(self, workload: Workload, answer: Any) -> Any:
        """Rows by our names."""
        if workload is Workload.W4:
            return plain(answer, {})
        (found,) = answer.values()
        if workload is Workload.W5:
            return totals({**row["group"], "count": row["count"]["id"], "amount": row["sum"]["amount"]} for row in found)
        return plain(found, {"company_id": "company"})

    def _words(self) -> dict[str, str]:
        return environment(
            DB_CLIENT="pg", DB_CONNECTION_STRING=self.stand.url, DB_SEARCH_PATH=f"array:{SCHEMA},public", DB_POOL__MIN="0",
            DB_POOL__MAX=str(POOL), HOST="127.0.0.1", PORT=str(self.port), PUBLIC_URL=self.url, SECRET="secret-of-the-benchmark-32-letters",
            ADMIN_EMAIL="admin@example.com", ADMIN_PASSWORD="password-of-the-benchmark", ADMIN_TOKEN=TOKEN, LOG_LEVEL="error",
            TELEMETRY="false", WEBSOCKETS_ENABLED="false", RATE_LIMITER_ENABLED="false", PRESSURE_LIMITER_ENABLED="false",
        )  # fmt: skip


async def _execute(url: str, text: str) -> None:
    server = await asyncpg.connect(url)
    try:
        await server.execute(text)
    finally:
        await asyncio.shield(server.close())
