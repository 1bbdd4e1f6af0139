"""What works beside the requests: in `payvand serve`, unless the settings say otherwise, and in `payvand worker`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.crm import CRM
from core.jobs.running import running
from core.tail.consuming import consuming


@asynccontextmanager
async def services(crm: CRM) -> AsyncIterator[None]:
    """Each service is a block that it works in. They are begun when the house is open, and ended, the last one first, before it closes."""
    async with consuming(crm), running(crm):
        yield
