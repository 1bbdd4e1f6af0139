"""Tables whose rows the database itself keeps as they are: triggers refuse what the Meta of a model rules out, whoever asks.

`append_only = True` means that rows are added, and neither changed nor removed; `write_once = True` that they may be removed, and are
never changed.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

import asyncpg
from tortoise.models import Model

import core.database.servers as servers
from core.database.addresses import sqlite_file
from core.database.connection import UNREACHABLE, offline, reading, unreachable
from core.database.shape import Query, Table, asking, asking_server, tables
from core.plugins import Plugins
from core.settings import Settings

CHANGED, REMOVED, EMPTIED, REPLACED = "never_changed", "never_removed", "never_emptied", "never_replaced"
FUNCTION = "payvand_refuse"


@dataclass(frozen=True)
class Guard:
    """What is refused on a table: to change a row, and unless `removable` to remove one."""

    table: str
    removable: bool

    def sentence(self, what: str) -> str:
        """What the database says when somebody tries."""
        if what == EMPTIED:
            return f"the table {self.table} is never emptied: its rows are only added"
        how = "written once" if self.removable else "only added"
        return f"the rows of {self.table} are {how}, and never {what.removeprefix('never_')}"


def append_only(model: type[Model]) -> bool:
    """Whether rows of the model are added, and neither changed nor removed."""
    return bool(getattr(model.Meta, "append_only", False))


def write_once(model: type[Model]) -> bool:
    """Whether rows of the model are never changed."""
    return append_only(model) or bool(getattr(model.Meta, "write_once", False))


@dataclass(frozen=True)
class Guards:
    """The guards that the models ask for, and all tables of these models: those of plugins that are off keep what they have."""

    wanted: Mapping[str, Guard]
    tables: Collection[str]

    async def missing(self, query: Query, dialect: str) -> list[str]:
        """The tables of which a guard is not there."""
        found = await tables(query, dialect)
        there = await _there(query, dialect)
        return [name for name, guard in self.wanted.items() if name in found and not _all(guard, found[name], there, dialect)]

    async def take_from_file(self, file: sqlite3.Connection) -> None:
        """Take the guards away, while the tables change."""
        for name in self.tables:
            for (trigger,) in file.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? AND name LIKE '%!_!_never!_%' ESCAPE '!'", (name,)
            ).fetchall():
                file.execute(f'DROP TRIGGER "{trigger}"')

    async def give_to_file(self, file: sqlite3.Connection) -> None:
        """Put the guards of all tables that are there in place, and no others."""
        await self.take_from_file(file)
        found = await tables(asking(file), "sqlite")
        for name in self.wanted.keys() & found.keys():
            for sql in _triggers(self.wanted[name], found[name]).values():
                file.execute(sql)

    async def take_from_server(self, server: asyncpg.Connection) -> None:
        """Take the guards away, while the tables change."""
        for row in await server.fetch(_TRIGGERS):
            if row["table"] in self.tables:
                await server.execute(f'DROP TRIGGER "{row["name"]}" ON "{row["table"]}"')

    async def give_to_server(self, server: asyncpg.Connection) -> None:
        """Put the guards of all tables that are there in place, and no others."""
        await self.take_from_server(server)
        found = await tables(asking_server(server), "postgres")
        if here := self.wanted.keys() & found.keys():
            await server.execute(_REFUSE)
            for name in here:
                await server.execute(_server_triggers(self.wanted[name]))


async def guards(settings: Settings, plugins: Plugins) -> Guards:
    """What the models of the core and of the enabled plugins ask for. Raises StartError when they do not fit together."""
    async with offline(settings, plugins) as context:
        models = list(context.apps.get_models_iterable()) if context.apps else []
    wanted = {one._meta.db_table: Guard(one._meta.db_table, not append_only(one)) for one in models if write_once(one)}
    return Guards(wanted, {one._meta.db_table for one in models})


async def unguarded(settings: Settings, plugins: Plugins) -> list[str]:
    """The tables whose guard is not there. Raises StartError when the database cannot be reached."""
    found = await guards(settings, plugins)
    async with reading(settings) as (query, dialect, _):
        return await found.missing(query, dialect)


async def guard_again(settings: Settings, plugins: Plugins) -> list[str]:
    """The tables whose guard was not there, and is now: somebody took it away. Raises StartError when the database cannot be reached."""
    lost = await unguarded(settings, plugins)
    if not lost:
        return []
    found = await guards(settings, plugins)
    try:
        if path := sqlite_file(settings):
            with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as file:
                file.execute("BEGIN IMMEDIATE")
                await found.give_to_file(file)
                file.execute("COMMIT")
        else:
            async with reading(settings) as (_, _, server):
                assert server is not None
                async with server.transaction():
                    await servers.alone(server)
                    await found.give_to_server(server)
    except UNREACHABLE as error:
        raise unreachable(settings, error) from error
    return lost


async def _there(query: Query, dialect: str) -> set[tuple[str, str]]:
    """Pairs of table and what stands there: on SQLite the trigger's own words, else its name."""
    return {(row["table"], row["name"]) for row in await query(_TRIGGERS if dialect == "postgres" else _FILE_TRIGGERS) if row["awake"]}


