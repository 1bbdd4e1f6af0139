"""`payvand schema`: the GraphQL schema of this house, and what has changed in it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import click

from core.cli import Setup
from core.cli.output import as_json, console, print_json
from schema.published import Weight, changes, printed

COLOURS = {Weight.BREAKING: "red", Weight.RISKY: "yellow", Weight.HARMLESS: "green"}
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--core", is_flag=True, help="Of the core alone, as if no plugin were enabled.")
@click.option("--out", type=FILE, help="Write it to this file.")
@click.option("--check", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Compare with the schema in this file.")
@as_json
@click.pass_obj
def schema(setup: Setup, core: bool, out: Path | None, check: Path | None, as_json: bool) -> None:
    """Print the GraphQL schema (SDL), the same every time. Needs no database.

    With --check, say what has changed since the file was written; exit code 1 when clients that are there would break.
    """
    settings = setup.settings
    text = asyncio.run(printed(replace(settings, enabled=(), plugin_tables={}) if core else settings))
    old = check.read_text("utf-8") if check else None  # before it is written, for both may be one file
    if out:
        out.write_text(text, "utf-8")
    if old is not None:
        _compare(old, text, as_json)
    elif not out:
        print_json({"sdl": text}) if as_json else click.echo(text, nl=False)


def _compare(old: str, new: str, as_json: bool) -> None:
    found = changes(old, new)
    if as_json:
        print_json({weight.value: [text for one, text in found if one is weight] for weight in Weight})
    else:
        for weight, text in found:
            console().print(f"{weight}: {text}", style=COLOURS[weight])
        if not found:
            console().print("Nothing has changed.")
    if any(weight is Weight.BREAKING for weight, _ in found):
        raise SystemExit(1)
