"""The contract of plugins, proved by a package that pip installs: examples/plugins/acme-notes, in an environment of its own.

The environment is a venv of its own with its own site-packages, and pip puts the wheels of payvand and of the plugin into it.
Only the packages of others are not copied: a .pth file shows those of the environment that runs the tests, at the end of the path.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from core import hookspecs
from tests.engines import Engine, free_port
from tests.house import write_settings
from tests.shell import ROOT, Server, Shell, serving

NOTES = ROOT / "examples" / "plugins" / "acme-notes"
LOADED = """
import sys
from core import plugins, settings
plugins.load(settings.load())
print([name for name in sys.modules if name.startswith('acme')])
"""


@dataclass
class Installed(Shell):
    """The command `payvand` of another environment, run where no source lies."""

    programs: Path = Path()

    def python(self, source: str) -> str:
        """What a script prints there."""
        command = [self.programs / "python", "-c", source]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.folder, env=self._environment()).stdout

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [str(self.programs / "payvand"), *arguments]

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PAYVAND_", "PYTHON"))}
        return {**inherited, "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Shop:
    """A server of that environment, and its administrator."""

    server: Server
    key: str

    @property
    def headers(self) -> dict[str, str]:
        """What each request says of its sender."""
        return {"Authorization": f"Bearer {self.key}"}

    def ask(self, document: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        body = self.answer(document, **variables)
        assert "errors" not in body, body
        return body["data"]

    def answer(self, document: str, **variables: Any) -> dict[str, Any]:
        """The whole answer."""
        body = {"query": document, "variables": variables}
        return httpx.post(f"{self.server.url}/graphql", json=body, headers=self.headers, timeout=30).json()

    def note(self, contact: str, text: str) -> str:
        """The id of a new note."""
        made = self.ask(
            "mutation ($input: NoteCreateInput!) { noteCreate(input: $input) { note { id } userErrors { message } } }",
            input={"contactId": contact, "text": text, "label": "visit"},
        )["noteCreate"]
        assert made["userErrors"] == []
        return made["note"]["id"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment with payvand in it."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    programs = folder / "venv" / "bin"
    _install(programs, ROOT)
    others = subprocess.run(
        [programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, capture_output=True, text=True
    ).stdout.strip()
    Path(others, "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return programs


@pytest.fixture(scope="module")
def place(programs: Path, database: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The commands of that environment, before the plugin is installed, on an empty database."""
    folder, url = tmp_path_factory.mktemp("place"), database.create()
    _enable(folder, url)
    yield Installed(folder, url, programs=programs)
    database.drop(url)


def test_a_package_adds_all_that_the_contract_promises_and_takes_it_away(place: Installed, database: Engine):
    bare = place("schema").well().out
    _install(place.programs, NOTES)
    assert place("schema").well().out == bare, "installed is not enabled"
    assert place.python(LOADED).strip() == "[]"
    assert _state(place)["state"] == "disabled"

    _enable(place.folder, place.url, "notes", most_per_contact=2)
    _check_listed(_state(place))
    assert "Nothing to do" in place("makemigrations").well().out
    refused = place("serve", "--port", "0")
    waiting = len([*(ROOT / "migrations").glob("0*.py"), *(NOTES / "src").rglob("migrations/0*.py")])
    assert (refused.code, refused.err) == (1, f"payvand: {waiting} migrations wait to be applied; run: payvand migrate\n")
    place("migrate").well()
    key = place("keys", "create", "--name", "test", "--role", "admin").well().out.strip()
    with _served(place, key) as shop:
        contact = _check_api(shop)
        _check_veto(shop, contact)
        _check_privacy(shop)
        _check_merge(shop)
    assert place("notes-count").well().out == "2\n"
    _enable(place.folder, place.url, "notes")
    _check_job(place, database, key)

    _enable(place.folder, place.url)
    assert place("schema").well().out == bare
    gone = place("notes-count")
    assert gone.code == 2
    assert "No such command 'notes-count'" in gone.err
    with _served(place, key) as shop:
        _check_gone(shop, contact)
    assert "the plugin 'notes' is not enabled; its tables wait untouched" in place("check").well().out
    assert [row["text"] for row in database.query(place.url, "SELECT text FROM notes_note ORDER BY text")] == ["first", "second"]

    _enable(place.folder, place.url, "notes")
    assert "Nothing to do" in place("migrate").well().out
    assert place("notes-count").well().out == "2\n"


def test_the_hooks_in_the_documentation_are_those_of_the_package():
    source = "\n".join(path.read_text("utf-8") for path in (NOTES / "src").rglob("*.py"))
    text = (ROOT / "docs" / "plugins.md").read_text("utf-8")
    shown = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "@hook" in block]
    lines = [line for block in shown for line in block.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) > 30
    assert [line for line in lines if line not in source] == []
    hooks = [name for name, found in vars(hookspecs).items() if hasattr(found, "payvand_spec")]
    assert [hook for hook in hooks if f"{hook}(" not in text] == []


