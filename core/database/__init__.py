"""The database: how to reach it, and how its tables keep up with the models."""

from core.database.addresses import apps, config
from core.database.connection import connect

__all__ = ["apps", "config", "connect"]
