"""When a key last opened: written by the way, so that no request waits for it or fails with it."""

import asyncio
import datetime
import logging
import sqlite3
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tortoise.connection import get_connection

from core.database.addresses import sqlite_file
from core.fields import now
from core.models import ApiKey

if TYPE_CHECKING:
    from core.crm import CRM

log = logging.getLogger(__name__)

OFTEN_ENOUGH = datetime.timedelta(minutes=1)


def note_use(crm: "CRM", key: ApiKey) -> None:
    """Have it written that the key has opened, at most once a minute."""
    note(crm, "api_key", "last_used_at", key.id, key.last_used_at)


def note(crm: "CRM", table: str, column: str, id: uuid.UUID, last: datetime.datetime | None) -> None:
    """Have the time of this moment written into a column of a row, unless `last` was less than a minute ago."""
    moment = now()
    if (last is not None and moment - last < OFTEN_ENOUGH) or id in crm.noting:
        return
    crm.noting.add(id)
    task = asyncio.create_task(_write(crm, table, column, id, moment))
    crm.background.add(task)
    task.add_done_callback(crm.background.discard)


async def _write(crm: "CRM", table: str, column: str, id: uuid.UUID, moment: datetime.datetime) -> None:
    sql = f'UPDATE "{table}" SET {column} = {{}} WHERE id = {{}} AND ({column} IS NULL OR {column} < {{}})'
    values = [moment, id, moment - OFTEN_ENOUGH]
    try:
        if path := sqlite_file(crm.settings):
            await asyncio.to_thread(_into_file, str(path), sql.format("?", "?", "?"), [str(one) for one in values])
        else:
            await get_connection("default").execute_query(sql.format("$1", "$2", "$3"), values)
    except Exception as error:  # a database that is busy, or only read: the next time will do
        log.debug("%s of %s is not written: %s", column, table, error)
    finally:
        crm.noting.discard(id)


def _into_file(path: str, sql: str, values: list[Any]) -> None:
    """On a connection of its own that waits for nobody: the one of the house would keep its requests waiting with it."""
    with closing(sqlite3.connect(path, timeout=0)) as file, file:
        file.execute(sql, values)
