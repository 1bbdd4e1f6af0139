"""Tortoise's way to change tables, mended where it forgets: indexes, triggers, and the values of a new column that may not be null."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.fields.base import DB_DEFAULT_NOT_SET, Field
from tortoise.fields.relational import RelationalField
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.migrations.schema_editor.asyncpg import AsyncpgSchemaEditor
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_editor.sqlite import SqliteSchemaEditor
from tortoise.models import Model

from core.database.columns import constant


def editor(client: BaseDBAsyncClient) -> BaseSchemaEditor:
    """What changes tables through `client`, which is in a transaction."""
    return _Sqlite(client) if client.capabilities.dialect == "sqlite" else _Postgres(client)


def statements(script: str) -> Iterator[str]:
    """The statements of a SQLite script: a semicolon in a text or in the body of a trigger ends none."""
    part = ""
    for piece in script.split(";"):
        part += piece + ";"
        if part.strip(" \n\t;") and sqlite3.complete_statement(part):
            yield part.strip()
            part = ""
    if part.strip(" \n\t;"):
        yield part.strip()


class _Sqlite(SqliteSchemaEditor):
    async def _run_sql(self, sql: str) -> None:
        for statement in statements(sql):
            await self.client.execute_query(statement)

    async def add_field(self, model: type[Model], field_name: str) -> None:
        field = model._meta.fields_map[field_name]
        with_default = _with_default(field)
        await super().add_field(model, field_name)
        if with_default:
            field.db_default = DB_DEFAULT_NOT_SET
            await self._remake_table(model)
        await _add_index(self, model, field)

    async def _remake_table(self, model: type[Model], *arguments: Any, **named: Any) -> None:
        """Make the table anew as Tortoise does, and then what SQLite drops with the old one."""
        query = "SELECT name, sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL"
        before = (await self.client.execute_query(query, [model._meta.db_table]))[1]
        await super()._remake_table(model, *arguments, **named)
        for old, new in named.get("alter_fields") or ():
            column = new.source_field or new.model_field_name
            if old.unique and not new.unique:
                name = self._generate_index_name("uid", model, [column])
                before = [one for one in before if one["name"] != name]
            if old.index != new.index:
                name = self._generate_index_name("idx", model, [column])
                before = [one for one in before if one["name"] != name]
                if new.index and not new.pk:
                    await self.add_index(model, Index(fields=(column,)))
        gone = named.get("delete_field")
        for one in before:
            if gone is None or f'"{gone.source_field or gone.model_field_name}"' not in one["sql"]:
                await self.client.execute_query(one["sql"])

    async def remove_constraint(self, model: type[Model], constraint: UniqueConstraint | CheckConstraint) -> None:
        """Drop the index; a UNIQUE within the table goes when the table is compared with the models."""
        if isinstance(constraint, CheckConstraint):
            await super().remove_constraint(model, constraint)
            return
        columns = self._resolve_fields_to_columns(model, constraint.fields)
        name = self._constraint_name_for_model(model, UniqueConstraint(fields=tuple(columns), name=constraint.name))
        await self.client.execute_query(f'DROP INDEX IF EXISTS "{name}"')

    @staticmethod
    def _default_to_sql_literal(value: Any) -> str:
        return _Literal(value).get_sql("sqlite")


class _Postgres(AsyncpgSchemaEditor):
    async def _alter_field(self, model: type[Model], old_field: Field[Any], new_field: Field[Any]) -> None:
        default = constant(new_field.default)
        if old_field.null and not new_field.null and default is not None:
            table = self._qualify_table_name(model._meta.db_table, model._meta.schema)
            column = self.quote(old_field.source_field or old_field.model_field_name)
            await self._run_sql(f"UPDATE {table} SET {column} = {_Literal(default).get_sql('postgres')} WHERE {column} IS NULL")
        await super()._alter_field(model, old_field, new_field)

    async def add_field(self, model: type[Model], field_name: str) -> None:
        field = model._meta.fields_map[field_name]
        with_default = _with_default(field)
        await super().add_field(model, field_name)
        if with_default:
            field.db_default = DB_DEFAULT_NOT_SET
            table = self._qualify_table_name(model._meta.db_table, model._meta.schema)
            column = self.ALTER_FIELD_DROP_DEFAULT_TEMPLATE.format(column=field.source_field or field_name)
            await self._run_sql(self.ALTER_FIELD_TEMPLATE.format(table=table, changes=column))
        await _add_index(self, model, field)


@dataclass(frozen=True)
class _Literal:
    """A constant as SQL; what Tortoise writes breaks at an apostrophe."""

    value: Any

    def get_sql(self, dialect: str = "", **_: Any) -> str:
        if isinstance(self.value, str):
            return "'" + self.value.replace("'", "''") + "'"
        if isinstance(self.value, bool) and dialect == "sqlite":
            return str(int(self.value))
        return str(self.value)


def _with_default(field: Field[Any]) -> bool:
    """Give a new column that may not be null its default for the rows that are there, when it has one that is the same for all."""
    if isinstance(field, RelationalField) or field.null or field.pk or field.has_db_default() or constant(field.default) is None:
        return False
    field.db_default = _Literal(field.default)
    return True


async def _add_index(editor: BaseSchemaEditor, model: type[Model], field: Field[Any]) -> None:
    key = model._meta.fields_map[field.source_field] if isinstance(field, RelationalField) and field.source_field else field
    if getattr(key, "index", False) and not key.pk and not isinstance(key, RelationalField):
        await editor.add_index(model, Index(fields=(key.source_field or key.model_field_name,)))
