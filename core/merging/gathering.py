"""What somebody wrote to a contact while it was merged comes after it."""

import logging
import uuid

from core.errors import Refused
from core.events import transaction
from core.jobs.run import Run
from core.merging.moving import Person, move
from core.merging.pointing import pointing
from core.models import Contact

log = logging.getLogger(__name__)


async def gather(run: Run, into: str) -> None:
    """Move the rows that were tied to a merged contact by whoever had looked at it before it was one.

    Addresses and tags are not among them: they are written with their contact, which nobody could while it was merged.
    """
    key = uuid.UUID(into)
    async with transaction(run):  # waits for all who have tied something to them and are not done yet
        merged = await Contact.filter(merged_into_id=key).order_by("id").only("id").select_for_update()
    person = Person(key, [one.id for one in merged])
    for one in pointing(run.crm):
        if one.fixed or one.link or one.listed:
            continue
        try:
            async with transaction(run):
                await move(one, person)
        except Refused as refused:
            log.warning("rows of %s that were written to a merged contact stay there: %s", one.word, refused)
