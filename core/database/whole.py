"""Files that have their name only when they are whole."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import StartError


@contextmanager
def named_at_last(target: Path) -> Iterator[Path]:
    """A file beside the target, for the one who runs this alone to read, which gets its name when the block has ended well.

    Raises StartError when the target is there, or cannot be written.
    """
    refuse_existing(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        os.close(number)
    except OSError as error:
        raise StartError(f"{target} cannot be written: {error.strerror}") from error
    part = Path(name)
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        _rename(part, target)
    except OSError as error:
        raise StartError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            part.with_name(part.name + suffix).unlink(missing_ok=True)


def _rename(part: Path, target: Path) -> None:
    """Give a file its name, unless somebody has it by now."""
    try:
        os.link(part, target)  # refuses what rename() would overwrite
    except FileExistsError:
        raise StartError(f"{target} is there already") from None
    except OSError:  # a file system without links
        refuse_existing(target)
        part.rename(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def refuse_existing(target: Path) -> None:
    """Raise StartError when there is such a file."""
    if target.exists():
        raise StartError(f"{target} is there already; nothing is overwritten")
