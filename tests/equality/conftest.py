"""The laboratory that all tests of this folder share."""

from collections.abc import AsyncIterator

import pytest

from core.database import make_migrations
from core.plugins import load
from tests.engines import apart
from tests.equality.laboratory import Laboratory, opened
from tests.equality.plugin import write
from tests.house import Houses, Templates, read_settings, write_settings
from tests.packages import packages


@pytest.fixture(scope="package")
async def laboratory(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Laboratory]:
    """A house with the plugin `lab`, and records that nobody changes."""
    folder = tmp_path_factory.mktemp("lab")
    with packages(folder) as plugin:
        name = write(plugin)
        settings = read_settings(write_settings(folder, f"sqlite://{folder}/none.db", (name,)))
        apart(make_migrations(settings, load(settings)))
        async with opened(Houses(templates, folder)) as ready:
            yield ready
