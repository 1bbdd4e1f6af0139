"""Migrations: tables follow the models, and nothing that fails or would lose data leaves a trace."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import anyio
import pluggy
import pytest
from tortoise.exceptions import IntegrityError

from core.database import connect, make_migrations, migrate, notes, pending, problems
from core.database.connection import reading
from core.database.history import unwritten
from core.database.shape import RECORDER, Reference, tables
from core.errors import StartError
from core.models import Team
from core.plugins import Plugin, Plugins
from core.settings import Settings, parse
from tests.engines import Engine
from tests.house import Templates
from tests.shell import ROOT

pytestmark = pytest.mark.anyio

CORE = sorted(path.stem for path in (ROOT / "migrations").glob("0*.py"))
NONE = Plugins((), pluggy.PluginManager("payvand"))
MODELS = """
from tortoise import fields
from tortoise.models import Model

class Parent(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=50)
    code = fields.CharField(max_length=20, unique=True)
    note = fields.CharField(max_length=50, null=True)
    side = fields.IntField(default=0)

    class Meta(Model.Meta):
        table = "acme_parent"
        unique_together = (("name", "side"),)

class Child(Model):
    id = fields.BigIntField(primary_key=True)
    parent = fields.ForeignKeyField("acme.Parent", related_name=False, on_delete=fields.CASCADE, db_index=True)
    team = fields.ForeignKeyField("core.Team", related_name=False, on_delete=fields.CASCADE, null=True)

    class Meta(Model.Meta):
        table = "acme_child"
"""
MIGRATION = """
from tortoise import migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [("acme", "0001_initial")]
    operations = [{operations}]
"""


class Acme:
    """A plugin whose models and migrations a test changes, and the database it lives in."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder / "acme_tables"
        self.settings = settings(url, folder)
        (self.folder / "migrations").mkdir(parents=True)
        (self.folder / "__init__.py").touch()
        (self.folder / "migrations" / "__init__.py").touch()
        self.models(MODELS)

    @property
    def plugins(self) -> Plugins:
        """The plugin as it is on disk now."""
        for name in [name for name in sys.modules if name.startswith("acme_")]:
            del sys.modules[name]
        return Plugins((Plugin("acme", "1", "a test", import_module("acme_tables")),), NONE.manager)

    def models(self, text: str) -> None:
        """Replace the models."""
        (self.folder / "models.py").write_text(text)

    def change(self, *changes: tuple[str, str]) -> None:
        """Replace parts of the models."""
        text = (self.folder / "models.py").read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.models(text)

    def migration(self, name: str, *operations: str, before: str = "") -> None:
        """Write a migration by hand."""
        text = MIGRATION.format(operations=", ".join(operations))
        (self.folder / "migrations" / f"{name}.py").write_text(dedent(before) + text)

    async def make(self, *changes: tuple[str, str], name: str | None = None) -> list[str]:
        """Change the models and write the migration of it: what it does."""
        self.change(*changes)
        written = await make_migrations(self.settings, self.plugins, "acme", name)
        return [operation for one in written for operation in one.operations]

    async def migrate(self, *allow_loss: str) -> list[str]:
        """Apply what is pending: the names of the steps."""
        return [str(step) for step in await migrate(self.settings, self.plugins, allow_loss=allow_loss)]

    async def begin(self) -> None:
        """The first tables, with two parents of three children."""
        await self.make()
        await self.migrate()
        async with connect(self.settings, self.plugins):
            models: Any = sys.modules["acme_tables.models"]
            team = await Team.create(name="north", name_key="north")
            parents = [await models.Parent.create(name=name, code=name, note="kept", side=1) for name in ("one", "two")]
            for parent in (*parents, parents[0]):
                await models.Child.create(parent=parent, team=team)


