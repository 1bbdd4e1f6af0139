"""Which process does what only one may do: a lock that ends with the process that holds it."""

import sqlite3
from pathlib import Path
from typing import Protocol

from core.database.addresses import sqlite_file
from core.settings import Settings
from core.tail.wire import Wire


class Duty(Protocol):
    """The locks of a house."""

    async def take(self, name: str) -> bool:
        """Whether the lock of that name is ours now. Raises what the database raises."""
        ...

    def has(self, name: str) -> bool:
        """Whether it is ours still, as far as is known."""
        ...

    async def close(self) -> None:
        """Let go of all locks."""
        ...


def duty(settings: Settings, wire: Wire | None) -> Duty:
    """The locks of a house: advisory locks of PostgreSQL, or one lock of a file beside that of SQLite."""
    path = sqlite_file(settings)
    if path:
        return _Beside(path.with_name(f"{path.name}-consumers"))
    assert wire is not None
    return _Advisory(wire)


class _Advisory:
    """A lock for each name, so that several processes can share what there is to do."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def take(self, name: str) -> bool:
        return await self._wire.take(name)

    def has(self, name: str) -> bool:
        return name in self._wire.held

    async def close(self) -> None:
        for name in [*self._wire.held]:
            await self._wire.give_back(name)


class _Beside:
    """One lock for all names. SQLite itself locks the file, in a way that each system knows and that ends with the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: sqlite3.Connection | None = None

    async def take(self, name: str) -> bool:
        if self._file is None:
            file = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            try:
                file.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                file.close()
                return False
            self._file = file
        return True

    def has(self, name: str) -> bool:
        return self._file is not None

    async def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None
