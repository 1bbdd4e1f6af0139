"""Plugins are asked what they know of a contact beyond their resources, to forget it, or to join it with another's."""

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.errors import Refused
from core.events import PluginFailed
from core.plain import plain

if TYPE_CHECKING:
    from core.crm import Call

log = logging.getLogger(__name__)

PATIENCE = 60.0  # seconds that one plugin may take


async def ask(call: "Call", hook: str, **given: Any) -> dict[str, Any]:
    """What each plugin answers to a hook of these arguments, by its name.

    Half an answer would be wrong: raises what one refuses with, PluginFailed when one breaks.
    """
    answers: dict[str, Any] = {}
    for implementation in call.crm.plugins.each(hook):
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await implementation(call=call, **given)
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
