"""A server that is killed again and again while clients write to it, and what has to be true of its database in the end.

The clients write contacts with an e-mail address, each under a name of its own and with an Idempotency-Key. What a client was told is
written has to be there, once, with one address and one event. Of what it was not told it asks again, under the same key, until it is told.
And an endpoint of webhooks has to hear of each of these events at least once, whatever was being done when the server died: signed, and
under the id of the event. A consumer has to hear of each once, and the job that it asks for has to have its effect once.
It shows that the process may die at any moment, and not that a disk survives a loss of power.
"""

import contextlib
import http.client
import json
import os
import random
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from standardwebhooks.webhooks import WebhookVerificationError

from tests.engines import Engine, free_port
from tests.house import write_settings
from tests.packages import Packages
from tests.receiving import Message, Receiver, receiving
from tests.shell import ROOT, Shell

WRITE = """mutation ($name: String!, $address: String!) {
    contactCreate(input: {name: $name, emails: [{address: $address}]}) { contact { id } userErrors { code message } }
}"""
ROWS = """SELECT c.name, count(DISTINCT c.id) AS contacts, count(DISTINCT m.id) AS addresses, count(DISTINCT e.id) AS events
FROM contact c LEFT JOIN contact_email m ON m.contact_id = c.id LEFT JOIN event e ON e.record_id = c.id AND e.name = 'contact.created'
GROUP BY c.name"""
STRAY = """SELECT count(*) AS found FROM event e
WHERE e.name = 'contact.created' AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.id = e.record_id)"""
CONTACTS = "SELECT CAST(id AS text) AS id FROM contact"
EVENTS = "SELECT CAST(id AS text) AS id FROM event WHERE name = 'contact.created'"
HOOK = """mutation ($url: String!) {
    webhookEndpointCreate(input: {url: $url, names: ["contact.created"]}) { webhookEndpoint { secret } userErrors { message } }
}"""
ECHO = """
    from core import SYSTEM, Consumer, Job, enqueue, hookimpl, transaction
    from core.models import Company

    async def hear(crm, events):
        ids = [str(event.record_id) for event in events]
        for one in ids:
            await Company.create(name=f"heard {one}", name_key="heard")
        await enqueue(crm.call(SYSTEM), "echo.note", {"ids": ids})

    async def note(run, ids):
        async def all_of_them():
            for one in ids:
                await Company.create(name=f"noted {one}", name_key="noted")

        async with transaction(run):
            await run.step("note", all_of_them)

    @hookimpl
    def consumers():
        return [Consumer("echo", hear, names=("contact.created",), batch=20)]

    @hookimpl
    def jobs():
        return [Job("echo.note", note)]
"""
ECHOES = "SELECT name, count(*) AS found FROM company GROUP BY name"
WEBHOOKS = {"allow_http": True, "allow_addresses": ["127.0.0.1/32"]}
PATIENCE = 60.0  # seconds until a server that was started is ready
PATIENCE_OF_ALL = 300.0  # seconds until all has arrived and is done, once nobody writes any more


@dataclass
class Client:
    """Writes one contact after the other, and keeps in mind of which it was told that they are there."""

    number: int
    port: int
    key: str
    told: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _connection: http.client.HTTPConnection | None = None

    def work(self, ended: threading.Event) -> None:
        """Write until `ended`. A write of which nothing was heard is sent once more, under the same key, until it is told."""
        while not ended.is_set() and not self.wrong:
            name, key = f"c{self.number}-{len(self.told)}", str(uuid.uuid4())
            while not (done := self._write(name, key)) and not self.wrong:
                time.sleep(0.02)
            if done:
                self.told.append(name)

    def _write(self, name: str, key: str) -> bool:
        body = json.dumps({"query": WRITE, "variables": {"name": name, "address": f"{name}@payvand.example"}})
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "Idempotency-Key": key}
        try:
            self._connection = self._connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            self._connection.request("POST", "/graphql", body, headers)
            response = self._connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):  # the server is gone, perhaps in the middle of an answer
            if self._connection:
                self._connection.close()
            self._connection = None
            return False
        return self._judged(response.status, answer)

    def _judged(self, status: int, answer: dict[str, Any]) -> bool:
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        if codes <= {"UNAVAILABLE", "CONFLICT"} and codes:
            return False
        payload = (answer.get("data") or {}).get("contactCreate") or {}
        if status == 200 and not codes and payload.get("contact") and not payload["userErrors"]:
            return True
        self.wrong.append(f"{status} {json.dumps(answer)[:300]}")
        return False


@dataclass(frozen=True)
class Outcome:
    """What came of it: how often the server was killed, and what is wrong with the database, or with what arrived, in sentences.

    `arrived` are the messages of webhooks, those that came again among them.
    """

    kills: int
    told: int
    written: int
    slowest_start: float
    arrived: int
    problems: list[str]


