"""Passwords: Argon2id, worked out in threads, so that nothing else waits for it.

Costs are the second recommendation of RFC 9106, 4: 64 MiB, three passes, four lanes. A password is prepared as an OpaqueString of
RFC 8265, 4.2: NFC, blanks of other scripts as the blank of ASCII, case and width as they are. NFKC would unite what people type
on purpose, and is not what the profile for passwords says. Length is counted in code points after that, as NIST SP 800-63B does.
"""

import asyncio
import secrets
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from core.errors import Invalid
from core.text import storable

SHORTEST, LONGEST = 12, 200
AT_ONCE = 2  # each takes 64 MiB and a processor


class Passwords:
    """Hashes passwords and compares them, a few at once."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def hashed(self, password: str, path: str = "password") -> str:
        """What is kept of a new password. Raises Invalid under `path` for one that is too short, too long, or no text."""
        text = prepared(password, path)
        if not SHORTEST <= len(text) <= LONGEST:
            raise Invalid({path: f"has {len(text)} characters; a password has {SHORTEST} to {LONGEST}"})
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, text)

    async def fits(self, kept: str | None, password: str) -> bool:
        """Whether this is the password of which `kept` was kept. It takes as long when there is none at all."""
        try:
            text = prepared(password, "password")
        except Invalid:
            text = ""  # no password that anyone has; still it takes its time
        async with self._turns:
            return await asyncio.to_thread(self._compared, kept, text[: LONGEST + 1])

    def outdated(self, kept: str) -> bool:
        """Whether it was kept at other costs than those of today, so that it is to be kept anew."""
        try:
            return self._hasher.check_needs_rehash(kept)
        except InvalidHashError:
            return True

    def _compared(self, kept: str | None, text: str) -> bool:
        other = self._nobodys  # made at the first attempt, whoever tries
        try:
            fits = self._hasher.verify(kept or other, text)
        except (VerificationError, InvalidHashError):
            return False
        return fits and kept is not None

    @cached_property
    def _nobodys(self) -> str:
        """What is compared where there is no password."""
        return self._hasher.hash(secrets.token_urlsafe(32))


def prepared(password: str, path: str) -> str:
    """The password as it is hashed. Raises Invalid for characters that no password has: controls, and lone surrogates."""
    text = unicodedata.normalize("NFC", "".join(" " if unicodedata.category(one) == "Zs" else one for one in storable(password, path)))
    if any(unicodedata.category(one) == "Cc" for one in text):
        raise Invalid({path: "contains a control character"})
    return text
