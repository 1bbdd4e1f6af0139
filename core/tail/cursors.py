"""Where somebody stopped to listen, as one opaque word: the place of an event, and which event it was."""

import base64
import binascii
from typing import TYPE_CHECKING

from core.errors import Invalid
from core.tail.kept import KeptEvent

if TYPE_CHECKING:
    from core.crm import CRM

_MARK = "e1"
_DIGITS = 12  # of the id, from its end, where those of one moment differ


def cursor_of(event: KeptEvent) -> str:
    """The cursor of an event."""
    return base64.urlsafe_b64encode(f"{_MARK}.{event.position:x}.{event.id.hex[-_DIGITS:]}".encode()).decode().rstrip("=")


async def position_of(crm: "CRM", cursor: str) -> int:
    """The position behind which to go on. Raises Invalid for a cursor that is none, is of another house, or is older than the events."""
    try:
        mark, place, word = base64.urlsafe_b64decode(cursor[:100] + "=" * (-len(cursor) % 4)).decode("ascii").split(".")
        position = int(place, 16)
    except (ValueError, binascii.Error):
        mark, position, word = "", 0, ""
    if mark != _MARK or not 0 < position < 2**63:
        raise Invalid(after="is not the cursor of an event")
    identity = await crm.tail.source.identity(position)
    if identity is None:
        raise Invalid(after="is the cursor of an event that is not kept any more, or of another server; listen without it")
    if not identity.endswith(word) or len(word) != _DIGITS:
        raise Invalid(after="is the cursor of another server; listen without it")
    return position
