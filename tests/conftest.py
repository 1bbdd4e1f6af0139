"""The fixtures of all tests. PAYVAND_TEST_DATABASE chooses the engine: sqlite, which is the default, or postgres.

    async def test_something(house):               a running house with an administrator; no plugin is enabled
        assert await house.ask("{ contacts { nodes { name } } }") == {"contacts": {"nodes": []}}

    @pytest.mark.plugins("metrics")                these plugins
    @pytest.mark.settings(limits={"depth": 4})     other tables of settings.toml

`houses` opens any number of them, `plugin` writes a plugin, `payvand` runs commands, `server` is a process of its own.
"""

import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.engines import Engine, engine, free_port
from tests.house import House, Houses, Standing, Templates, bundled, write_settings
from tests.packages import Packages, packages
from tests.shell import Server, Shell, serving

# The same examples in every run, so that a change is judged by itself; `--hypothesis-profile=nightly` looks for new ones.
settings.register_profile("payvand", max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("nightly", settings.get_profile("payvand"), max_examples=2_000, derandomize=False)
settings.load_profile("payvand")

# A house is some 100,000 objects. By Python's own thresholds four tenths of all time go into looking for garbage among them.
gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="module", autouse=True)
def tidy() -> Iterator[None]:
    """What stays after a file of tests is not looked through again for garbage: there is more of it with each file."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop that async fixtures and tests run in."""
    return "asyncio"


@pytest.fixture(scope="session")
def database() -> Iterator[Engine]:
    """The engine of this run."""
    with engine(os.environ.get("PAYVAND_TEST_DATABASE", "sqlite")) as ready:
        yield ready


@pytest.fixture
def database_url(database: Engine) -> Iterator[str]:
    """The URL of a fresh database without any table."""
    url = database.create()
    yield url
    database.drop(url)


@pytest.fixture(scope="session")
def templates(database: Engine, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The migrated databases that houses are copied from."""
    return Templates(database, tmp_path_factory.mktemp("templates"))


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Packages]:
    """Writes plugins that this test alone knows: `plugin("acme", source, models=...)`."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    with packages(folder) as ready:
        yield ready


@pytest.fixture
def houses(templates: Templates, tmp_path: Path) -> Houses:
    """Opens houses: `async with houses("metrics", limits={"depth": 4}) as house`."""
    return Houses(templates, tmp_path)


@pytest.fixture(scope="session")
async def standing(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Standing]:
    """The houses that stay for the next test."""
    ready = Standing(Houses(templates, tmp_path_factory.mktemp("standing")))
    yield ready
    await ready.close()


@pytest.fixture
async def house(standing: Standing, houses: Houses, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """A running house without any record, as its marks say."""
    plugins = _plugins(request)
    async with (standing if bundled(plugins) else houses)(*plugins, **_tables(request)) as ready:
        yield ready


@pytest.fixture(scope="module")
async def shared_house(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One house without plugins for all tests of a module, for those that need no clean tables."""
    async with Houses(templates, tmp_path_factory.mktemp("shared"))() as ready:
        yield ready


@pytest.fixture
def payvand(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Shell:
    """Runs commands on an empty database: `payvand("migrate").well()`."""
    write_settings(tmp_path, database_url, _plugins(request), _tables(request))
    return Shell(tmp_path, database_url)


@pytest.fixture
def server(templates: Templates, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A `payvand serve` that is ready, on a migrated database."""
    port, tables = free_port(), _tables(request)
    url = templates.copy(_plugins(request))
    write_settings(tmp_path, url, _plugins(request), {**tables, "server": {"port": port, **tables.get("server", {})}})
    with serving(Shell(tmp_path, url), port) as ready:
        yield ready
    templates.database.drop(url)


def _plugins(request: pytest.FixtureRequest) -> tuple[str, ...]:
    mark = request.node.get_closest_marker("plugins")
    return mark.args if mark else ()


def _tables(request: pytest.FixtureRequest) -> dict[str, Any]:
    mark = request.node.get_closest_marker("settings")
    return dict(mark.kwargs) if mark else {}
