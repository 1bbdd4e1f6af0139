"""From a request to an actor: API keys, and what plugins know of other ways."""

import asyncio
import datetime
import hashlib
import hmac
import logging
import secrets
import time
import uuid
from collections import OrderedDict
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from core.errors import Invalid, Refused, Unauthenticated
from core.fields import now
from core.models import ApiKey, User
from core.permissions import Actor
from core.roles import known, of_key, rights

if TYPE_CHECKING:
    from core.crm import CRM

log = logging.getLogger(__name__)

MARK = "pvk"
PATIENCE = 10.0  # seconds that one plugin may take to say who asks
REMEMBERED = 5.0  # seconds; a key that is revoked opens nothing for longer than that
MOST_REMEMBERED = 10_000  # keys


async def authenticate(crm: "CRM", connection: HTTPConnection, token: str | None = None) -> Actor:
    """Who asks, by `token` or by the header `Authorization: Bearer ...`. Raises Unauthenticated; LockedOut when it was so too often.

    Plugins are asked first, in their order; one that fails is logged and passed over, one that refuses has the last word.
    """
    try:
        return await _who(crm, connection, token)
    except Unauthenticated:
        crm.strangers.note(connection.client.host if connection.client else "")
        raise


async def _who(crm: "CRM", connection: HTTPConnection, token: str | None) -> Actor:
    for implementation in crm.plugins.each("actor"):
        try:
            async with asyncio.timeout(PATIENCE):
                actor = await implementation(crm=crm, request=connection)
        except Refused:  # it knows the one who asks, and the answer is no
            raise
        except (Exception, SystemExit):  # the edge where a stranger's failure ends
            log.exception("plugin '%s' failed to say who asks", implementation.plugin)
            continue
        if isinstance(actor, Actor):
            return actor
        if actor is not None:
            log.error("plugin '%s': actor() must return an Actor or None, not %s", implementation.plugin, type(actor).__name__)
    key = token or _bearer(connection.headers.get("authorization", ""))
    if key is None:
        raise Unauthenticated("send a key in the header: Authorization: Bearer pvk_...")
    return await _by_key(crm, key)


def remembered(crm: "CRM", authorization: str) -> Actor | None:
    """Who asks by this header, if that is known without asking a plugin or the database. None says nothing against anyone."""
    key = None if crm.asks_who else _bearer(authorization)
    return crm.recent.actor(_hash(key)) if key and key.isascii() else None


async def create_key(
    crm: "CRM", *, name: str, role: str, user: uuid.UUID | str | None = None, expires_at: datetime.datetime | None = None
) -> str:
    """A new key, shown this once: the database keeps its SHA-256. Raises Invalid for an unknown role or user."""
    if await rights(crm, role) is None:
        raise Invalid(role=f"there is no role '{role}'; there are {', '.join(await known(crm))}")
    user_id = _key_of_user(user) if user else None
    if user_id and not await User.filter(id=user_id, deleted_at__isnull=True).exists():
        raise Invalid(user="there is no user with this id")
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = f"{MARK}_{prefix}_{secret}"
    await ApiKey.create(name=name, prefix=prefix, hash=_hash(key), role=role, user_id=user_id, expires_at=expires_at)
    return key


async def revoke_key(prefix: str) -> bool:
    """Shut the key with this prefix at once; whether there was one that was open."""
    return bool(await ApiKey.filter(prefix=prefix, revoked_at__isnull=True).update(revoked_at=now()))


async def known_key(key: str) -> bool:
    """Whether the database has this very key, and it is open."""
    record = await _record(key)
    return record is not None and _open(record)


class Recent:
    """The actors of keys that were open a moment ago: whoever asks often is looked up once in that time."""

    def __init__(self) -> None:
        self._actors: OrderedDict[str, tuple[Actor, float]] = OrderedDict()

    def actor(self, key: str) -> Actor | None:
        """The actor of the key with this hash, when it was open less than REMEMBERED seconds ago."""
        actor, until = self._actors.get(key, (None, 0.0))
        return actor if time.monotonic() < until else None

    def remember(self, key: str, actor: Actor, expires_at: datetime.datetime | None) -> None:
        """Keep an actor for as long as that, and no longer than its key is open."""
        seconds = REMEMBERED if expires_at is None else min(REMEMBERED, (expires_at - now()).total_seconds())
        self._actors[key] = actor, time.monotonic() + seconds
        self._actors.move_to_end(key)
        while len(self._actors) > MOST_REMEMBERED:
            self._actors.popitem(last=False)


async def _by_key(crm: "CRM", key: str) -> Actor:
    known = _hash(key) if key.isascii() else ""
    if actor := crm.recent.actor(known):
        return actor
    record = await _record(key)
    if record is None or not _open(record):
        raise Unauthenticated("this key is not valid")
    actor = await of_key(crm, record)
    crm.recent.remember(known, actor, record.expires_at)
    return actor


async def _record(key: str) -> ApiKey | None:
    mark, _, rest = key.partition("_")
    prefix, _, _ = rest.partition("_")
    if mark != MARK or not key.isascii() or not prefix.isalnum() or len(key) > 200:
        return None
    record = await ApiKey.get_or_none(prefix=prefix)
    if record is None or not hmac.compare_digest(record.hash, _hash(key)):
        return None
    return record


def _open(record: ApiKey) -> bool:
    return record.revoked_at is None and (record.expires_at is None or record.expires_at > now())


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _key_of_user(user: uuid.UUID | str) -> uuid.UUID:
    try:
        return user if isinstance(user, uuid.UUID) else uuid.UUID(user.removeprefix("user_"))
    except ValueError:
        raise Invalid(user="is not the id of a user") from None
