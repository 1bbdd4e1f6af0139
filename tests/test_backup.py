"""`payvand backup` while clients write, and `payvand restore` in another place."""

import contextlib
import json
import shutil
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from tests.engines import Engine, Sqlite
from tests.killing import Client
from tests.shell import Server, Shell

NAMES = "SELECT name FROM contact"


@pytest.fixture
def only_files(database: Engine) -> None:
    """For what only a SQLite file can do."""
    if not isinstance(database, Sqlite):
        pytest.skip("of SQLite files")


@pytest.fixture
def filled(payvand: Shell, only_files: None) -> Shell:
    """A migrated house with a key, whose file nobody has open."""
    payvand("migrate").well()
    payvand("keys", "create", "--name", "first", "--role", "admin").well()
    return payvand


def house(folder: Path) -> Shell:
    """Another house, with no database yet."""
    folder.mkdir()
    (folder / "settings.toml").write_text('[database]\nurl = "sqlite://house.db"\n')
    return Shell(folder, f"sqlite://{folder / 'house.db'}")


@pytest.mark.settings(limits={"requests_per_minute": 0, "cost_per_minute": 0})
def test_a_backup_under_writes_has_all_that_was_acknowledged_before_it(server: Server, only_files: None, database: Engine, tmp_path: Path):
    key = server.shell("keys", "create", "--name", "writers", "--role", "admin").well().out.strip()
    crowd, ended = [Client(number, int(server.url.rpartition(":")[2]), key) for number in range(3)], threading.Event()
    threads = [threading.Thread(target=one.work, args=(ended,)) for one in crowd]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    before = {name for one in crowd for name in one.told}
    server.shell("backup", "first.db").well()
    during = {name for one in crowd for name in one.told} - before
    time.sleep(0.2)
    ended.set()
    for thread in threads:
        thread.join(30)
    assert before
    assert during, "nobody could write while the backup was taken"
    assert [one.wrong for one in crowd] == [[]] * len(crowd)
    other = house(tmp_path / "other")
    other("restore", str(tmp_path / "first.db")).well()
    other("check").well()
    there = {row["name"] for row in database.query(other.url, NAMES)}
    assert before <= there <= {name for one in crowd for name in one.told}
    events = database.query(other.url, "SELECT count(*) AS found FROM event WHERE name = 'contact.created'")[0]["found"]
    assert events == len(there)


def test_a_restore_keeps_what_was_there_and_goes_on_counting(filled: Shell, database: Engine):
    filled("backup", "early.db").well()
    filled("demo").well()
    last = database.query(filled.url, "SELECT max(position) AS last FROM event")[0]["last"]
    told = json.loads(filled("restore", "early.db", "--json").well().out)
    filled("check").well()
    assert database.query(filled.url, NAMES) == []
    (kept,) = told["aside"]
    assert database.query(f"sqlite://{kept}", NAMES)
    assert Path(kept).stat().st_mode & 0o077 == 0
    filled("demo").well()
    assert database.query(filled.url, "SELECT min(position) AS first FROM event WHERE name = 'contact.created'")[0]["first"] > last


def test_nothing_is_overwritten_and_a_folder_gets_a_name_with_the_time(filled: Shell):
    filled("backup", "one.db").well()
    before = (filled.folder / "one.db").read_bytes()
    refused = filled("backup", "one.db")
    assert (refused.code, refused.err) == (1, "payvand: one.db is there already; nothing is overwritten\n")
    assert (filled.folder / "one.db").read_bytes() == before
    (filled.folder / "daily").mkdir()
    (written,) = json.loads(filled("backup", "daily", "--json").well().out)["files"]
    assert Path(written["path"]).name.startswith("house-20")
    assert [one.name for one in (filled.folder / "daily").iterdir()] == [Path(written["path"]).name]
    assert not [one for one in filled.folder.iterdir() if one.name.endswith(".part")]


