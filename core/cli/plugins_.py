"""`payvand plugins`: which plugins there are, which are enabled, and what these add."""

import asyncio
import sys
from typing import Any

import click

from core.cli import Setup
from core.cli.output import as_json, console, print_json
from core.crm import CRM
from core.database import offline
from core.errors import StartError
from core.inventory import Adds, inventory
from core.plugins import available


@click.command("plugins")
@as_json
@click.pass_obj
def plugins_(setup: Setup, as_json: bool) -> None:
    """Show each plugin with its version and state, and what an enabled one adds. Exit code 1 when they do not fit together."""
    enabled = setup.settings.enabled
    found = available()
    try:
        adds, problem = asyncio.run(_adds(setup)), None
    except StartError as error:
        adds, problem = {}, str(error)
    names = [*(name for name in enabled if name in found), *sorted(found.keys() - set(enabled))]
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "version": found[name].version,
            "origin": found[name].origin,
            "state": "enabled" if name in enabled else "disabled",
            "adds": adds.get(name, {}),
        }
        for name in names
    ]
    if as_json:
        print_json({"plugins": rows, "problem": problem})
    else:
        _tell(rows, problem)
    sys.exit(1 if problem else 0)


async def _adds(setup: Setup) -> dict[str, Adds]:
    crm = CRM(setup.settings, setup.plugins)
    async with offline(setup.settings, setup.plugins) as context:
        crm.check()
        return inventory(crm, context, {name: owner for name, (owner, _) in setup.added.items()})


def _tell(rows: list[dict[str, Any]], problem: str | None) -> None:
    out = console()
    if not rows:
        out.print("There are no plugins.")
    for row in rows:
        out.print(f"{row['name']} {row['version']}  {row['state']}  ({row['origin']})", style="bold" if row["state"] == "enabled" else None)
        for kind, added in row["adds"].items():
            out.print(f"    {kind}: {', '.join(added)}")
    if problem:
        out.print(f"problem: {problem}", style="red")
