"""The floor: what Python costs when nothing is between the request and SQL by hand. No GraphQL, no access control."""

from typing import ClassVar

from benchmarks.peers.peer import Body
from benchmarks.peers.python_peer import PythonPeer
from benchmarks.peers.samples import USER, Fresh, Place, Sample
from benchmarks.peers.workloads import Workload


class Floor(PythonPeer):
    """Starlette and asyncpg: one statement for each workload, whose JSON passes through."""

    name: ClassVar = "floor"
    app: ClassVar = "floor_postgres"

    def path(self, workload: Workload) -> str:
        """A route for each workload."""
        return f"/{workload}"

    def body(self, workload: Workload, sample: Sample) -> Body:
        """The parameters of the statement."""
        match sample:
            case str():
                return {"id": sample}
            case Place():
                return {"stage": sample.stage, "after": [sample.created_at.isoformat(), sample.id]}
            case Fresh():
                made = {"name": sample.name, "key": sample.name.lower(), "stage": sample.stage, "company": sample.company}
                return {**made, "owner": USER, "address": sample.address}
            case _:
                return {}


class SqliteFloor(Floor):
    """Starlette and the module sqlite3, in the thread of the event loop."""

    app: ClassVar = "floor_sqlite"
