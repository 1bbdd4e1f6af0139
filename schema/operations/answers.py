"""What a client gets: as Python, or as JSON that is ready."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)  # not frozen, which makes it slow to make, and one is made for each request
class Answer:
    """What a client gets. `executed` is false when the request failed before anything was done.

    `text` is the body as JSON where it was made already; `compiled` are the response keys of the root fields that statements made.
    `replayed` is true for the first answer to a request that came again.
    `written` is whether a mutation took the short road. `code` is that of the first error in `text`.
    """

    body: dict[str, Any] = field(default_factory=dict)
    executed: bool = True
    text: bytes | None = None
    compiled: tuple[str, ...] = ()
    replayed: bool = False
    written: bool = False
    code: str = "OK"

    def outcome(self) -> str:
        """The code of the first error, or OK."""
        errors = self.body.get("errors")
        return errors[0]["extensions"]["code"] if errors else self.code

    def encoded(self) -> bytes:
        """The body as JSON in UTF-8."""
        return encoded(self.body) if self.text is None else self.text


def encoded(body: Any) -> bytes:
    """JSON in UTF-8. Lone surrogates, which a client may have sent, are escaped. Raises ValueError for NaN."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
