"""Keys by which something happens once: claimed in the transaction of what happens, and kept with its answer for a day."""

import asyncio
import datetime
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from core.errors import Conflict, Refused
from core.models import Answered

KEPT = datetime.timedelta(hours=24)
SECONDS_BETWEEN_SWEEPS = 60.0
MOST_SWEPT = 500  # rows at once, so that nobody's request waits long for it


class Mismatch(Refused):
    """The key was used for something else."""

    code, status = "IDEMPOTENCY_MISMATCH", 422


@dataclass(frozen=True, slots=True)
class Claim:
    """A key of a client for an operation, and the fingerprint of what it is to do."""

    client: str
    operation: str
    key: str
    fingerprint: str


class Claims:
    """The claims of one house. Of those who claim the same at once, all but one wait, and then find what it left."""

    def __init__(self, patience: float) -> None:
        self._patience = patience or None
        self._busy: dict[tuple[str, str, str], asyncio.Event] = {}
        self._swept = float("-inf")

    @asynccontextmanager
    async def turn(self, claim: Claim) -> AsyncIterator[None]:
        """Be the only one in this process with this key. Raises Conflict when another has it for too long.

        The unique index alone would do, but each who waits there keeps a connection from those who have work for it.
        """
        name = (claim.client, claim.operation, claim.key)
        try:
            async with asyncio.timeout(self._patience):
                while name in self._busy:
                    await self._busy[name].wait()
        except TimeoutError:
            raise _running() from None
        ended = self._busy[name] = asyncio.Event()
        try:
            yield
        finally:
            del self._busy[name]
            ended.set()

    async def take(self, claim: Claim) -> str | None:
        """None when the key is ours now, else the answer that is kept under it; inside a transaction.

        Raises Mismatch when the key was used for something else, and Conflict when another process has it for too long.
        """
        mine = Answered(client=claim.client, operation=claim.operation, key=claim.key, fingerprint=claim.fingerprint, answer="")
        try:
            found = await self._first(mine)
        except asyncpg.QueryCanceledError:  # PostgreSQL lets a second insert wait for the end of the first, up to the time-out
            raise _running() from None
        if found.id == mine.id:
            await self._sweep(mine.at)
            return None
        if found.fingerprint != mine.fingerprint:
            raise Mismatch("this Idempotency-Key was used for another request; take a new key for each")
        return found.answer

    async def keep(self, claim: Claim, answer: str) -> None:
        """Write down what came of it, in the same transaction."""
        await Answered.filter(client=claim.client, operation=claim.operation, key=claim.key).update(answer=answer)

    async def _first(self, mine: Answered) -> Answered:
        while True:
            await Answered.bulk_create([mine], ignore_conflicts=True)
            found = await Answered.get(client=mine.client, operation=mine.operation, key=mine.key)
            if found.id == mine.id or found.at > mine.at - KEPT:
                return found
            await Answered.filter(id=found.id).delete()

    async def _sweep(self, at: datetime.datetime) -> None:
        """Remove some of the rows that are too old, once in a while."""
        if time.monotonic() - self._swept < SECONDS_BETWEEN_SWEEPS:
            return
        self._swept = time.monotonic()
        old = Answered.filter(at__lte=at - KEPT).order_by("at").limit(MOST_SWEPT).select_for_update(skip_locked=True)
        if keys := [row.id for row in await old.only("id")]:
            await Answered.filter(id__in=keys).delete()


def _running() -> Conflict:
    return Conflict("the first request with this Idempotency-Key is still running; ask again in a while, with the same key")
