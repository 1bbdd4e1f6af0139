"""Secrets and signatures, as standardwebhooks.com has them: any of its libraries checks what is signed here."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

MARK = "whsec_"
BYTES = 32  # of a secret; the specification asks for 24 to 64


def new_secret() -> str:
    """A new secret: `whsec_` and 32 random bytes in base64."""
    return MARK + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def headers(event_id: str, moment: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The three headers of a message that is sent at `moment`, in seconds since 1970: one signature for each of the secrets."""
    signed = f"{event_id}.{moment}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join(f"v1,{_signature(key, signed)}" for key in keys),
    }


def _signature(key: str, signed: bytes) -> str:
    secret = base64.b64decode(key.removeprefix(MARK))
    return base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