def _check_listed(row: dict[str, Any]) -> None:
    assert (row["version"], row["origin"], row["state"]) == ("1.2.0", "package acme-notes", "enabled")
    assert row["adds"] == {
        "tables": ["notes_note"],
        "resources": ["Note"],
        "fields": ["Contact.notes", "Contact.noteCount", "Contact.pinnedNote"],
        "mutations": ["notePin"],
        "subscriptions": ["notePinned"],
        "permissions": ["notes.pin"],
        "activity kinds": ["DICTATION"],
        "jobs": ["notes.unpin"],
        "consumers": ["notes.greet"],
        "routes": ["/notes/{contact}.txt"],
        "commands": ["notes-count"],
        "hooks": ["rule", "before_commit", "after_commit", "personal_data", "erase", "merge"],
        "own hooks": ["note_labels"],
        "settings": ["most_per_contact", "labels", "pinned_days"],
    }


def _check_job(place: Installed, database: Engine, key: str) -> None:
    """The night comes, and what has been pinned for long is no longer."""
    database.query(place.url, "UPDATE notes_note SET pinned_at = '2020-01-01 00:00:00+00:00' WHERE pinned_at IS NOT NULL")
    database.query(place.url, "UPDATE job_clock SET read_at = '2020-01-01 00:00:00+00:00' WHERE name = 'notes.unpin'")
    with _served(place, key) as shop:
        until = time.monotonic() + 60
        query = '{ jobs(where: {name: {eq: "notes.unpin"}}) { nodes { state result } } }'
        while (jobs := shop.ask(query)["jobs"]["nodes"]) != [{"state": "DONE", "result": 1}]:
            assert time.monotonic() < until, jobs
            time.sleep(0.2)
        assert shop.ask("{ notes(where: {pinnedAt: {isNull: false}}) { totalCount } }") == {"notes": {"totalCount": 0}}


def _check_api(shop: Shop) -> str:
    made = shop.ask('mutation { contactCreate(input: {name: "Mina"}) { contact { id } } }')
    contact = made["contactCreate"]["contact"]["id"]
    shop.ask('mutation { contactCreate(input: {name: "Nobody"}) { contact { id } } }')
    first = shop.note(contact, "first")
    pinned = "mutation ($id: ID!) { notePin(id: $id) { note { id contact { name } } userErrors { code } } }"
    with _listening(shop, "subscription { notePinned { text contact { name } } }") as heard:
        answer = shop.ask(pinned, id=first)["notePin"]
        assert next(heard)["data"] == {"notePinned": {"text": "first", "contact": {"name": "Mina"}}}
    assert answer == {"note": {"id": first, "contact": {"name": "Mina"}}, "userErrors": []}
    assert shop.ask(pinned, id=contact)["notePin"] == {"note": None, "userErrors": [{"code": "NOTES_NOT_FOUND"}]}
    found = shop.ask(
        """{ contacts(where: {notes: {some: {text: {eq: "first"}, pinnedAt: {isNull: false}}}}) {
            totalCount nodes { name pinnedNote { text } notes(first: 5) { totalCount nodes { text label } } } } }"""
    )["contacts"]
    note = {"text": "first", "label": "visit"}
    assert found == {
        "totalCount": 1,
        "nodes": [{"name": "Mina", "pinnedNote": {"text": "first"}, "notes": {"totalCount": 1, "nodes": [note]}}],
    }
    _check_consumer(shop, contact)
    assert {"name": "DICTATION"} in shop.ask("{ activityKinds { name } }")["activityKinds"]
    text = httpx.get(f"{shop.server.url}/notes/{contact}.txt", headers=shop.headers)
    assert (text.status_code, text.text) == (200, "first\n")
    assert httpx.get(f"{shop.server.url}/notes/{contact}.txt").status_code == 401
    return contact


def _check_veto(shop: Shop, contact: str) -> None:
    shop.note(contact, "second")
    document = """mutation ($input: NoteCreateInput!) { noteCreate(input: $input) {
        note { id } userErrors { field code pluginCode message } } }"""
    third = shop.ask(document, input={"contactId": contact, "text": "third"})["noteCreate"]
    problem = {"field": None, "code": "REFUSED", "pluginCode": "NOTES_TOO_MANY", "message": "a contact has at most 2 notes"}
    assert third == {"note": None, "userErrors": [problem]}
    assert shop.ask("{ notes { totalCount } }")["notes"]["totalCount"] == 2


def _check_consumer(shop: Shop, contact: str) -> None:
    update = "mutation ($id: ID!) { contactUpdate(id: $id, input: {lifecycleStage: CUSTOMER}) { userErrors { message } } }"
    assert shop.ask(update, id=contact)["contactUpdate"]["userErrors"] == []
    question, found, until = '{ notes(where: {text: {eq: "Has become a customer."}}) { nodes { id } } }', [], time.monotonic() + 60
    while not found and time.monotonic() < until:
        found = shop.ask(question)["notes"]["nodes"]
        time.sleep(0.05)
    assert len(found) == 1
    shop.ask("mutation ($id: ID!) { noteDelete(id: $id) { userErrors { message } } }", id=found[0]["id"])


