"""Runs the consumers of a house: each reads on from its position, one process at a time, and its failures are its own."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from tortoise.exceptions import IntegrityError

from core.events import transaction
from core.fields import now
from core.models import ConsumerState, DeadEvent
from core.permissions import SYSTEM
from core.server.outages import outage
from core.tail.consumers import Consumer
from core.tail.kept import KeptEvent

if TYPE_CHECKING:
    from core.crm import CRM

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_TO_FINISH = 10.0  # for the batch at hand, when the house is closed
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
WORTH_NOTING = 1_000  # positions without an event for a consumer, after which how far it is gets written down all the same
LONGEST_ERROR = 500


class _Taken(Exception):
    """Another process has moved the position meanwhile: what was done here is undone."""


@asynccontextmanager
async def consuming(crm: "CRM") -> AsyncIterator[None]:
    """Run the consumers of all plugins inside this block, as far as no other process does.

    At its end the batches at hand are finished, as far as they are within SECONDS_TO_FINISH.
    """
    if not crm.consumers:
        yield
        return
    stopping = asyncio.Event()
    for plugin, consumer in crm.consumers.values():
        await _begun(crm, plugin, consumer)
    async with crm.tail.opened(), crm.tail.followed():
        tasks = [asyncio.create_task(_Running(crm, plugin, one, stopping).run()) for plugin, one in crm.consumers.values()]
        try:
            yield
        finally:
            stopping.set()
            _, late = await asyncio.wait(tasks, timeout=SECONDS_TO_FINISH)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await crm.tail.duty.close()


async def _begun(crm: "CRM", plugin: str, consumer: Consumer) -> ConsumerState:
    """How far a consumer is. A new one begins here and now."""
    state = await ConsumerState.get_or_none(name=consumer.name)
    if state is None:
        start = 0 if consumer.from_start else await crm.tail.source.top()
        with suppress(IntegrityError):  # another process was faster
            await ConsumerState.create(name=consumer.name, plugin=plugin, position=start)
        state = await ConsumerState.get(name=consumer.name)
    return state


class _Running:
    """One consumer at work."""

    def __init__(self, crm: "CRM", plugin: str, consumer: Consumer, stopping: asyncio.Event) -> None:
        self._crm, self._plugin, self._consumer, self._stopping = crm, plugin, consumer, stopping
        self._state: ConsumerState | None = None
        self._seen = 0  # everything up to here was looked at; what was of no interest is not written down at once

    async def run(self) -> None:
        """Read on until told to stop."""
        while not self._stopping.is_set():
            try:
                await self._round()
            except Exception as error:  # the edge: whatever happens, this consumer goes on later, and the others go on now
                self._state = None
                if outage(error):
                    log.warning("the consumer '%s' waits for the database: %s", self._consumer.name, error or type(error).__name__)
                else:
                    log.exception("the consumer '%s' of plugin '%s' cannot go on", self._consumer.name, self._plugin)
                await self._rest(_pause(3))

    async def _round(self) -> None:
        name = self._consumer.name
        if not await self._crm.tail.duty.take(name):
            self._state = None
            await self._rest(SECONDS_BETWEEN_LOOKS)
            return
        state = self._state = self._state or await self._found()
        events, through = await self._next(state)
        if events:
            await self._handle(state, events, through)
            return
        self._seen = through
        if through - state.position >= WORTH_NOTING:
            await self._move(state, through)
            return
        await self._moved(through)

    async def _found(self) -> ConsumerState:
        state = await _begun(self._crm, self._plugin, self._consumer)
        self._seen = state.position
        return state

    async def _next(self, state: ConsumerState) -> tuple[list[KeptEvent], int]:
        most = 1 if state.failures >= self._consumer.attempts else self._consumer.batch
        return await self._crm.tail.source.read(self._consumer.wanted, self._seen, self._crm.tail.position, most)

    async def _handle(self, state: ConsumerState, events: Sequence[KeptEvent], through: int) -> None:
        careful = state.failures >= self._consumer.attempts
        try:
            if self._consumer.waits:
                await self._patiently(events)
                await self._move(state, through)
            else:
                async with transaction(self._crm.call(SYSTEM)):
                    await self._patiently(events)
                    await self._move(state, through)
        except _Taken:
            self._state = None
        except (Exception, SystemExit) as error:  # the edge where a stranger's failure ends
            if outage(error) and not self._stopping.is_set():
                log.info("the consumer '%s' met a database that cannot serve: %s", self._consumer.name, error or type(error).__name__)
            if careful and self._consumer.skip_poison:
                await self._put_aside(state, events[0], error)
            else:
                await self._failed(state, events, error)

    async def _patiently(self, events: Sequence[KeptEvent]) -> None:
        task = asyncio.current_task()
        try:
            async with asyncio.timeout(self._consumer.seconds):
                await self._consumer.handle(self._crm, events)
        except asyncio.CancelledError as error:
            if task is None or task.cancelling():
                raise
            raise RuntimeError("the plugin raised CancelledError") from error

    async def _move(self, state: ConsumerState, position: int) -> None:
        """Write down how far the consumer is. Raises _Taken when another process has done so."""
        careful = state.careful_until if state.careful_until is not None and position < state.careful_until else None
        failures = state.failures if careful is not None else 0
        values = {"position": position, "failures": failures, "careful_until": careful, "changed_at": now(), "plugin": self._plugin}
        if careful is None:
            values["error"] = None
        if not await ConsumerState.filter(name=state.name, position=state.position).update(**values):
            raise _Taken
        self._seen = position
        self._state = ConsumerState(**{**_values(state), **values})

    async def _failed(self, state: ConsumerState, events: Sequence[KeptEvent], error: BaseException) -> None:
        failures = state.failures + 1
        log.error(
            "plugin '%s': the consumer '%s' failed with %d events from %s (%s), for the %d. time",
            self._plugin, state.name, len(events), events[0].name, events[0].id, failures, exc_info=error,
        )  # fmt: skip
        careful = state.careful_until
        if failures >= self._consumer.attempts and careful is None:
            careful = events[-1].position
        values = {"failures": failures, "careful_until": careful, "error": _sentence(error), "changed_at": now()}
        if not await ConsumerState.filter(name=state.name, position=state.position).update(**values):
            self._state = None
            return
        self._state = ConsumerState(**{**_values(state), **values})
        if careful is None or state.careful_until is not None:  # one by one they are tried at once
            await self._rest(_pause(failures))

    async def _put_aside(self, state: ConsumerState, event: KeptEvent, error: BaseException) -> None:
        log.error(
            "plugin '%s': the consumer '%s' goes on without %s (%s)",
            self._plugin, state.name, event.name, event.id, exc_info=error,
        )  # fmt: skip
        try:
            async with transaction(self._crm.call(SYSTEM)):
                await DeadEvent.create(
                    consumer=state.name, position=event.position, event_id=event.id, name=event.name, error=_sentence(error)
                )
                await self._move(state, event.position)
        except _Taken:
            self._state = None

    async def _moved(self, position: int) -> None:
        """Wait until there is more to read, or it is time to stop."""
        await _either(self._crm.tail.beyond(position, SECONDS_BETWEEN_LOOKS), self._stopping)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


async def _either(work: object, stopping: asyncio.Event) -> None:
    tasks = {asyncio.ensure_future(work), asyncio.ensure_future(stopping.wait())}  # type: ignore[arg-type]  # a coroutine
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _pause(failures: int) -> float:
    """Seconds to wait after so many failures: twice as long each time, and not all at the same moment."""
    return min(FIRST_PAUSE * 2 ** min(failures - 1, 20), LONGEST_PAUSE) * random.uniform(0.5, 1.0)


def _sentence(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:LONGEST_ERROR]


def _values(state: ConsumerState) -> dict[str, object]:
    return {name: getattr(state, name) for name in state._meta.fields_db_projection}
