"""The fixtures of all tests. PAYVAND_TEST_DATABASE chooses the engine: sqlite, which is the default, or postgres."""

import os
from collections.abc import Iterator

import pytest

from tests.engines import Engine, engine


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
