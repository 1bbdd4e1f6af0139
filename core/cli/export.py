"""`payvand export`: records as a CSV or JSON lines file."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from core.cli import Setup
from core.cli.output import as_json, console, print_json
from core.crm import Call
from core.records.filters import condition
from core.resources import Resource
from core.transfer.asking import condition_of
from core.transfer.columns import Out, chosen, outs
from core.transfer.exporting import Export, exportable, most_parts
from core.transfer.named import resource_named
from core.transfer.problems import Unusable
from core.transfer.writing import JsonLines, Table


@click.command()
@click.argument("resource")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default="-")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="Else told by the name of the file; csv when it tells nothing.")
@click.option("--columns", help="Only these, parted by commas: id,name,company.name,emails.1.address")
@click.option("--where", help='A filter as in GraphQL, in JSON: \'{"city": {"eq": "Shiraz"}}\'')
@click.option("--bom", is_flag=True, help="Begin with a mark by which Excel knows that it is UTF-8.")
@as_json
@click.pass_obj
def export(
    setup: Setup, resource: str, file: Path, form: str | None, columns: str | None, where: str | None, bom: bool, as_json: bool
) -> None:
    """Write the records of RESOURCE to FILE, or to the output when it is - or left out.

    `payvand import` of the file into an empty house makes the same records.
    """
    lines = form == "jsonl" if form else file.suffix.lower() in (".jsonl", ".ndjson")
    with _opened(file, bom) as out:
        told = asyncio.run(_run(setup, resource, out, columns, where, lines=lines))
    if str(file) == "-":
        return
    if as_json:
        print_json({**told, "file": str(file)})
        return
    console().print(f"Wrote {told['rows']:,} of {told['resource']} to {file}")


async def _run(setup: Setup, name: str, out: TextIO, columns: str | None, where: str | None, *, lines: bool) -> dict[str, Any]:
    async with setup.house() as call:
        resource = exportable(resource_named(call.crm, name))
        chosen_outs = await _outs(call, resource, columns)
        test = condition(call, resource, _where(call, resource, where)) if where else None
        paths = [one.path for one in chosen_outs]
        writer = JsonLines(out, paths) if lines else Table(out, paths)
        writer.header()
        rows = 0
        with _bar() as tell:
            async for values in Export(call, resource, chosen_outs, test).rows():
                writer.row(values)
                rows += 1
                tell(rows)
    return {"resource": resource.key, "rows": rows, "columns": paths}


async def _outs(call: Call, resource: Resource, columns: str | None) -> list[Out]:
    every = outs(call.crm, resource, await most_parts(call, resource))
    return every if columns is None else chosen(every, resource, columns.split(","))


def _where(call: Call, resource: Resource, text: str) -> dict[str, Any]:
    try:
        return condition_of(call.crm, resource, json.loads(text))
    except json.JSONDecodeError as error:
        raise Unusable(f"--where is not JSON: {error}") from None


@contextlib.contextmanager
def _opened(file: Path, bom: bool) -> Iterator[TextIO]:
    """The output, in UTF-8 whatever the locale says, with the line ends that the writers choose."""
    if str(file) == "-":
        assert hasattr(sys.stdout, "reconfigure")
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]  # by the line above
        if bom:
            sys.stdout.write("\ufeff")
        yield sys.stdout
        return
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as out:
            yield out
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _bar() -> Iterator[Any]:
    """A count on stderr; nothing where stderr is no terminal."""
    out = Console(stderr=True)
    with Progress(
        SpinnerColumn(), TextColumn("written"), MofNCompleteColumn(), console=out, transient=True, disable=not out.is_terminal
    ) as bar:
        task = bar.add_task("written", total=None)
        yield lambda rows: bar.update(task, completed=rows) if rows % 100 == 0 else None
