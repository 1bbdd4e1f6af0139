"""What the requests name: contacts, places in lists, and contacts to be. The same for every server."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peers.workloads import Workload
from tests.engines import Engine

USER = "01900000-0000-7000-8000-000000000001"  # who owns what is asked for; see data/rows.sql
CONTACTS, PLACES, MADE = 300, 40, 200  # how many are named; places are so many in each stage
LONGEST_PAGE = 1000
DEEP = 0.9  # of all contacts lie before the deep page


@dataclass(frozen=True)
class Place:
    """A row of a list of contacts, after which a page begins."""

    stage: str
    id: str
    created_at: datetime.datetime


@dataclass(frozen=True)
class Fresh:
    """A contact to be."""

    name: str
    stage: str
    company: str
    address: str


Sample = str | Place | Fresh | None


@dataclass(frozen=True)
class Samples:
    """All that the requests name."""

    contacts: Sequence[str]
    places: Sequence[Place]
    fresh: Sequence[Fresh]
    deep: Place

    def of(self, workload: Workload) -> Sequence[Sample]:
        """What the requests of a workload name, one for each request."""
        match workload:
            case Workload.W1:
                return self.contacts
            case Workload.W2 | Workload.W3:
                return self.places
            case Workload.W4:
                return self.fresh
            case Workload.DEEP:
                return [self.deep]
            case _:
                return [None]


def samples(database: Engine, url: str) -> Samples:
    """Samples spread evenly over the rows."""
    contacts = database.query(url, _CONTACTS, (USER, CONTACTS))
    places = database.query(url, _PLACES, (LONGEST_PAGE, PLACES))
    companies = database.query(url, "SELECT id FROM company WHERE owner_id = $1 ORDER BY id LIMIT $2", (USER, MADE))
    stages = sorted({row["stage"] for row in places})
    fresh = [
        Fresh(f"Peer {place} پیوند", stages[place % len(stages)], str(row["id"]), f"peer{place}@example.com")
        for place, row in enumerate(companies)
    ]
    deep = database.query(url, _DEEP, (USER, DEEP))[0]
    return Samples([str(row["id"]) for row in contacts], [_place(row) for row in places], fresh, _place(deep))


def _place(row: dict[str, object]) -> Place:
    moment = row["created_at"]
    assert isinstance(moment, datetime.datetime)
    return Place(str(row["stage"]), str(row["id"]), moment)


_CONTACTS = """
SELECT id FROM (
  SELECT id, row_number() OVER (ORDER BY id) AS n, count(*) OVER () AS all_of_them FROM contact WHERE owner_id = $1
) AS numbered
WHERE n % (all_of_them / $2::int) = 0 ORDER BY id LIMIT $2::int
"""
# A full page must follow on each place, and one row more, so that all servers see the same of what comes next.
_PLACES = """
SELECT stage, id, created_at FROM (
  SELECT lifecycle_stage AS stage, id, created_at, row_number() OVER (PARTITION BY lifecycle_stage ORDER BY created_at DESC, id DESC) AS n,
    count(*) OVER (PARTITION BY lifecycle_stage) - $1::int - 1 AS last
  FROM contact WHERE lifecycle_stage <> 'CHURNED'
) AS numbered
WHERE n <= last AND n % (last / $2::int) = 0 ORDER BY n, stage
"""
_DEEP = """
SELECT lifecycle_stage AS stage, id, created_at FROM contact WHERE owner_id = $1 ORDER BY created_at DESC, id DESC
OFFSET (SELECT (count(*) * $2::float8)::int FROM contact) LIMIT 1
"""
