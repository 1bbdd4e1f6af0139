"""Work that is done later in somebody's name: the user or the key that asked for it, with the rights that it has by then."""

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from core.errors import Forbidden, Unauthenticated
from core.models import ApiKey, User
from core.permissions import Actor
from core.roles import of_key, of_user

if TYPE_CHECKING:
    from core.crm import CRM, Call


async def act_as(crm: "CRM", *, user_id: uuid.UUID | None, key_id: uuid.UUID | None) -> Actor:
    """The key with this id, else the user, with the rights of now. Raises Unauthenticated when it cannot come in any more."""
    if key_id is not None:
        key = await ApiKey.get_or_none(id=key_id)
        if key is None or not key.opens():
            raise Unauthenticated("the key does not open any more")
        return await of_key(crm, key)
    user = await User.get_or_none(id=user_id) if user_id is not None else None
    if user is None:
        raise Unauthenticated("there is no such user")
    return await of_user(crm, user)


async def lasting(call: "Call") -> None:
    """Raise Forbidden unless `act_as` gives an actor with the very rights of this one, by its `user_id` and `key_id`.

    The system is none, nor is whom a plugin lets in with rights of its own: to act as its user would be to act with other ones.
    """
    actor = call.actor
    try:
        again = await act_as(call.crm, user_id=actor.user_id, key_id=actor.key_id)
    except Unauthenticated:
        again = None
    if again is None or replace(again, name=actor.name) != actor:
        raise Forbidden("this is for users and keys, in whose name it is done later; or your rights have just changed: try again")
