"""Accounts: users who sign in by address and password, and how a password gets another."""

import asyncio
import logging
from typing import TYPE_CHECKING

from core.errors import Invalid, NotFound, Unauthenticated
from core.events import emit, transaction
from core.models import Session, User
from core.permissions import ALL, Actor
from core.records.visibility import visible
from core.resources import UPDATE
from core.roles import Rights, beyond, of_another, of_user, rights

if TYPE_CHECKING:
    import uuid

    from core.crm import CRM, Call

log = logging.getLogger(__name__)

NOBODY = Actor("nobody")


async def sign_in(crm: "CRM", email: str, password: str, address: str | None = None) -> tuple[User, Actor]:
    """The user with this address and password, and how it acts. `address` is where the request came from.

    Raises Unauthenticated with one sentence for a wrong address and a wrong password, and RateLimited after too many of them.
    """
    account = email.strip().lower()
    crm.attempts.begin(account, address)
    user = await User.get_or_none(email=account, deleted_at__isnull=True) if account.isprintable() and len(account) <= 254 else None
    if not await crm.passwords.fits(user.password if user else None, password) or user is None:
        _told_of_failure(crm, user, address)
        raise Unauthenticated("the address or the password is wrong")
    actor = await of_user(crm, user)
    crm.attempts.succeed(account, address)
    if crm.passwords.outdated(user.password or ""):
        await User.filter(id=user.id, password=user.password).update(password=await crm.passwords.hashed(password))
    log.info("user %s signed in from %s", user.id, address)
    return user, actor


async def change_password(call: "Call", current: str, new: str) -> None:
    """Give the actor's user another password.

    Raises Invalid when the current one is wrong, and RateLimited after too many of those, or too many changes.
    """
    user = await User.get_or_none(id=call.actor.user_id, deleted_at__isnull=True) if call.actor.user_id else None
    if user is None:
        raise Invalid(current="belongs to a user, and you are none")
    account = user.email or str(user.id)
    call.crm.attempts.begin(f"changes of {user.id}")  # good ones too: each takes a processor from those who sign in
    call.crm.attempts.begin(account)
    if not await call.crm.passwords.fits(user.password, current):
        _told_of_failure(call.crm, user, None)
        raise Invalid(current="is not your password")
    call.crm.attempts.succeed(account)
    await _keep(call, user, await call.crm.passwords.hashed(new, "new"))


async def set_password(call: "Call", key: "uuid.UUID", password: str) -> User:
    """The user with this key, with another password. The actor may change every user, and has the rights of this one.

    Raises NotFound and Invalid.
    """
    user = await visible(call, User, UPDATE).get_or_none(id=key)
    if user is None:
        raise NotFound("there is no User with this id")
    if call.actor.grant(f"user.{UPDATE}") != ALL:
        raise Invalid(id="is for those to change who may change every user")
    given = await rights(call.crm, user.role, deleted=True) if user.role else None
    if given is not None and user.id != call.actor.user_id:
        given = of_another(given)
    if excess := beyond(call.crm, call.actor, given or Rights()):
        raise Invalid(id=f"is a user who has rights that you have not yourself: {excess}")
    await _keep(call, user, await call.crm.passwords.hashed(password))
    return user


async def _keep(call: "Call", user: User, kept: str) -> None:
    """Keep a password, and end all sessions that the one before has opened."""
    async with transaction(call):
        await User.filter(id=user.id).update(password=kept)
        await Session.filter(user_id=user.id).delete()
        await emit(call, "user.passwordChanged", user)


def _told_of_failure(crm: "CRM", user: User | None, address: str | None) -> None:
    """Log it, and keep it as an event of a user who is there, apart from the answer, which must not take longer for that.

    What was typed as an address may be a password: it is nowhere told.
    """
    log.info("a sign-in as %s failed, from %s", f"user {user.id}" if user else "nobody who is there", address)
    if user is not None:
        task = asyncio.create_task(_keep_failure(crm, user))
        crm.background.add(task)
        task.add_done_callback(crm.background.discard)


async def _keep_failure(crm: "CRM", user: User) -> None:
    try:
        call = crm.call(NOBODY)
        async with transaction(call):
            await emit(call, "user.signInFailed", user)
    except Exception:  # nobody waits for this task
        log.exception("a failed sign-in is not kept as an event")
