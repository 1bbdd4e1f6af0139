"""PostGraphile 5: GraphQL made from the tables of PostgreSQL, in Node."""

from typing import Any, ClassVar

from benchmarks.peers import npm
from benchmarks.peers.meaning import plain, totals
from benchmarks.peers.peer import Body, Launch, Peer
from benchmarks.peers.samples import USER, Fresh, Place, Sample
from benchmarks.peers.stand import POOL, Stand, environment
from benchmarks.peers.wire import send
from benchmarks.peers.workloads import Workload

FIELDS = "rowId name givenName familyName jobTitle city lifecycleStage source createdAt updatedAt"
NEWEST = "orderBy: [CREATED_AT_DESC, ROW_ID_DESC]"
STAGE = "condition: {lifecycleStage: $stage}"
PARTS = f"""
companyByCompanyId {{ name }}
dealsByContactId(first: 3, orderBy: [CREATED_AT_ASC, ROW_ID_ASC]) {{ nodes {{ rowId title amount currency }} }}
activitiesByContactId(first: 3, {NEWEST}) {{ nodes {{ rowId kind subject createdAt }} }}
"""
QUERIES = {
    Workload.W1: f"query W1($id: UUID!) {{ contactByRowId(rowId: $id) {{ {FIELDS} companyByCompanyId {{ rowId name domain city }} }} }}",
    Workload.W2: f"""query W2($stage: String!, $after: Cursor) {{ allContacts(first: 100, after: $after, {STAGE}, {NEWEST})
      {{ nodes {{ {FIELDS} {PARTS} }} pageInfo {{ endCursor hasNextPage }} }} }}""",
    Workload.W3: f"""query W3($stage: String!, $after: Cursor) {{ allContacts(first: 1000, after: $after, {STAGE}, {NEWEST})
      {{ nodes {{ {FIELDS} }} }} }}""",
    Workload.W4: f"mutation W4($contact: ContactInput!) {{ createContact(input: {{contact: $contact}}) {{ contact {{ {FIELDS} }} }} }}",
    Workload.W5: "query W5 { allDealTotals { nodes { stageId currency count amount } } }",
    Workload.W6: "query W6 { __typename }",
}
CURSOR = f"query ($id: UUID!) {{ allContacts(first: 1, condition: {{rowId: $id}}, {NEWEST}) {{ pageInfo {{ endCursor }} }} }}"
NAMES = {"rowId": "id", "companyByCompanyId": "company", "dealsByContactId": "deals", "activitiesByContactId": "activities"}


class PostGraphile(Peer):
    """PostGraphile in one process of Node, as its documentation serves it in production."""

    name: ClassVar = "postgraphile"

    def __init__(self, stand: Stand) -> None:
        super().__init__(stand)
        self.cursors: dict[str, str] = {}

    def launch(self) -> Launch:
        """Its own little server around the preset."""
        folder = npm.installed(self.name)
        words = {"DATABASE_URL": self.stand.url, "PORT": str(self.port), "POOL": str(POOL)}
        return Launch([str(npm.node()), "server.mjs"], folder, environment(**words))

    def body(self, workload: Workload, sample: Sample) -> Body:
        """A GraphQL request."""
        return {"query": QUERIES[workload], "variables": self._variables(sample)}

    def meaning(self, workload: Workload, answer: Any) -> Any:
        """Rows by our names."""
        (found,) = answer.values()
        if workload is Workload.W4:
            return plain(found["contact"], NAMES)
        return totals(plain(found, NAMES)) if workload is Workload.W5 else plain(found, NAMES)

    def _variables(self, sample: Sample) -> dict[str, Any]:
        match sample:
            case str():
                return {"id": sample}
            case Place():
                return {"stage": sample.stage, "after": self._cursor(sample)}
            case Fresh():  # its table of contacts has no address; with a second mutation it would need a second request
                made = {"name": sample.name, "nameKey": sample.name.lower(), "lifecycleStage": sample.stage}
                return {"contact": {**made, "companyId": sample.company, "ownerId": USER}}
            case _:
                return {}

    def _cursor(self, place: Place) -> str:
        if place.id not in self.cursors:
            answer = send(f"{self.url}/graphql", {"query": CURSOR, "variables": {"id": place.id}})
            self.cursors[place.id] = answer["data"]["allContacts"]["pageInfo"]["endCursor"]
        return self.cursors[place.id]
