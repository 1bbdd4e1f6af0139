"""Words of SQL that the two databases say in their own way."""

import datetime
from typing import Any

from tortoise.connection import get_connection


def postgres() -> bool:
    """Whether the database at hand is PostgreSQL."""
    return get_connection("default").capabilities.dialect == "postgres"


def day_sql(day: datetime.date) -> str:
    """SQL for a day."""
    return f"DATE '{day.isoformat()}'" if postgres() else f"'{day.isoformat()}'"


def time_sql(moment: datetime.datetime) -> str:
    """SQL for a moment, as columns of times hold it."""
    return f"TIMESTAMP WITH TIME ZONE '{moment.isoformat()}'" if postgres() else f"'{moment.isoformat(sep=' ')}'"


def to_day(value: Any) -> datetime.date:
    """A day as a statement gives it: SQLite has no type for days."""
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value)[:10])


def to_time(value: Any) -> datetime.datetime:
    """A moment as a statement gives it: SQLite has no type for times."""
    return value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(str(value))