def test_a_running_server_keeps_its_file(server: Server, only_files: None):
    server.shell("backup", "one.db").well()
    refused = server.shell("restore", "one.db")
    assert refused.code == 1
    assert refused.err.endswith("open; stop the server, then restore\n")


def test_the_file_of_the_jobs_goes_along(filled: Shell, tmp_path: Path):
    jobs = Path(filled.url.removeprefix("sqlite://")).with_name("house.jobs") / "engine.db"
    jobs.parent.mkdir()
    with contextlib.closing(sqlite3.connect(jobs)) as engine, engine:
        engine.execute("CREATE TABLE workflow_status (id)")
    filled("backup", "one.db").well()
    other = house(tmp_path / "other")
    other("restore", str(filled.folder / "one.db")).well()
    with contextlib.closing(sqlite3.connect(other.folder / "house.jobs" / "engine.db")) as engine:
        assert engine.execute("SELECT count(*) FROM workflow_status").fetchone() == (0,)
    shutil.rmtree(filled.folder / "one.jobs")
    refused = other("restore", str(filled.folder / "one.db"))
    assert refused.code == 1
    assert "to begin with no jobs" in refused.err


def test_what_is_no_backup_is_refused_and_changes_nothing(filled: Shell):
    path = Path(filled.url.removeprefix("sqlite://"))
    before = path.read_bytes()
    (filled.folder / "text.db").write_text("no database at all, but a text of some length\n" * 50)
    with contextlib.closing(sqlite3.connect(filled.folder / "strange.db")) as strange, strange:
        strange.execute("CREATE TABLE one (id)")
    filled("backup", "half.db").well()
    data = bytearray((filled.folder / "half.db").read_bytes())
    data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
    (filled.folder / "half.db").write_bytes(data)
    filled("backup", "later.db").well()
    with contextlib.closing(sqlite3.connect(filled.folder / "later.db")) as later, later:
        later.execute("INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('core', '9999_later', '2030-01-01')")
    for name, reason in {
        "nothing.db": "there is no backup", "text.db": "is no backup of a database", "strange.db": "it has no migrations",
        "half.db": "damaged", "later.db": "which this version does not have",
    }.items():  # fmt: skip
        refused = filled("restore", name)
        assert refused.code == 1, name
        assert reason in refused.err or (name == "half.db" and "no backup" in refused.err), refused.err
        assert refused.err.count("\n") == 1
    assert path.read_bytes() == before


def test_a_database_that_is_not_there_cannot_be_backed_up(payvand: Shell, only_files: None):
    outcome = payvand("backup", "one.db")
    assert outcome.code == 1
    assert "there is no database" in outcome.err
    assert not (payvand.folder / "one.db").exists()


def test_a_postgres_is_backed_up_by_its_own_program(payvand: Shell, database: Engine):
    if isinstance(database, Sqlite):
        pytest.skip("of PostgreSQL")
    payvand("migrate").well()
    programs = payvand.folder / "programs"
    programs.mkdir()
    payvand.environment["PATH"] = str(programs)
    missing = payvand("backup", "one.dump")
    assert missing.code == 1
    assert "pg_dump --format=custom --no-owner --no-password --host=127.0.0.1 --port=" in missing.err
    assert "postgres:postgres" not in missing.err
    # A program of another version may not be able to read this server: what matters here is how it is called.
    (programs / "pg_dump").write_text('#!/bin/sh\nfor last; do :; done\necho "$PGPASSWORD $*" > "${last#--file=}"\n')
    (programs / "pg_dump").chmod(0o755)
    payvand("backup", "one.dump").well()
    assert (payvand.folder / "one.dump").read_text().startswith("postgres --format=custom ")
    assert (payvand.folder / "one.dump").stat().st_mode & 0o077 == 0
    assert payvand("backup", "one.dump").code == 1
    (programs / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump: error: no' >&2\nexit 1\n")
    failed = payvand("backup", "two.dump")
    assert (failed.code, failed.err) == (1, "payvand: pg_dump failed: pg_dump: error: no\n")
    assert payvand("restore", "one.dump").code == 1
