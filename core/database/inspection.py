"""What is wrong with a database, for `payvand check`."""

from contextlib import closing

import core.database.files as files
import core.database.servers as servers
from core.database.connection import reading
from core.database.guards import unguarded
from core.database.history import history, unwritten
from core.database.migrating import pending, script
from core.database.plan import foreign
from core.database.shape import applied, asking, differences, tables
from core.errors import StartError
from core.plugins import Plugins
from core.settings import Settings


async def problems(settings: Settings, plugins: Plugins) -> list[str]:
    """One sentence for each thing that keeps the server from working with its database; empty when all is well."""
    try:
        changed = await unwritten(settings, plugins)
        found = [f"the models of '{app}' have changes that no migration makes: {', '.join(lines)}" for app, lines in changed.items()]
        if unknown := await _unknown(settings, plugins):
            return [*found, *unknown]
        steps = await pending(settings, plugins)
        found += [f"the migration {step} is pending; run: payvand migrate" for step in steps]
        # Where something is to be migrated or to be written, tables that are not what the models say are no news.
        return found or [*await _differences(settings, plugins), *await _unguarded(settings, plugins)]
    except StartError as error:
        return [str(error)]


async def notes(settings: Settings, plugins: Plugins) -> list[str]:
    """What is worth knowing and no problem: tables of plugins that are not enabled wait untouched."""
    try:
        async with reading(settings) as (query, dialect, _):
            seen = await applied(query, dialect)
    except StartError:  # told as a problem
        return []
    asleep = sorted({app for app, _ in seen} - {"core", *(plugin.name for plugin in plugins.enabled)})
    return [f"the plugin '{app}' is not enabled; its tables wait untouched" for app in asleep]


async def _unknown(settings: Settings, plugins: Plugins) -> list[str]:
    async with reading(settings) as (query, dialect, _):
        seen = await applied(query, dialect)
    strangers = foreign(plugins, seen, await history(plugins))
    return [f"the database has seen the migration {one}, which this version does not have" for one in strangers]


async def _differences(settings: Settings, plugins: Plugins) -> list[str]:
    should = await script(settings, plugins)
    async with reading(settings) as (query, dialect, server):
        if server is not None:
            wanted = await servers.expected(server, should)
        else:
            with closing(files.expected(should)) as memory:
                wanted = await tables(asking(memory), dialect)
        return differences(wanted, await tables(query, dialect))


async def _unguarded(settings: Settings, plugins: Plugins) -> list[str]:
    lost = await unguarded(settings, plugins)
    return [f"rows of {table} can be changed, for its guard is not there; run: payvand migrate" for table in lost]
