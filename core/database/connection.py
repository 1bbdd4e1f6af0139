"""Open the database for as long as a block lasts."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.exceptions import BaseORMException

from core.database.addresses import config, display
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
        await context.init(config(settings, plugins), _enable_global_fallback=everywhere)
        try:
            await context.db().execute_query("SELECT 1")
        except UNREACHABLE as error:
            raise unreachable(settings, error) from error
        yield context


def unreachable(settings: Settings, error: BaseException) -> StartError:
    """The sentence for a database that does not answer."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    if "locked" in reason:
        reason = "another process holds it"
    return StartError(f"the database {display(settings)} cannot be reached: {reason}")
