"""`payvand serve`: answer requests until told to stop."""

import asyncio
from functools import partial

import click

from core.cli import Setup
from core.server.app import create_app
from core.server.process import run


@click.command()
@click.option("--host", help="The address to listen at; else that of the settings.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port; else that of the settings. 0 takes any that is free.")
@click.option("--dev", is_flag=True, help="For a look around: tables, demo data and a key are made first.")
@click.pass_obj
def serve(setup: Setup, host: str | None, port: int | None, dev: bool) -> None:
    """Answer requests until told to stop (SIGTERM, Ctrl-C); what has begun is finished first."""
    settings, greet = setup.settings, _greet
    if dev:
        from core.cli import dev as development  # here, because a plain start needs neither the demo data nor a console

        asyncio.run(development.prepare(settings, setup.plugins))
        greet = partial(development.greet, settings)
    app = create_app(settings)
    run(app, settings.server.host if host is None else host, settings.server.port if port is None else port, greet)


def _greet(url: str) -> None:
    click.echo(f"Payvand serves {url}/graphql")
