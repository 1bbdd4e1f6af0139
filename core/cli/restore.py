"""`payvand restore`: make the database what a backup says."""

import asyncio
from pathlib import Path

import click

from core.cli import Setup
from core.cli.output import as_json, console, print_json
from core.database.addresses import sqlite_file
from core.database.backups import age
from core.database.backups import restore as put_back
from core.errors import StartError


@click.command()
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False))
@as_json
@click.pass_obj
def restore(setup: Setup, source: Path, as_json: bool) -> None:
    """Make the database what the backup SOURCE says. The server must not run; the old file is kept aside."""
    path = sqlite_file(setup.settings)
    if path is None:
        raise StartError("a PostgreSQL is restored by its own program into an empty database: pg_restore --no-owner --dbname=... SOURCE")
    aside = asyncio.run(put_back(source, path, setup.plugins))
    if as_json:
        print_json({"restored": str(path), "aside": [str(one) for one in aside]})
        return
    out = console()
    for one in aside:
        out.print(f"what was there before is in {one}")
    out.print(
        f"{path} is as it was {age(source):,.1f} hours ago. Before you serve it, read docs/operations.md, After a restore.", style="bold"
    )
