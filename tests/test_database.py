"""The database as the rest of the house meets it: addresses, connections, transactions."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path

import anyio
import pluggy
import pytest
from tortoise.context import TortoiseContext
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from core.database import apps, config, connect, migrate
from core.errors import StartError
from core.models import Team
from core.plugins import Plugin, Plugins
from core.settings import Settings, parse
from tests.engines import Engine
from tests.shell import ROOT

pytestmark = pytest.mark.anyio

NONE = Plugins((), pluggy.PluginManager("payvand"))
# What the connection must say of itself, on each engine.
CONNECTED = {
    "sqlite": {"PRAGMA journal_mode": "wal", "PRAGMA foreign_keys": 1, "PRAGMA synchronous": 1, "PRAGMA busy_timeout": 5000},
    "postgres": {"SHOW statement_timeout": "7s", "SHOW timezone": "UTC", "SHOW application_name": "payvand"},
}


def settings(url: str, folder: Path = Path("/house"), **more: float) -> Settings:
    return parse({"database": {"url": url, **more}}, folder / "settings.toml")


@pytest.fixture
def ours(database_url: str, tmp_path: Path) -> Settings:
    return settings(database_url, tmp_path, statement_timeout=7)


@pytest.fixture
async def context(ours: Settings) -> AsyncIterator[TortoiseContext]:
    await migrate(ours, NONE)
    async with connect(ours, NONE) as ready:
        yield ready


def test_the_core_comes_first_and_a_plugin_without_tables_is_no_app(plugin):
    names = plugin("plain", ""), plugin("tables", "", models="from tortoise.models import Model")
    enabled = tuple(Plugin(name, "1", "a test", import_module(f"acme_{name}")) for name in names)
    assert apps(Plugins(enabled, NONE.manager)) == {
        "core": {"models": ["core.models"], "migrations": "migrations", "default_connection": "default"},
        "tables": {"models": ["acme_tables.models"], "default_connection": "default"},
    }


def test_a_relative_file_lies_beside_the_settings():
    found = config(settings("sqlite://var/crm.db"), NONE)["connections"]["default"]
    assert found["credentials"]["file_path"] == "/house/var/crm.db"
    found = config(settings("sqlite:///srv/crm.db"), NONE)["connections"]["default"]
    assert found["credentials"]["file_path"] == "/srv/crm.db"


def test_a_url_of_postgresql_says_user_place_and_name():
    found = config(settings("postgres://ada:p%40ss%2Fword@db.local:6432/crm", pool=3), NONE)["connections"]["default"]["credentials"]
    assert (found["user"], found["password"], found["host"], found["port"]) == ("ada", "p@ss/word", "db.local", 6432)
    assert (found["database"], found["maxsize"], found["server_settings"]["statement_timeout"]) == ("crm", 3, "5000")
    found = config(settings("postgresql://ada@/crm?host=/run/postgresql"), NONE)["connections"]["default"]["credentials"]
    assert (found["host"], found["password"], found["port"]) == ("/run/postgresql", None, 5432)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ada:secret@host/crm",
        "postgresql://ada:secret@host",
        "postgresql://ada:secret@host:port/crm",
        "postgresql://ada:secret@[::1/crm",
        "postgresql://ada:secret@host/crm?colour=secret",
        "postgresql://ada:secret@host/crm?sslmode=secret",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite://crm.db?password=secret",
        "secret",
        "",
    ],
)
def test_a_wrong_url_is_one_sentence_without_the_password(url):
    with pytest.raises(StartError) as caught:
        config(settings(url), NONE)
    assert str(caught.value).startswith("settings.toml [database] url: ")
    assert "secret" not in str(caught.value).replace("?colour=secret", "")
    assert "\n" not in str(caught.value)


async def test_a_database_that_does_not_answer_is_one_sentence_without_the_password(database: Engine, tmp_path):
    (tmp_path / "file").write_text("this is no database, " * 100)
    url = {"sqlite": "sqlite://file", "postgres": "postgresql://ada:secret@127.0.0.1:1/crm"}[database.name]
    with pytest.raises(StartError, match=r"^the database .* cannot be reached: ") as caught:
        async with connect(settings(url, tmp_path), NONE):
            raise AssertionError("it was reached")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_the_connection_is_set_up(context, database: Engine):
    for question, answer in CONNECTED[database.name].items():
        assert tuple(dict((await context.db().execute_query(question))[1][0]).values()) == (answer,)


async def test_an_inner_transaction_can_fail_alone(context):
    async with in_transaction():
        await Team.create(name="outer", name_key="outer")
        with pytest.raises(IntegrityError):
            async with in_transaction():
                await Team.create(name="inner", name_key="inner", external_id="1")
                await Team.create(name="twice", name_key="twice", external_id="1")
        await Team.create(name="after", name_key="after")
    assert sorted(await Team.all().values_list("name", flat=True)) == ["after", "outer"]


async def test_a_failing_transaction_leaves_a_usable_connection(context):
    with pytest.raises(RuntimeError):
        async with in_transaction():
            await Team.create(name="lost", name_key="lost")
            raise RuntimeError
    await Team.create(name="kept", name_key="kept")
    assert await Team.all().values_list("name", flat=True) == ["kept"]


@pytest.mark.parametrize("pause", [0.0, 0.001, 0.003, 0.01])
async def test_a_cancelled_transaction_leaves_a_usable_connection(context, pause):
    async def write():
        async with in_transaction():
            for number in range(1_000):
                await Team.create(name=f"lost {number}", name_key="lost")

    with anyio.move_on_after(pause):  # it cancels again at every wait, also while the transaction is undone
        await write()
    task = asyncio.ensure_future(write())
    await asyncio.sleep(pause)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with anyio.fail_after(10):
        async with in_transaction():
            await Team.create(name="kept", name_key="kept")
    assert await Team.all().values_list("name", flat=True) == ["kept"]


async def test_a_cancelled_wait_for_a_transaction_takes_nothing_along(context):
    entered, leave = asyncio.Event(), asyncio.Event()

    async def first():
        async with in_transaction():
            await Team.create(name="first", name_key="first")
            entered.set()
            await leave.wait()

    async def second():
        async with in_transaction():
            await Team.create(name="second", name_key="second")
            await asyncio.sleep(60)

    one = asyncio.ensure_future(first())
    await entered.wait()
    two = asyncio.ensure_future(second())
    await asyncio.sleep(0.01)
    two.cancel()
    leave.set()
    await asyncio.gather(one, two, return_exceptions=True)
    async with in_transaction():
        assert await Team.all().values_list("name", flat=True) == ["first"]


async def test_tasks_write_at_the_same_time(context):
    async def write(name: str):
        async with in_transaction():
            rows = await Team.all().count()
            await Team.create(name=f"{name} {rows}", name_key=name)

    await asyncio.gather(*(write(str(number)) for number in range(30)))
    assert await Team.all().count() == 30


async def test_many_rows_are_all_or_nothing(context):
    teams = [Team(name=str(number), name_key="", external_id=str(min(number, 98))) for number in range(100)]
    with pytest.raises(IntegrityError):
        await Team.bulk_create(teams)
    assert await Team.all().count() == 0
    await Team.bulk_create(teams[:99])
    assert await Team.all().count() == 99


WRITER = """
import asyncio, pathlib, sys, pluggy
from tortoise.transactions import in_transaction
from core.database import connect
from core.models import Team
from core.plugins import Plugins
from core.settings import parse

