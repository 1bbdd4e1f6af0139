"""Backups of PostgreSQL by its own program: pg_dump, which reads the state of one moment and keeps nobody from writing."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

from core.database.addresses import connection
from core.database.whole import named_at_last, refuse_existing
from core.errors import StartError
from core.settings import Settings

PROGRAM = "pg_dump"


def dump(settings: Settings, target: Path) -> None:
    """Write the database to `target` in the custom format of pg_dump.

    Raises StartError; nothing is overwritten, and nothing half is left.
    """
    refuse_existing(target)
    if shutil.which(PROGRAM) is None:
        raise StartError(f"{PROGRAM} is not on the PATH; where it is, run: {shlex.join(_command(settings, target))}")
    with named_at_last(target) as part:
        ended = subprocess.run(_command(settings, part), env={**os.environ, **_environment(settings)}, capture_output=True, text=True)
        if ended.returncode:
            lines = ended.stderr.strip().splitlines()
            raise StartError(f"{PROGRAM} failed: {lines[-1] if lines else f'exit code {ended.returncode}'}")


def _command(settings: Settings, target: Path) -> list[str]:
    """The command. The password is none of its arguments, which everyone on the machine may read."""
    words: dict[str, Any] = connection(settings)["credentials"]
    named = {"host": words["host"], "port": words["port"], "username": words["user"], "dbname": words["database"]}
    return [
        PROGRAM, "--format=custom", "--no-owner", "--no-password", *(f"--{name}={value}" for name, value in named.items() if value),
        f"--file={target}",
    ]  # fmt: skip


def _environment(settings: Settings) -> dict[str, str]:
    words: dict[str, Any] = connection(settings)["credentials"]
    return {name: str(words[key]) for name, key in {"PGPASSWORD": "password", "PGSSLMODE": "ssl"}.items() if words.get(key)}