def killed(database: Engine, folder: Path, kills: int, *, clients: int = 4, up: tuple[float, float] = (0.1, 1.5)) -> Outcome:
    """Serve an empty database, kill the server so many times while clients write, start it again each time, and look at what is there.

    One in five dies while it still starts, and one in five after it was told to stop.
    """
    url, port = database.create(), free_port()
    # The clients ask with one key, and more often than one client may.
    tables = {
        "server": {"port": port}, "limits": {"requests_per_minute": 0, "cost_per_minute": 0}, "plugins": {"webhooks": WEBHOOKS},
    }  # fmt: skip
    write_settings(folder, url, ("webhooks", "echo"), tables)
    site = folder / "site-packages"
    site.mkdir()
    Packages(site)("echo", ECHO)
    shell = Shell(folder, url, {"PYTHONPATH": f"{ROOT}{os.pathsep}{site}"})
    shell("migrate").well()
    key = shell("keys", "create", "--name", "kills", "--role", "admin").well().out.strip()
    crowd, ended = [Client(number, port, key) for number in range(clients)], threading.Event()
    threads = [threading.Thread(target=one.work, args=(ended,)) for one in crowd]
    with receiving() as receiver:
        try:
            with shell.running("serve") as process:
                _ready(process, port, folder / "log")
                forged = _doubting(receiver, _hooked(port, key, receiver.url))
            starts = [_lived(shell, port, threads, up) for _ in range(kills)]
            with shell.running("serve") as process:
                starts.append(_ready(process, port, folder / "log"))
                time.sleep(up[1])
                ended.set()
                for thread in threads:
                    thread.join(60)
                unheard = _unheard(database, url, receiver)
                process.terminate()
                process.wait(60)
        finally:
            ended.set()
        problems = [*_problems(database, url, crowd), *unheard, *forged, *_strange(database, url, receiver), *_checked(shell)]
        arrived = len(receiver.messages)
    written = database.query(url, "SELECT count(*) AS found FROM contact")[0]["found"]
    database.drop(url)
    return Outcome(kills, sum(len(one.told) for one in crowd), written, max(starts), arrived, problems)


def _hooked(port: int, key: str, url: str) -> str:
    """Make an endpoint of webhooks, and give its secret."""
    body = {"query": HOOK, "variables": {"url": url}}
    answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=20).json()
    return answer["data"]["webhookEndpointCreate"]["webhookEndpoint"]["secret"]


def _unheard(database: Engine, url: str, receiver: Receiver) -> list[str]:
    """What the endpoint, the consumer or the jobs have not heard of, or have twice, after they were waited for."""
    until = time.monotonic() + PATIENCE_OF_ALL
    while True:
        missing = {row["id"] for row in database.query(url, EVENTS)} - {message.id for message in receiver.messages}
        problems = [*(f"the event {one} has not arrived" for one in sorted(missing)), *_echoes(database, url)]
        if not problems or time.monotonic() > until:
            return problems
        time.sleep(0.25)


def _echoes(database: Engine, url: str) -> Iterator[str]:
    """What the consumer has not heard, or its job has not done, exactly once."""
    found = {row["name"]: row["found"] for row in database.query(url, ECHOES)}
    wanted = {f"{what} {row['id']}" for what in ("heard", "noted") for row in database.query(url, CONTACTS)}
    yield from (f"{name}: {found.get(name, 0)} times" for name in sorted(wanted) if found.get(name) != 1)
    yield from (f"{name}, and there is no such contact" for name in sorted(found.keys() - wanted))


def _doubting(receiver: Receiver, secret: str) -> list[str]:
    """Let the endpoint look at each signature when it arrives, for it is good for minutes only; what it finds wrong comes into the list."""
    forged: list[str] = []

    def answer(message: Message) -> tuple[int, dict[str, str], bytes]:
        try:
            message.verified(secret)
        except WebhookVerificationError as error:
            forged.append(f"the signature of {message.id} is not good: {error}")
        return 200, {}, b""

    receiver.answer = answer
    return forged


def _strange(database: Engine, url: str, receiver: Receiver) -> Iterator[str]:
    """What arrived and should not have."""
    ids = {row["id"] for row in database.query(url, EVENTS)}
    of_records: dict[str, set[str]] = {}
    for message in list(receiver.messages):
        record = message.json["data"]["recordId"]
        of_records.setdefault(record, set()).add(message.id)
        if message.id not in ids:
            yield f"a message {message.id} arrived, and there is no such event"
    yield from (f"of {record} was told under {len(found)} ids" for record, found in of_records.items() if len(found) != 1)


def _lived(shell: Shell, port: int, threads: list[threading.Thread], up: tuple[float, float]) -> float:
    """Start the server, and kill it with all that it started, as leaving the block does; the seconds until it was ready, 0 if never."""
    begun = threads[0].ident is not None
    with shell.running("serve") as process:
        if begun and random.random() < 0.2:
            time.sleep(random.uniform(0.0, 2.0))
            return 0.0
        seconds = _ready(process, port, shell.folder / "log")
        for thread in () if begun else threads:
            thread.start()
        time.sleep(random.uniform(*up))
        if random.random() < 0.2:
            process.terminate()
            time.sleep(random.uniform(0.0, 0.2))
        return seconds


def _ready(process: subprocess.Popen[str], port: int, log: Path) -> float:
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        assert process.poll() is None, f"the server ended with {process.returncode}\n{log.read_text()[-2000:]}"
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200:
                return time.monotonic() - began
        time.sleep(0.05)
    raise AssertionError(f"the server was not ready within {PATIENCE:.0f} s\n{log.read_text()[-2000:]}")


def _problems(database: Engine, url: str, crowd: list[Client]) -> Iterator[str]:
    found = {row["name"]: (row["contacts"], row["addresses"], row["events"]) for row in database.query(url, ROWS)}
    told = {name for one in crowd for name in one.told}
    yield from (line for one in crowd for line in one.wrong)
    yield from (f"{name} was acknowledged and is not there" for name in sorted(told - found.keys()))
    for name, (contacts, addresses, events) in found.items():
        if (contacts, addresses, events) != (1, 1, 1):
            yield f"{name}: {contacts} contacts, {addresses} addresses, {events} events"
    yield from (f"{name} is there, and nobody wrote it" for name in found.keys() - told)
    if strays := database.query(url, STRAY)[0]["found"]:
        yield f"{strays} events tell of contacts that are not there"


def _checked(shell: Shell) -> Iterator[str]:
    outcome = shell("check", "--json")
    if outcome.code:
        yield f"payvand check: {outcome.out}{outcome.err}"
