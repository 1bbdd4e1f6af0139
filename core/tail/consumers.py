"""What a plugin declares to read all that happens."""

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.errors import StartError
from core.tail.kept import KeptEvent, Wanted, is_pattern

MOST = 1_000  # events at once


@dataclass(frozen=True)
class Consumer:
    """`handle(crm, events)` is awaited with at most `batch` events in the order in which they happened, at least once each.

    names: only these events: `deal.won`, `deal.*`, `*.deleted`; empty for all. The name of the consumer is unique in the server.
    from_start: a new consumer begins with the first event that there ever was, and not with the next.
    waits: whether it waits for others, a network say: then no transaction is open meanwhile. Otherwise what the handler writes and the
        position are one transaction, so its effects in the database come exactly once.
    seconds: how long one call of the handler may take.
    attempts: so often a batch is tried; then its events are tried one by one.
    skip_poison: an event that fails even alone is put aside among the dead events. Otherwise it waits, and all behind it.
    """

    name: str
    handle: Callable[[Any, Sequence[KeptEvent]], Awaitable[None]]
    names: tuple[str, ...] = ()
    batch: int = 100
    from_start: bool = False
    waits: bool = False
    seconds: float = 30.0
    attempts: int = 20
    skip_poison: bool = False

    @cached_property
    def wanted(self) -> Wanted:
        """The events that it reads."""
        return Wanted(names=tuple(self.names))


def checked_consumers(declared: list[tuple[str, Consumer]]) -> dict[str, tuple[str, Consumer]]:
    """Plugin and consumer by name. Raises StartError for a consumer that could never run, or a name that is taken."""
    found: dict[str, tuple[str, Consumer]] = {}
    for plugin, one in declared:
        if not isinstance(one, Consumer):
            raise StartError(f"plugin '{plugin}': consumers() must return a list of Consumer, not of {type(one).__name__}")
        if not isinstance(one.name, str) or not re.fullmatch(r"[\w.-]{1,80}", one.name):
            raise StartError(f"plugin '{plugin}': the name of a consumer is a short word, not {one.name!r:.40}")
        if one.name in found:
            raise StartError(f"the consumer '{one.name}' is declared by plugin '{found[one.name][0]}' and by plugin '{plugin}'")
        if wrong := _wrong(one):
            raise StartError(f"plugin '{plugin}': the consumer '{one.name}': {wrong}")
        found[one.name] = plugin, one
    return found


def _wrong(one: Consumer) -> str | None:
    if not inspect.iscoroutinefunction(one.handle):
        return "handle must be an async function"
    if isinstance(one.names, str) or not all(isinstance(name, str) and is_pattern(name) for name in one.names):
        return "names must be a tuple of names of events, like ('deal.won', 'contact.*')"
    if not 1 <= one.batch <= MOST:
        return f"batch must be from 1 to {MOST}"
    return None if one.attempts >= 1 and one.seconds > 0 else "attempts and seconds must be more than nothing"
