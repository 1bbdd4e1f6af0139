"""`payvand makemigrations`: write down what has changed in the models."""

import asyncio

import click

from core.cli import Setup
from core.cli.output import as_json, console, print_json
from core.database import make_migrations


@click.command()
@click.argument("app", required=False)
@click.option("--name", help="What the migration is called, after its number.")
@as_json
@click.pass_obj
def makemigrations(setup: Setup, app: str | None, name: str | None, as_json: bool) -> None:
    """Write migrations for what has changed in the models, of all apps or of APP: core, or a plugin."""
    written = asyncio.run(make_migrations(setup.settings, setup.plugins, app, name))
    if as_json:
        print_json([{"app": one.app, "name": one.name, "path": str(one.path), "operations": list(one.operations)} for one in written])
        return
    out = console()
    if not written:
        out.print("Nothing to do: the migrations say what the models say.")
    for one in written:
        out.print(str(one.path), style="bold")
        for operation in one.operations:
            out.print(f"  {operation}")
