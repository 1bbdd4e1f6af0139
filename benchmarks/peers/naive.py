"""The server that one writes with the same libraries at first: strawberry, Tortoise, a resolver and a loader for each relation."""

from typing import ClassVar

from benchmarks.peers.peer import Body
from benchmarks.peers.python_peer import PythonPeer
from benchmarks.peers.samples import USER, Fresh, Place, Sample
from benchmarks.peers.workloads import Workload

FIELDS = "id name givenName familyName jobTitle city lifecycleStage source createdAt updatedAt"
PARTS = "company { name } deals(first: 3) { id title amount currency } activities(first: 3) { id kind subject createdAt }"
QUERIES = {
    Workload.W1: f"query W1($id: ID!) {{ contact(id: $id) {{ {FIELDS} company {{ id name domain city }} }} }}",
    Workload.W2: f"""query W2($stage: String!, $after: String) {{ contacts(first: 100, after: $after, stage: $stage)
      {{ {FIELDS} {PARTS} }} }}""",
    Workload.W3: f"query W3($stage: String!, $after: String) {{ contacts(first: 1000, after: $after, stage: $stage) {{ {FIELDS} }} }}",
    Workload.W4: f"mutation W4($input: ContactInput!) {{ createContact(input: $input) {{ {FIELDS} }} }}",
    Workload.W5: "query W5 { dealTotals { stageId currency count amount } }",
    Workload.W6: "query W6 { __typename }",
}


class Naive(PythonPeer):
    """strawberry and Tortoise as an ordinary careful developer joins them."""

    name: ClassVar = "naive"
    app: ClassVar = "naive.server"

    def body(self, workload: Workload, sample: Sample) -> Body:
        """A GraphQL request."""
        match sample:
            case str():
                variables = {"id": sample}
            case Place():
                variables = {"stage": sample.stage, "after": f"{sample.created_at.isoformat()}|{sample.id}"}
            case Fresh():
                made = {"name": sample.name, "lifecycleStage": sample.stage, "companyId": sample.company, "ownerId": USER}
                variables = {"input": {**made, "address": sample.address}}
            case _:
                variables = {}
        return {"query": QUERIES[workload], "variables": variables}
