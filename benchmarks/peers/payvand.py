"""Payvand itself, as it is served in production: with keys, limits and the rules of a role that sees its own rows."""

from typing import Any, ClassVar

from benchmarks.peers.meaning import key, plain
from benchmarks.peers.peer import Body, Launch, Peer
from benchmarks.peers.samples import USER, Fresh, Place, Sample
from benchmarks.peers.stand import POOL, PYTHON, Stand, environment
from benchmarks.peers.wire import send
from benchmarks.peers.workloads import Workload
from core.money import minor_units
from schema.scalars import read_decimal

ROLE, MAIL = "seller", "user1@example.com"
SETTINGS = """\
[server]
graphiql = false
[database]
url = "{url}"
pool = {pool}
[plugins]
enabled = ["metrics"]
[limits]
page = 1000  # for W3
requests_per_minute = 0  # one key asks for everything here; the bounds of one request are those that the server has by itself
cost_per_minute = 0
[roles.seller]
"*" = "own"
"""
FIELDS = "id name givenName familyName jobTitle city lifecycleStage source createdAt updatedAt"
NEWEST = "orderBy: [{field: CREATED_AT, direction: DESC}]"
STAGE = "where: {lifecycleStage: {eq: $stage}}"
PARTS = f"""
company {{ name }}
deals(first: 3, orderBy: [{{field: CREATED_AT}}]) {{ nodes {{ id title amount {{ amount currency }} }} }}
activities(first: 3, {NEWEST}) {{ nodes {{ id kind subject createdAt }} }}
"""
QUERIES = {
    Workload.W1: f"query W1($id: ID!) {{ contact(id: $id) {{ {FIELDS} company {{ id name domain city }} }} }}",
    Workload.W2: f"""query W2($stage: LifecycleStage!, $after: String) {{ contacts(first: 100, after: $after, {STAGE}, {NEWEST})
      {{ nodes {{ {FIELDS} {PARTS} }} pageInfo {{ endCursor hasNextPage }} }} }}""",
    Workload.W3: f"""query W3($stage: LifecycleStage!, $after: String) {{ contacts(first: 1000, after: $after, {STAGE}, {NEWEST})
      {{ nodes {{ {FIELDS} }} }} }}""",
    Workload.W4: f"""mutation W4($input: ContactCreateInput!) {{ contactCreate(input: $input)
      {{ contact {{ {FIELDS} }} userErrors {{ field message }} }} }}""",
    Workload.W5: """query W5 { dealsAggregate(groupBy: [{field: STAGE}])
      { key { stage { id } } count sum { amount { amount currency } } } }""",
    Workload.W6: "query W6 { __typename }",
    Workload.FIRST: f"query First {{ contacts(first: 100, {NEWEST}) {{ nodes {{ {FIELDS} }} }} }}",
    Workload.DEEP: f"query Deep($after: String) {{ contacts(first: 100, after: $after, {NEWEST}) {{ nodes {{ {FIELDS} }} }} }}",
}
CURSOR = f"query ($id: ID!) {{ contacts(first: 1, where: {{id: {{eq: $id}}}}, {NEWEST}) {{ pageInfo {{ endCursor }} }} }}"


class Payvand(Peer):
    """`payvand serve`, one process."""

    name: ClassVar = "payvand"

    def __init__(self, stand: Stand) -> None:
        super().__init__(stand)
        self.token = stand.key
        self.cursors: dict[str, str] = {}

    def workloads(self) -> list[Workload]:
        """All of them."""
        return list(Workload)

    def launch(self) -> Launch:
        """The command of the server, in the folder with the settings that the rows were made with."""
        return Launch([*PYTHON, "core", "serve", "--port", str(self.port)], self.stand.folder, environment())

    def body(self, workload: Workload, sample: Sample) -> Body:
        """A GraphQL request."""
        return {"query": QUERIES[workload], "variables": self._variables(workload, sample)}

    def meaning(self, workload: Workload, answer: Any) -> Any:
        """Amounts in minor units, as the other servers give them."""
        if workload is Workload.W5:
            return {key(row["key"]["stage"]["id"]): (row["count"], _sums(row["sum"]["amount"])) for row in answer["dealsAggregate"]}
        if workload is Workload.W4:
            return plain(answer["contactCreate"]["contact"], {})
        for row in answer["contacts"]["nodes"] if workload is Workload.W2 else ():
            row["deals"]["nodes"] = [_flat(deal) for deal in row["deals"]["nodes"]]
        (found,) = answer.values()
        return plain(found, {})

    def _variables(self, workload: Workload, sample: Sample) -> dict[str, Any]:
        match sample:
            case str():
                return {"id": f"contact_{sample}"}
            case Place():
                stage = {} if workload is Workload.DEEP else {"stage": sample.stage}
                return {**stage, "after": self._cursor(sample)}
            case Fresh():
                made = {"name": sample.name, "lifecycleStage": sample.stage, "companyId": f"company_{sample.company}"}
                return {"input": {**made, "ownerId": f"user_{USER}", "emails": [{"address": sample.address}]}}
            case _:
                return {}

    def _cursor(self, place: Place) -> str:
        if place.id not in self.cursors:
            answer = send(f"{self.url}/graphql", {"query": CURSOR, "variables": {"id": f"contact_{place.id}"}}, self.token)
            self.cursors[place.id] = answer["data"]["contacts"]["pageInfo"]["endCursor"]
        return self.cursors[place.id]


def settings(url: str) -> str:
    """The text of settings.toml for a database."""
    return SETTINGS.format(url=url, pool=POOL)


def _flat(deal: dict[str, Any]) -> dict[str, Any]:
    money = deal["amount"]
    return {**deal, "amount": money and _minor(money), "currency": money and money["currency"]}


def _sums(sums: list[dict[str, str]]) -> dict[str, int]:
    return {money["currency"]: _minor(money) for money in sums}


def _minor(money: dict[str, str]) -> int:
    return minor_units(read_decimal(money["amount"]), money["currency"])
