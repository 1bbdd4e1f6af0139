"""What no answer may ever be: an error of ours, or a look behind the curtain."""

import json
import re
from typing import Any

import httpx

from tests.house import House

INSIDE = re.compile(
    r"Traceback|\.py\b|\b(?!UserError)[A-Z]\w+(?:Error|Exception)\b|\b(?:SELECT|INSERT|UPDATE|DELETE|WHERE)\b \S"
    r"|sqlite|asyncpg|postgres|tortoise|strawberry|starlette|site-packages|/(?:usr|home|root|tmp|var|opt)/"
    r"|0x[0-9a-f]{6,}|object at|<class|NoneType|\bself\b|codec can|violates|constraint"
)
FAULTS = {"INTERNAL_SERVER_ERROR", "UNAVAILABLE"}


def decent(response: httpx.Response) -> Any:
    """The body of an answer that is no error of ours and tells nothing about the inside."""
    assert response.status_code < 500, response.text
    body = response.json()
    for error in body.get("errors", []):
        assert error["extensions"]["code"] not in FAULTS, error
        assert error["extensions"]["requestId"]
    told = json.dumps([body.get("errors"), *_user_errors(body.get("data"))], ensure_ascii=False)
    assert not (found := INSIDE.search(told)), f"{found.group()!r} in {told}"
    return body


async def send(house: House, document: str, **variables: Any) -> Any:
    """The body of a decent answer. Everything can be sent: text goes as ASCII, so lone surrogates too."""
    body = json.dumps({"query": document, "variables": variables})
    return decent(await house.client.post("/graphql", content=body, headers={"Content-Type": "application/json"}))


def _user_errors(value: Any) -> list[Any]:
    if isinstance(value, dict):
        own = value.get("userErrors") or []
        return [*own, *(error for one in value.values() for error in _user_errors(one))]
    return [error for one in value for error in _user_errors(one)] if isinstance(value, list) else []