def _all(guard: Guard, table: Table, there: Iterable[tuple[str, str]], dialect: str) -> bool:
    should = _names(guard) if dialect == "postgres" else _triggers(guard, table).values()
    return {(guard.table, one) for one in should} <= set(there)


def _triggers(guard: Guard, table: Table) -> dict[str, str]:
    """The triggers of a table in SQLite, by name."""
    what = {CHANGED: "UPDATE"} if guard.removable else {CHANGED: "UPDATE", REMOVED: "DELETE"}
    made = {}
    for name, action in what.items():
        body = f"SELECT RAISE(ABORT, {_text(guard.sentence(name))});"
        made[f"{guard.table}__{name}"] = f'CREATE TRIGGER "{guard.table}__{name}" BEFORE {action} ON "{guard.table}" BEGIN {body} END'
    # INSERT OR REPLACE removes the row in its way, and asks no trigger about it. An INSERT is refused in the words of SQLite itself.
    bodies = []
    for columns in [table.primary, *sorted(table.uniques)]:
        same = " AND ".join(f'"{one}" = NEW."{one}"' for one in columns)
        said = _text(f"UNIQUE constraint failed: {', '.join(f'{guard.table}.{one}' for one in columns)}")
        bodies.append(f'SELECT RAISE(ABORT, {said}) WHERE EXISTS (SELECT 1 FROM "{guard.table}" WHERE {same});')
    name = f"{guard.table}__{REPLACED}"
    made[name] = f'CREATE TRIGGER "{name}" BEFORE INSERT ON "{guard.table}" BEGIN {" ".join(bodies)} END'
    return made


def _names(guard: Guard) -> list[str]:
    """The triggers of a table in PostgreSQL; each table has names of its own there."""
    return [f"payvand_{one}" for one in ((CHANGED,) if guard.removable else (CHANGED, REMOVED, EMPTIED))]


def _server_triggers(guard: Guard) -> str:
    actions = {CHANGED: ("UPDATE", "ROW"), REMOVED: ("DELETE", "ROW"), EMPTIED: ("TRUNCATE", "STATEMENT")}
    made = []
    for name in _names(guard):
        what = name.removeprefix("payvand_")
        action, each = actions[what]
        does = f"EXECUTE FUNCTION {FUNCTION}({_text(guard.sentence(what))})"
        made.append(f'CREATE TRIGGER "{name}" BEFORE {action} ON "{guard.table}" FOR EACH {each} {does}')
    return ";".join(made)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_FILE_TRIGGERS = "SELECT tbl_name AS \"table\", sql AS name, 1 AS awake FROM sqlite_master WHERE type = 'trigger'"
_TRIGGERS = f"""
    SELECT t.relname AS "table", g.tgname AS name, g.tgenabled IN ('O', 'A') AS awake
    FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid JOIN pg_proc p ON p.oid = g.tgfoid
    WHERE p.proname = '{FUNCTION}' AND t.relnamespace = current_schema()::regnamespace"""
_REFUSE = f"""
    CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'restrict_violation'; END $$"""
