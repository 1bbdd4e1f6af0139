"""What is written by hand; queries, mutations and filters of notes come with their resource."""

import uuid
from collections.abc import AsyncGenerator
from enum import Enum
from typing import Annotated

import strawberry
from strawberry.dataloader import DataLoader

from acme_notes.models import Note
from acme_notes.rules import pin
from core import Call, Invalid, hear, key_of, permit, visible
from core.models import Contact

NoteId = Annotated[strawberry.ID, strawberry.argument(description="Global id of a note.")]


@strawberry.type(name="Contact", extend=True)
class ContactNotes:
    """Fields that join the type Contact."""

    @strawberry.field(description="The note that matters most; null when none is pinned.")
    async def pinned_note(self, root: strawberry.Parent[Contact], info: strawberry.Info[Call]) -> Note | None:
        """One statement for all contacts of a request, over the notes that the actor may see."""
        call = info.context

        async def load(keys: list[uuid.UUID]) -> list[Note | None]:
            notes = await visible(call, Note).filter(contact_id__in=keys, pinned_at__isnull=False)
            found = {note.contact_id: note for note in notes}
            return [found.get(key) for key in keys]

        return await call.loader("notes.pinned", lambda: DataLoader(load)).load(root.pk)


@strawberry.enum(description="Why a note was not pinned.")
class NotesErrorCode(Enum):
    """The codes of this plugin's own user errors; they begin with its name."""

    NOTES_NOT_FOUND = strawberry.enum_value("NOTES_NOT_FOUND", description="There is no such note for you.")


@strawberry.type(description="Something that the user can mend.")
class NotesUserError:
    """A user error of this plugin."""

    field: list[str] | None = strawberry.field(description="The path to the value that is to blame.")
    code: NotesErrorCode = strawberry.field(description="The reason, for programs.")
    message: str = strawberry.field(description="The reason, for developers.")


@strawberry.type(description="What came of notePin.")
class NotePinPayload:
    """The payload of notePin."""

    note: Note | None = strawberry.field(description="The note; null when it was refused.")
    user_errors: list[NotesUserError] = strawberry.field(description="What the user can mend; empty when all went well.")


@strawberry.type(name="Mutation", extend=True)
class NotesMutation:
    """Fields that join the root type Mutation. Each asks for a permission."""

    @strawberry.mutation(description="Pin a note: it is the one that its contact shows first.")
    @permit("notes.pin")
    async def note_pin(self, info: strawberry.Info[Call], id: NoteId) -> NotePinPayload:
        """Pin a note that the actor may change."""
        call = info.context
        note = await _changeable(call, id)
        if note is None:
            problem = NotesUserError(field=["id"], code=NotesErrorCode.NOTES_NOT_FOUND, message="there is no note with this id")
            return NotePinPayload(note=None, user_errors=[problem])
        await pin(call, note)
        return NotePinPayload(note=note, user_errors=[])


@strawberry.type(name="Subscription", extend=True)
class NotesSubscription:
    """Fields that join the root type Subscription."""

    @strawberry.subscription(description="Each note that is pinned from now on, of those that you may see.")
    @permit("notes.pin")
    async def note_pinned(self, info: strawberry.Info[Call]) -> AsyncGenerator[Note, None]:
        """The events of the house, those of other things and of hidden notes left out."""
        call = info.context
        async for event in hear(call, "note.pinned"):
            note = await visible(call, Note).get_or_none(id=event.record_id)
            if note is not None:
                yield note


async def _changeable(call: Call, text: str) -> Note | None:
    try:
        key = key_of(call, Note, text)
    except Invalid:
        return None
    return await visible(call, Note, "update").get_or_none(id=key)
