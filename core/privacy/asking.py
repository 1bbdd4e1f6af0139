"""What plugins know of a contact beyond their resources, and have to forget."""

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.errors import Refused
from core.events import PluginFailed
from core.models import Contact
from core.plain import plain

if TYPE_CHECKING:
    from core.crm import Call

log = logging.getLogger(__name__)

PATIENCE = 60.0  # seconds that one plugin may take


async def ask(call: "Call", hook: str, contact: Contact) -> dict[str, Any]:
    """What each plugin answers, by its name. Half an answer would be wrong: raises what one refuses with, PluginFailed when one breaks."""
    answers: dict[str, Any] = {}
    for implementation in call.crm.plugins.each(hook):
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await implementation(call=call, contact=contact)
            answers[implementation.plugin] = _checked(hook, answer)
        except Refused:
            raise
        except (Exception, SystemExit) as error:
            log.exception("plugin '%s' failed in %s()", implementation.plugin, hook)
            raise PluginFailed(implementation.plugin) from error
    return answers


def _checked(hook: str, answer: Any) -> Any:
    if hook == "personal_data" and not isinstance(answer, Mapping):
        raise TypeError(f"personal_data() must return a mapping, not {type(answer).__name__}")
    return plain(answer) if hook == "personal_data" else None
