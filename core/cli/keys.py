"""`payvand keys`: the keys that open the API."""

import asyncio
import datetime
import re
import uuid
from typing import Any

import click

from core.access.keys import create_key
from core.access.keys import revoke as shut
from core.access.keys import rotate as change_secret
from core.cli import Setup
from core.cli.house import house
from core.cli.output import as_json, console, print_json
from core.errors import Invalid, NotFound
from core.fields import now
from core.models import ApiKey, User

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST = datetime.timedelta(days=36_500)


class Term(click.ParamType):
    """How long a key is good: `90d`, `12h`, `30m`, `2w`."""

    name = "TERM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.timedelta:
        """The time span that is meant."""
        found = re.fullmatch(r"([1-9]\d{0,5})([mhdw])", str(value))
        term = datetime.timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None
        if term is None or term > LONGEST:
            self.fail(f"'{value}' is no term like 90d, 12h, 30m or 2w", param, ctx)
        return term


@click.group()
def keys() -> None:
    """Make, list, rotate and revoke the keys that open the API."""


@keys.command()
@click.option("--name", required=True, help="What or whom the key is for.")
@click.option("--role", required=True, help="What it may do: a role of the settings.")
@click.option("--user", help="Whose rows are its own: the e-mail address or the id of a user.")
@click.option("--scope", "scopes", multiple=True, help="Narrow it to a permission of its role: contact.read, 'deal.*'; can be repeated.")
@click.option("--expires", type=Term(), help="How long it is good: 90d, 12h, 30m, 2w; else until it is revoked.")
@as_json
@click.pass_obj
def create(
    setup: Setup, name: str, role: str, user: str | None, scopes: tuple[str, ...], expires: datetime.timedelta | None, as_json: bool
) -> None:
    """Make a key and print it, this once: the database keeps only a hash of it."""
    _show(asyncio.run(_create(setup, name, role, user, scopes, expires)), as_json)


@keys.command()
@click.argument("prefix")
@click.option("--grace", type=Term(), help="How long the secret before opens as well: 1h, 30m, 7d; else not at all.")
@as_json
@click.pass_obj
def rotate(setup: Setup, prefix: str, grace: datetime.timedelta | None, as_json: bool) -> None:
    """Give the key that begins with PREFIX another secret, and print it, this once."""
    _show(asyncio.run(_rotate(setup, prefix, grace or datetime.timedelta())), as_json)


@keys.command("list")
@as_json
@click.pass_obj
def list_(setup: Setup, as_json: bool) -> None:
    """List the keys: never the secret, only the prefix that it begins with."""
    found = asyncio.run(_list(setup))
    if as_json:
        print_json(found)
        return
    for one in found:
        user = f"  for {one['user']}" if one["user"] else ""
        until = f"  until {one['expiresAt'][:10]}" if one["expiresAt"] else ""
        scopes = f"  only {', '.join(one['scopes'])}" if one["scopes"] else ""
        used = f"  used {one['lastUsedAt'][:16].replace('T', ' ')}" if one["lastUsedAt"] else "  never used"
        console().print(f"{one['prefix']}  {one['state']:<8}{one['role']:<12}{one['name']}{user}{until}{scopes}{used}")
    if not found:
        console().print("There are no keys.")


@keys.command()
@click.argument("prefix")
@as_json
@click.pass_obj
def revoke(setup: Setup, prefix: str, as_json: bool) -> None:
    """Shut the key that begins with PREFIX, at once and for good."""
    prefix = asyncio.run(_revoke(setup, prefix))
    if as_json:
        print_json({"prefix": prefix, "state": "revoked"})
    else:
        console().print(f"The key {prefix} is shut.")


def _show(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    click.echo("This key is shown only now; keep it in a safe place:", err=True)
    click.echo(made["key"])


async def _create(
    setup: Setup, name: str, role: str, user: str | None, scopes: tuple[str, ...], expires: datetime.timedelta | None
) -> dict[str, Any]:
    async with house(setup) as call:
        owner = await _user(user) if user else None
        expires_at = now() + expires if expires else None
        key = await create_key(call.crm, name=_name(name), role=role, user=owner, scopes=scopes or None, expires_at=expires_at)
        return {"key": key, **_words(await _by_prefix(key))}


async def _rotate(setup: Setup, prefix: str, grace: datetime.timedelta) -> dict[str, Any]:
    async with house(setup) as call:
        _, key = await change_secret(call, (await _by_prefix(prefix)).id, grace)
        return {"key": key, **_words(await _by_prefix(key))}


async def _list(setup: Setup) -> list[dict[str, Any]]:
    async with house(setup):
        return [_words(one) for one in await ApiKey.all().order_by("created_at", "id").select_related("user")]


async def _revoke(setup: Setup, prefix: str) -> str:
    async with house(setup) as call:
        return (await shut(call, (await _by_prefix(prefix)).id)).prefix


async def _by_prefix(text: str) -> ApiKey:
    """The key with this prefix; the whole key says which one it is, too."""
    prefix = text.removeprefix("pvk_").partition("_")[0]
    found = await ApiKey.get_or_none(prefix=prefix).select_related("user")
    if found is None:
        raise NotFound(f"there is no key {prefix[:20]}; see: payvand keys list")
    return found


async def _user(text: str) -> uuid.UUID | str:
    """The key of the user with this address; another text must be an id."""
    if "@" not in text:
        return text
    found = await User.get_or_none(email=text.strip().lower(), deleted_at__isnull=True)
    if found is None:
        raise NotFound("there is no user with this address")
    return found.id


def _name(text: str) -> str:
    name = text.strip()
    if not 0 < len(name) <= 120:
        raise Invalid(name="has 1 to 120 characters")
    return name


def _words(one: ApiKey) -> dict[str, Any]:
    return {
        "prefix": one.prefix,
        "name": one.name,
        "role": one.role,
        "scopes": one.scopes,
        "user": (one.user.email or one.user.name) if one.user else None,
        "state": _state(one),
        "createdAt": one.created_at.isoformat(),
        "expiresAt": one.expires_at.isoformat() if one.expires_at else None,
        "revokedAt": one.revoked_at.isoformat() if one.revoked_at else None,
        "rotatedAt": one.rotated_at.isoformat() if one.rotated_at else None,
        "lastUsedAt": one.last_used_at.isoformat() if one.last_used_at else None,
    }


def _state(one: ApiKey) -> str:
    if one.revoked_at:
        return "revoked"
    return "expired" if one.expires_at and one.expires_at <= now() else "open"