def _check_privacy(shop: Shop) -> None:
    contact = shop.ask('mutation { contactCreate(input: {name: "Ali"}) { contact { id } } }')["contactCreate"]["contact"]["id"]
    note = shop.note(contact, "a secret")
    shop.ask("mutation ($id: ID!) { notePin(id: $id) { note { id } } }", id=note)
    told = shop.ask("query ($id: ID!) { personalData(contactId: $id) }", id=contact)["personalData"]
    assert ([one["text"] for one in told["notes"]], told["plugins"]) == (["a secret"], {"notes": {"notes": 1}})
    shop.ask("mutation ($id: ID!) { contactErase(id: $id) { contact { id } userErrors { message } } }", id=contact)
    shown = "query ($id: ID!) { contact(id: $id) { name pinnedNote { id } notes { nodes { text label } } } }"
    assert shop.ask(shown, id=contact)["contact"] == {
        "name": "erased",
        "pinnedNote": None,
        "notes": {"nodes": [{"text": "erased", "label": None}]},
    }
    shop.ask("mutation ($id: ID!) { noteDelete(id: $id) { note { id } } }", id=note)


def _check_merge(shop: Shop) -> None:
    """All notes move, and one of them is pinned."""
    make = "mutation ($name: String!) { contactCreate(input: {name: $name}) { contact { id } } }"
    into, first, second = [shop.ask(make, name=name)["contactCreate"]["contact"]["id"] for name in ("Sara", "S. Ahmadi", "Sara A")]
    notes = [shop.note(contact, text) for contact, text in ((second, "of the second"), (first, "of the first"))]
    for note in notes:
        shop.ask("mutation ($id: ID!) { notePin(id: $id) { note { id } } }", id=note)
    merge = """mutation ($into: ID!, $ids: [ID!]!) { contactMerge(into: $into, ids: $ids) {
        contact { pinnedNote { text } notes { totalCount } } moved { resource count } userErrors { message } } }"""
    assert shop.ask(merge, into=into, ids=[first, second])["contactMerge"] == {
        "contact": {"pinnedNote": {"text": "of the first"}, "notes": {"totalCount": 2}},
        "moved": [{"resource": "lifecycleChange", "count": 2}, {"resource": "note", "count": 2}],
        "userErrors": [],
    }
    for note in notes:
        shop.ask("mutation ($id: ID!) { noteDelete(id: $id) { note { id } } }", id=note)


def _check_gone(shop: Shop, contact: str) -> None:
    assert httpx.get(f"{shop.server.url}/notes/{contact}.txt", headers=shop.headers).status_code == 404
    errors = shop.answer("{ notes { totalCount } }")["errors"]
    assert [error["extensions"]["code"] for error in errors] == ["GRAPHQL_VALIDATION_FAILED"]
    assert shop.ask("query ($id: ID!) { contact(id: $id) { name } }", id=contact) == {"contact": {"name": "Mina"}}
    assert "the plugin 'notes' is not enabled; its tables wait untouched" in shop.server.log


def _install(programs: Path, source: Path) -> None:
    """Build the wheel of `source` and install it, as `pip install` does."""
    wheels = programs.parent.parent / f"wheel of {source.name}"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where the build backend is
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    built = subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", wheels, source],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    put = subprocess.run(
        [*pip, "--python", programs / "python", "install", "--no-deps", "--no-index", *wheels.glob("*.whl")], capture_output=True, text=True
    )
    assert put.returncode == 0, put.stderr


def _enable(folder: Path, url: str, *plugins: str, **notes: int) -> None:
    write_settings(folder, url, plugins, {"plugins": {"notes": notes}} if notes else {})


def _state(place: Installed) -> dict[str, Any]:
    rows = json.loads(place("plugins", "--json").well().out)["plugins"]
    return next(row for row in rows if row["name"] == "notes")


@contextmanager
def _served(place: Installed, key: str) -> Iterator[Shop]:
    port = free_port()
    with place.settings.open("a") as settings:
        settings.write(f"\n[server]\nport = {port}\n")
    with serving(place, port) as server:
        yield Shop(server, key)


@contextmanager
def _listening(shop: Shop, document: str) -> Iterator[Iterator[dict[str, Any]]]:
    url = f"{shop.server.url.replace('http', 'ws', 1)}/graphql"
    with connect(url, subprotocols=["graphql-transport-ws"], additional_headers=shop.headers) as socket:  # type: ignore[list-item]  # a NewType of str

        def receive() -> dict[str, Any]:
            return json.loads(socket.recv(timeout=60))

        socket.send(json.dumps({"type": "connection_init"}))
        assert receive()["type"] == "connection_ack"
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": document}}))
        socket.send(json.dumps({"type": "subscribe", "id": "2", "payload": {"query": "{ __typename }"}}))
        while receive()["type"] != "complete":  # the second is answered: so the first is being listened to
            pass
        time.sleep(0.3)  # until it has found out where the events end just now
        yield (receive()["payload"] for _ in iter(int, 1))
