"""Up to which position everything that will ever be there can be seen.

PostgreSQL gives out positions before their rows are committed, so a row may be seen while a lower one is still to come, or never comes
because its transaction was undone. Whoever inserts an event holds a lock on its table, from before the position is given out until the
row can be seen. So: look which positions can be seen, then who holds the lock; when all of these have let go of it, whatever is not
there below the highest of those positions will never be there. No writer waits for it, or does anything more.
"""

from dataclasses import dataclass

from core.tail.sources import Source


@dataclass
class Frontier:
    """The position up to which the table is final; it only grows. None until it is known."""

    source: Source
    position: int | None = None
    _top: int = 0
    _writers: frozenset[str] | None = None

    @property
    def waits(self) -> bool:
        """Whether rows can be seen that lie behind a gap."""
        return self._writers is not None

    async def advance(self) -> int | None:
        """Look again, and say how far it is now."""
        if self.position is not None:
            self.position, behind = await self.source.run(self.position)
            if not behind:
                self._writers = None
                return self.position
        if self._writers is None or self._top <= (self.position or 0):
            self._top = await self.source.top()
            self._writers = await self.source.writers()
        else:
            self._writers &= await self.source.writers()
        if not self._writers:
            self.position, self._writers = max(self._top, self.position or 0), None
        return self.position
