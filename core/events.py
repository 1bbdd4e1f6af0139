"""What happened: told to the plugins inside the transaction and after it, and kept as rows."""

import asyncio
import datetime
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tortoise import transactions
from tortoise.exceptions import BaseORMException
from tortoise.models import Model

from core.database.inside import opened
from core.errors import Refused
from core.fields import new_id, now
from core.models.events import AuditEntry, EventValues
from core.records.batch import Batch

if TYPE_CHECKING:  # a call carries the house, and the house its events
    from core.crm import CRM, Call

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds that one plugin may take with one event
DECISIVE = frozenset({"apiKey", "role", "session", "team", "user"})  # what the rights of an actor are made of

_pending: ContextVar[list["Event"] | None] = ContextVar("pending", default=None)
_whole: ContextVar["Whole | None"] = ContextVar("whole", default=None)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One fact, named `resource.verb` in the past tense: `deal.won`.

    `record_id` is the key of the record; `before` and `after` hold the values that changed, by column.
    """

    name: str
    resource: str
    record_id: uuid.UUID
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    actor: str = "system"
    request_id: str | None = None
    id: uuid.UUID = field(default_factory=new_id)
    at: datetime.datetime = field(default_factory=now)


class PluginFailed(Exception):
    """A plugin broke inside the transaction; the write was undone, and the log names the plugin."""


@asynccontextmanager
async def transaction(call: "Call") -> AsyncIterator[None]:
    """Write inside this block. An inner block joins the outer one; only the outermost commits and tells.

    Inside a `whole` the outermost is a part of it: undone alone when it fails, and committed and told of with the whole.
    """
    if _pending.get() is not None:
        yield
        return
    events: list[Event] = []
    whole = _whole.get()
    token = _pending.set(events)
    try:
        async with opened():  # a savepoint, inside a whole
            yield
    except BaseException:
        if whole is not None:
            whole.undone += 1
        raise
    finally:
        _pending.reset(token)
    if whole is None:
        tell(call.crm, events)
        return
    whole.done += 1
    whole.events += events


@dataclass
class Whole:
    """Transactions that are parts of one: the events of those that ended well, how many these are, and how many did not."""

    events: list["Event"] = field(default_factory=list)
    done: int = 0
    undone: int = 0


@asynccontextmanager
async def whole(call: "Call") -> AsyncIterator[Whole]:
    """Make one transaction of all that are written inside this block, whose events are told after it. Not inside a transaction."""
    made = Whole()
    token = _whole.set(made)
    try:
        async with transactions.in_transaction():
            yield made
    finally:
        _whole.reset(token)
    tell(call.crm, made.events)


def in_whole() -> bool:
    """Whether more may follow in the transaction of this task, when one that is a part of it ends."""
    return _whole.get() is not None


def in_transaction() -> bool:
    """Whether a transaction of ours is open in this task."""
    return _pending.get() is not None


@asynccontextmanager
async def savepoint() -> AsyncIterator[None]:
    """A part of a transaction that can be undone alone, with the events that it caused."""
    events = _events()
    mark = len(events)
    try:
        async with transactions.in_transaction():
            yield
    except BaseException:
        del events[mark:]
        raise


@asynccontextmanager
async def rehearsal() -> AsyncIterator[None]:
    """Write inside this block as in a transaction. At its end all is undone; nobody is told of it, and nothing is kept."""
    token = _pending.set(_Forgotten())
    try:
        async with transactions.in_transaction():
            yield
            raise _Undone
    except _Undone:
        return
    finally:
        _pending.reset(token)


class _Undone(Exception):
    """Ends a rehearsal."""


class _Forgotten(list["Event"]):
    """Events that nobody will hear of: a rehearsal may be long."""

    def extend(self, iterable: Iterable["Event"], /) -> None:
        """Forget them."""


async def emit(
    call: "Call", name: str, record: Model, *, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None
) -> None:
    """Tell, from inside a transaction, that something happened to a record: a plugin's own event, say."""
    await emit_many(call, [happened(call, name, record, before or {}, after or {})])


