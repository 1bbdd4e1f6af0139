"""How far behind the consumers of a house are: for people who look after it, and for metrics."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.tail.kept import EVERYTHING

if TYPE_CHECKING:
    from core.crm import CRM

COUNTED = 100_000  # events, at most


@dataclass(frozen=True)
class Lag:
    """How far behind one consumer is: events that wait for it, counted up to COUNTED, and seconds since the first of them happened.

    `failures` are those of the batch at hand, `dead` the events that were put aside. Nobody declares an orphan any more.
    """

    name: str
    plugin: str
    events: int
    seconds: float
    failures: int
    error: str | None
    dead: int
    orphan: bool


async def lags(crm: "CRM") -> list[Lag]:
    """The lag of each consumer that has ever begun, by name. Raises what the driver of the database raises."""
    source, found = crm.tail.source, []
    for name, plugin, position, failures, error, dead in await source.states():
        declared = crm.consumers.get(name)
        events, seconds = await source.pending(declared[1].wanted if declared else EVERYTHING, position, COUNTED)
        found.append(Lag(name, plugin, events, seconds, failures, error, dead, declared is None))
    return found


def sentences(found: list[Lag]) -> list[str]:
    """What is worth knowing of it, for people."""
    return [sentence for one in found for sentence in _sentences(one)]


def _sentences(one: Lag) -> list[str]:
    if one.orphan:
        return [
            f"the consumer '{one.name}' is not declared by any plugin that is enabled (it was by '{one.plugin}'); its position waits,"
            f" and {_count(one.events)} by now; to forget it: payvand consumers forget {one.name}"
        ]
    told = []
    if one.failures:
        told.append(
            f"the consumer '{one.name}' of plugin '{one.plugin}' has failed {one.failures} times ({one.error}); {_count(one.events)},"
            f" for {one.seconds:.0f} s"
        )
    elif one.events:
        told.append(f"for the consumer '{one.name}' of plugin '{one.plugin}' {_count(one.events)}, for {one.seconds:.0f} s")
    if one.dead:
        told.append(f"the consumer '{one.name}' has put {one.dead} events aside; to try them again: payvand consumers retry {one.name}")
    return told


def _count(events: int) -> str:
    return "1 event waits" if events == 1 else f"{events} events wait"
