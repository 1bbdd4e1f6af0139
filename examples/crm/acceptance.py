"""Import a published practice set of a CRM and compare what the running server says with what the files say.

    make acceptance DATA=folder/with/the/files [GOLDEN=numbers.json]

DATA holds accounts.csv, products.csv, sales_teams.csv and sales_pipeline.csv of "CRM Sales Opportunities", which is
published by Maven Analytics and not part of this project. GOLDEN holds numbers that were worked out elsewhere. The
house is made in a folder of its own and gone afterwards; PAYVAND_DATABASE_URL takes another database, an empty one.
"""

import argparse
import csv
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from figures import figures, same

HERE = Path(__file__).parent
STEPS = (
    ("stages", HERE / "stages.csv", "stages"),
    ("products", "products.csv", "products"),
    ("companies", "accounts.csv", "accounts"),
    ("users", "sales_teams.csv", "sales_teams"),
    ("deals", "sales_pipeline.csv", "sales_pipeline"),
)
QUERY = """{
  all: dealsAggregate { count }
  byStage: dealsAggregate(groupBy: [{field: STAGE}]) { key { stage { name } } count sum { amount { amount currency } } }
  homeless: dealsAggregate(where: {not: {company: {}}}) { count }
  unbegun: dealsAggregate(where: {startedAt: {isNull: true}}) { count }
  pro: dealsAggregate(where: {lines: {some: {product: {name: {eq: "GTX Pro"}}}}}) { count }
  lined: dealsAggregate(where: {lines: {none: {}}}) { count }
  engaged: dealsAggregate(where: {stageChanges: {some: {toStage: {name: {eq: "Engaging"}}}}}) { count }
}"""
MORE = """{
  teams(first: 50) { nodes { name parent { name } } }
  agents: usersAggregate { count }
}"""


def main() -> int:
    """Run the acceptance; 0 when all numbers are right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder with the four files")
    parser.add_argument("golden", type=Path, nargs="?", help="numbers that were worked out elsewhere")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        told = house.fill(given.data)
        again = house.fill(given.data)
        with house.served():
            answer = house.ask(QUERY) | house.ask(MORE)
            checks = dict(_checks(given.data, answer, told, again))
            if given.golden:
                golden = json.loads(given.golden.read_text("utf-8"))
                checks |= {f"golden {name}": check for name, check in figures(golden.get("crm_pipeline", golden), house.ask)}
    wrong = 0
    for name, (found, wanted) in checks.items():
        right = same(found, wanted)
        wrong += not right
        print(f"{'right' if right else 'WRONG'}  {name}: {_short(found)}{'' if right else f', not {_short(wanted)}'}")
    return 1 if wrong else 0


class House:
    """A house in a folder, driven as its users do: by commands and over HTTP."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        url = os.environ.get("PAYVAND_DATABASE_URL", "sqlite://house.db")
        text = f'[database]\nurl = "{url}"\n[server]\nport = {self.port}\n[company]\ncurrency = "USD"\ntime_zone = "UTC"\n'
        text += '[plugins]\nenabled = ["metrics"]\n'
        (folder / "settings.toml").write_text(text, "utf-8")
        self.run("migrate")
        self.key = json.loads(self.run("keys", "create", "--name", "acceptance", "--role", "admin", "--json"))["key"]

    def run(self, *arguments: str) -> str:
        """What a command prints; its failure is ours."""
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent.parent)}
        command = [sys.executable, "-m", "core", *arguments]
        ended = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(f"payvand {' '.join(arguments)}\n{ended.stdout}{ended.stderr}")
        return ended.stdout

    def fill(self, data: Path) -> dict[str, Any]:
        """Import all files; the reports by resource."""
        told = {}
        for resource, file, mapping in STEPS:
            path = data.absolute() / file
            rejects = self.folder / f"{mapping}.rejects.csv"
            began = time.monotonic()
            out = self.run("import", resource, str(path), "--map", str(HERE / f"{mapping}.toml"), "--rejects", str(rejects), "--json")
            told[resource] = json.loads(out)
            counts = ", ".join(f"{told[resource][name]} {name}" for name in ("created", "updated", "unchanged"))
            print(f"       {resource}: {counts}, after {time.monotonic() - began:.1f} s")
        return told

    @contextmanager
    def served(self) -> Iterator[None]:
        """The server, ready, for as long as the block lasts."""
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent.parent)}
        process = subprocess.Popen([sys.executable, "-m", "core", "serve"], cwd=self.folder, env=environment, stderr=subprocess.DEVNULL)
        try:
            self._await(process)
            yield
        finally:
            process.terminate()
            process.wait(30)

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(600):
            if process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server did not become ready")

    def ask(self, query: str) -> dict[str, Any]:
        """The data of a GraphQL query."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/graphql", json.dumps({"query": query}).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            raise SystemExit(error.read().decode()) from None
        if body.get("errors"):
            raise SystemExit(json.dumps(body["errors"], indent=2))
        return body["data"]


def _checks(data: Path, answer: dict[str, Any], told: dict[str, Any], again: dict[str, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """What the server says, and what the files say."""
    with (data / "sales_pipeline.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (data / "sales_teams.csv").open(encoding="utf-8", newline="") as file:
        agents = list(csv.DictReader(file))
    yield "deals", (answer["all"][0]["count"], len(rows))
    yield "deals by stage", (_stages(answer), Counter(row["deal_stage"] for row in rows))
    won = sum(Decimal(row["close_value"] or 0) for row in rows if row["deal_stage"] == "Won")
    yield "revenue of won deals", (_revenue(answer), (won, "USD"))
    yield "deals without a company", (_count(answer, "homeless"), sum(not row["account"] for row in rows))
    yield "deals that have not begun", (_count(answer, "unbegun"), sum(not row["engage_date"] for row in rows))
    yield "deals for GTX Pro", (_count(answer, "pro"), sum(row["product"] == "GTXPro" for row in rows))
    yield "deals without a line", (_count(answer, "lined"), 0)
    yield "deals that were in Engaging", (_count(answer, "engaged"), sum(bool(row["engage_date"]) for row in rows))
    yield "agents", (answer["agents"][0]["count"], len(agents))
    tree = {one["name"]: (one["parent"] or {}).get("name") for one in answer["teams"]["nodes"]}
    yield "teams of managers below those of offices", (
        tree, {**{row["regional_office"]: None for row in agents}, **{row["manager"]: row["regional_office"] for row in agents}},
    )  # fmt: skip
    yield "rejected rows", (sum(one["rejected"] for one in told.values()), 0)
    yield "changes by a second run", (sum(one["created"] + one["updated"] for one in again.values()), 0)


def _stages(answer: dict[str, Any]) -> dict[str, int]:
    return {row["key"]["stage"]["name"]: row["count"] for row in answer["byStage"]}


def _revenue(answer: dict[str, Any]) -> tuple[Decimal, str]:
    (won,) = (row for row in answer["byStage"] if row["key"]["stage"]["name"] == "Won")
    (money,) = won["sum"]["amount"]
    return Decimal(money["amount"]), money["currency"]


def _count(answer: dict[str, Any], name: str) -> int:
    return answer[name][0]["count"] if answer[name] else 0


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 100 else f"{text[:99]}…"


if __name__ == "__main__":
    sys.exit(main())
