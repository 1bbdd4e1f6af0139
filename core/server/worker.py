"""The process that does jobs, and what else works in the background, and answers nobody."""

import asyncio
import logging
import signal
from collections.abc import Callable

from core.crm import CRM
from core.database import connect, notes
from core.database.readers import readers
from core.logs import set_up
from core.plugins import Plugins
from core.server.health import Health
from core.server.process import loop_factory
from core.server.services import services
from core.settings import Settings

log = logging.getLogger(__name__)


def work(settings: Settings, plugins: Plugins, ready: Callable[[], object]) -> None:
    """Work until SIGTERM or SIGINT; what is being done then is finished within the grace, or handed back. Raises StartError."""
    set_up(settings.log)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_work(CRM(settings, plugins), ready))


async def _work(crm: CRM, ready: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(crm.lifetime.stop))
    async with connect(crm.settings, crm.plugins, everywhere=True):
        await Health(crm).check()
        crm.check()
        for line in await notes(crm.settings, crm.plugins):
            log.info(line)
        async with readers(crm.settings) as crm.readers, crm.tail.opened(), services(crm):
            ready()
            await crm.lifetime.stopping.wait()
        await crm.lifetime.end(crm.background)
