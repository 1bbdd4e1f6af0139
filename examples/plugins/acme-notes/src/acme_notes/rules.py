"""What holds for notes, wherever they come from."""

from collections.abc import Sequence
from datetime import timedelta

from acme_notes.models import Note
from acme_notes.settings import Settings
from core import CRM, Call, Change, Invalid, KeptEvent, Refused, Run, emit, transaction
from core.fields import now
from core.models import Contact


class TooMany(Refused):
    """A contact has as many notes as it may have. The code bears the name of the plugin."""

    code, status = "NOTES_TOO_MANY", 422


async def prepare(call: Call, changes: Sequence[Change]) -> None:
    """Accept the labels of the settings and of other plugins. Raises Invalid for another."""
    known = labels(call.crm)
    for change in changes:
        label = change.values.get("label")
        if label is not None and label not in known:
            raise Invalid(label=f"must be one of {', '.join(known)}")


def labels(crm: CRM) -> list[str]:
    """The labels that notes may have."""
    own = crm.settings_of(Settings).labels
    return [*own, *(label for _, answer in crm.plugins.calls("note_labels", crm=crm) for label in answer)]


async def pin(call: Call, note: Note) -> None:
    """Pin this note of its contact, and no other."""
    async with transaction(call):
        await Note.filter(contact_id=note.contact_id, pinned_at__isnull=False).update(pinned_at=None)
        note.pinned_at = now()
        await note.save(update_fields=["pinned_at"])
        await emit(call, "note.pinned", note, after={"pinned_at": note.pinned_at})


async def unpin_old(run: Run) -> int:
    """Unpin what has been pinned for longer than the settings say, and give the number of these notes."""
    since = now() - timedelta(days=run.crm.settings_of(Settings).pinned_days)
    async with transaction(run):
        return await Note.filter(pinned_at__lt=since).update(pinned_at=None)


async def greet(crm: CRM, events: Sequence[KeptEvent]) -> None:
    """Make a note of each contact that has become a customer. The notes and the position of the consumer are one transaction."""
    for event in events:
        if event.after.get("lifecycle_stage") == "CUSTOMER" and await Contact.exists(id=event.record_id):
            await Note.create(contact_id=event.record_id, text="Has become a customer.")
