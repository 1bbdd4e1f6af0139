"""How much the connections of one kind have to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """Statements since the start, of a lane for writing transactions; connections that may be, are open, are busy; who waits for one."""

    statements: int
    size: int
    open: int
    busy: int
    waiting: int
