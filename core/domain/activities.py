"""Activities: which kinds there are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.errors import Invalid
from core.resources import Change

if TYPE_CHECKING:
    from core.crm import Call

KINDS = {
    "NOTE": "Something worth keeping.",
    "CALL": "A phone call.",
    "MEETING": "A meeting, in a room or on a screen.",
    "EMAIL": "A mail that was sent or received.",
    "TASK": "Something to be done.",
}


async def activities(call: "Call", changes: Sequence[Change]) -> None:
    """Accept the kinds of the core and of the enabled plugins. Raises Invalid for another."""
    for change in changes:
        kind = change.values.get("kind")
        if kind is not None and kind not in call.crm.activity_kinds:
            raise Invalid(kind=f"'{kind[:40]}' is not one of {', '.join(call.crm.activity_kinds)}")
