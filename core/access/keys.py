"""Keys of the API: made, changed, given another secret and revoked. None may ever do more than the one who made it."""

import datetime
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.access.secrets import digest, random
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events import emit, transaction
from core.fields import now
from core.models import ApiKey, User
from core.permissions import ALL, SYSTEM
from core.records.ids import key_of
from core.records.values import clean
from core.records.visibility import allowed_or_refused, visible
from core.resources import CREATE, DELETE, UPDATE
from core.roles import Rights, assignable, beyond, check_permission, of_another, rights

if TYPE_CHECKING:
    from core.crm import CRM, Call

MARK = "pvk"
LONGEST_GRACE = datetime.timedelta(days=7)
MOST_SCOPES = 100
MOST_MAKERS = 10  # keys above a key: all of them are looked up when it is used


async def create(call: "Call", values: Mapping[str, Any]) -> tuple[ApiKey, str]:
    """A new key, and the text of it, shown this once: the database keeps its SHA-256.

    `values` are name and role, and perhaps user_id, scopes and expires_at. Without a user_id it is a key for no user, or for
    the user of the actor when that may make no others. Raises Invalid, and Forbidden for a key beyond the rule of the actor.
    """
    crm, actor = call.crm, call.actor
    allowed_or_refused(call, crm.resource(ApiKey), CREATE)
    await assignable(crm, actor, values["role"])
    prefix = secrets.token_hex(6)
    text = _text(prefix)
    async with transaction(call):
        maker = await _maker(call)
        await _not_too_deep(maker)
        end = _end(_column(call, "expires_at", values.get("expires_at")), maker)
        key = ApiKey(
            name=_column(call, "name", values["name"]), role=values["role"], prefix=prefix, hash=digest(text),
            user_id=await _user(call, values), scopes=_scopes(crm, values.get("scopes")), expires_at=end,
            creator_id=None if maker else actor.user_id, maker_id=maker.id if maker else None,
        )  # fmt: skip
        await key.save(force_create=True)
        if actor is not SYSTEM and not await visible(call, ApiKey, CREATE).filter(id=key.id).exists():
            raise Forbidden("the permission apiKey.create does not reach keys of this user")
        shown = ("name", "prefix", "role", "scopes", "user_id", "expires_at")
        await emit(call, "apiKey.created", key, after={name: getattr(key, name) for name in shown})
    call.secrets.add(text)
    return key, text


async def create_key(
    crm: "CRM", *, name: str, role: str, user: uuid.UUID | str | None = None, scopes: Sequence[str] | None = None,
    expires_at: datetime.datetime | None = None,
) -> str:  # fmt: skip
    """The text of a new key that the system itself makes. Raises Invalid for an unknown role, user or permission."""
    call = crm.call(SYSTEM)
    user_id = user if isinstance(user, uuid.UUID | None) else _named(call, user)
    _, text = await create(call, {"name": name, "role": role, "user_id": user_id, "scopes": scopes, "expires_at": expires_at})
    return text


async def change(call: "Call", id: uuid.UUID, values: Mapping[str, Any]) -> ApiKey:
    """The key with another name or end, or with fewer scopes. Raises NotFound, Invalid and Conflict."""
    async with transaction(call):
        key = await _locked(call, id, UPDATE)
        if key.revoked_at is not None:
            raise Conflict("the key was revoked")
        before = {name: getattr(key, name) for name in values}
        if "name" in values:
            key.name = _column(call, "name", values["name"])
        if "expires_at" in values:
            key.expires_at = await _other_end(call, key, _column(call, "expires_at", values["expires_at"]))
        if "scopes" in values:
            key.scopes = _narrower(key.scopes, _scopes(call.crm, values["scopes"]))
        after = {name: getattr(key, name) for name in values}
        if changed := [name for name in values if before[name] != after[name]]:
            await key.save(update_fields=changed)
            told = [{name: one[name] for name in changed} for one in (before, after)]
            await emit(call, "apiKey.updated", key, before=told[0], after=told[1])
    return key


async def rotate(call: "Call", id: uuid.UUID, grace: datetime.timedelta = datetime.timedelta()) -> tuple[ApiKey, str]:
    """The key with another secret, and the text of it. The secret before opens as well until the grace is over.

    Raises NotFound, Conflict for a key that does not open, and Invalid when it may more than the actor, who would have its secret.
    """
    if not datetime.timedelta() <= grace <= LONGEST_GRACE:
        raise Invalid(grace_seconds=f"must be between 0 and {int(LONGEST_GRACE.total_seconds())}")
    async with transaction(call):
        key = await _locked(call, id, UPDATE)
        if not key.opens():
            raise Conflict("the key does not open any more; make another one")
        if call.actor.key_id != key.id:
            await _covered(call, key)
        text, moment = _text(key.prefix), now()
        key.old_hash, key.old_until = (key.hash, moment + grace) if grace else (None, None)
        key.hash, key.rotated_at = digest(text), moment
        await key.save(update_fields=["hash", "old_hash", "old_until", "rotated_at"])
        await emit(call, "apiKey.rotated", key, after={"rotated_at": moment, "old_until": key.old_until})
    call.secrets.add(text)
    return key, text


async def revoke(call: "Call", id: uuid.UUID) -> ApiKey:
    """The key, shut at once and for good, and with it those that it has made. Raises NotFound, and Conflict when it was shut before."""
    async with transaction(call):
        key = await _locked(call, id, DELETE)
        if key.revoked_at is not None:
            raise Conflict(f"the key {key.prefix} was revoked before")
        moment, shut = now(), [key]
        while shut:
            for one in shut:
                one.revoked_at = moment
                await one.save(update_fields=["revoked_at"])
                await emit(call, "apiKey.revoked", one, after={"revoked_at": moment})
            shut = await ApiKey.filter(maker_id__in=[one.id for one in shut], revoked_at__isnull=True)
    return key


