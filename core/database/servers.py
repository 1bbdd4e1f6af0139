"""A PostgreSQL database while its tables change: one transaction, and one process at a time."""

import asyncpg

from core.database.shape import Table, Tables, asking_server, tables

LOCK = 5_247_012_309  # the name of Payvand's advisory lock; any number that nobody else takes


async def alone(connection: asyncpg.Connection) -> None:
    """Wait, until the end of this transaction, for every other process that migrates; and not for ever for those that read and write."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
    await connection.execute("SET LOCAL lock_timeout = '10s'")


async def expected(connection: asyncpg.Connection, script: str) -> Tables:
    """The tables that the models declare, made for a moment in the schema for temporary tables; nothing of them stays."""
    attempt = connection.transaction()
    await attempt.start()
    try:
        await connection.execute("SET LOCAL search_path TO pg_temp")
        await connection.execute(script)
        return await tables(asking_server(connection), "postgres")
    finally:
        await attempt.rollback()


async def mend(connection: asyncpg.Connection, wanted: Tables) -> None:
    """Add the indexes and the uniqueness that a new column should have brought along, and do what a reference now does on delete."""
    now = await tables(asking_server(connection), "postgres")
    for name, table in wanted.items():
        if name not in now or table.columns.keys() - now[name].columns.keys():
            continue
        await _mend_references(connection, name, table, now[name])
        for columns, index in table.uniques.items():
            if columns not in now[name].uniques:
                await connection.execute(f'ALTER TABLE "{name}" ADD CONSTRAINT "{index}" UNIQUE ({_quoted(columns)})')
        for columns, index in table.indexes.items():
            if columns not in {**now[name].indexes, **now[name].uniques}:
                await connection.execute(f'CREATE INDEX "{index}" ON "{name}" ({_quoted(columns)})')


async def _mend_references(connection: asyncpg.Connection, name: str, wanted: Table, now: Table) -> None:
    for reference, constraint in now.references.items():
        if reference not in wanted.references:
            await connection.execute(f'ALTER TABLE "{name}" DROP CONSTRAINT "{constraint}"')
    for one in wanted.references:
        if one not in now.references:
            target = f'"{one.table}" ("{one.key}") ON DELETE {one.on_delete}'
            await connection.execute(f'ALTER TABLE "{name}" ADD FOREIGN KEY ("{one.column}") REFERENCES {target}')


def _quoted(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
