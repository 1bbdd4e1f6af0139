"""`payvand backup`: a copy of the database, taken while the server runs."""

from pathlib import Path

import click

from core.cli import Setup
from core.cli.output import as_json, console, print_json
from core.database.addresses import sqlite_file
from core.database.backups import back_up
from core.database.dumps import dump


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@as_json
@click.pass_obj
def backup(setup: Setup, target: Path, as_json: bool) -> None:
    """Copy the database to TARGET, a new file or a folder, while the server may go on writing. PostgreSQL needs pg_dump for it."""
    path = sqlite_file(setup.settings)
    if path is None:
        dump(setup.settings, target)
    written = back_up(path, target) if path else [target]
    if as_json:
        print_json({"files": [{"path": str(one), "bytes": one.stat().st_size} for one in written]})
        return
    for one in written:
        console().print(f"{one}  {one.stat().st_size:,} bytes")
