"""What happened cannot be changed: the database itself refuses, whoever asks, and `migrate` keeps it so."""

import contextlib
import json
import sqlite3
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pluggy
import pytest
from tortoise.transactions import in_transaction

from core.database import make_migrations, migrating, problems
from core.database.plan import plan
from core.errors import StartError
from core.plugins import Plugins, load
from core.settings import Settings
from tests.engines import Engine, apart
from tests.house import Houses, read_settings, write_settings
from tests.packages import Packages
from tests.shell import Shell

pytestmark = pytest.mark.anyio

LEDGER = """
import uuid
from tortoise import fields
from tortoise.models import Model
from core.fields import new_id

class Entry(Model):
    \"\"\"A line of the ledger.\"\"\"
    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.IntField(description="Number of the line.")
    book = fields.CharField(max_length=20, default="a", description="Book of the line.")
    class Meta(Model.Meta):
        table = "ledger_entry"
        unique_together = (("book", "number"),)
        append_only = True
"""
SOURCE = """
from acme_ledger.models import Entry
from core import Resource, hookimpl

@hookimpl
def resources():
    return [Resource(Entry, plural_name="entries", verbs=frozenset({"read", "create"}), natural=())]
"""
ROW = "INSERT INTO ledger_entry (id, number, book) VALUES ('0190a8f2-0000-7000-8000-000000000001', 1, 'a')"
NONE = Plugins((), pluggy.PluginManager("payvand"))


@dataclass(frozen=True)
class Ledger:
    """A plugin whose models a test changes."""

    folder: Path

    def change(self, old: str, new: str) -> None:
        """Replace a part of the models."""
        text = (self.folder / "models.py").read_text()
        assert old in text
        (self.folder / "models.py").write_text(text.replace(old, new))

    def settings(self, url: str) -> Settings:
        """Settings that enable it."""
        return read_settings(write_settings(self.folder, url, ("ledger",)))

    async def make(self) -> list[str]:
        """Write the migration of the models as they are: what it does."""
        settings = self.settings("sqlite://none.db")
        return [line for one in await make_migrations(settings, self._anew(settings), "ledger") for line in one.operations]

    async def migrate(self, url: str) -> list[str]:
        """Bring the tables up to date: the names of the steps."""
        settings = self.settings(url)
        return [str(step) for step in await migrating.migrate(settings, self._anew(settings))]

    def _anew(self, settings: Settings) -> Plugins:
        for name in [name for name in sys.modules if name.startswith("acme_")]:
            del sys.modules[name]
        return load(settings)


