"""A whole house for a test: settings, a migrated database, the app with its lifespan, and someone who asks."""

import asyncio
import json
import re
import secrets
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

import httpx
from starlette.applications import Starlette
from tortoise.context import TortoiseContext, _current_context

from core import settings as core_settings
from core.access.keys import MARK
from core.access.secrets import digest, random
from core.crm import CRM
from core.database import migrate
from core.models import ApiKey
from core.plugins import load
from core.server.app import create_app
from core.settings import Settings
from tests.engines import Engine, Row, apart

Tables = Mapping[str, Any]
MANY = 8
BUNDLED = Path(__file__).parent.parent / "plugins"


@dataclass(frozen=True)
class Asker:
    """Someone with a key. `client` sends whatever a test wants to send, with that key in its headers."""

    client: httpx.AsyncClient

    async def ask(self, document: str, **variables: Any) -> Any:
        """The data of an answer without errors; any error fails the test."""
        data, errors = await self.answer(document, **variables)
        assert not errors, f"{document}\n{json.dumps(errors, indent=2, ensure_ascii=False)}"
        return data

    async def answer(self, document: str, **variables: Any) -> tuple[Any, list[dict[str, Any]]]:
        """The data and the errors of an answer, whatever they are."""
        response = await self.client.post("/graphql", json={"query": document, "variables": variables})
        body = response.json()
        return body.get("data"), body.get("errors", [])

    async def make(self, resource: str, returning: str = "", **values: Any) -> Any:
        """A new record of that type, with its id and the fields named in `returning`; names of values are in snake_case."""
        verb = f"{resource[0].lower()}{resource[1:]}"
        data = await self.ask(
            f"mutation ($input: {resource}CreateInput!) {{ {verb}Create(input: $input) {{"
            f" {verb} {{ id {returning} }} userErrors {{ field code message }} }} }}",
            input={_camel(name): value for name, value in values.items()},
        )
        payload = data[f"{verb}Create"]
        assert not payload["userErrors"], f"{resource}: {payload['userErrors']}"
        return SimpleNamespace(**payload[verb])


@dataclass(frozen=True)
class House(Asker):
    """A running house, and its administrator as the one who asks."""

    app: Starlette
    crm: CRM
    settings: Settings
    database: Engine
    others: AsyncExitStack

    async def as_(self, role: str, user: str | None = None) -> Asker:
        """Someone else: a new key with that role, and the user with that id as the one whose rows are its own."""
        return Asker(await self.others.enter_async_context(await _client(self.app, role, user)))

    async def sql(self, text: str, *values: Any) -> list[Row]:
        """What the database itself says, past everything that is under test. Parameters are $1, $2, ... on both engines.

        It is asked in a thread: what it waits for may be a transaction of the house, which must be able to go on.
        """
        return await asyncio.to_thread(self.database.query, self.settings.database.url, text, values)


@dataclass
class Templates:
    """One migrated database for each set of bundled plugins, to be copied: so a house costs little."""

    database: Engine
    folder: Path
    _made: dict[tuple[str, ...], str] = field(default_factory=dict)

    def of(self, plugins: tuple[str, ...]) -> str:
        """The URL of a migrated database that nobody writes to."""
        if plugins not in self._made:
            self._made[plugins] = self._migrated(plugins)
        return self._made[plugins]

    def copy(self, plugins: tuple[str, ...]) -> str:
        """The URL of a new database with the tables of the core and of these plugins."""
        if bundled(plugins):
            return self.database.create(self.of(plugins))
        settings = read_settings(write_settings(self.folder, "sqlite://none.db", plugins))
        if any(one.models for one in load(settings).enabled if not bundled((one.name,))):
            return self._migrated(plugins)
        return self.copy(tuple(name for name in plugins if bundled((name,))))  # what a test wrote without tables changes none

    def _migrated(self, plugins: tuple[str, ...]) -> str:
        url = self.database.create()
        settings = read_settings(write_settings(self.folder, url, plugins))
        apart(migrate(settings, load(settings)))
        return url


@dataclass(frozen=True)
class Houses:
    """Opens houses, each with a database of its own."""

    templates: Templates
    folder: Path

    @asynccontextmanager
    async def __call__(self, *plugins: str, **tables: Mapping[str, Any]) -> AsyncIterator[House]:
        """A house with these plugins and tables of settings, running inside the block."""
        async with self.built(plugins, tables) as (app, settings), inhabited(app, settings, self.templates.database) as house:
            yield house

    @asynccontextmanager
    async def built(self, plugins: tuple[str, ...], tables: Tables) -> AsyncIterator[tuple[Starlette, Settings]]:
        """The app of a house, in which nobody is yet."""
        url = self.templates.copy(plugins)
        settings = read_settings(write_settings(Path(mkdtemp(dir=self.folder)), url, plugins, tables))
        app = create_app(settings)
        try:
            async with app.router.lifespan_context(app):
                yield app, settings
        finally:
            self.templates.database.drop(url)


