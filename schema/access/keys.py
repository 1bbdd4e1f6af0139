"""The mutations of keys: `apiKeyCreate`, `apiKeyUpdate`, `apiKeyRotate`, `apiKeyRevoke`."""

import datetime
from collections.abc import Awaitable
from typing import Annotated, Any

import strawberry

from core.access import keys
from core.crm import Call
from core.errors import Invalid, NotFound, Refused
from core.models import ApiKey, User
from core.permissions import permit
from core.records.ids import key_of
from schema.mutations import UserError, user_errors

KeyId = Annotated[strawberry.ID, strawberry.argument(description="Global id of an ApiKey.")]


@strawberry.input(description="The values of a new ApiKey.")
class ApiKeyCreateInput:
    """What a key is made of."""

    name: str = strawberry.field(description="What or whom the key is for.")
    role: str = strawberry.field(description="The role whose permissions the key has. It may do nothing that you may not do yourself.")
    user_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Global id of the User whose rows are its own; null for none."
        " When it is left out, it is you if you may make keys for yourself only, else none.",
    )
    scopes: list[str] | None = strawberry.field(
        default=None,
        description="Permissions that the key is narrowed to: `contact.read`, `deal.*`, `*.read`; null for all of its role.",
    )
    expires_at: datetime.datetime | None = strawberry.field(
        default=None, description="When the key stops to open, in UTC; null for never, or for the end of the key that makes it."
    )


@strawberry.input(description="What to change in an ApiKey; fields that are left out stay.")
class ApiKeyUpdateInput:
    """What can be changed in a key."""

    name: str | None = strawberry.field(default=strawberry.UNSET, description="What or whom the key is for.")
    scopes: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="Permissions that the key is narrowed to; all of them within those that it has."
    )
    expires_at: datetime.datetime | None = strawberry.field(
        default=strawberry.UNSET, description="When the key stops to open, in UTC; null for never."
    )


@strawberry.type(description="What came of a key that has got a secret.")
class _Told:
    api_key: ApiKey | None = strawberry.field(description="The ApiKey; null when it was refused.")
    key: str | None = strawberry.field(description="The key itself. It is shown this once: the server keeps only a hash of it.")
    user_errors: list[UserError] = strawberry.field(description="What the user can mend; empty when all went well.")


@strawberry.type(description="What came of apiKeyCreate.")
class ApiKeyCreatePayload(_Told):
    """The payload of apiKeyCreate."""


@strawberry.type(description="What came of apiKeyRotate.")
class ApiKeyRotatePayload(_Told):
    """The payload of apiKeyRotate."""


@strawberry.type(description="What came of a key that was changed.")
class _Changed:
    api_key: ApiKey | None = strawberry.field(description="The ApiKey; null when it was refused.")
    user_errors: list[UserError] = strawberry.field(description="What the user can mend; empty when all went well.")


@strawberry.type(description="What came of apiKeyUpdate.")
class ApiKeyUpdatePayload(_Changed):
    """The payload of apiKeyUpdate."""


@strawberry.type(description="What came of apiKeyRevoke.")
class ApiKeyRevokePayload(_Changed):
    """The payload of apiKeyRevoke."""


@strawberry.type(name="Mutation", extend=True)
class KeyMutations:
    """Fields that join the root type Mutation."""

    @strawberry.mutation(description="Make an ApiKey. It never may more than you, also when your rights become fewer.")
    @permit("apiKey.create")
    async def api_key_create(
        self, info: strawberry.Info[Call], input: Annotated[ApiKeyCreateInput, strawberry.argument(description="The values.")]
    ) -> ApiKeyCreatePayload:
        """Make a key."""
        call = info.context
        try:
            values = _given(input)
            if values.get("user_id") is not None:
                values["user_id"] = key_of(call, User, values["user_id"], "user_id")
            key, text = await keys.create(call, values)
        except Refused as refused:
            return ApiKeyCreatePayload(api_key=None, key=None, user_errors=user_errors(refused, "input"))
        return ApiKeyCreatePayload(api_key=key, key=text, user_errors=[])

    @strawberry.mutation(description="Change the name or the end of an ApiKey, or narrow its scopes.")
    @permit("apiKey.update")
    async def api_key_update(
        self,
        info: strawberry.Info[Call],
        id: KeyId,
        input: Annotated[ApiKeyUpdateInput, strawberry.argument(description="What to change.")],
    ) -> ApiKeyUpdatePayload:
        """Change a key."""
        key, errors = await _changed(info.context, id, lambda one: keys.change(info.context, one, _given(input)), "input")
        return ApiKeyUpdatePayload(api_key=key, user_errors=errors)

    @strawberry.mutation(description="Give an ApiKey another secret; its prefix stays.")
    @permit("apiKey.update")
    async def api_key_rotate(
        self,
        info: strawberry.Info[Call],
        id: KeyId,
        grace_seconds: Annotated[
            int, strawberry.argument(description="For how many seconds the secret before opens as well, at most for a week.")
        ] = 0,
    ) -> ApiKeyRotatePayload:
        """Give a key another secret."""
        grace = datetime.timedelta(seconds=grace_seconds)
        told, errors = await _changed(info.context, id, lambda one: keys.rotate(info.context, one, grace))
        key, text = told or (None, None)
        return ApiKeyRotatePayload(api_key=key, key=text, user_errors=errors)

    @strawberry.mutation(description="Shut an ApiKey at once and for good, and with it the keys that it has made.")
    @permit("apiKey.delete")
    async def api_key_revoke(self, info: strawberry.Info[Call], id: KeyId) -> ApiKeyRevokePayload:
        """Revoke a key."""
        key, errors = await _changed(info.context, id, lambda one: keys.revoke(info.context, one))
        return ApiKeyRevokePayload(api_key=key, user_errors=errors)


async def _changed(call: Call, id: str, work: Any, *prefix: str) -> tuple[Any, list[UserError]]:
    """What becomes of the key with this global id, or why nothing does."""
    try:
        try:
            key = key_of(call, ApiKey, id)
        except Invalid as error:
            raise NotFound(f"the id {error.fields['id']}") from None
        made: Awaitable[Any] = work(key)
        return await made, []
    except Refused as refused:
        return None, user_errors(refused, *prefix)


def _given(input: Any) -> dict[str, Any]:
    """The values that are not left out."""
    return {name: value for name, value in vars(input).items() if value is not strawberry.UNSET}
