"""Sessions of browsers: a cookie opens the API as the user who has signed in, until it was idle for too long or its days are over.

A browser sends a cookie along whoever made it ask. So whatever is not only read asks for a header besides, which a page of another
site cannot know, and what says where it comes from must come from here.
"""

import datetime
import hashlib
import hmac
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection

from core.access.origins import same_origin
from core.access.secrets import digest, random
from core.access.uses import note
from core.errors import Forbidden, Unauthenticated
from core.events import emit, transaction
from core.fields import now
from core.models import Session, User
from core.permissions import Actor
from core.roles import of_user

if TYPE_CHECKING:
    from core.crm import CRM

COOKIE = "payvand"
CSRF = "x-csrf-token"
ONLY_READ = ("GET", "HEAD")


def secret_of(connection: HTTPConnection, name: str = COOKIE) -> str | None:
    """What the cookie of that name holds; None when there is none, or nothing that could come from here."""
    found = connection.cookies.get(_name(connection, name), "")
    return found if 20 <= len(found) <= 100 and found.isascii() and found.isprintable() else None


def csrf_token(secret: str, purpose: str = "session") -> str:
    """What a request by this cookie says besides. It follows from the cookie, and the cookie does not follow from it."""
    return hmac.new(secret.encode(), f"payvand csrf {purpose}".encode(), hashlib.sha256).hexdigest()


async def actor_of(crm: "CRM", connection: HTTPConnection, secret: str) -> Actor:
    """The user whose session it is. Raises Unauthenticated, and Forbidden for what another site may have made the browser send."""
    _check_source(connection, secret)
    known = f"session {digest(secret)}"
    if actor := crm.recent.actor(known):
        return actor
    before = crm.recent.forgotten
    found = await find(crm, secret)
    if found is None:
        raise Unauthenticated("the session has ended; sign in again")
    session, user = found
    actor = await of_user(crm, user)
    crm.recent.remember(known, actor, before, ends(crm, session))
    note(crm, "session", "seen_at", session.id, session.seen_at)
    return actor


async def find(crm: "CRM", secret: str) -> tuple[Session, User] | None:
    """The session of this cookie and its user, while it lasts and the user has not left."""
    session = await Session.get_or_none(hash=digest(secret)).select_related("user")
    if session is None or ends(crm, session) <= now():
        return None
    user = session.user
    return (session, user) if user.active and user.deleted_at is None else None


def ends(crm: "CRM", session: Session) -> datetime.datetime:
    """When the session ends if nothing more is asked by it."""
    return min(session.expires_at, session.seen_at + datetime.timedelta(hours=crm.settings.sessions.idle))


async def begin(crm: "CRM", user: User, actor: Actor, old: str | None) -> str:
    """The cookie of a new session. The one that the browser had before ends, and so do all whose days are over."""
    secret, call = random(), crm.call(actor)
    expires_at = now() + datetime.timedelta(hours=crm.settings.sessions.longest)
    async with transaction(call):
        await Session.filter(expires_at__lt=now()).delete()
        if old:
            await Session.filter(hash=digest(old)).delete()
        await Session.create(hash=digest(secret), user_id=user.id, expires_at=expires_at)
        await emit(call, "user.signedIn", user)
    return secret


async def end(crm: "CRM", secret: str) -> None:
    """End the session of this cookie, if there is one."""
    session = await Session.get_or_none(hash=digest(secret)).select_related("user")
    if session is None:
        return
    call = crm.call(Actor(f"user {session.user.name}"[:120], user_id=session.user_id))
    async with transaction(call):
        await session.delete()
        await emit(call, "user.signedOut", session.user)


def give(headers: MutableHeaders, connection: HTTPConnection, secret: str, seconds: float, name: str = COOKIE) -> None:
    """Have the browser keep a cookie: for this server alone, for no script, and not for requests that other sites make."""
    secure = "; Secure" if _by_tls(connection) else ""
    headers.append("set-cookie", f"{_name(connection, name)}={secret}; Path=/; Max-Age={int(seconds)}; HttpOnly; SameSite=Lax{secure}")


def _check_source(connection: HTTPConnection, secret: str) -> None:
    same = same_origin(connection)
    if same is False or (same is None and connection.scope["type"] == "websocket"):
        raise Forbidden("the page that asks is of another site, where this cookie does not count")
    if connection.scope["type"] == "websocket" or connection.scope["method"] in ONLY_READ:
        return
    if not hmac.compare_digest(connection.headers.get(CSRF, "").encode(), csrf_token(secret).encode()):
        raise Forbidden("a request by cookie needs the header X-CSRF-Token, with what /session says")


def _name(connection: HTTPConnection, name: str) -> str:
    """The name of a cookie: by TLS one that browsers take from this very host only."""
    return f"__Host-{name}" if _by_tls(connection) else name


def _by_tls(connection: HTTPConnection) -> bool:
    return connection.scope["scheme"] in ("https", "wss")
