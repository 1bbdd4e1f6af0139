"""Whether the process lives, and whether it can serve: for load balancers and supervisors."""

import asyncio
import logging
import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tortoise import connections

from core.crm import CRM
from core.database import pending
from core.errors import StartError

log = logging.getLogger(__name__)

PATIENCE = 3.0
SECONDS_BETWEEN_LOOKS = 60.0
ASK = "SELECT 1 FROM tortoise_migrations LIMIT 1"  # a file that vanished is made anew and would answer SELECT 1
HEADERS = {"Cache-Control": "no-store"}


class Health:
    """The health of one house. What is wrong is said in the log, not to whoever asks."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm
        self._looked = float("-inf")

    async def alive(self, request: Request) -> Response:
        """200 as long as the event loop turns, whatever the database does."""
        return JSONResponse({"status": "ok"}, headers=HEADERS)

    async def ready(self, request: Request) -> Response:
        """200 when the database answers and has all migrations, else 503, also when the server was told to stop."""
        if self._crm.lifetime.stopping.is_set():
            return _unavailable()
        try:
            async with asyncio.timeout(PATIENCE):
                await connections.get("default").execute_query(ASK)
                await self._look()
        except Exception as error:  # whatever it is, we cannot serve
            log.warning("not ready: %s", error or type(error).__name__)
            return _unavailable()
        return JSONResponse({"status": "ok"}, headers=HEADERS)

    async def check(self) -> None:
        """Raise StartError when migrations wait: without them the models and the tables do not fit."""
        steps = await pending(self._crm.settings, self._crm.plugins)
        if steps:
            waiting = f"{len(steps)} migrations wait" if len(steps) > 1 else f"the migration {steps[0]} waits"
            raise StartError(f"{waiting} to be applied; run: payvand migrate")
        self._looked = time.monotonic()

    async def _look(self) -> None:
        """Ask for migrations once a while only, since a restored backup or another version changes them, and nothing else."""
        if time.monotonic() - self._looked > SECONDS_BETWEEN_LOOKS:
            await self.check()


def _unavailable() -> Response:
    return JSONResponse({"status": "unavailable"}, 503, {**HEADERS, "Retry-After": "2"})