@dataclass(frozen=True)
class Standing:
    """Houses that stay for the next test, since building a schema takes a second. After each test their rows are as at first."""

    houses: Houses
    _built: dict[str, tuple[Starlette, Settings, AsyncExitStack]] = field(default_factory=dict)

    @asynccontextmanager
    async def __call__(self, *plugins: str, **tables: Mapping[str, Any]) -> AsyncIterator[House]:
        """The house with these bundled plugins and tables of settings, for one test."""
        name = json.dumps([plugins, tables], sort_keys=True)
        if name not in self._built:
            await self.close(at_most=MANY - 1)
            self._built[name] = await self._build(plugins, tables)
        self._built[name] = self._built.pop(name)  # the last of them is the one asked for last
        app, settings, _ = self._built[name]
        templates = self.houses.templates
        try:
            async with inhabited(app, settings, templates.database) as house:
                yield house
            await app.state.crm.settle()
        finally:
            templates.database.reset(settings.database.url, templates.of(plugins))

    async def close(self, at_most: int = 0) -> None:
        """Close those longest not asked for until there are no more than that."""
        while len(self._built) > at_most:
            _, _, stack = self._built.pop(next(iter(self._built)))
            with _inside(None):
                await stack.aclose()

    async def _build(self, plugins: tuple[str, ...], tables: Tables) -> tuple[Starlette, Settings, AsyncExitStack]:
        stack = AsyncExitStack()
        with _inside(None):  # what it is built into is gone before the house is
            app, settings = await stack.enter_async_context(self.houses.built(plugins, tables))
        return app, settings, stack


@asynccontextmanager
async def inhabited(app: Starlette, settings: Settings, database: Engine) -> AsyncIterator[House]:
    """A house with its administrator. What a test asks of the tables without a request, it asks of this house."""
    with _inside(app.state.database):
        async with AsyncExitStack() as others:
            client = await others.enter_async_context(await _client(app, "admin"))
            yield House(client, app, app.state.crm, settings, database, others)


def bundled(plugins: tuple[str, ...]) -> bool:
    """Whether all of them are the project's own. What a test wrote may be another plugin under the same name."""
    return all((BUNDLED / name).is_dir() for name in plugins)


@contextmanager
def _inside(context: TortoiseContext | None) -> Iterator[None]:
    token = _current_context.set(context)
    try:
        yield
    finally:
        _current_context.reset(token)


async def _client(app: Starlette, role: str, user: str | None = None) -> httpx.AsyncClient:
    key = f"{MARK}_{secrets.token_hex(6)}_{random()}"
    with _inside(app.state.database):  # without an event: what has happened in a house is what its test did
        user_id = user and str(user).removeprefix("user_")
        await ApiKey.create(name=f"test {role}", prefix=key.split("_")[1], hash=digest(key), role=role, user_id=user_id)
    # An exception that reaches the transport would be a 500 of the server; it must look like that to the tests too.
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://house", headers={"Authorization": f"Bearer {key}"})


def write_settings(folder: Path, url: str, plugins: tuple[str, ...] = (), tables: Tables | None = None) -> Path:
    """A settings.toml in `folder` for the database at `url`; `tables` are its other tables, by name."""
    merged: dict[str, Any] = {name: dict(table) for name, table in (tables or {}).items()}
    merged["database"] = {"url": url, **merged.get("database", {})}
    merged["roles"] = {"owner": {"*": "own"}, **merged.get("roles", {})}
    merged["plugins"] = {"enabled": list(plugins), **merged.get("plugins", {})}
    path = folder / "settings.toml"
    path.write_text("\n".join(_toml(merged)), "utf-8")
    return path


def read_settings(path: Path) -> Settings:
    """The settings in a file, whatever the environment says."""
    return core_settings.parse(tomllib.loads(path.read_text("utf-8")), path)


def _toml(table: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{json.dumps(name)} = {json.dumps(value, ensure_ascii=False)}"
    for name, value in table.items():
        if isinstance(value, Mapping):
            inner = f"{path}.{json.dumps(name)}" if path else json.dumps(name)
            yield from (f"[{inner}]", *_toml(value, inner))


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)
