"""What the database knows of its tables, brought up to date after many rows have come in."""

from tortoise.connection import get_connection
from tortoise.transactions import in_transaction

from core.crm import CRM
from core.resources import Resource

MANY = 1000  # rows that may change how a query is best answered


async def count_anew(crm: CRM, resource: Resource) -> None:
    """Let PostgreSQL look at the tables of a resource: until it does, it plans queries as if they were empty.

    It would by itself, a minute later; who asks right after an import should not wait. SQLite plans without such figures.
    """
    if get_connection("default").capabilities.dialect != "postgres":
        return
    models = [resource.model, *resource.history.values(), *resource.links.values()]
    models += [back.model for back in crm.resources.parts(resource).values()]
    async with in_transaction() as database:
        await database.execute_script("SET LOCAL statement_timeout = 0")  # it is for requests, and nobody waits for this one
        for model in models:
            await database.execute_script(f'ANALYZE "{model._meta.db_table}"')