def execute(url: str, text: str) -> None:
    """Run one statement by the bare driver, past all of the house."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite://"), timeout=10)) as file, file:
            file.execute(text)
        return
    apart(_on_server(url, text))


async def _on_server(url: str, text: str) -> None:
    server = await asyncpg.connect(url)
    try:
        await server.execute(text)
    finally:
        await server.close()


def refused(url: str, text: str) -> str:
    """What the database says to a statement that it must refuse."""
    with pytest.raises((sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError)) as caught:
        execute(url, text)
    return str(caught.value)


async def test_a_fact_is_neither_changed_nor_removed(house):
    await house.make("Contact", name="Sara")
    url = house.settings.database.url
    assert refused(url, "UPDATE event SET actor = 'nobody'") == "the rows of event are only added, and never changed"
    assert refused(url, "DELETE FROM event WHERE name = 'contact.created'") == "the rows of event are only added, and never removed"
    if house.database.name == "postgres":
        assert refused(url, "TRUNCATE event") == "the table event is never emptied: its rows are only added"
        assert "never emptied" in refused(url, "TRUNCATE event, event_values")
    else:
        columns = "id, name, resource, record_id, actor, at, changed, request_id, user_id, key_id"
        copy = f"INSERT OR REPLACE INTO event (position, {columns}) SELECT {{}}, {columns} FROM event"
        assert refused(url, copy.format("position")) == "UNIQUE constraint failed: event.position"
        assert refused(url, copy.format("position + 1000")) == "UNIQUE constraint failed: event.id"
    assert [row["name"] for row in await house.sql("SELECT name FROM event")] == ["contact.created"]
    execute(url, "UPDATE event SET actor = 'nobody' WHERE name = 'nothing'")  # of no row nothing is refused


async def test_values_go_and_are_never_changed(house):
    await house.make("Contact", name="Sara")
    url = house.settings.database.url
    assert refused(url, "UPDATE event_values SET after = NULL") == "the rows of event_values are written once, and never changed"
    if house.database.name == "sqlite":
        assert "UNIQUE" in refused(url, "INSERT OR REPLACE INTO event_values SELECT event_id, NULL, NULL FROM event_values")
    execute(url, "DELETE FROM event_values")
    assert await house.sql("SELECT count(*) AS n FROM event_values") == [{"n": 0}]


@pytest.fixture
def ledger(plugin: Packages) -> Ledger:
    """The plugin with a ledger; its migrations are written as models change."""
    plugin("ledger", SOURCE, models=LEDGER)
    return Ledger(plugin.folder / "acme_ledger")


async def test_a_plugin_says_so_of_its_own_table(houses: Houses, ledger: Ledger):
    await ledger.make()
    async with houses("ledger") as house:
        await house.make("Entry", number=1)
        url = house.settings.database.url
        assert refused(url, "UPDATE ledger_entry SET number = 2") == "the rows of ledger_entry are only added, and never changed"
        assert refused(url, "DELETE FROM ledger_entry") == "the rows of ledger_entry are only added, and never removed"
        data = await house.ask("mutation { entryCreate(input: {number: 1}) { userErrors { code } } }")
        assert data["entryCreate"]["userErrors"] == [{"code": "TAKEN"}], "a double is refused as in every table"


async def test_guards_come_and_go_with_the_model_and_survive_a_changed_table(ledger: Ledger, database: Engine, database_url: str):
    ledger.change("append_only = True", "pass")
    await ledger.make()
    await ledger.migrate(database_url)
    execute(database_url, ROW)
    execute(database_url, "UPDATE ledger_entry SET number = 2")
    ledger.change("pass", "append_only = True")
    assert await ledger.make() == [], "what is refused is no matter of migrations"
    assert await ledger.migrate(database_url) == []
    assert "never changed" in refused(database_url, "UPDATE ledger_entry SET number = 3")
    ledger.change("max_length=20", "max_length=30")
    ledger.change("append_only = True", "write_once = True")
    assert await ledger.make() == ["Alter field book on Entry"]
    assert len(await ledger.migrate(database_url)) == 1
    assert "never changed" in refused(database_url, "UPDATE ledger_entry SET number = 3")
    assert database.query(database_url, "SELECT number FROM ledger_entry") == [{"number": 2}]
    execute(database_url, "DELETE FROM ledger_entry")


async def test_personal_values_have_no_place_where_nothing_changes(houses: Houses, plugin: Packages):
    plugin("ledger", SOURCE.replace("natural=()", 'natural=(), personal=frozenset({"book"})'), models=LEDGER)
    await Ledger(plugin.folder / "acme_ledger").make()
    with pytest.raises(StartError, match=r"^plugin 'ledger': Entry has personal columns and may never be changed; "):
        async with houses("ledger"):
            raise AssertionError("it started")


def test_a_guard_that_was_taken_away_is_missed_and_put_back(payvand: Shell, database: Engine):
    payvand("migrate").well()
    take = {"sqlite": "DROP TRIGGER event__never_changed", "postgres": "ALTER TABLE event DISABLE TRIGGER payvand_never_changed"}
    execute(payvand.url, take[database.name])
    outcome = payvand("check")
    assert outcome.code == 1
    assert "problem: rows of event can be changed, for its guard is not there; run: payvand migrate\n" in outcome.out
    assert payvand("migrate", "--plan").well().out == "Nothing to do: the tables are up to date.\n"
    assert payvand("check").code == 1
    assert "applying the guard of event\n" in payvand("migrate").well().out
    assert "All is well." in payvand("check").well().out
    assert payvand("migrate").well().out == "Nothing to do: the tables are up to date.\n"
    assert json.loads(payvand("makemigrations", "core", "--json").well().out) == []
    execute(payvand.url, _event("a"))
    assert "never changed" in refused(payvand.url, "UPDATE event SET actor = 'nobody'")


async def test_a_database_of_an_earlier_version_gets_its_guards_and_keeps_its_facts(database: Engine, database_url: str, tmp_path: Path):
    old = read_settings(write_settings(tmp_path, database_url))
    every = await plan(NONE, set())
    before = replace(every, migrations=tuple(one for one in every.migrations if one.name < "0003"))
    async with migrating._tortoise(old, NONE), in_transaction() as client:  # a version before has no other door
        await migrating._apply(before, NONE, client, lambda line: None)
    execute(database_url, _event("a"))
    assert [step.name for step in await migrating.migrate(old, NONE)] == [one.name for one in every.migrations if one.name >= "0003"]
    rows: list[Any] = database.query(database_url, "SELECT name, user_id FROM event")
    assert rows == [{"name": "tag.created", "user_id": None}]
    assert "never changed" in refused(database_url, "UPDATE event SET actor = 'nobody'")
    assert "never removed" in refused(database_url, "DELETE FROM event")
    assert await problems(old, NONE) == []


def _event(digit: str) -> str:
    key = f"'0190a8f2-0000-7000-8000-00000000000{digit}'"
    return (
        "INSERT INTO event (id, name, resource, record_id, actor, at, changed)"
        f" VALUES ({key}, 'tag.created', 'tag', {key}, 'system', '2026-01-01 00:00:00+00:00', '[]')"
    )
