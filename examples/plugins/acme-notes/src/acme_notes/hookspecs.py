"""The doors of this plugin: how others extend it, as it extends the core."""

from collections.abc import Sequence

from core import CRM, hookspec


@hookspec
def note_labels(crm: CRM) -> Sequence[str]:
    """Return labels that notes may have, beside those of the settings."""
    return ()
