"""The database: how to reach it, and how its tables keep up with the models."""

from core.database.addresses import apps, config
from core.database.connection import connect, offline
from core.database.history import make_migrations
from core.database.inspection import notes, problems
from core.database.migrating import migrate, pending
from core.database.plan import Step

__all__ = ["Step", "apps", "config", "connect", "make_migrations", "migrate", "notes", "offline", "pending", "problems"]
