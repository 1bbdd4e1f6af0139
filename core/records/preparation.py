"""Before changes are written, their resource looks at them: the rules of a model that no column can say."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.events import PluginFailed
from core.resources import Change, Resource

if TYPE_CHECKING:
    from core.crm import Call


async def prepare(call: "Call", resource: Resource, changes: Sequence[Change]) -> None:
    """Let the resource complete or refuse the changes. What fails in it is logged with the name of its plugin."""
    if resource.prepare is None:
        return
    place = f"in the preparation of {resource.name} by plugin '{call.crm.resources.plugin_of[resource.key]}'"
    try:
        await resource.prepare(call, changes)
    except SystemExit as error:  # it would end the event loop, and so the server
        raise PluginFailed(f"sys.exit {place}") from error
    except Exception as error:
        error.add_note(place)
        raise
