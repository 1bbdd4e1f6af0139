"""`payvand users`: the first people of a house, and their passwords."""

import asyncio
import sys
from typing import Any

import click

from core.access.accounts import set_password
from core.cli import Setup
from core.cli.house import house
from core.cli.output import as_json, console, print_json
from core.crm import Call
from core.errors import Invalid, NotFound
from core.events import transaction
from core.models import User
from core.records import ids, store


@click.group()
def users() -> None:
    """Make users who can sign in, and give them passwords."""


@users.command()
@click.option("--name", required=True, help="Full name.")
@click.option("--email", required=True, help="The address by which the user signs in.")
@click.option("--role", required=True, help="What the user may do: a role.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the standard input; else it is asked for.")
@as_json
@click.pass_obj
def create(setup: Setup, name: str, email: str, role: str, password_stdin: bool, as_json: bool) -> None:
    """Make a user with a password."""
    made = asyncio.run(_create(setup, {"name": name, "email": email, "role": role}, _password(password_stdin)))
    if as_json:
        print_json(made)
    else:
        console().print(f"{made['email']} can sign in at /login.")


@users.command()
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from the standard input; else it is asked for.")
@click.pass_obj
def password(setup: Setup, email: str, password_stdin: bool) -> None:
    """Give the user with the address EMAIL another password, and end its sessions."""
    found = asyncio.run(_set(setup, email, _password(password_stdin)))
    console().print(f"{found} has another password.")


def _password(from_stdin: bool) -> str:
    """The password, on one line: never an argument, which other users of the machine could read."""
    if from_stdin or not sys.stdin.isatty():
        text = sys.stdin.readline().rstrip("\r\n")
        if not text:
            raise Invalid(password="is expected on the standard input, on one line")
        return text
    return click.prompt("Password", hide_input=True, confirmation_prompt=True)


async def _create(setup: Setup, values: dict[str, Any], password: str) -> dict[str, Any]:
    async with house(setup) as call:
        resource = call.crm.resource(User)
        async with transaction(call):
            user = await store.create(call, resource, values)
            await set_password(call, user.id, password)
        return {"id": ids.encode(resource, user.id), "name": user.name, "email": user.email, "role": user.role}


async def _set(setup: Setup, email: str, password: str) -> str:
    async with house(setup) as call:
        user = await _user(call, email)
        await set_password(call, user.id, password)
        return str(user.email)


async def _user(call: Call, email: str) -> User:
    found = await User.get_or_none(email=email.strip().lower(), deleted_at__isnull=True)
    if found is None:
        raise NotFound("there is no user with this address")
    return found
