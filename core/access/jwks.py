"""The public keys of a provider: fetched when they are needed, kept for a while, and never fetched again and again."""

import asyncio
import json
import logging
import time
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from core.errors import Unavailable
from core.settings import Provider, trusted

log = logging.getLogger(__name__)

FRESH, STALE = 3_600.0, 86_400.0  # seconds until keys are fetched anew, and until they are not used any more
PAUSE = 30.0  # seconds between two attempts, however many tokens name keys that nobody knows
PATIENCE = 5.0
MOST_BYTES, MOST_KEYS = 262_144, 100
KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}  # by how the name of an algorithm begins

Key = dict[str, Any]


class KeySet:
    """The keys of one provider."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._keys: list[Key] = []
        self._fetched = self._tried = float("-inf")
        self._turn = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key of that name for signatures of that kind; without a name the only one. Raises Unavailable when there are none at all."""
        found = self._known(kid, algorithm)
        if found is None:
            await self._fetch()
            found = self._known(kid, algorithm)
        elif time.monotonic() - self._fetched > FRESH and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._fetch())
        if found is None and not self._current():
            raise Unavailable("the keys of who signed this token cannot be read at the moment; try again", int(PAUSE))
        return found

    def _current(self) -> list[Key]:
        return self._keys if time.monotonic() - self._fetched < STALE else []

    def _known(self, kid: str | None, algorithm: str) -> Key | None:
        fitting = [one for one in self._current() if _fits(one, algorithm) and (kid is None or one.get("kid") == kid)]
        return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None

    async def _fetch(self) -> None:
        """Fetch the keys, unless that was tried a moment ago. When it fails, those that are there stay."""
        async with self._turn:
            if time.monotonic() - self._tried < PAUSE:
                return
            self._tried = time.monotonic()
            try:
                async with asyncio.timeout(2 * PATIENCE):
                    self._keys = await asyncio.to_thread(_fetched, self._provider)
            except (OSError, URLError, HTTPException, ValueError, RecursionError) as error:
                log.warning("the keys of %s cannot be fetched: %s", self._provider.issuer, error)
                return
            self._fetched = time.monotonic()


def _fits(key: Key, algorithm: str) -> bool:
    """Whether a key is one for signatures of this kind."""
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("kty") == KINDS[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and isinstance(operations, list)
        and "verify" in operations
    )


def _fetched(provider: Provider) -> list[Key]:
    """The keys of a provider. Raises OSError and ValueError."""
    deadline, address = time.monotonic() + PATIENCE, provider.jwks
    if not address:
        found = _read(f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration", deadline)
        if found.get("issuer") != provider.issuer:
            raise ValueError("its discovery is that of another issuer")
        address = found.get("jwks_uri")
        if not isinstance(address, str) or not trusted(address):
            raise ValueError("its discovery names no keys at a URL of https")
    keys = _read(address, deadline).get("keys")
    if not isinstance(keys, list):
        raise ValueError("what is there are no keys")
    return [one for one in keys if isinstance(one, dict)][:MOST_KEYS]


def _read(url: str, deadline: float) -> dict[str, Any]:
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "payvand"})  # the URL is a trusted one
    body = bytearray()
    with build_opener(_NoRedirects).open(request, timeout=max(0.1, deadline - time.monotonic())) as answer:
        while piece := answer.read1(65_536):
            body += piece
            if len(body) > MOST_BYTES:
                raise ValueError(f"{url} answers with more than {MOST_BYTES} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} takes too long")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError(f"{url} answers with no object")
    return found


class _NoRedirects(HTTPRedirectHandler):
    """Follows nobody elsewhere: the address is the one of the settings."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        return None