@pytest.fixture
def database_url(database: Engine, templates: Templates, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh database: with the tables of the core where a plugin is what is tested, else without any."""
    url = templates.copy(()) if "acme" in request.fixturenames else database.create()
    yield url
    database.drop(url)


@pytest.fixture
def acme(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acme]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two versions of a file within a second look alike to it
    yield Acme(tmp_path, database_url)
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


@pytest.fixture
def rows(database: Engine, database_url: str) -> Callable[[str], list[tuple[Any, ...]]]:
    """What a SELECT gives, past everything that is under test."""
    return lambda text: [tuple(row.values()) for row in database.query(database_url, text)]


@contextmanager
def untouched(database: Engine, url: str) -> Iterator[None]:
    """The database is the same after the block, on SQLite to the last byte."""

    def state() -> Any:
        if database.name == "sqlite":
            folder = Path(url.removeprefix("sqlite://")).parent
            return {path.name: path.read_bytes() for path in folder.iterdir()}
        names = [row["relname"] for row in database.query(url, "SELECT relname FROM pg_class WHERE relkind IN ('r', 'i', 'S') ORDER BY 1")]
        found = [name for name in ("acme_parent", "acme_child", "team", RECORDER) if name in names]
        return names, [database.query(url, f'SELECT * FROM "{name}" ORDER BY 1') for name in found]

    before = state()
    yield
    assert state() == before


def settings(url: str, folder: Path) -> Settings:
    return parse({"database": {"url": url}}, folder / "settings.toml")


async def shape(where: Settings) -> Any:
    async with reading(where) as (query, dialect, _):
        return await tables(query, dialect)


# The core


async def test_migrations_make_what_the_models_say(database: Engine, database_url, tmp_path):
    migrated = settings(database_url, tmp_path)
    await migrate(migrated, NONE)
    generated = settings(database.create(), tmp_path)
    async with connect(generated, NONE) as context:
        await context.generate_schemas(safe=False)
    expected, actual = await shape(generated), await shape(migrated)
    assert actual.pop(RECORDER)
    assert actual == expected
    database.drop(generated.database.url)


async def test_no_change_of_the_models_waits_to_be_written(tmp_path):
    assert await unwritten(settings("sqlite://crm.db", tmp_path), NONE) == {}


async def test_a_migrated_database_has_no_problems(database_url, tmp_path):
    ours = settings(database_url, tmp_path)
    assert await problems(ours, NONE) == [f"the migration core.{name} is pending; run: payvand migrate" for name in CORE]
    steps = await pending(ours, NONE)
    assert [str(step) for step in steps] == [f"core.{name}" for name in CORE]
    assert steps == await migrate(ours, NONE)
    assert await pending(ours, NONE) == []
    assert await problems(ours, NONE) == []
    assert await notes(ours, NONE) == []


async def test_nothing_pending_costs_nothing(database: Engine, database_url, tmp_path):
    ours = settings(database_url, tmp_path)
    await migrate(ours, NONE)
    with untouched(database, database_url):
        assert await migrate(ours, NONE) == []
    async with connect(ours, NONE):  # nor does it mind who has the database open
        assert await migrate(ours, NONE) == []


async def test_a_change_of_words_makes_no_migration(acme: Acme):
    await acme.begin()
    assert await acme.make(("max_length=50, null=True", 'max_length=50, null=True, description="Any note; even a long one."')) == []
    assert await acme.make(("default=0", "default=7")) == []


async def test_the_migration_of_a_plugin_stands_on_the_core_and_needs_no_code(acme: Acme):
    await acme.make(("db_index=True)", "db_index=True)\n    data = fields.JSONField(default=dict)"))
    text = (acme.folder / "migrations" / "0001_initial.py").read_text()
    assert f"dependencies = [('core', '{CORE[-1]}')]" in text
    assert {line for line in text.splitlines() if "import" in line} == {
        "from tortoise import migrations",
        "from tortoise.migrations import operations as ops",
        "from tortoise.fields.base import OnDelete",
        "from tortoise import fields",
    }


# What a change of a table must not do


async def test_children_and_uniques_survive_a_changed_column(acme: Acme, rows, database: Engine):
    await acme.begin()
    assert await acme.make(("name = fields.CharField(max_length=50)", "name = fields.CharField(max_length=80, db_index=True)")) == [
        "Alter field name on Parent"
    ]
    assert len(await acme.migrate()) == 1
    assert rows("SELECT count(*) FROM acme_child") == [(3,)]
    assert rows("SELECT name FROM acme_parent ORDER BY id") == [("one",), ("two",)]
    found = (await shape(acme.settings))["acme_parent"]
    assert ("name",) in found.indexes
    assert set(found.uniques) == {("code",), ("name", "side")}
    async with connect(acme.settings, acme.plugins):
        models: Any = sys.modules["acme_tables.models"]
        with pytest.raises(IntegrityError):
            await models.Parent.create(name="x", code="one")
        with pytest.raises(IntegrityError):
            await models.Parent.create(name="two", code="x", side=1)
        await models.Parent.filter(code="one").delete()
    assert rows("SELECT count(*) FROM acme_child") == [(1,)], "the reference still cascades"
    assert await problems(acme.settings, acme.plugins) == []


async def test_a_dropped_column_that_holds_data_is_refused(acme: Acme, rows, database: Engine, database_url):
    await acme.begin()
    await acme.make(("    note = fields.CharField(max_length=50, null=True)\n", ""), name="drop_note")
    assert [step.losses for step in await pending(acme.settings, acme.plugins)] == [{"acme_parent.note": 2}]
    with untouched(database, database_url), pytest.raises(StartError) as caught:
        await acme.migrate("acme_parent.name")
    assert str(caught.value) == (
        "migration acme.0002_drop_note would lose acme_parent.note, which holds data in 2 rows; --allow-loss acme_parent.note lets it go"
    )
    assert await acme.migrate("acme_parent.note") == ["acme.0002_drop_note"]
    assert rows("SELECT count(*) FROM acme_child") == [(3,)]
    assert set((await shape(acme.settings))["acme_parent"].uniques) == {("code",), ("name", "side")}


async def test_a_dropped_column_without_data_is_no_loss(acme: Acme, database: Engine, database_url):
    await acme.begin()
    database.query(database_url, "UPDATE acme_parent SET note = NULL")
    await acme.make(("    note = fields.CharField(max_length=50, null=True)\n", ""))
    assert len(await acme.migrate()) == 1


async def test_a_dropped_table_that_holds_data_is_refused(acme: Acme, database: Engine, database_url):
    await acme.begin()
    acme.models(MODELS[: MODELS.index("class Child")])
    await acme.make()
    with untouched(database, database_url), pytest.raises(StartError, match="would lose acme_child, which holds data in 3 rows"):
        await acme.migrate()
    await acme.migrate("acme_child")
    assert "acme_child" not in await shape(acme.settings)


async def test_a_renamed_column_and_a_renamed_table_keep_their_values(acme: Acme, rows):
    await acme.begin()
    assert await acme.make(("note =", "remark =")) == ["Rename field note to remark on Parent"]
    await acme.migrate()
    acme.migration("0003_table", 'ops.RenameModel("Child", "Kid")')
    acme.change(("class Child", "class Kid"))
    await acme.migrate()
    assert rows("SELECT remark FROM acme_parent") == [("kept",), ("kept",)]
    assert rows("SELECT count(*) FROM acme_child") == [(3,)]


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("DELETE FROM acme_child WHERE id = 1", "acme_child would keep 2 of its 3 rows"),
        ("UPDATE acme_parent SET note = NULL WHERE id = 1", "acme_parent.note would keep 1 of its 2 values"),
        ("UPDATE acme_child SET team_id = NULL", "acme_child.team_id would keep 0 of its 3 values"),
        ("CREATE UNIQUE INDEX odd ON acme_parent (note, id)", "acme_parent keeps note, id unique, the models do not"),
        ("DROP TABLE acme_child", "there is no table acme_child"),
    ],
)
async def test_a_migration_by_hand_is_held_to_the_same(acme: Acme, database: Engine, database_url, sql, sentence):
    await acme.begin()
    acme.migration("0002_odd", f'ops.RunSQL("{sql}")')
    with untouched(database, database_url), pytest.raises(StartError) as caught:
        await acme.migrate()
    assert str(caught.value) == f"migration acme.0002_odd failed: {sentence}; the database is as it was"


async def test_more_optional_columns_and_indexes_are_no_matter(acme: Acme):
    await acme.begin()
    more = "ALTER TABLE acme_child ADD COLUMN odd INT", "CREATE INDEX odd_index ON acme_child (odd)"
    acme.migration("0002_more", *(f'ops.RunSQL("{sql}")' for sql in more))
    assert await acme.migrate() == ["acme.0002_more"]
    assert await problems(acme.settings, acme.plugins) == []


async def test_a_unique_can_go_and_come_back(acme: Acme, rows):
    await acme.begin()
    changes = ("unique=True", "unique=False"), ('unique_together = (("name", "side"),)', "pass")
    for old, new in (*changes, *((new, old) for old, new in changes)):
        await acme.make((old, new))
    assert len(list((acme.folder / "migrations").glob("0*.py"))) == 5
    await acme.migrate()
    assert set((await shape(acme.settings))["acme_parent"].uniques) == {("code",), ("name", "side")}
    await acme.make(*changes)
    await acme.migrate()
    assert set((await shape(acme.settings))["acme_parent"].uniques) == set()
    assert rows("SELECT count(*) FROM acme_child") == [(3,)]
    await acme.make(*((new, old) for old, new in changes))
    await acme.migrate()
    assert set((await shape(acme.settings))["acme_parent"].uniques) == {("code",), ("name", "side")}


async def test_a_column_that_may_no_longer_be_null_is_filled_with_its_default(acme: Acme, database: Engine, database_url, rows):
    await acme.begin()
    database.query(database_url, "UPDATE acme_parent SET note = NULL WHERE id = 1")
    await acme.make(("max_length=50, null=True", 'max_length=50, default="it\'s"'))
    await acme.migrate()
    assert rows("SELECT note FROM acme_parent ORDER BY id") == [("it's",), ("kept",)]


async def test_a_data_migration_may_fill_what_is_empty(acme: Acme, rows):
    await acme.begin()
    acme.migration(
        "0002_fill",
        "ops.RunPython(fill)",
        before="""
        async def fill(apps, editor):
            await apps.get_model("acme.Parent").filter(name="two").update(side=5)
        """,
    )
    await acme.migrate()
    assert rows("SELECT side FROM acme_parent ORDER BY id") == [(1,), (5,)]


async def test_a_new_column_that_may_not_be_null_begins_with_its_default(acme: Acme, rows):
    await acme.begin()
    await acme.make(
        (
            "default=0)",
            'default=0)\n    stars = fields.IntField(default=3, db_index=True)\n    mark = fields.CharField(max_length=5, default="it\'s")',
        )
    )
    await acme.migrate()
    assert rows("SELECT stars, mark FROM acme_parent") == [(3, "it's"), (3, "it's")]
    assert ("stars",) in (await shape(acme.settings))["acme_parent"].indexes
    assert await problems(acme.settings, acme.plugins) == []


async def test_a_new_reference_and_a_new_unique_are_really_there(acme: Acme):
    await acme.begin()
    team = 'fields.ForeignKeyField("core.Team", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True)'
    await acme.make(("default=0)", f"default=0)\n    team = {team}\n    tag = fields.CharField(max_length=9, null=True, unique=True)"))
    await acme.migrate()
    found = (await shape(acme.settings))["acme_parent"]
    assert Reference("team_id", "team", "id", "RESTRICT") in found.references
    assert ("team_id",) in found.indexes
    assert ("tag",) in found.uniques


async def test_a_unique_that_the_rows_break_is_refused(acme: Acme, database: Engine, database_url):
    await acme.begin()
    await acme.make(("note = fields.CharField(max_length=50, null=True)", "note = fields.CharField(max_length=50, null=True, unique=True)"))
    with (
        untouched(database, database_url),
        pytest.raises(StartError, match=r"^migration acme\.0002.*failed: .*; the database is as it was$"),
    ):
        await acme.migrate()


async def test_indexes_and_triggers_of_a_plugin_survive_a_changed_column(acme: Acme, database: Engine, rows):
    await acme.begin()
    trigger = "CREATE TRIGGER acme_mark AFTER INSERT ON acme_parent BEGIN UPDATE acme_parent SET side = 9; SELECT 'a;b'; END"
    by_hand = {
        "sqlite": ["CREATE INDEX acme_fold ON acme_parent (lower(name))", trigger],
        "postgres": ["CREATE INDEX acme_fold ON acme_parent (lower(name))"],
    }
    acme.migration("0002_by_hand", *(f"ops.RunSQL({json.dumps(sql)})" for sql in by_hand[database.name]))
    await acme.migrate()
    await acme.make(("name = fields.CharField(max_length=50)", "name = fields.CharField(max_length=80)"))
    await acme.migrate()
    assert "acme_fold" in (await shape(acme.settings))["acme_parent"].others
    names = {"sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'acme%'", "postgres": "SELECT 'acme_mark'"}
    assert rows(names[database.name]) == [("acme_mark",)]


async def test_keys_are_never_given_twice(acme: Acme, rows):
    await acme.begin()
    async with connect(acme.settings, acme.plugins):
        models: Any = sys.modules["acme_tables.models"]
        await models.Child.all().order_by("-id").first().delete()
        last = (await models.Child.create(parent_id=1)).id
        await models.Child.filter(id=last).delete()
    await acme.make(("on_delete=fields.CASCADE, null=True)", "on_delete=fields.SET_NULL, null=True)"))
    acme.migration("0003_nothing", 'ops.RunSQL("SELECT 1")')
    text = (acme.folder / "migrations" / "0003_nothing.py").read_text()
    made = next(path.stem for path in (acme.folder / "migrations").glob("0002*"))
    (acme.folder / "migrations" / "0003_nothing.py").write_text(text.replace("0001_initial", made))
    await acme.migrate()
    async with connect(acme.settings, acme.plugins):
        models = sys.modules["acme_tables.models"]
        assert (await models.Child.create(parent_id=1)).id > last


# What fails


async def test_a_failing_migration_names_its_plugin_and_leaves_the_data(acme: Acme, database: Engine, database_url):
    await acme.begin()
    acme.migration("0002_first", "ops.RunSQL(\"UPDATE acme_parent SET note = 'changed'\")", 'ops.RunSQL("DELETE FROM acme_child")')
    (acme.folder / "migrations" / "0003_bad.py").write_text(
        MIGRATION.format(operations='ops.RunSQL("CREATE TABLE acme_new (id INT)"), ops.RunSQL("INSERT INTO nowhere VALUES (1)")').replace(
            "0001_initial", "0002_first"
        )
    )
    with (
        untouched(database, database_url),
        pytest.raises(StartError, match=r"^migration acme\.0003_bad failed: .*nowhere.*; the database is as it was$"),
    ):
        await acme.migrate()
    assert [str(step) for step in await pending(acme.settings, acme.plugins)] == ["acme.0002_first", "acme.0003_bad"]


@pytest.mark.parametrize("text", ["raise ValueError('no')", "import nowhere", "def (", "Migration = None"])
async def test_a_migration_that_cannot_be_read_names_its_plugin(acme: Acme, text):
    await acme.begin()
    (acme.folder / "migrations" / "0002_bad.py").write_text(text)
    with pytest.raises(StartError, match=r"^the migrations of 'acme' cannot be read: "):
        await acme.migrate()
    assert len(await problems(acme.settings, acme.plugins)) == 1


@pytest.mark.parametrize(
    "operation", ['ops.RemoveField("Nobody", "name")', 'ops.RemoveField("Parent", "nothing")', 'ops.DeleteModel("Parent")']
)
async def test_a_migration_that_does_not_fit_is_refused(acme: Acme, database: Engine, database_url, operation):
    await acme.begin()
    acme.migration("0002_odd", operation)
    with untouched(database, database_url), pytest.raises(StartError, match=r"^migration acme\.0002_odd does not fit those before it: "):
        await acme.migrate()
    assert len(await problems(acme.settings, acme.plugins)) == 1


@pytest.mark.parametrize("models", ["raise ValueError('no')", "import nowhere", MODELS.replace("core.Team", "core.Nobody")])
async def test_models_that_cannot_be_read_end_in_one_sentence(acme: Acme, models):
    await acme.begin()
    acme.models(models)
    with pytest.raises(StartError, match=r"^the models of core, acme do not fit together: "):
        async with connect(acme.settings, acme.plugins):
            raise AssertionError("they were read")
    assert len(await problems(acme.settings, acme.plugins)) == 1


async def test_models_that_no_migration_follows_are_refused(acme: Acme):
    acme.change(("max_length=50", "max_length=60"))
    assert "the models of 'acme' have changes that no migration makes" in (await problems(acme.settings, acme.plugins))[0]
    with pytest.raises(StartError, match=r"^the models of acme have changes that no migration makes; run: payvand makemigrations$"):
        await acme.migrate()


async def test_a_database_from_a_newer_version_is_refused(acme: Acme):
    await acme.begin()
    acme.migration("0002_new", 'ops.RunSQL("SELECT 1")')
    await acme.migrate()
    (acme.folder / "migrations" / "0002_new.py").unlink()
    sentence = "the database has seen the migration acme.0002_new, which this version does not have"
    assert await problems(acme.settings, acme.plugins) == [sentence]
    with pytest.raises(StartError, match=re.escape(sentence)):
        await acme.migrate()


async def test_tables_that_somebody_changed_are_a_problem(acme: Acme, database: Engine, database_url):
    await acme.begin()
    index = (await shape(acme.settings))["acme_child"].indexes[("parent_id",)]
    database.query(database_url, f'DROP INDEX "{index}"')
    database.query(database_url, "ALTER TABLE acme_parent ADD COLUMN extra INT")
    assert await problems(acme.settings, acme.plugins) == ["acme_child has no index on parent_id"]


# Others


async def test_the_tables_of_a_disabled_plugin_wait_untouched(acme: Acme, rows):
    await acme.begin()
    assert await migrate(acme.settings, NONE) == []
    assert await problems(acme.settings, NONE) == []
    assert await notes(acme.settings, NONE) == ["the plugin 'acme' is not enabled; its tables wait untouched"]
    before = await shape(acme.settings)
    other = acme.folder.with_name("acme_other")
    (other / "migrations").mkdir(parents=True)
    (other / "__init__.py").touch()
    (other / "models.py").write_text(MODELS.replace("acme", "other"))
    plugins = Plugins((Plugin("other", "1", "a test", import_module("acme_other")),), NONE.manager)
    await make_migrations(acme.settings, plugins)
    await migrate(acme.settings, plugins)
    after = await shape(acme.settings)
    assert {name: after[name] for name in before} == before
    assert rows("SELECT count(*) FROM acme_child") == [(3,)]
    assert await acme.migrate() == []
    assert await problems(acme.settings, acme.plugins) == []


async def test_a_file_in_use_is_refused_and_a_server_that_is_used_is_migrated(acme: Acme, database: Engine, rows):
    await acme.begin()
    acme.migration("0002_new", 'ops.RunSQL("UPDATE acme_parent SET side = 4")')
    async with connect(acme.settings, NONE):
        if database.name == "sqlite":
            with pytest.raises(StartError, match=r"^another process has .* open; stop the server, then migrate$"):
                await acme.migrate()
        else:
            assert await acme.migrate() == ["acme.0002_new"]
    assert rows("SELECT DISTINCT side FROM acme_parent") == [(1 if database.name == "sqlite" else 4,)]


PROCESS = """
import asyncio, pathlib, sys, pluggy
from importlib import import_module
from core.database import migrate
from core.plugins import Plugin, Plugins
from core.settings import parse

url, *names = sys.argv[1:]
plugins = Plugins(tuple(Plugin("acme", "1", "a test", import_module(name)) for name in names), pluggy.PluginManager("payvand"))
settings = parse({"database": {"url": url}}, pathlib.Path("settings.toml").absolute())
print(len(asyncio.run(migrate(settings, plugins))))
"""


def started(*arguments: str, path: Path = ROOT) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROCESS, *arguments]
    return subprocess.Popen(command, env={"PYTHONPATH": f"{ROOT}:{path}"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


async def test_processes_that_migrate_at_once_migrate_once(database_url, tmp_path):
    processes = [started(database_url) for _ in range(4)]
    ended = [await anyio.to_thread.run_sync(one.communicate) for one in processes]
    assert sorted(out for out, _ in ended) == ["0\n", "0\n", "0\n", f"{len(CORE)}\n"], ended
    assert await problems(settings(database_url, tmp_path), NONE) == []


async def test_a_killed_migration_leaves_a_usable_database(acme: Acme, rows, database_url, tmp_path):
    await acme.begin()
    marker = tmp_path / "reached"
    acme.migration(
        "0002_slow",
        'ops.RunSQL("UPDATE acme_parent SET side = 4")',
        "ops.RunPython(wait)",
        before=f"""
        import pathlib, time

        def wait(apps, editor):
            pathlib.Path({str(marker)!r}).touch()
            time.sleep(60)
        """,
    )
    process = started(database_url, "acme_tables", path=tmp_path)
    with anyio.fail_after(30):
        while not await anyio.Path(marker).exists():
            assert process.poll() is None, process.communicate()
            await asyncio.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert rows("SELECT DISTINCT side FROM acme_parent") == [(1,)]
    assert [str(step) for step in await pending(acme.settings, acme.plugins)] == ["acme.0002_slow"]
    acme.migration("0002_slow", 'ops.RunSQL("UPDATE acme_parent SET side = 5")')
    assert await acme.migrate() == ["acme.0002_slow"]
    assert rows("SELECT DISTINCT side FROM acme_parent") == [(5,)]
    assert list(Path(database_url.removeprefix("sqlite://")).parent.glob("*.migrating*")) == []
    assert await problems(acme.settings, acme.plugins) == []


# The command


def test_the_plan_is_told_and_nothing_is_done(payvand, database: Engine):
    outcome = payvand("migrate", "--plan").well()
    assert outcome.out.startswith("core.0001_initial\n  Create model ")
    plan = json.loads(payvand("migrate", "--plan", "--json").well().out)
    assert (plan["applied"], [step["name"] for step in plan["steps"]]) == (False, CORE)
    applied = "".join(f"applying core.{name}\n" for name in CORE)
    assert payvand("migrate").well().out == f"{outcome.out}{applied}The tables are up to date.\n"
    assert json.loads(payvand("migrate", "--json").well().out) == {"applied": True, "steps": []}


def test_check_tells_problems_and_its_exit_code_counts_them(payvand):
    outcome = payvand("check")
    waiting = "".join(f"problem: the migration core.{name} is pending; run: payvand migrate\n" for name in CORE)
    assert (outcome.code, outcome.out) == (1, waiting)
    payvand("migrate").well()
    told = payvand("check").well().out
    assert told.endswith("All is well.\n")
    assert "note: DealStageChange: no index helps to filter or order by seconds\n" in told
    assert "created_at" not in next(line for line in told.splitlines() if line.startswith("note: Deal:"))
    assert json.loads(payvand("check", "--json").well().out)["problems"] == []
    payvand.settings.write_text("[databse]")
    outcome = payvand("check", "--json")
    assert (outcome.code, len(json.loads(outcome.out)["problems"])) == (1, 1)


def test_there_is_nothing_to_write_for_the_core(payvand):
    assert payvand("makemigrations", "core").well().out == "Nothing to do: the migrations say what the models say.\n"
    outcome = payvand("makemigrations", "nobody")
    assert (outcome.code, outcome.err) == (1, "payvand: there are no tables of 'nobody'; there are those of core\n")


def test_broken_settings_end_in_one_sentence_and_leave_the_help(payvand):
    payvand.settings.write_text("[databse]")
    outcome = payvand("migrate")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("payvand: settings.toml: unknown table [databse]")
    assert outcome.err.count("\n") == 1
    help = payvand("--help").well().out
    assert "migrate" in help
    assert "The commands of the plugins are not known: settings.toml: unknown table" in help
