"""Backups of a SQLite file, taken while the server writes to it, and the way back."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import core.database.files as files
from core.database.history import history
from core.database.plan import foreign
from core.database.shape import applied, asking
from core.database.whole import named_at_last, refuse_existing
from core.errors import StartError
from core.plugins import Plugins

PAGES = 2_000  # that are copied at once
STAMP = "%Y%m%dT%H%M%SZ"


def back_up(path: Path, target: Path) -> list[Path]:
    """Copy the database to `target`, and the file of its jobs beside that; in a folder under a name that tells the time.

    The copies are of one moment each, the jobs' after the records', so that no job is missing for a record that is there. They are checked,
    and get their names only then. Raises StartError; nothing is overwritten, and nothing half is left.
    """
    if not path.exists():
        raise StartError(f"there is no database {path} to be backed up")
    if target.is_dir():
        target = target / f"{path.stem}-{datetime.now(UTC):{STAMP}}{path.suffix}"
    pairs = [(path, target), *((jobs, _jobs(target)) for jobs in [_jobs(path)] if jobs.exists())]
    for _, one in pairs:
        refuse_existing(one)
    for source, one in pairs:
        with named_at_last(one) as part:
            _copy(source, part)
    return [one for _, one in pairs]


async def restore(source: Path, path: Path, plugins: Plugins) -> list[Path]:
    """Make the database, and the file of its jobs, what a backup says; where the old ones lie now.

    Numbers of events go on where the old file was, so that whoever follows them misses none. Raises StartError, and leaves all as it was,
    when the backup is damaged or of a newer version, or somebody has the database open.
    """
    pairs = _pairs(source, path)
    await _look(source, plugins)
    stamp = f"{datetime.now(UTC):{STAMP}}"
    aside: list[Path] = []
    for one, place in pairs:
        async with files.alone(place, "restore") as original:
            if original.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                kept = place.with_name(f"{place.name}.before-{stamp}")
                with named_at_last(kept) as part, closing(sqlite3.connect(part)) as copy:
                    original.backup(copy)
                aside.append(kept)
            with (
                _read(one) as backup,
                files.copied(backup, place) as copied,
                closing(sqlite3.connect(copied, isolation_level=None)) as copy,
            ):
                files.keep_counting(copy, original)
                files.put_back(copy, original)
            if damage := files.damage(original):
                raise StartError(f"{place} is damaged after all: {damage}; the disk may be")
    return aside


def _pairs(source: Path, path: Path) -> list[tuple[Path, Path]]:
    """Which file of a backup comes to which place."""
    if not source.is_file():
        raise StartError(f"there is no backup {source}")
    jobs, beside = _jobs(path), _jobs(source)
    if jobs.exists() and not beside.exists():
        raise StartError(f"there is no {beside} beside the backup; move {jobs.parent} away first, to begin with no jobs")
    return [(source, path), *([(beside, jobs)] if beside.exists() else [])]


def age(source: Path) -> float:
    """How many hours ago the newest event of a backup was; 0 where it tells of none."""
    with _read(source) as backup:
        row = backup.execute("SELECT max(at) FROM event").fetchone()
    return (time.time() - datetime.fromisoformat(row[0]).timestamp()) / 3600 if row[0] else 0.0


def _copy(source: Path, target: Path) -> None:
    try:
        with _read(source) as original, closing(sqlite3.connect(target, isolation_level=None)) as copy:
            original.execute("BEGIN")  # one look at the file, while writers go on writing beside it: else each write would start it anew
            original.execute("SELECT count(*) FROM sqlite_master").fetchone()
            original.backup(copy, pages=PAGES)
            original.execute("COMMIT")
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, that can be carried away
            if damage := files.damage(copy):
                raise StartError(f"the copy of {source} is damaged: {damage}; look into the file itself")
    except sqlite3.Error as error:
        raise StartError(f"{source} cannot be backed up: {error}") from error


async def _look(source: Path, plugins: Plugins) -> None:
    """Raise StartError for what is no backup that this version can use."""
    try:
        with _read(source) as backup:
            if damage := files.damage(backup):
                raise StartError(f"{source} is damaged: {damage}")
            seen = await applied(asking(backup), "sqlite")
    except sqlite3.Error as error:
        raise StartError(f"{source} is no backup of a database: {error}") from error
    if not seen:
        raise StartError(f"{source} is no backup of Payvand: it has no migrations")
    if strangers := foreign(plugins, seen, await history(plugins)):
        raise StartError(f"{source} has seen the migration {strangers[0]}, which this version does not have")


@contextmanager
def _read(path: Path) -> Iterator[sqlite3.Connection]:
    # Opened to write, although nothing is written: the last one who closes a write-ahead log has to tidy it up.
    with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, isolation_level=None, timeout=10)) as opened:
        opened.execute("PRAGMA query_only = ON")
        yield opened


def _jobs(path: Path) -> Path:
    """What the engine of jobs keeps beside a database, where it has a file of its own."""
    return path.with_name(f"{path.stem}.jobs") / "engine.db"
