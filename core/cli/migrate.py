"""`payvand migrate`: bring the tables up to date."""

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from core.cli import Setup
from core.cli.output import as_json, console, print_json
from core.database import Step, pending
from core.database import migrate as apply


@click.command()
@click.option("--plan", "only_plan", is_flag=True, help="Only say what would be done.")
@click.option("--allow-loss", multiple=True, metavar="NAME", help="A table, or table.column, whose data may be lost. May be repeated.")
@as_json
@click.pass_obj
def migrate(setup: Setup, only_plan: bool, allow_loss: tuple[str, ...], as_json: bool) -> None:
    """Bring the tables up to date, all or nothing. What holds data is never dropped unasked."""
    steps = asyncio.run(pending(setup.settings, setup.plugins))
    if not as_json:
        _tell(steps)
    if not only_plan:  # also when there is nothing to do: a guard that was taken away is put back
        report = None if as_json else (lambda step: console().print(f"applying {step}"))
        applied = asyncio.run(apply(setup.settings, setup.plugins, report, allow_loss=allow_loss))
        if steps and not as_json:
            console().print("The tables are up to date.")
        steps = applied
    if as_json:
        print_json({"applied": not only_plan, "steps": [_words(step) for step in steps]})


def _tell(steps: Sequence[Step]) -> None:
    out = console()
    if not steps:
        out.print("Nothing to do: the tables are up to date.")
    for step in steps:
        out.print(str(step), style="bold")
        for operation in step.operations:
            out.print(f"  {operation}")
        for name, rows in step.losses.items():
            out.print(f"  loses {name}, which holds data in {rows} rows", style="red")


def _words(step: Step) -> dict[str, Any]:
    return {"app": step.app, "name": step.name, "operations": list(step.operations), "losses": dict(step.losses)}
