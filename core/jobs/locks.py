"""Numbered places that one process holds at a time, and that are free at once when it dies: files on SQLite, else PostgreSQL's locks."""

import asyncio
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from core.database.addresses import connection, sqlite_file
from core.settings import Settings

NAME = 5_247_013  # of Payvand's places among the advisory locks of a database
LOOK = 1.0
QUICK = 5.0  # seconds in which a server that is there answers
# How the server finds out that the machine of a place is gone: within some 15 seconds.
KEEPALIVE = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "3", "tcp_keepalives_count": "3"}


class Locks(Protocol):
    """The places that this process holds."""

    async def take(self, number: int) -> bool:
        """Whether the place was free, and is ours now."""
        ...

    async def release(self, number: int) -> None:
        """Give a place back."""
        ...

    async def lost(self) -> None:
        """Return when we hold nothing any more of what we took: never, mostly."""
        ...

    async def close(self) -> None:
        """Give all places back."""
        ...


async def locks(settings: Settings) -> Locks:
    """The places of a house. Raises OSError or asyncpg's errors when they cannot be reached."""
    if file := sqlite_file(settings):
        return FileLocks(folder_of(file))
    words: dict[str, Any] = connection(settings)["credentials"]
    named = {name: words[name] for name in ("user", "password", "database", "host", "port", "timeout", "ssl") if name in words}
    session = {**words["server_settings"], **KEEPALIVE, "application_name": "payvand jobs"}
    return ServerLocks(await asyncpg.connect(**named, server_settings=session))


def folder_of(file: Path) -> Path:
    """What the jobs of a SQLite house keep beside its database."""
    return file.with_name(f"{file.stem}.jobs")


class FileLocks:
    """Places as files that are locked. The system unlocks them when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[int, Any] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def take(self, number: int) -> bool:
        """Whether the place was free, and is ours now."""
        if number in self._files:
            return True
        file = (self._folder / f"{number}.lock").open("a+b")
        if _locked(file):
            self._files[number] = file
            return True
        file.close()
        return False

    async def release(self, number: int) -> None:
        """Give a place back."""
        if file := self._files.pop(number, None):
            file.close()

    async def lost(self) -> None:
        """A file stays locked."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Give all places back."""
        for number in list(self._files):
            await self.release(number)


class ServerLocks:
    """Places as advisory locks of a session of its own. The server unlocks them when the session ends."""

    def __init__(self, session: asyncpg.Connection) -> None:
        self._session = session
        self._held: set[int] = set()
        self._turn = asyncio.Lock()  # a session does one thing at a time

    async def take(self, number: int) -> bool:
        """Whether the place was free, and is ours now."""
        if number in self._held:
            return True
        async with self._turn:
            free = await self._session.fetchval("SELECT pg_try_advisory_lock($1, $2)", NAME, number, timeout=QUICK)
        if free:
            self._held.add(number)
        return bool(free)

    async def release(self, number: int) -> None:
        """Give a place back."""
        if number in self._held:
            async with self._turn:
                await self._session.fetchval("SELECT pg_advisory_unlock($1, $2)", NAME, number, timeout=QUICK)
            self._held.discard(number)

    async def lost(self) -> None:
        """Return when the session that holds them has ended."""
        while not self._session.is_closed():
            await asyncio.sleep(LOOK)
            try:
                async with self._turn:
                    await self._session.execute("SELECT 1", timeout=QUICK)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                self._session.terminate()

    async def close(self) -> None:
        """Give all places back."""
        self._session.terminate()


def _locked(file: Any) -> bool:
    try:
        import fcntl  # here, because Windows has it not
    except ImportError:
        import msvcrt

        lock: Any = msvcrt
        attempt = (lock.locking, file.fileno(), lock.LK_NBLCK, 1)
    else:
        attempt = (fcntl.flock, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        attempt[0](*attempt[1:])
    except OSError:
        return False
    return True
