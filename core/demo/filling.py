"""Put the demo data into an empty house, through the store like everything else."""

import datetime
from collections import Counter
from collections.abc import Callable

from core.crm import Call
from core.demo.story import CONTACTS, SEED, story
from core.errors import Conflict
from core.events import transaction
from core.fields import now
from core.models import Contact
from core.records.store import create_many
from core.records.visibility import visible

BATCH = 500

Told = Callable[[str, int, int], None]


async def empty(call: Call) -> bool:
    """Whether the house has no contact, not even a deleted one."""
    return not await visible(call, Contact, deleted=True).exists()


async def fill(
    call: Call, progress: Told | None = None, *, seed: int = SEED, today: datetime.date | None = None, contacts: int = CONTACTS
) -> dict[str, int]:
    """Fill an empty house, all or nothing, and tell how many records of each resource were made.

    `progress` is called with the key of a resource, how many records of all are made, and how many there will be.
    Raises Conflict when the house has contacts, or when a user or a product of the demo is there already.
    """
    if not await empty(call):
        raise Conflict("there are contacts already; demo data are for an empty house")
    rows = story(seed, today or now().date(), contacts)
    total, made = sum(len(of_one) for _, of_one in rows), Counter[str]()
    async with transaction(call):
        for key, of_one in rows:
            for start in range(0, len(of_one), BATCH):
                batch = of_one[start : start + BATCH]
                await create_many(call, call.crm.resources.by_key[key], batch, past=True)
                made[key] += len(batch)
                if progress:
                    progress(key, made.total(), total)
    return dict(made)
