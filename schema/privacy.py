"""What the law asks for, by GraphQL: `personalData` and `contactErase`."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.crm import Call
from core.errors import Invalid, NotFound, Refused
from core.events import transaction
from core.models import Contact
from core.permissions import permit
from core.privacy.erasing import erase
from core.privacy.exporting import personal_data
from core.records.ids import key_of
from core.standard import ERASE, EXPORT
from schema.mutations import UserError, user_errors
from schema.readpath.written import read_back

ContactId = Annotated[strawberry.ID, strawberry.argument(description="Global id of a Contact, which may be deleted.")]


@strawberry.type(name="Query", extend=True)
class PrivacyQuery:
    """Fields that join the root type Query."""

    @strawberry.field(
        description="Everything that is known of a contact: the record, its parts and ties, what belongs to it, what happened to all"
        " of these, and what plugins keep. Whoever may ask this is told all of it, whatever else is hidden."
    )
    @permit(EXPORT)
    async def personal_data(self, info: strawberry.Info[Call], contact_id: ContactId) -> JSON | None:
        """The export, as the command line writes it."""
        return JSON(await personal_data(info.context, key_of(info.context, Contact, contact_id, "contact_id")))


@strawberry.type(description="What came of contactErase.")
class ContactErasePayload:
    """The payload of contactErase."""

    contact: Contact | None = strawberry.field(description="The Contact, without anything personal; null when it was refused.")
    user_errors: list[UserError] = strawberry.field(description="What the user can mend; empty when all went well.")


@strawberry.type(name="Mutation", extend=True)
class PrivacyMutation:
    """Fields that join the root type Mutation."""

    @strawberry.mutation(
        description="Forget a person for good: names, addresses and texts of the contact and of what belongs to it, and the values"
        " in its audit. Counts, amounts, stages and dates stay. Nothing brings back what is erased."
    )
    @permit(ERASE)
    async def contact_erase(self, info: strawberry.Info[Call], id: ContactId) -> ContactErasePayload:
        """Erase a contact that the actor may see."""
        call = info.context
        try:
            async with transaction(call):
                contact = await erase(call, _key(call, id))
                [shown] = await read_back(info, call.crm.resource(Contact), ("contact",), [contact])
        except Refused as refused:
            return ContactErasePayload(contact=None, user_errors=user_errors(refused, "id"))
        return ContactErasePayload(contact=shown, user_errors=[])


def _key(call: Call, id: str):
    try:
        return key_of(call, Contact, id)
    except Invalid as error:
        raise NotFound(f"the id {error.fields['id']}") from None
