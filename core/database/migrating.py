"""Bring the tables up to date, all or nothing: what fails, or would lose data, leaves the database as it was."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import TortoiseContext
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.transactions import in_transaction
from tortoise.utils import get_schema_sql

import core.database.files as files
import core.database.servers as servers
from core.database.addresses import config, connection, sqlite_file
from core.database.connection import UNREACHABLE, begin, reading, unreachable
from core.database.editors import editor
from core.database.guards import Guards, guard_again, guards
from core.database.history import unwritten
from core.database.plan import Plan, Step, now_held, plan, refuse_losses
from core.database.shape import Held, Query, applied, asking, asking_server, differences, tables
from core.database.states import before
from core.errors import StartError
from core.plugins import Plugins
from core.settings import Settings

Report = Callable[[str], object]
# On the copy speed is all: it is thrown away when anything fails. With foreign keys on, rebuilding a table would empty its children.
ON_COPY = {"foreign_keys": "OFF", "journal_mode": "MEMORY", "synchronous": "OFF"}


async def pending(settings: Settings, plugins: Plugins) -> list[Step]:
    """What `migrate` would do. Only reads; a database that is not there yet has everything before it. Raises StartError."""
    async with reading(settings) as (query, dialect, _):
        found = await plan(plugins, await applied(query, dialect))
        return found.steps(await now_held(query, dialect) if found.moves else {})


async def migrate(settings: Settings, plugins: Plugins, report: Report | None = None, *, allow_loss: Sequence[str] = ()) -> list[Step]:
    """Apply all pending migrations, or none. The steps that were taken; `report` hears of each before it begins.

    Raises StartError when models have changes that no migration makes, when a migration fails, when the result is not what the
    models say, or when data would be lost that is not named in `allow_loss` (`table` or `table.column`). The database is then as it was.
    """
    steps = await pending(settings, plugins)
    if changed := await unwritten(settings, plugins):
        raise StartError(f"the models of {', '.join(changed)} have changes that no migration makes; run: payvand makemigrations")
    if not steps:
        for table in await guard_again(settings, plugins):
            (report or _silent)(f"the guard of {table}")
        return []
    refuse_losses(steps, allow_loss)
    path = sqlite_file(settings)
    try:
        if path:
            return await _file(path, settings, plugins, report or _silent, allow_loss)
        return await _server(settings, plugins, report or _silent, allow_loss)
    except UNREACHABLE as error:
        raise unreachable(settings, error) from error


async def script(settings: Settings, plugins: Plugins) -> str:
    """The SQL that makes all tables of the models at once, in the words of the database of the settings."""
    async with _tortoise(settings, plugins) as client:
        return get_schema_sql(client, safe=False)


async def _file(path: Path, settings: Settings, plugins: Plugins, report: Report, allow_loss: Sequence[str]) -> list[Step]:
    should, kept = await script(settings, plugins), await guards(settings, plugins)
    async with files.alone(path) as original:
        todo, had = await _todo(plugins, asking(original), "sqlite")
        steps = todo.steps(had)
        refuse_losses(steps, allow_loss)
        if not steps:  # another process was faster
            return []
        with _blaming(steps), files.copied(original, path) as copy:
            with closing(sqlite3.connect(copy, isolation_level=None)) as file:
                await kept.take_from_file(file)
            async with _tortoise(settings, plugins, {"file_path": str(copy), **ON_COPY}), in_transaction() as client:
                await _apply(todo, plugins, client, report)
            with closing(sqlite3.connect(copy, isolation_level=None)) as changed, closing(files.expected(should)) as wanted:
                await _finish_file(changed, wanted, original, kept)
                _check_kept(todo, had, await now_held(asking(changed), "sqlite"), allow_loss)
                files.put_back(changed, original)
        return steps


async def _todo(plugins: Plugins, query: Query, dialect: str) -> tuple[Plan, Mapping[str, Held]]:
    todo = await plan(plugins, await applied(query, dialect))
    return todo, await now_held(query, dialect) if todo.migrations else {}


async def _finish_file(changed: sqlite3.Connection, wanted: sqlite3.Connection, original: sqlite3.Connection, kept: Guards) -> None:
    changed.execute("BEGIN")
    await files.mend(changed, wanted)
    files.keep_counting(changed, original)
    await kept.give_to_file(changed)
    changed.execute("COMMIT")
    if found := differences(await tables(asking(wanted), "sqlite"), await tables(asking(changed), "sqlite")):
        raise StartError(found[0])
    if (lost := files.orphans(changed)) > files.orphans(original):
        raise StartError(f"{lost} rows would point to rows that are not there")
    if damage := files.damage(changed):
        raise StartError(f"the file would be damaged: {damage}")


async def _server(settings: Settings, plugins: Plugins, report: Report, allow_loss: Sequence[str]) -> list[Step]:
    should, kept = await script(settings, plugins), await guards(settings, plugins)
    patient = {"server_settings": {"statement_timeout": "0", "timezone": "UTC"}, "maxsize": 1}
    async with _tortoise(settings, plugins, patient), in_transaction() as client:
        server = client._connection
        await servers.alone(server)
        query = asking_server(server)
        todo, had = await _todo(plugins, query, "postgres")
        steps = todo.steps(had)
        refuse_losses(steps, allow_loss)
        if not steps:  # another process was faster
            return []
        with _blaming(steps):
            await kept.take_from_server(server)
            await _apply(todo, plugins, client, report)
            wanted = await servers.expected(server, should)
            await servers.mend(server, wanted)
            await kept.give_to_server(server)
            if found := differences(wanted, await tables(query, "postgres")):
                raise StartError(found[0])
            _check_kept(todo, had, await now_held(query, "postgres"), allow_loss)
        return steps


async def _apply(todo: Plan, plugins: Plugins, client: BaseDBAsyncClient, report: Report) -> None:
    recorder, changing, state = MigrationRecorder(client), editor(client), await todo.state(plugins)
    await changing._run_sql(changing._get_model_sql_data(recorder.model).table_sql.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1))
    for migration in todo.migrations:
        report(f"{migration.app_label}.{migration.name}")
        try:
            for operation in migration.operations:
                old = before(state)
                operation.state_forward(migration.app_label, state)
                await operation.database_forward(migration.app_label, old, state, changing)
            state.validate_relations_initialized()
        except Exception as error:  # whatever a plugin's migration does must end in one sentence that names it
            raise _failed(f"migration {migration.app_label}.{migration.name}", error) from error
        await recorder.record_applied(migration.app_label, migration.name)


def _check_kept(todo: Plan, had: Mapping[str, Held], after: Mapping[str, Held], allowed: Sequence[str]) -> None:
    """Raise StartError when there is less than before, and no step said so."""
    for table, was in had.items():
        fate = todo.fate(table)
        if isinstance(fate, int) or table in allowed:
            continue
        now = after.get(fate[0], Held(0, {}))
        if now.rows < was.rows:
            raise StartError(f"{table} would keep {now.rows} of its {was.rows} rows")
        for column, count in was.values.items():
            place = todo.fate(table, column)
            if not isinstance(place, int) and f"{table}.{column}" not in allowed and (left := now.values.get(place[1] or "", 0)) < count:
                raise StartError(f"{table}.{column} would keep {left} of its {count} values")


@contextmanager
def _blaming(steps: Sequence[Step]) -> Iterator[None]:
    try:
        yield
    except _Failed:
        raise
    except (StartError, *UNREACHABLE) as error:
        names = ", ".join(map(str, steps))
        raise _failed(f"migration{'s' if len(steps) > 1 else ''} {names}", error) from error


class _Failed(StartError):
    """A failure that says already which migration is to blame."""


def _failed(what: str, error: BaseException) -> _Failed:
    reason = (str(error).splitlines() or [""])[0].rstrip(".") or type(error).__name__
    return _Failed(f"{what} failed: {reason}; the database is as it was")


@asynccontextmanager
async def _tortoise(settings: Settings, plugins: Plugins, other: Mapping[str, Any] | None = None) -> AsyncIterator[BaseDBAsyncClient]:
    found = config(settings, plugins)
    words = connection(settings)
    found["connections"]["default"] = {**words, "credentials": {**words["credentials"], **(other or {})}}
    async with TortoiseContext() as context:
        await begin(context, found, init_connections=False)
        yield context.db()


def _silent(line: str) -> None:
    pass
