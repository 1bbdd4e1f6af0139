"""`payvand worker`: do jobs until told to stop."""

import click

from core.cli import Setup
from core.server.worker import work


@click.command()
@click.pass_obj
def worker(setup: Setup) -> None:
    """Do jobs until told to stop (SIGTERM, Ctrl-C); there may be any number of workers, on any machines."""
    work(setup.settings, setup.plugins, lambda: click.echo("Payvand works."))