def happened(call: "Call", name: str, record: Model, before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    """The event of this call, not told yet."""
    key = type(record).__name__
    return Event(
        name=name, resource=key[0].lower() + key[1:], record_id=record.pk, before=before, after=after,
        actor=call.actor.name, request_id=call.request_id,
    )  # fmt: skip


async def emit_many(call: "Call", events: Sequence[Event]) -> None:
    """As `emit`, for many events at a few statements. Raises what a plugin refuses with, PluginFailed when one breaks."""
    batch = Batch()
    await keep(call, batch, events)
    await batch.write()
    await ask(call, events)


async def ask(call: "Call", events: Sequence[Event]) -> None:
    """Let each plugin take part in what has been written. Raises what a plugin refuses with, PluginFailed when one breaks."""
    if call.crm.plugins.listens("before_commit"):
        for event in events:
            await _ask(call.crm, event)


async def keep(call: "Call", batch: Batch, events: Sequence[Event]) -> None:
    """Have the events written down, a column at a time: nobody needs their rows as records. They are told after the commit."""
    told = _events()
    told.extend(events)
    # In a rehearsal, which may be long, all readers of events would have to wait for positions that never come.
    if not events or isinstance(told, _Forgotten):
        return
    ids = [event.id for event in events]
    await batch.insert_columns(
        AuditEntry,
        {
            "id": ids, "name": [event.name for event in events], "resource": [event.resource for event in events],
            "record_id": [event.record_id for event in events], "actor": [event.actor for event in events],
            "at": [event.at for event in events], "changed": [_names(tuple(event.before), tuple(event.after)) for event in events],
            "request_id": [event.request_id for event in events],
            "user_id": [call.actor.user_id] * len(events), "key_id": [call.actor.key_id] * len(events),
        },
    )  # fmt: skip
    before, after = [event.before or None for event in events], [event.after or None for event in events]
    await batch.insert_columns(EventValues, {"event_id": ids, "before": before, "after": after})


@lru_cache(maxsize=1_000)
def _names(before: tuple[str, ...], after: tuple[str, ...]) -> list[str]:
    """The columns that changed; the same list for the same columns, which is then written once."""
    return sorted({*before, *after})


def tell(crm: "CRM", events: Sequence[Event]) -> None:
    """Tell of committed events, apart from the request that caused them."""
    crm.counts.events += len(events)
    if not DECISIVE.isdisjoint(event.resource for event in events):
        crm.recent.forget()
    if events:
        crm.tail.tell()
    if events and crm.plugins.listens("after_commit"):
        task = asyncio.create_task(_tell(crm, events))
        crm.background.add(task)
        task.add_done_callback(crm.background.discard)


async def _ask(crm: "CRM", event: Event) -> None:
    for implementation in crm.plugins.each("before_commit"):
        try:
            await _patiently(implementation(crm=crm, event=event))
        except Refused:
            raise
        except (Exception, SystemExit) as error:
            log.exception("plugin '%s' failed before the commit of %s; the write is undone", implementation.plugin, event.name)
            # Of the database's own failures a client may read that it is not available; all else is the plugin's.
            raise PluginFailed(implementation.plugin) from (error if isinstance(error, BaseORMException) else None)


async def _tell(crm: "CRM", events: Sequence[Event]) -> None:
    for event in events:
        for implementation in crm.plugins.each("after_commit"):
            try:
                await _patiently(implementation(crm=crm, event=event))
            except (Exception, SystemExit):  # the edge where a stranger's failure ends
                log.exception("plugin '%s' failed after the commit of %s", implementation.plugin, event.name)


async def _patiently(work: Awaitable[None]) -> None:
    """Wait for a plugin, not for ever. A cancellation that nobody asked for is its own, and a failure like any other."""
    task = asyncio.current_task()
    try:
        async with asyncio.timeout(PATIENCE):
            await work
    except asyncio.CancelledError as error:
        if task is None or task.cancelling():
            raise
        raise RuntimeError("the plugin raised CancelledError") from error


def _events() -> list[Event]:
    events = _pending.get()
    if events is None:
        raise RuntimeError("write inside a transaction()")
    return events
