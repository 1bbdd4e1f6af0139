"""What is kept of a secret that is random: its SHA-256, by which it is found again and from which it cannot be."""

import hashlib
import secrets


def digest(secret: str) -> str:
    """The SHA-256 of a secret, in hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def random() -> str:
    """A new secret of 256 bits, as text that fits into headers, cookies and URLs."""
    return secrets.token_urlsafe(32)
