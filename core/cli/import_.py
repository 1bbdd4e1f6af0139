"""`payvand import`: records from a CSV or JSON lines file."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from core.cli import Setup
from core.cli.output import as_json, console, print_json
from core.crm import Call
from core.transfer import encodings, mapping
from core.transfer.importing import Import
from core.transfer.mapping import Chart
from core.transfer.named import importable, resource_named
from core.transfer.plan import Plan
from core.transfer.problems import Unusable
from core.transfer.reading import Source
from core.transfer.report import Rejects, Report

SOME_REJECTED = 3  # the exit code when the import went through, but without some rows
LINES = (".jsonl", ".ndjson")
SOURCE = 60  # characters of a source
DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


@click.command("import")
@click.argument("resource")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--map", "map_", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A mapping in TOML: which column goes where."
)
@click.option("--set", "constants", multiple=True, metavar="FIELD=VALUE", help="A value for every row. May be repeated.")
@click.option("--source", help="The system that the external ids belong to.")
@click.option("--key", help="The column that tells the rows apart.")
@click.option("--delimiter", help="What separates the cells, such as ; or tab; else it is found out.")
@click.option("--encoding", help="Such as utf-8 or windows-1256; else it is found out.")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="Else told by the name of the file.")
@click.option("--dry-run", "dry", is_flag=True, help="Do everything and undo it; on SQLite, others wait with writing meanwhile.")
@click.option("--rejects", type=click.Path(path_type=Path, dir_okay=False), help="Where rejected rows go; else beside FILE.")
@click.option("--make/--no-make", default=None, help="Whether related records that are missing are made; they are.")
@click.option("--batch", type=click.IntRange(1, 5000), default=2000, show_default=True, help="Rows in one transaction.")
@as_json
@click.pass_obj
def import_(setup: Setup, resource: str, file: Path, map_: Path | None, rejects: Path | None, as_json: bool, **options: Any) -> None:
    """Take the rows of FILE as records of RESOURCE: new ones are made, known ones brought up to date.

    Running it again changes nothing. The exit code is 3 when some rows were rejected; they are in a file beside FILE,
    each with its reason, which can be imported again after mending.
    """
    chart = _chart(map_, options)
    rejects = rejects or file.with_name(f"{file.stem.removesuffix('.rejects')}.rejects{file.suffix}")
    if rejects.resolve() == file.resolve():
        rejects = file.with_name(f"{file.stem}.again{file.suffix}")
    told = asyncio.run(_run(setup, resource, file, chart, rejects, options, quiet=as_json))
    if as_json:
        print_json(told)
    else:
        _tell(told, dry=options["dry"])
    sys.exit(SOME_REJECTED if told["rejected"] else 0)


async def _run(setup: Setup, name: str, file: Path, chart: Chart, path: Path, options: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    source = Source(
        file, chart.encoding or await asyncio.to_thread(encodings.detect, file), chart.delimiter, lines=_is_lines(file, options["form"])
    )
    async with setup.house() as call:
        resource = importable(call.crm, resource_named(call.crm, name))
        plan = Plan(call.crm, resource, chart, chart.source or _named_after(file))
        rejects = Rejects(path, source.columns, source.delimiter, lines=source.is_lines)
        report = await _with_progress(call, plan, rejects, source, options, quiet=quiet)
    return _words(report, plan, source, rejects)


async def _with_progress(call: Call, plan: Plan, rejects: Rejects, source: Source, options: dict[str, Any], *, quiet: bool) -> Report:
    if quiet or not sys.stderr.isatty():
        return await Import(call, plan, rejects, options["batch"]).run(source, dry=options["dry"])
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(source.path.name, total=source.size)
        run = Import(call, plan, rejects, options["batch"], lambda done: progress.update(task, completed=done))
        return await run.run(source, dry=options["dry"])


def _chart(path: Path | None, options: dict[str, Any]) -> Chart:
    constants: dict[str, str] = {}
    for one in options["constants"]:
        name, separator, value = one.partition("=")
        if not separator:
            raise Unusable(f"--set {one}: write field=value")
        constants[name.strip()] = value
    chart = mapping.load(path)
    delimiter = options["delimiter"] or chart.delimiter
    delimiter = DELIMITERS.get(delimiter, delimiter) if delimiter else None
    if delimiter is not None and len(delimiter) != 1:
        raise Unusable(f"'{delimiter}' is no delimiter; that is one character, or tab")
    make = {"*": options["make"]} if options["make"] is not None else None
    said = {name: options[name] for name in ("source", "key", "encoding")}
    return mapping.with_options(chart, constants=constants, delimiter=delimiter, make=make, **said)


def _is_lines(file: Path, form: str | None) -> bool:
    return form == "jsonl" if form else file.suffix.lower() in LINES


def _named_after(file: Path) -> str:
    """The source of rows that no column tells apart; mended rejects are rows of the same file."""
    return f"import:{file.name.replace('.rejects', '')}"[:SOURCE]


def _words(report: Report, plan: Plan, source: Source, rejects: Rejects) -> dict[str, Any]:
    return {
        "resource": plan.resource.key,
        **report.words(),
        "rejects": str(rejects.path) if rejects.written else None,
        "encoding": source.encoding,
        "delimiter": source.delimiter or None,
        "columns": {column: goals for column, goals in plan.goals.items() if goals},
        "ignored": plan.ignored,
    }


def _tell(told: dict[str, Any], *, dry: bool) -> None:
    out = console()
    separated = f", cells separated by {told['delimiter']!r}" if told["delimiter"] else ""
    out.print(f"read as {told['encoding']}{separated}")
    for column, goals in told["columns"].items():
        out.print(f"  {column} → {', '.join(goals)}")
    if told["ignored"]:
        out.print(f"  ignored: {', '.join(told['ignored'])}")
    counts = ", ".join(f"{told[name]:,} {name}" for name in ("created", "updated", "unchanged", "rejected"))
    out.print(f"{'Would be' if dry else 'Done'}: {counts}.", style="bold")
    if told["made"]:
        out.print(f"Related records made: {', '.join(f'{number:,} {name}' for name, number in told['made'].items())}.")
    for one in told["problems"]:
        shown = f" '{one['value']}'" if one["value"] else ""
        out.print(f"  line {one['line']}: {one['field']}{shown}{': ' if one['field'] else ''}{one['reason']}", style="red")
    if told["rejected"] > len(told["problems"]):
        out.print(f"  ... and {told['rejected'] - len(told['problems']):,} more")
    if told["rejects"]:
        out.print(f"The rejected rows are in {told['rejects']}")
