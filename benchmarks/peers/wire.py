"""One question over HTTP, outside of what is measured."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PATIENCE = 60  # seconds


def send(url: str, body: Any, token: str | None = None, method: str = "POST") -> Any:
    """The JSON that comes back. Raises RuntimeError with what the server said for any status but 2xx."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        with urlopen(Request(url, json.dumps(body).encode(), headers, method=method), timeout=PATIENCE) as answer:
            return json.load(answer)
    except HTTPError as error:
        raise RuntimeError(f"{method} {url} answered {error.code}: {error.read().decode(errors='replace')[:500]}") from None
