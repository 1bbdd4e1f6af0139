"""What a database looks like: its tables read back from itself, compared with those that should be there."""

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

RECORDER = "tortoise_migrations"
Query = Callable[[str], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True)
class Column:
    """A column in the database's own words."""

    type: str
    null: bool
    default: str | None = None

    def __str__(self) -> str:
        return f"{self.type}{'' if self.null else ' NOT NULL'}{f' DEFAULT {self.default}' if self.default is not None else ''}"

    @property
    def optional(self) -> bool:
        """Whether a row can be written without naming this column."""
        return self.null or self.default is not None


@dataclass
class Table:
    """A table. Indexes and uniques are columns and the name that the database gave; the others only have a name."""

    columns: dict[str, Column] = field(default_factory=dict)
    primary: tuple[str, ...] = ()
    uniques: dict[tuple[str, ...], str] = field(default_factory=dict)
    indexes: dict[tuple[str, ...], str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)
    references: dict["Reference", str] = field(default_factory=dict)


@dataclass(frozen=True, order=True)
class Reference:
    """A foreign key: this column names a row of that table."""

    column: str
    table: str
    key: str
    on_delete: str

    def __str__(self) -> str:
        return f"{self.column} -> {self.table} ON DELETE {self.on_delete}"


Tables = Mapping[str, Table]


@dataclass(frozen=True)
class Held:
    """How many rows a table holds, and how many of them have a value in each column."""

    rows: int
    values: Mapping[str, int]