async def first_steps() -> list[str]:
    """How somebody comes into a house that nobody can enter yet; nothing for any other."""
    if await ApiKey.exists() or await User.filter(password__isnull=False).exists():
        return []
    return [
        "nobody can come in yet; make a first key: payvand keys create --name first --role admin",
        "or somebody who signs in at /login: payvand users create --name ... --email ... --role admin",
    ]


def _text(prefix: str) -> str:
    return f"{MARK}_{prefix}_{random()}"


def _column(call: "Call", name: str, value: Any) -> Any:
    return clean(call.crm.resource(ApiKey).columns[name], value, name)


def _named(call: "Call", user: str) -> uuid.UUID:
    try:
        return uuid.UUID(user)
    except ValueError:
        pass
    try:
        return key_of(call, User, user)
    except Invalid:
        raise Invalid(user="is not the id of a user") from None


async def _maker(call: "Call") -> ApiKey | None:
    """The key of the actor, which nobody revokes before the new one is written, and with it."""
    if call.actor.key_id is None:
        return None
    maker = await ApiKey.filter(id=call.actor.key_id).select_for_update().first()
    if maker is None or not maker.opens():
        raise Forbidden("your key does not open any more")
    return maker


async def _user(call: "Call", values: Mapping[str, Any]) -> uuid.UUID | None:
    """The user of the new key, who is there for the actor and has not left."""
    if "user_id" not in values:
        return None if call.actor.grant("apiKey.create") == ALL else call.actor.user_id
    user_id = values["user_id"]
    if user_id is not None and not (user_id == call.actor.user_id or await visible(call, User).filter(id=user_id).exists()):
        raise Invalid(user_id="there is no User with this id")
    if user_id is not None and not await User.filter(id=user_id, active=True, deleted_at__isnull=True).exists():
        raise Invalid(user_id="is a user who has left")
    return user_id


def _scopes(crm: "CRM", given: Sequence[str] | None) -> list[str] | None:
    if given is None:
        return None
    if not 0 < len(given) <= MOST_SCOPES:
        raise Invalid(scopes=f"names 1 to {MOST_SCOPES} permissions; leave it out for all of the role")
    for index, one in enumerate(given):
        check_permission(crm, one, f"scopes.{index}")
    return list(dict.fromkeys(given))


def _narrower(old: Sequence[str] | None, new: list[str] | None) -> list[str] | None:
    """The new scopes. Raises Invalid when one of them is not within those that there are."""
    if old is None:
        return new
    if new is None:
        raise Invalid(scopes="are only made narrower")
    for index, one in enumerate(new):
        if not any(_within(one, wide) for wide in old):
            raise Invalid({f"scopes.{index}": "is not within the scopes of this key; they are only made narrower"})
    return new


def _within(narrow: str, wide: str) -> bool:
    """Whether one pattern means nothing that the other does not mean, be the permissions what they may."""
    resource, _, verb = wide.rpartition(".")
    other, _, its = narrow.rpartition(".")
    return wide in ("*", narrow) or (verb == "*" and other == resource) or (resource == "*" and its == verb)


def _end(expires_at: datetime.datetime | None, maker: ApiKey | None) -> datetime.datetime | None:
    """When the key ends: not before now, and not after the one that made it."""
    if expires_at is not None and expires_at <= now():
        raise Invalid(expires_at="lies in the past")
    if maker is None or maker.expires_at is None:
        return expires_at
    if expires_at is not None and expires_at > maker.expires_at:
        raise Invalid(expires_at="is later than the end of the key that makes it")
    return expires_at or maker.expires_at


async def _other_end(call: "Call", key: ApiKey, expires_at: datetime.datetime | None) -> datetime.datetime | None:
    """Another end of a key. No key gives one, itself among them, more time than it has; and nobody more time to one that may more."""
    maker = await ApiKey.get(id=key.maker_id) if key.maker_id else None
    end = _end(_end(expires_at, maker), await _maker(call))
    if call.actor.key_id != key.id and key.expires_at is not None and (end is None or end > key.expires_at):
        await _covered(call, key, "expires_at")
    return end


async def _not_too_deep(maker: ApiKey | None) -> None:
    """Raise Conflict when a key would stand below too many others, all of whom are asked for their rights when it is used."""
    above = 0
    while maker is not None:
        above += 1
        if above > MOST_MAKERS:
            raise Conflict(f"your key was made by keys {MOST_MAKERS} deep, and makes none; take one that is nearer to a user")
        maker = await ApiKey.get(id=maker.maker_id) if maker.maker_id else None


async def _locked(call: "Call", id: uuid.UUID, verb: str) -> ApiKey:
    key = await visible(call, ApiKey, verb).filter(id=id).select_for_update(of=("api_key",), no_key=True).first()
    if key is None:
        raise NotFound("there is no ApiKey with this id")
    return key


async def _covered(call: "Call", key: ApiKey, path: str = "id") -> None:
    """Raise Invalid when the key may more than the actor. What is a user's own is not the own of another."""
    given = await rights(call.crm, key.role, deleted=True) or Rights()
    if key.user_id is not None and key.user_id != call.actor.user_id:
        given = of_another(given)
    if excess := beyond(call.crm, call.actor, given):
        raise Invalid({path: f"{'is' if path == 'id' else 'is of'} a key that may more than you: {excess}"})
