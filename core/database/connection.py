"""Open the database for as long as a block lasts."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.exceptions import BaseORMException

from core.database.addresses import config, connection, display, sqlite_file
from core.database.shape import Query, asking, asking_server
from core.errors import StartError
from core.plugins import Plugins
from core.settings import Settings

UNREACHABLE = (OSError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError, BaseORMException)


@asynccontextmanager
async def connect(settings: Settings, plugins: Plugins, *, everywhere: bool = False) -> AsyncIterator[TortoiseContext]:
    """The database, open inside the block and closed after it. Raises StartError when it cannot be reached.

    `everywhere` is for the server, whose requests run in other tasks than the one that opens the database.
    """
    async with TortoiseContext() as context:
        await begin(context, config(settings, plugins), _enable_global_fallback=everywhere)
        try:
            await context.db().execute_query("SELECT 1")
        except UNREACHABLE as error:
            raise unreachable(settings, error) from error
        yield context


async def begin(context: TortoiseContext, words: dict[str, Any], **options: Any) -> None:
    """Fill a context with the models of the configuration. Raises StartError when they cannot be read, or do not fit together."""
    try:
        await context.init(words, **options)
    except Exception as error:  # whatever a stranger's models do at import must end in one sentence
        raise StartError(f"the models of {', '.join(words['apps'])} do not fit together: {type(error).__name__}: {error}") from error


@asynccontextmanager
async def offline(settings: Settings, plugins: Plugins) -> AsyncIterator[TortoiseContext]:
    """The models with their relations, and no database. Raises StartError when they do not fit together."""
    async with TortoiseContext() as context:
        await begin(context, config(settings, plugins), init_connections=False)
        yield context


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[tuple[Query, str, asyncpg.Connection | None]]:
    """A look at the database that changes nothing: a way to ask, the dialect, and the connection when it is PostgreSQL.

    A file that is not there yet looks empty. Raises StartError when the database cannot be reached.
    """
    path = sqlite_file(settings)
    if path:
        with closing(_look_into(path, settings)) as file, _answering(settings):
            yield asking(file), "sqlite", None
        return
    server = await _visit(settings)
    try:
        with _answering(settings):
            yield asking_server(server), "postgres", server
    finally:
        await server.close()


def unreachable(settings: Settings, error: BaseException) -> StartError:
    """The sentence for a database that does not answer."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    if "locked" in reason:
        reason = "another process holds it"
    return StartError(f"the database {display(settings)} cannot be reached: {reason}")


@contextmanager
def _answering(settings: Settings) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise unreachable(settings, error) from error


def _look_into(path: Path, settings: Settings) -> sqlite3.Connection:
    try:
        if not path.exists():
            return sqlite3.connect(":memory:")
        # Opened to write, although nothing is written: the last one who closes a write-ahead log has to tidy it up.
        file = sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None)
        file.execute("PRAGMA query_only = ON")
        file.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise unreachable(settings, error) from error
    return file


async def _visit(settings: Settings) -> asyncpg.Connection:
    words: dict[str, Any] = connection(settings)["credentials"]
    named = {name: words[name] for name in ("user", "password", "database", "host", "port", "timeout", "ssl") if name in words}
    try:
        return await asyncpg.connect(**named)
    except UNREACHABLE as error:
        raise unreachable(settings, error) from error
