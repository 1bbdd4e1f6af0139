"""SQL of one's own over rows that an actor may see: for statistics that no filter and no aggregate can say."""

import logging
import re
import sqlite3
from typing import Any

import asyncpg
from tortoise.connection import get_connection
from tortoise.exceptions import OperationalError
from tortoise.queryset import QuerySet

from core.database.readers import TooDeep, of_query

log = logging.getLogger(__name__)

_NAME = re.compile(r"\{(\w+)\}")
_PLACE = re.compile(r"\$(\d+)")


async def select(sql: str, *, seconds: float | None = None, **rows: Any) -> list[dict[str, Any]]:
    """The rows of one SELECT on SQLite or PostgreSQL, in which `{name}` stands for the rows of a queryset, or for a list of values.

    `select("SELECT COUNT(*) AS n FROM {deals} AS t", deals=visible(call, Deal).values("id"))`

    The querysets start at `visible`, and their `values()` name the columns that the statement may use. Nothing else may
    be put into `sql` but words of the caller's own: what a client sent belongs into a filter of a queryset, or into a list.

    A query is answered by the connections that only read, those to the replica where there is one, within the time that a statement may
    take, or within `seconds` where these are more: for what is asked rarely and takes long. Inside a transaction, and where no query is
    answered (in a mutation, a job, a command), the database that is written to is asked.
    Raises tortoise.exceptions.OperationalError, whoever answers, when the database gives the statement up.
    """
    parameters: list[Any] = []

    def inner(match: re.Match[str]) -> str:
        given, before = rows[match[1]], len(parameters)
        text, values = _listed(given) if isinstance(given, list) else statement(given)
        parameters.extend(values)
        # PostgreSQL numbers its places, from 1 in each queryset; SQLite goes by their order.
        return f"({_PLACE.sub(lambda place: f'${before + int(place[1])}', text)})"

    text = _NAME.sub(inner, sql)
    if readers := of_query():
        log.debug("%s: %s", text, parameters)
        try:
            return await readers.rows(text, parameters, seconds)
        except (sqlite3.Error, asyncpg.PostgresError, TooDeep) as error:
            raise OperationalError(error) from error
    return [dict(row) for row in await get_connection("default").execute_query_dict(text, parameters)]


def _listed(values: list[Any]) -> tuple[str, list[Any]]:
    server = get_connection("default").capabilities.dialect == "postgres"
    return ", ".join(f"${place}" if server else "?" for place in range(1, len(values) + 1)), values


def statement(queryset: Any) -> tuple[str, list[Any]]:
    """The SQL of a queryset and its parameters, to be wrapped in a larger statement."""
    queryset._choose_db_if_not_chosen()
    queryset._make_query()
    return queryset.query.get_parameterized_sql()


async def count(queryset: QuerySet[Any], cap: int) -> tuple[int, bool]:
    """How many rows there are, counted up to `cap`, and whether that is all of them."""
    sql, parameters = statement(queryset.limit(cap + 1).values("id"))
    rows = await get_connection("default").execute_query_dict(f"SELECT COUNT(*) AS n FROM ({sql}) AS counted", parameters)
    number = rows[0]["n"]
    return min(number, cap), number <= cap
