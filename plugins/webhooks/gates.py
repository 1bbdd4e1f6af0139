"""What one endpoint gets of this process at once, so that it holds back nobody but itself. In memory: each process has its own."""

import asyncio
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field

from core import CRM

AT_ONCE = 8  # requests to one endpoint
MOST_JOBS = 8  # that send to one endpoint, of the places in the queue
SILENCES = 4  # one after the other, after which nobody is there
QUIET = 5.0  # seconds in which the others then need not find out as well


@dataclass
class Gate:
    """The way to one endpoint."""

    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    jobs: int = 0
    _silences: int = 0
    _last: float = 0.0

    @property
    def silent(self) -> bool:
        """Whether nobody has answered there a moment ago."""
        return self._silences >= SILENCES and time.monotonic() - self._last < QUIET

    def note(self, *, answered: bool) -> None:
        """Keep in mind what came of a request."""
        self._silences = 0 if answered else self._silences + 1
        self._last = time.monotonic()


Gates = defaultdict[uuid.UUID, Gate]


def gate(crm: CRM, endpoint: uuid.UUID) -> Gate:
    """The way to an endpoint, for all jobs of this process."""
    return crm.remembered("webhooks.gates", lambda: Gates(Gate))[endpoint]
