"""All traps by name."""

from tests.equality.trap import Things, Trap
from tests.equality.traps_documents import documents
from tests.equality.traps_groups import groups
from tests.equality.traps_keys import keys
from tests.equality.traps_lists import lists
from tests.equality.traps_plugins import plugins
from tests.equality.traps_values import values


def traps(things: Things) -> dict[str, Trap]:
    """All of them, about these things."""
    made: dict[str, Trap] = {}
    for some in (documents, groups, keys, lists, plugins, values):
        made |= some(things)
    return made
