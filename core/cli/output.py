"""What commands print: words for people, or JSON for programs."""

import json
from typing import Any

import click
from rich.console import Console

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def print_json(value: Any) -> None:
    """Print a value for programs."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def console() -> Console:
    """Where words for people go: names in them are neither markup nor numbers to colour."""
    return Console(highlight=False, markup=False, soft_wrap=True)
