"""`payvand check`: say whether settings, plugins and database fit together."""

import asyncio
import sys

import click

from core.cli import Setup
from core.cli.output import as_json, console, print_json
from core.crm import CRM
from core.database import connect, notes, offline, problems
from core.database.indices import unhelped
from core.errors import StartError
from core.jobs.state import complaints
from core.server.app import rehearse
from core.tail.lag import lags, sentences


@click.command()
@as_json
@click.pass_obj
def check(setup: Setup, as_json: bool) -> None:
    """Say whether settings, plugins and database fit together; exit code 1 when they do not."""
    found, told = asyncio.run(_look(setup))
    if as_json:
        print_json({"problems": found, "notes": told})
    else:
        out = console()
        for line in found:
            out.print(f"problem: {line}", style="red")
        for line in told:
            out.print(f"note: {line}")
        if not found:
            out.print("All is well.", style="green")
    sys.exit(1 if found else 0)


async def _look(setup: Setup) -> tuple[list[str], list[str]]:
    try:
        found = await problems(setup.settings, setup.plugins)
        try:
            await rehearse(setup.settings, setup.plugins)
        except StartError as error:
            found = [str(error), *found]
        told = await notes(setup.settings, setup.plugins)
        return found, told if found else [*told, *await _indices(setup), *await _consumers(setup), *await _jobs(setup)]
    except StartError as error:  # the settings or the plugins
        return [str(error)], []


async def _consumers(setup: Setup) -> list[str]:
    crm = CRM(setup.settings, setup.plugins)
    try:
        return sentences(await lags(crm))
    finally:
        await crm.tail.source.close()


async def _indices(setup: Setup) -> list[str]:
    async with offline(setup.settings, setup.plugins):
        return unhelped(CRM(setup.settings, setup.plugins))


async def _jobs(setup: Setup) -> list[str]:
    async with connect(setup.settings, setup.plugins):
        return await complaints(CRM(setup.settings, setup.plugins))
