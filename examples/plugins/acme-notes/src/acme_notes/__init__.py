"""Notes: remarks about contacts, pinned where one of them matters most."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import click
from starlette.routing import BaseRoute, Route
from tortoise.expressions import Q, Subquery

from acme_notes import web
from acme_notes.command import count
from acme_notes.graphql import ContactNotes, NotesMutation, NotesSubscription
from acme_notes.models import Note
from acme_notes.rules import TooMany, greet, prepare, unpin_old
from acme_notes.settings import Settings
from core import CRM, Actor, Call, Consumer, Event, Expressed, Job, Kind, Resource, hookimpl, visible
from core.models import Contact

requires_core = ">=0.1"

log = logging.getLogger(__name__)


@hookimpl
def resources() -> list[Resource]:
    """Notes as a resource, and `Contact.notes` as the way back."""
    return [
        Resource(
            Note,
            reverse={"contact": "notes"},
            read_only=frozenset({"made_at", "pinned_at"}),
            personal=frozenset({"text", "label"}),
            natural=(),
            prepare=prepare,
        )
    ]


@hookimpl
def expressions() -> list[Expressed]:
    """How many notes a contact has, of those that one may see."""
    return [
        Expressed(
            Contact, "note_count", Kind.INT, "How many notes there are about this contact.",
            "SELECT COUNT(*) FROM {notes} AS n WHERE n.contact_id = {row}.id", rows={"notes": Note},
        )
    ]  # fmt: skip


@hookimpl
def graphql() -> list[type]:
    """What is written by hand: the pinned note of a contact, pinning, and hearing of it."""
    return [ContactNotes, NotesMutation, NotesSubscription]


@hookimpl
def permissions() -> Mapping[str, str]:
    """To pin is a permission of its own."""
    return {"notes.pin": "To pin a note, and to hear of pinned ones."}


@hookimpl
def activity_kinds() -> Mapping[str, str]:
    """A kind of activity beside the core's."""
    return {"DICTATION": "A note that somebody dictated."}


@hookimpl
def rule(crm: CRM, actor: Actor, permission: str) -> bool | Q | None:
    """The notes of a contact are seen with it, and by nobody else."""
    if not permission.startswith("note."):
        return None
    contacts = visible(crm.call(actor), Contact) if actor.may("contact.read") else None
    return Q(contact_id__in=Subquery(contacts.values("id"))) if contacts else False


@hookimpl
async def before_commit(crm: CRM, event: Event) -> None:
    """Refuse a note too many: the write that made it is undone, and its client reads why."""
    if event.name != "note.created":
        return
    most = crm.settings_of(Settings).most_per_contact
    if await Note.filter(contact_id=event.after["contact_id"]).count() > most:
        raise TooMany(f"a contact has at most {most} notes")


@hookimpl
async def after_commit(crm: CRM, event: Event) -> None:
    """Say in the log what has happened; nobody waits for it."""
    if event.name == "note.pinned":
        log.info("%s pinned note %s", event.actor, event.record_id)


@hookimpl
def consumers() -> list[Consumer]:
    """Whoever becomes a customer gets a note."""
    return [Consumer("notes.greet", greet, names=("contact.updated",))]


@hookimpl
async def personal_data(call: Call, contact: Contact) -> Mapping[str, Any]:
    """The notes are told with their resource; what they come to is told here."""
    return {"notes": await Note.filter(contact_id=contact.id).count()}


@hookimpl
async def erase(call: Call, contact: Contact) -> None:
    """Texts and labels are blanked as personal columns; what says nothing any more is not pinned."""
    await Note.filter(contact_id=contact.id).update(pinned_at=None)


@hookimpl
async def merge(call: Call, into: Contact, contacts: Sequence[Contact]) -> None:
    """A contact has one pinned note: that of the contact that stays, else of the first that has one."""
    order = [into.id, *(one.id for one in contacts)]
    pinned = await Note.filter(contact_id__in=order, pinned_at__isnull=False)
    for note in sorted(pinned, key=lambda note: order.index(note.contact_id))[1:]:
        note.pinned_at = None
        await note.save(update_fields=["pinned_at"])


@hookimpl
def jobs() -> list[Job]:
    """Every night, what has been pinned for long is no longer."""
    return [Job("notes.unpin", unpin_old, cron="0 3 * * *")]


@hookimpl
def routes(crm: CRM) -> list[BaseRoute]:
    """The notes of a contact as plain text."""
    return [Route("/notes/{contact}.txt", web.NotesAsText(crm))]


@hookimpl
def commands(cli: click.Group) -> None:
    """`payvand notes-count`."""
    cli.add_command(count)