async def main(url, name):
    settings = parse({"database": {"url": url}}, pathlib.Path("settings.toml").absolute())
    async with connect(settings, Plugins((), pluggy.PluginManager("payvand"))):
        for number in range(100):
            async with in_transaction():
                await Team.all().count()  # reads first, and writes later
                await Team.create(name=name, name_key=str(number))

asyncio.run(main(*sys.argv[1:]))
"""


def _started(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


async def test_two_processes_write_to_one_database(context, database_url):
    commands = [[sys.executable, "-c", WRITER, database_url, name] for name in ("one", "two")]
    both = [_started(command) for command in commands]
    for number in range(100):
        async with in_transaction():
            await Team.create(name="here", name_key=str(number))
    ended = [await anyio.to_thread.run_sync(one.communicate) for one in both]
    assert [one.returncode for one in both] == [0, 0], ended
    assert await Team.all().count() == 300


async def test_other_tasks_see_the_database_that_was_opened_everywhere(ours):
    await migrate(ours, NONE)
    opened, closing = asyncio.Event(), asyncio.Event()

    async def lifespan():
        async with connect(ours, NONE, everywhere=True):
            opened.set()
            await closing.wait()

    task = asyncio.ensure_future(lifespan())
    await opened.wait()
    try:
        await Team.create(name="from another task", name_key="")
        assert await Team.all().count() == 1
    finally:
        closing.set()
        await task