def asking(connection: sqlite3.Connection) -> Query:
    """Ask a plain connection to a SQLite file."""

    async def query(text: str) -> list[dict[str, Any]]:
        cursor = connection.execute(text)
        names = [one[0] for one in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    return query


def asking_server(connection: asyncpg.Connection) -> Query:
    """Ask a plain connection to PostgreSQL."""

    async def query(text: str) -> list[dict[str, Any]]:
        return [dict(row) for row in await connection.fetch(text)]

    return query


async def applied(query: Query, dialect: str) -> set[tuple[str, str]]:
    """The migrations that the database has seen: pairs of app and name."""
    if not await query(_SQL[dialect]["recorder"]):
        return set()
    return {(row["app"], row["name"]) for row in await query(f'SELECT "app", "name" FROM "{RECORDER}"')}


async def tables(query: Query, dialect: str) -> dict[str, Table]:
    """The tables of the database, or on PostgreSQL of the first schema of the search path."""
    found: dict[str, Table] = {}
    for row in await query(_SQL[dialect]["columns"]):
        table = found.setdefault(row["table"], Table())
        table.columns[row["name"]] = Column(row["type"].upper(), not row["required"], row["default"])
    for row in await query(_SQL[dialect]["indexes"]):
        if row["table"] in found:
            _add_index(found[row["table"]], row["name"], str(row["columns"] or ""), row)
    for row in await query(_SQL[dialect]["references"]):
        if row["table"] in found:
            reference = Reference(row["columns"], row["target"], row["keys"], row["deletes"])
            found[row["table"]].references[reference] = row["name"]
    return found


async def held(query: Query, found: Tables) -> dict[str, Held]:
    """The rows and values of each table but the list of migrations."""
    counts: dict[str, Held] = {}
    for name, table in found.items():
        if name != RECORDER:
            values = "".join(f', count("{column}") AS "c{place}"' for place, column in enumerate(table.columns))
            row = (await query(f'SELECT count(*) AS "rows"{values} FROM "{name}"'))[0]
            counts[name] = Held(row["rows"], {column: row[f"c{place}"] for place, column in enumerate(table.columns)})
    return counts


def differences(expected: Tables, actual: Tables) -> list[str]:
    """What the tables lack of what is expected. More tables, more indexes and more optional columns are no difference."""
    found: list[str] = []
    for name, table in expected.items():
        found += _differences(name, table, actual[name]) if name in actual else [f"there is no table {name}"]
    return found


def _differences(name: str, expected: Table, actual: Table) -> list[str]:
    found = [f"{name} has no column {column}" for column in expected.columns if column not in actual.columns]
    for column, is_now in actual.columns.items():
        should = expected.columns.get(column)
        if should is None and not is_now.optional:
            found.append(f"{name} has a column {column} that the models do not know")
        if should is not None and should != is_now:
            found.append(f"{name}.{column} is {is_now}, the models say {should}")
    if expected.primary != actual.primary:
        found.append(f"the key of {name} is {_list(actual.primary)}, the models say {_list(expected.primary)}")
    found += [f"{name} does not keep {_list(columns)} unique" for columns in expected.uniques if columns not in actual.uniques]
    found += [f"{name} keeps {_list(columns)} unique, the models do not" for columns in actual.uniques if columns not in expected.uniques]
    found += [
        f"{name} has no index on {_list(columns)}" for columns in expected.indexes if columns not in {**actual.indexes, **actual.uniques}
    ]
    found += [f"{name} has no index {other}" for other in sorted(expected.others - actual.others)]
    if expected.references.keys() != actual.references.keys():
        now, should = (_list(map(str, sorted(one))) for one in (actual.references, expected.references))
        found.append(f"{name} refers by {now}, the models say {should}")
    return found


def _add_index(table: Table, name: str, columns: str, row: Mapping[str, Any]) -> None:
    if row["special"]:  # partial, over an expression, or of a kind of its own: only its name can be compared
        table.others.add(name)
        return
    key = tuple(columns.split(","))
    if row["primary"]:
        table.primary = key
    elif row["unique"]:
        table.uniques[key] = name
    else:
        table.indexes[key] = name


def _list(names: Any) -> str:
    return ", ".join(names) or "nothing"


_SQLITE = {
    "recorder": f"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{RECORDER}'",
    "columns": """
        SELECT t.name AS "table", c.name, c.type, c."notnull" OR c.pk AS required, c.dflt_value AS "default"
        FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY t.name, c.cid""",
    "indexes": """
        SELECT t.name AS "table", i.name, i."unique" AS "unique", i.origin = 'pk' AS "primary", (
            SELECT group_concat(x.name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) x
        ) AS columns, i.partial OR EXISTS (SELECT 1 FROM pragma_index_info(i.name) WHERE cid < 0) AS special
        FROM pragma_table_list t JOIN pragma_index_list(t.name) i
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'
        UNION ALL
        SELECT t.name, '', 1, 1, (SELECT group_concat(name) FROM (SELECT name FROM pragma_table_info(t.name) WHERE pk ORDER BY pk)), 0
        FROM pragma_table_list t
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'
            AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE pk)""",
    "references": """
        SELECT t.name AS "table", '' AS name, f."from" AS columns, f."table" AS target, f."to" AS keys, f.on_delete AS deletes
        FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) f
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'""",
}
_POSTGRES = {
    "recorder": f"SELECT 1 FROM pg_class WHERE relname = '{RECORDER}' AND relnamespace = current_schema()::regnamespace",
    "columns": """
        SELECT t.relname AS "table", c.attname AS name, format_type(c.atttypid, c.atttypmod) AS type, c.attnotnull AS required,
            CASE WHEN pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%' THEN 'nextval' ELSE pg_get_expr(d.adbin, d.adrelid) END AS "default"
        FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
            LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = c.attnum
        WHERE t.relkind IN ('r', 'p') AND t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
            AND has_table_privilege(t.oid, 'SELECT')
        ORDER BY t.relname, c.attnum""",
    "indexes": """
        SELECT t.relname AS "table", i.relname AS name, x.indisunique AS "unique", x.indisprimary AS "primary", (
            SELECT string_agg(c.attname, ',' ORDER BY k.place) FROM unnest(x.indkey) WITH ORDINALITY AS k(number, place)
                JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = k.number
        ) AS columns, x.indpred IS NOT NULL OR x.indexprs IS NOT NULL OR m.amname <> 'btree' AS special
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid JOIN pg_am m ON m.oid = i.relam
        WHERE t.relkind IN ('r', 'p') AND t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())""",
    "references": """
        SELECT t.relname AS "table", r.conname AS name, o.relname AS target, (
            SELECT string_agg(c.attname, ',' ORDER BY k.place) FROM unnest(r.conkey) WITH ORDINALITY AS k(number, place)
                JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum = k.number
        ) AS columns, (
            SELECT string_agg(c.attname, ',' ORDER BY k.place) FROM unnest(r.confkey) WITH ORDINALITY AS k(number, place)
                JOIN pg_attribute c ON c.attrelid = o.oid AND c.attnum = k.number
        ) AS keys, CASE r.confdeltype
            WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' THEN 'RESTRICT' ELSE 'NO ACTION'
        END AS deletes
        FROM pg_constraint r JOIN pg_class t ON t.oid = r.conrelid JOIN pg_class o ON o.oid = r.confrelid
        WHERE r.contype = 'f' AND t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())""",
}
_SQL = {"sqlite": _SQLITE, "postgres": _POSTGRES}
