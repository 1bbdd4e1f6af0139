"""Whether the process lives, and whether it can serve: for load balancers and supervisors, and in words for those who may know."""

import asyncio
import hashlib
import logging
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tortoise import connections

from core.crm import CRM
from core.database import pending
from core.errors import Refused, StartError
from core.server.observers import demand_observer

log = logging.getLogger(__name__)

OK = "ok"
PATIENCE = 3.0
MOST_KNOWN = 100
SECONDS_BETWEEN_LOOKS = 60.0
ASK = "SELECT 1 FROM tortoise_migrations LIMIT 1"  # a file that vanished is made anew and would answer SELECT 1
HEADERS = {"Cache-Control": "no-store"}


class Health:
    """The health of one house. What is wrong is said in the log, and to those with the permission to observe; to others only whether."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm
        self._looked = float("-inf")
        self._known: set[str] = set()  # who was allowed to know, while the database still answered

    async def alive(self, request: Request) -> Response:
        """200 as long as the event loop turns, whatever the database does."""
        return JSONResponse({"status": "ok"}, headers=HEADERS)

    async def ready(self, request: Request) -> Response:
        """200 when the database answers and has all migrations, else 503, also when the server was told to stop."""
        found = await self._found()
        well = all(one == OK for one in found.values())
        body: dict[str, Any] = {"status": OK if well else "unavailable"}
        if await self._may_know(request):
            body |= {"checks": found}
        return JSONResponse(body, 200 if well else 503, HEADERS if well else {**HEADERS, "Retry-After": "2"})

    async def _found(self) -> dict[str, str]:
        """What is looked at, and `ok` or what is wrong with it."""
        found = {"server": "stops" if self._crm.lifetime.stopping.is_set() else OK}
        for name, look in (("database", self._answers), ("migrations", self._look), *self._crm.checks.items()):
            try:
                async with asyncio.timeout(PATIENCE):
                    found[name] = await look() or OK
            except Exception as error:  # whatever it is, we cannot serve
                found[name] = str(error) or type(error).__name__
            if found[name] != OK:
                log.warning("not ready: %s: %s", name, found[name])
                break  # the rest would say the same, and each would take its time
        return found

    async def _answers(self) -> None:
        await connections.get("default").execute_query(ASK)

    async def _may_know(self, request: Request) -> bool:
        """Whether a key came along that may observe. It is remembered, since the database that has the keys may be what is wrong."""
        given = request.headers.get("authorization")
        if given is None:
            return False
        mark = hashlib.sha256(given.encode()).hexdigest()
        try:
            async with asyncio.timeout(PATIENCE):
                await demand_observer(self._crm, request)
        except Refused:
            self._known.discard(mark)
            return False
        except Exception:  # nobody can say
            return mark in self._known
        if len(self._known) < MOST_KNOWN:
            self._known.add(mark)
        return True

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
