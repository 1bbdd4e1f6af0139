"""How often a row was there before in its file, counted on disk: so equal rows stay apart, in constant memory."""

import sqlite3
from collections.abc import Sequence
from types import TracebackType


class Occurrences:
    """Counts by content. The counts are kept in a file of their own that is gone when this is closed."""

    def __init__(self) -> None:
        self._counts = sqlite3.connect("")  # a temporary file, of which only some pages are in memory
        self._counts.execute("CREATE TABLE seen (content TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID")

    def __enter__(self) -> "Occurrences":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._counts.close()

    def count(self, contents: Sequence[str]) -> list[int]:
        """For each content the how manieth it is."""
        say = "INSERT INTO seen VALUES (?, 1) ON CONFLICT (content) DO UPDATE SET times = times + 1 RETURNING times"
        return [self._counts.execute(say, (content,)).fetchone()[0] for content in contents]
