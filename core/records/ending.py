"""The end of a write that nothing follows: it is written, read and committed at once."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.database.inside import Reading


@dataclass
class Ending:
    """What a writer wants to read of new records before all is committed, for whom this write is the whole transaction.

    `rows` is what was read, when the write came to its end that way; else it is None, and the transaction goes on.
    """

    reading: Callable[[Sequence[uuid.UUID]], Reading | None]
    rows: Sequence[Sequence[Any]] | None = None
