"""`payvand privacy`: tell a person all that is known of it, and forget a person."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from core.cli import Setup
from core.cli.house import house
from core.cli.output import as_json, console, print_json
from core.crm import Call
from core.errors import StartError
from core.events import PluginFailed
from core.models import Contact
from core.privacy.erasing import erase as forget
from core.privacy.exporting import personal_data
from core.records.ids import encode, key_of
from core.records.visibility import visible


@click.group()
def privacy() -> None:
    """Export what is known of a contact, or erase the contact."""


@privacy.command()
@click.argument("contact")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default="-")
@click.pass_obj
def export(setup: Setup, contact: str, file: Path) -> None:
    """Write everything that is known of CONTACT, an id, to FILE as JSON, or to the output when it is - or left out."""
    told = asyncio.run(_in_house(setup, contact, personal_data))
    if str(file) == "-":
        print_json(told)
        return
    file.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", "utf-8")
    console().print(f"Wrote what is known of {told['contact']['id']} to {file}")


@privacy.command()
@click.argument("contact")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@click.pass_obj
def erase(setup: Setup, contact: str, yes: bool, as_json: bool) -> None:
    """Forget CONTACT, an id, for good: names, addresses, texts, and the values in its audit. Counts, amounts and dates stay."""
    if not yes:
        name = asyncio.run(_in_house(setup, contact, _name))
        click.confirm(f"Erase {name} for good? Nothing brings it back.", abort=True)
    erased = asyncio.run(_in_house(setup, contact, _erased))
    if as_json:
        print_json({"erased": erased})
        return
    console().print(f"Erased {erased}.")


async def _in_house(setup: Setup, contact: str, work: Callable[[Call, uuid.UUID], Awaitable[Any]]) -> Any:
    async with house(setup) as call:
        try:
            return await work(call, _key(call, contact))
        except PluginFailed as error:
            raise StartError(f"plugin '{error}' failed, and nothing was done; the log says why") from error


async def _name(call: Call, key: uuid.UUID) -> str:
    contact = await visible(call, Contact, deleted=True).get_or_none(id=key)
    return "this contact" if contact is None else f"{contact.name} ({encode(call.crm.resource(Contact), key)})"


async def _erased(call: Call, key: uuid.UUID) -> str:
    await forget(call, key)
    return encode(call.crm.resource(Contact), key)


def _key(call: Call, text: str) -> uuid.UUID:
    """The key in a global id, or a key alone. Raises Invalid."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return key_of(call, Contact, text, "contact")
