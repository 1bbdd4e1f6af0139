"""From a request to an actor: API keys, and what plugins know of other ways."""

import asyncio
import datetime
import hmac
import logging
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from core.access.keys import MARK
from core.access.secrets import digest
from core.access.sessions import actor_of, secret_of
from core.access.uses import note_use
from core.errors import Refused, Unauthenticated
from core.fields import now
from core.models import ApiKey
from core.permissions import Actor
from core.roles import of_key

if TYPE_CHECKING:
    from core.crm import CRM

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds that one plugin may take to say who asks
REMEMBERED = 5.0  # seconds; a key that is revoked opens nothing for longer than that
MOST_REMEMBERED = 10_000  # keys


async def authenticate(crm: "CRM", connection: HTTPConnection, token: str | None = None) -> Actor:
    """Who asks, by `token`, by the header `Authorization: Bearer ...`, or by the cookie of a session. Raises Unauthenticated;
    LockedOut when it was so too often.

    A token is a key of the API, or one that a provider of the settings has signed.

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
    given = connection.headers.get("authorization", "")
    key = token or _bearer(given)
    if key is None:
        browser = crm.settings.sessions.enabled and given.strip().lower() in ("", "bearer")
        if browser and (secret := secret_of(connection)):
            return await actor_of(crm, connection, secret)
        raise Unauthenticated("send a key in the header: Authorization: Bearer pvk_...")
    if crm.settings.oidc and key.count(".") == 2:
        return await crm.tokens.actor(key)
    return await _by_key(crm, key)


def remembered(crm: "CRM", authorization: str) -> Actor | None:
    """Who asks by this header, if that is known without asking a plugin or the database. None says nothing against anyone."""
    key = None if crm.asks_who else _bearer(authorization)
    return crm.recent.actor(digest(key)) if key and key.isascii() else None


async def known_key(key: str) -> bool:
    """Whether the database has this very key, and it is open."""
    record = await _record(key)
    return record is not None and record.opens()


class Recent:
    """The actors of keys that were open a moment ago: whoever asks often is looked up once in that time."""

    def __init__(self) -> None:
        self._actors: OrderedDict[str, tuple[Actor, float]] = OrderedDict()
        self.forgotten = 0  # how often

    def actor(self, key: str) -> Actor | None:
        """The actor of the key with this hash, when it was open less than REMEMBERED seconds ago."""
        actor, until = self._actors.get(key, (None, 0.0))
        return actor if time.monotonic() < until else None

    def forget(self) -> None:
        """Know nobody any more: something has changed of which their rights are made."""
        self._actors.clear()
        self.forgotten += 1

    def remember(self, key: str, actor: Actor, before: int, expires_at: datetime.datetime | None) -> None:
        """Keep an actor for as long as that, and no longer than its key is open.

        `before` is what `forgotten` was when the actor was looked up: what was forgotten since may have been the reason to forget.
        """
        if before != self.forgotten:
            return
        seconds = REMEMBERED if expires_at is None else min(REMEMBERED, (expires_at - now()).total_seconds())
        self._actors[key] = actor, time.monotonic() + seconds
        self._actors.move_to_end(key)
        while len(self._actors) > MOST_REMEMBERED:
            self._actors.popitem(last=False)


async def _by_key(crm: "CRM", key: str) -> Actor:
    known = digest(key) if key.isascii() else ""
    if actor := crm.recent.actor(known):
        return actor
    before = crm.recent.forgotten
    record = await _record(key)
    if record is None or not record.opens():
        raise Unauthenticated("this key is not valid")
    actor = await of_key(crm, record)
    ends = (record.expires_at, None if record.hash == known else record.old_until)
    crm.recent.remember(known, actor, before, min((end for end in ends if end is not None), default=None))
    note_use(crm, record)
    return actor


async def _record(key: str) -> ApiKey | None:
    mark, _, rest = key.partition("_")
    prefix, _, _ = rest.partition("_")
    if mark != MARK or not key.isascii() or not prefix.isalnum() or len(key) > 200:
        return None
    record = await ApiKey.get_or_none(prefix=prefix)
    if record is None:
        return None
    given = digest(key)
    if hmac.compare_digest(record.hash, given):
        return record
    return record if hmac.compare_digest(record.old_hash or "", given) and (record.old_until or now()) > now() else None


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
