"""Tokens of other providers: JSON Web Tokens that say who asks, as OpenID Connect has them.

What a token says of itself only chooses among what the settings allow: its issuer one of theirs, its algorithm one of that issuer's,
its key one of those that the issuer shows. See RFC 8725 for the tricks that this is against.
"""

import datetime
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jwt

from core.access.jwks import KeySet
from core.access.secrets import digest
from core.errors import Refused, Unauthenticated
from core.models import User
from core.permissions import SYSTEM, Actor
from core.records import store
from core.roles import of_user
from core.settings import Provider

if TYPE_CHECKING:
    from core.crm import CRM

log = logging.getLogger(__name__)

LONGEST = 16_384
UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, AttributeError, RecursionError)  # what a token can be made to raise
REQUIRED = ["exp", "iss", "aud"]


class Tokens:
    """The providers of a house, by issuer."""

    def __init__(self, crm: "CRM") -> None:
        self._crm = crm
        self._providers = {one.issuer: (name, one, KeySet(one)) for name, one in crm.settings.oidc.items()}
        self._reader = jwt.PyJWT({"enforce_minimum_key_length": True})

    async def actor(self, token: str) -> Actor:
        """The user of whom a token speaks. Raises Unauthenticated, and Unavailable when no key is known by which to check it."""
        if not token.isascii() or len(token) > LONGEST:
            raise _invalid()
        crm, known = self._crm, digest(token)
        if actor := crm.recent.actor(known):
            return actor
        before = crm.recent.forgotten
        name, provider, claims = await self._claims(token)
        actor = await of_user(crm, await self._user(name, provider, claims))
        crm.recent.remember(known, actor, before, datetime.datetime.fromtimestamp(int(claims["exp"]), datetime.UTC))
        return actor

    async def _claims(self, token: str) -> tuple[str, Provider, Mapping[str, Any]]:
        """What a provider says in a token that is its own, for us, and of now."""
        try:
            head = jwt.get_unverified_header(token)
            said = self._reader.decode(token, options={"verify_signature": False}).get("iss")
        except UNREADABLE:
            raise _invalid() from None
        found = self._providers.get(said) if isinstance(said, str) else None
        kid, algorithm = head.get("kid"), head.get("alg")
        if found is None or "crit" in head or algorithm not in found[1].algorithms or not isinstance(kid, str | None):
            raise _invalid()
        name, provider, keys = found
        key = await keys.find(kid, algorithm)
        if key is None:
            raise _invalid()
        try:
            claims = self._reader.decode(
                token, jwt.PyJWK(key, algorithm), [algorithm], {"require": REQUIRED}, audience=provider.audience, issuer=provider.issuer,
                leeway=provider.clock_skew,
            )  # fmt: skip
            datetime.datetime.fromtimestamp(int(claims["exp"]), datetime.UTC)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("this token has expired") from None
        except (*UNREADABLE, OSError):
            raise _invalid() from None
        return name, provider, claims

    async def _user(self, name: str, provider: Provider, claims: Mapping[str, Any]) -> User:
        said = claims.get(provider.claim)
        if not isinstance(said, str) or not said.strip() or len(said) > 254 or not said.isprintable():
            raise Unauthenticated(f"this token has no claim '{provider.claim}'")
        proven = claims.get("email_verified", True) in (True, "true")
        if provider.claim == "sub":
            by, email = {"external_source": name, "external_id": said}, claims.get("email") if proven else None
        elif proven:
            by, email = {"email": said.strip().lower()}, said
        else:
            raise Unauthenticated("the address in this token is not verified")
        user = await _found(by)
        if user is None and provider.role:
            user = await self._made({**by, "email": email}, claims, provider.role) or await _found(by)
        if user is None:
            raise Unauthenticated("nobody here is the user of this token")
        return user

    async def _made(self, values: dict[str, Any], claims: Mapping[str, Any], role: str) -> User | None:
        """A user who comes for the first time; None when there is one with its address already, or it was there and is deleted."""
        called = claims.get("name")
        name = called if isinstance(called, str) and called.strip() else values["email"] or values["external_id"]
        call = self._crm.call(SYSTEM)
        try:
            return await store.create(call, self._crm.resource(User), {**values, "name": name[:200], "role": role})
        except Refused as refused:
            log.warning("a user of a token of %s cannot be made: %s", values.get("external_source") or "a provider", refused)
            return None


async def _found(by: Mapping[str, str]) -> User | None:
    return await User.get_or_none(**by, deleted_at__isnull=True)  # type: ignore[arg-type]  # names of columns


def _invalid() -> Unauthenticated:
    """One sentence for whatever is wrong, so that nobody learns by trying."""
    return Unauthenticated("this token is not valid")
