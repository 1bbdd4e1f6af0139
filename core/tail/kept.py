"""An event as the table keeps it, and which of them somebody wants."""

import datetime
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.events import Event

COLUMNS = (
    "e.position, e.id, e.name, e.resource, e.record_id, e.actor, e.at, e.changed, e.request_id, e.user_id, e.key_id, v.before, v.after"
)
TABLES = "event AS e LEFT JOIN event_values AS v ON v.event_id = e.id"


@dataclass(frozen=True, kw_only=True)
class KeptEvent(Event):
    """An event that was read from the table, where `position` is its place in the order of all.

    `changed` names the columns that changed. `before` and `after` hold their values as JSON has them, money in its smallest unit; they
    are empty when the person of whom they spoke was erased.
    """

    position: int
    changed: tuple[str, ...] = ()
    user_id: uuid.UUID | None = None
    key_id: uuid.UUID | None = None


@dataclass(frozen=True)
class Wanted:
    """Which events somebody wants: by names like `deal.won`, `deal.*`, `*.created`, by resources, and of one record. Empty is all."""

    names: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    record_id: uuid.UUID | None = None

    def __contains__(self, event: Event) -> bool:
        """Whether the event is one of them."""
        if self.record_id is not None and event.record_id != self.record_id:
            return False
        if self.resources and event.resource not in self.resources:
            return False
        return not self.names or any(_fits(event.name, name) for name in self.names)

    def condition(self, place: Callable[[Any], str]) -> str:
        """The same as SQL. `place` takes a value, and gives what stands for it in the statement."""
        parts = []
        if self.record_id is not None:
            parts.append(f"e.record_id = {place(self.record_id)}")
        if self.resources:
            parts.append(f"e.resource IN ({', '.join(place(one) for one in self.resources)})")
        if self.names and "*" not in self.names and "*.*" not in self.names:
            parts.append(f"({' OR '.join(_like(name, place) for name in self.names)})")
        return " AND ".join(parts) or "TRUE"


EVERYTHING = Wanted()


def is_pattern(name: str) -> bool:
    """Whether a text is the name of an event, or stands for several: `deal.won`, `deal.*`, `*.won`, `*`."""
    resource, dot, verb = name.partition(".")
    return name == "*" or bool(dot and resource and verb and name.count("*") <= 2 and _part(resource) and _part(verb))


def kept(row: Sequence[Any]) -> KeptEvent:
    """The event of a row of COLUMNS."""
    position, key, name, resource, record, actor, at, changed, request, user, api_key, before, after = row
    return KeptEvent(
        position=position, id=_uuid(key), name=name, resource=resource, record_id=_uuid(record), actor=actor, at=_time(at),
        changed=tuple(json.loads(changed)), request_id=request, user_id=user and _uuid(user), key_id=api_key and _uuid(api_key),
        before=json.loads(before or "{}") or {}, after=json.loads(after or "{}") or {},
    )  # fmt: skip


def _part(text: str) -> bool:
    return text == "*" or text.replace("_", "").isalnum()


def _fits(name: str, pattern: str) -> bool:
    if "*" not in pattern:
        return name == pattern
    if pattern in ("*", "*.*"):
        return True
    return name.endswith(pattern[1:]) if pattern[0] == "*" else name.startswith(pattern[:-1])


def _like(pattern: str, place: Callable[[Any], str]) -> str:
    if "*" not in pattern:
        return f"e.name = {place(pattern)}"
    text = pattern.replace("_", "!_").replace("*", "%")
    return f"e.name LIKE {place(text)} ESCAPE '!'"


def _uuid(value: Any) -> uuid.UUID:
    return uuid.UUID(value) if isinstance(value, str) else uuid.UUID(bytes=value.bytes)


def _time(value: Any) -> datetime.datetime:
    at = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=datetime.UTC)
