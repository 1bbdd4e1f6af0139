"""The mutations of passwords: `passwordChange` for oneself, `userPasswordSet` for others."""

from typing import Annotated

import strawberry

from core.access.accounts import change_password, set_password
from core.crm import Call
from core.errors import Invalid, NotFound, RateLimited, Refused
from core.models import User
from core.permissions import permit
from core.records.ids import key_of
from schema.mutations import UserError, user_errors

Password = Annotated[str, strawberry.argument(description="The new password: 12 to 200 characters, whatever they are.")]


@strawberry.type(description="What came of passwordChange.")
class PasswordChangePayload:
    """The payload of passwordChange."""

    changed: bool = strawberry.field(description="Whether the new password counts. All sessions of the user have ended then.")
    user_errors: list[UserError] = strawberry.field(description="What the user can mend; empty when all went well.")


@strawberry.type(description="What came of userPasswordSet.")
class UserPasswordSetPayload:
    """The payload of userPasswordSet."""

    user: User | None = strawberry.field(description="The User; null when it was refused.")
    user_errors: list[UserError] = strawberry.field(description="What the user can mend; empty when all went well.")


@strawberry.type(name="Mutation", extend=True)
class PasswordMutations:
    """Fields that join the root type Mutation."""

    @strawberry.mutation(description="Give yourself another password. It ends your sessions, this one too.")
    async def password_change(
        self,
        info: strawberry.Info[Call],
        current: Annotated[str, strawberry.argument(description="The password that you have, so that nobody else changes it.")],
        new: Password,
    ) -> PasswordChangePayload:
        """Change one's own password."""
        try:
            await change_password(info.context, current, new)
        except RateLimited:
            raise
        except Refused as refused:
            return PasswordChangePayload(changed=False, user_errors=user_errors(refused))
        return PasswordChangePayload(changed=True, user_errors=[])

    @strawberry.mutation(description="Give a user another password, which ends its sessions. Its role must not go beyond your rights.")
    @permit("user.update")
    async def user_password_set(
        self,
        info: strawberry.Info[Call],
        id: Annotated[strawberry.ID, strawberry.argument(description="Global id of a User.")],
        password: Password,
    ) -> UserPasswordSetPayload:
        """Set the password of another."""
        call = info.context
        try:
            user = await set_password(call, _key(call, id), password)
        except Refused as refused:
            return UserPasswordSetPayload(user=None, user_errors=user_errors(refused))
        return UserPasswordSetPayload(user=user, user_errors=[])


def _key(call: Call, id: str):
    try:
        return key_of(call, User, id)
    except Invalid as error:
        raise NotFound(f"the id {error.fields['id']}") from None
