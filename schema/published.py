"""The printed schema: of this house, of the core alone, of all that is bundled; and what a change of it means."""

import enum
from pathlib import Path

from graphql import GraphQLError, GraphQLSchema, build_schema
from graphql.utilities import BreakingChange, DangerousChange, SchemaChange, find_schema_changes

from core.crm import CRM
from core.database import offline
from core.errors import StartError
from core.plugins import available, load
from core.settings import Settings, parse
from schema.build import build

FOLDER = Path(__file__).parent / "sdl"


class Weight(enum.StrEnum):
    """What a change means for clients that are there."""

    BREAKING = "breaking"
    RISKY = "risky"
    HARMLESS = "harmless"


async def printed(settings: Settings) -> str:
    """The schema of a house with these settings, as text that is the same every time. Needs no database. Raises StartError."""
    enabled = load(settings)
    crm = CRM(settings, enabled)
    async with offline(settings, enabled):
        crm.check()
        return f"{build(crm).as_str().strip()}\n"


def published() -> dict[str, Settings]:
    """The schemas that are kept in `schema/sdl`, by the name of their file, and the settings that they come from."""
    bundled = sorted(name for name, plugin in available().items() if plugin.origin == "bundled")
    enabled = {"core.graphql": [], "bundled.graphql": bundled}
    return {name: parse({"plugins": {"enabled": names}}, Path("settings.toml").absolute()) for name, names in enabled.items()}


def changes(old: str, new: str) -> list[tuple[Weight, str]]:
    """How the second text of a schema differs from the first, the worst first. Raises StartError when one is no schema."""
    found = [(_weight(change), change.description) for change in find_schema_changes(_read(old), _read(new))]
    return sorted(found, key=lambda change: (list(Weight).index(change[0]), change[1]))


def _weight(change: SchemaChange) -> Weight:
    if isinstance(change, BreakingChange):
        return Weight.BREAKING
    return Weight.RISKY if isinstance(change, DangerousChange) else Weight.HARMLESS


def _read(text: str) -> GraphQLSchema:
    try:
        return build_schema(text)
    except (GraphQLError, TypeError) as error:
        raise StartError(f"this is no schema: {str(error).splitlines()[0]}") from error
