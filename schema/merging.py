"""Contacts that are one person become one, by GraphQL: `contactMerge`."""

from typing import Annotated

import strawberry

from core.crm import Call
from core.errors import Invalid, Refused
from core.events import rehearsal, transaction
from core.merging.merging import MOST, Merged, Missing, merge
from core.models import Contact
from core.naming import camel
from core.permissions import permit
from core.records.ids import encode, key_of
from schema.mutations import VERSION, UserError, UserErrorCode, user_errors
from schema.readpath.written import read_back

Into = Annotated[strawberry.ID, strawberry.argument(description="Global id of the Contact that stays.")]
Ids = Annotated[
    list[strawberry.ID],
    strawberry.argument(
        description=f"Global ids of the Contacts that become a part of it, {MOST} at most. Where several could fill a field, the first"
        " does."
    ),
]
DryRun = Annotated[bool, strawberry.argument(description="Only say what would change, and change nothing.")]


@strawberry.type(description="A field of the Contact that was empty, and is filled.")
class ContactMergeFilled:
    """A field that contactMerge fills."""

    field: str = strawberry.field(description="The name of the field: `jobTitle`.")
    contact_id: strawberry.ID = strawberry.field(description="Global id of the Contact whose value it is.")


@strawberry.type(description="Rows that belong to the Contact from now on.")
class ContactMergeMoved:
    """Rows of one kind that contactMerge moves."""

    resource: str = strawberry.field(description="What they are: `activity`.")
    count: int = strawberry.field(description="How many of them, counting those that you may see.")


@strawberry.type(description="What came of contactMerge, or would come of it.")
class ContactMergePayload:
    """The payload of contactMerge."""

    contact: Contact | None = strawberry.field(
        description="The Contact that stays, as it is now; null when it was refused, and with `dryRun`."
    )
    filled: list[ContactMergeFilled] = strawberry.field(description="The fields that were empty, of those that you may see.")
    moved: list[ContactMergeMoved] = strawberry.field(description="The rows that moved, by their kind.")
    user_errors: list[UserError] = strawberry.field(description="What the user can mend; empty when all went well.")


@strawberry.type(name="Mutation", extend=True)
class MergingMutation:
    """Fields that join the root type Mutation."""

    @strawberry.mutation(
        description="Make one Contact of several that are the same person. What belonged to the others belongs to `into` afterwards, whose"
        " own values win; the others are deleted for good, and their `mergedInto` leads to it."
    )
    @permit("contact.update")
    async def contact_merge(
        self, info: strawberry.Info[Call], into: Into, ids: Ids, dry_run: DryRun = False, expected_version: VERSION = None
    ) -> ContactMergePayload:
        """Merge contacts that the actor may delete into one that it may change."""
        call = info.context
        try:
            if dry_run:
                async with rehearsal():
                    return _payload(call, await _merge(call, into, ids, expected_version), None)
            async with transaction(call):
                merged = await _merge(call, into, ids, expected_version)
                [shown] = await read_back(info, call.crm.resource(Contact), ("contact",), [merged.contact])
            return _payload(call, merged, shown)
        except Missing as missing:
            error = UserError(field=list(missing.place), code=UserErrorCode.NOT_FOUND, message=str(missing))
            return ContactMergePayload(contact=None, filled=[], moved=[], user_errors=[error])
        except Refused as refused:
            return ContactMergePayload(contact=None, filled=[], moved=[], user_errors=user_errors(refused))


async def _merge(call: Call, into: str, ids: list[strawberry.ID], expected: int | None) -> Merged:
    keys = [_key(call, id, "ids", str(place)) for place, id in enumerate(ids)]
    return await merge(call, _key(call, into, "into"), keys, expected)


def _key(call: Call, id: str, *place: str):
    try:
        return key_of(call, Contact, id)
    except Invalid:
        raise Missing(*place) from None


def _payload(call: Call, merged: Merged, shown: Contact | None) -> ContactMergePayload:
    resource = call.crm.resource(Contact)
    filled = [ContactMergeFilled(field=camel(one.name), contact_id=strawberry.ID(encode(resource, one.source))) for one in merged.filled]
    moved = [ContactMergeMoved(resource=key, count=count) for key, count in merged.moved.items()]
    return ContactMergePayload(contact=shown, filled=filled, moved=moved, user_errors=[])
