"""The house without its server, for commands that work on records."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.cli import Setup
from core.crm import CRM, Call
from core.database import connect
from core.permissions import SYSTEM
from core.server.health import Health


@asynccontextmanager
async def house(setup: Setup) -> AsyncIterator[Call]:
    """A call of the system itself. What is written is told to all plugins before the block is left.

    Raises StartError when database, migrations and plugins do not fit together.
    """
    crm = CRM(setup.settings, setup.plugins)
    async with connect(setup.settings, setup.plugins):
        await Health(crm).check()
        crm.check()
        yield Call(crm, SYSTEM)
        await crm.settle()
