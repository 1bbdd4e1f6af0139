"""`payvand keys`, as whoever runs a server uses it."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from core.auth import REMEMBERED
from core.cli import Setup
from core.cli.house import house
from core.records.store import create
from tests.engines import free_port
from tests.house import Templates, write_settings
from tests.shell import Shell, serving

ROLES = "admin, analyst, manager, marketing, owner, read-only, sales"


@pytest.fixture
def migrated(templates: Templates, tmp_path: Path) -> Iterator[Shell]:
    url = templates.copy(())
    write_settings(tmp_path, url)
    yield Shell(tmp_path, url)
    templates.database.drop(url)


def test_a_key_is_shown_once_and_never_again(migrated):
    made = migrated("keys", "create", "--name", "shop", "--role", "admin").well()
    key = made.out.strip()
    assert re.fullmatch(r"pvk_[0-9a-f]{12}_[\w-]{43}", key)
    assert "shown only now" in made.err
    listed = migrated("keys", "list").well().out
    assert key.split("_")[1] in listed
    assert key not in listed
    assert key.split("_", 2)[2] not in migrated("keys", "list", "--json").well().out


def test_a_key_opens_the_api_until_it_is_revoked(migrated):
    port = free_port()
    write_settings(migrated.folder, migrated.url, (), {"server": {"port": port}})
    made = json.loads(migrated("keys", "create", "--name", "shop", "--role", "admin", "--json").well().out)
    with serving(migrated, port) as server:
        assert _status(server.url, made["key"]) == 200
        assert migrated("keys", "revoke", made["prefix"]).well().out == f"The key {made['prefix']} is shut.\n"
        time.sleep(REMEMBERED)  # as long as a server may remember that the key was open
        assert _status(server.url, made["key"]) == 401
    listed = json.loads(migrated("keys", "list", "--json").well().out)
    assert [(one["prefix"], one["state"], one["revokedAt"] is None) for one in listed] == [(made["prefix"], "revoked", False)]


def test_what_cannot_be_revoked_is_said_in_one_sentence(migrated):
    made = json.loads(migrated("keys", "create", "--name", "shop", "--role", "admin", "--json").well().out)
    assert migrated("keys", "revoke", "nothing").err == "payvand: there is no key nothing; see: payvand keys list\n"
    migrated("keys", "revoke", made["key"]).well()  # the whole key says which one it is, too
    again = migrated("keys", "revoke", made["prefix"])
    assert (again.code, again.err) == (1, f"payvand: the key {made['prefix']} was revoked before\n")


def test_a_key_can_end_by_itself_and_belong_to_a_user(migrated):
    asyncio.run(_user(migrated))
    made = json.loads(
        migrated("keys", "create", "--name", "k", "--role", "owner", "--user", "Mina@example.com", "--expires", "90d", "--json").well().out
    )
    assert made["user"] == "mina@example.com"
    assert made["expiresAt"] > made["createdAt"]
    assert f"k  for mina@example.com  until {made['expiresAt'][:10]}  never used" in migrated("keys", "list").well().out


def test_a_key_is_narrowed_and_gets_another_secret(migrated):
    made = json.loads(
        migrated("keys", "create", "--name", "k", "--role", "admin", "--scope", "contact.read", "--scope", "*.read", "--json").well().out
    )
    assert made["scopes"] == ["contact.read", "*.read"]
    assert "k  only contact.read, *.read  never used" in migrated("keys", "list").well().out
    port = free_port()
    write_settings(migrated.folder, migrated.url, (), {"server": {"port": port}})
    with serving(migrated, port) as server:
        assert _status(server.url, made["key"]) == 200
        again = migrated("keys", "rotate", made["prefix"], "--grace", "1h").well()
        assert "shown only now" in again.err
        assert [_status(server.url, key) for key in (made["key"], again.out.strip())] == [200, 200]
        last = json.loads(migrated("keys", "rotate", made["prefix"], "--json").well().out)
        time.sleep(REMEMBERED)
        assert [_status(server.url, key) for key in (made["key"], again.out.strip(), last["key"])] == [401, 401, 200]
    listed = json.loads(migrated("keys", "list", "--json").well().out)
    assert [(one["prefix"], one["lastUsedAt"] is None, one["rotatedAt"] is None) for one in listed] == [(made["prefix"], False, False)]
    assert migrated("keys", "rotate", made["prefix"], "--grace", "8d").err == "payvand: grace_seconds: must be between 0 and 604800\n"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--name", "k", "--role", "king"), f"payvand: role: there is no role 'king'; there are {ROLES}\n"),
        (("--name", "k", "--role", "admin", "--scope", "contact.fly"), "payvand: scopes.0: there is no permission 'contact.fly'\n"),
        (("--name", " ", "--role", "admin"), "payvand: name: has 1 to 120 characters\n"),
        (("--name", "k", "--role", "owner", "--user", "nobody@example.com"), "payvand: there is no user with this address\n"),
        (("--name", "k", "--role", "owner", "--user", "nobody"), "payvand: user: is not the id of a user\n"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(migrated, options, why):
    outcome = migrated("keys", "create", *options)
    assert (outcome.code, outcome.err) == (1, why)
    assert migrated("keys", "list").well().out == "There are no keys.\n"


@pytest.mark.parametrize("term", ["90", "0d", "-1d", "9y", "999999w", "٩d"])
def test_a_term_that_is_none_is_refused(payvand, term):
    outcome = payvand("keys", "create", "--name", "k", "--role", "admin", "--expires", term)
    assert outcome.code == 2
    assert f"'{term}' is no term like 90d, 12h, 30m or 2w" in outcome.err


def _status(url: str, key: str) -> int:
    return httpx.post(f"{url}/graphql", json={"query": "{ __typename }"}, headers={"Authorization": f"Bearer {key}"}).status_code


async def _user(shell: Shell) -> None:
    async with house(Setup(shell.settings)) as call:
        await create(call, call.crm.resources.by_key["user"], {"name": "مینا", "email": "mina@example.com"})
