"""What is sent of an event. It is made anew for each try, with the rights and the records of that moment, and kept nowhere."""

import datetime
import json
from collections.abc import Mapping
from typing import Any

from core import Call, Heard, Refused, ask
from plugins.webhooks.models import WebhookEndpoint

# What a query may declare.
VARIABLES = {"id": "ID!", "name": "String!", "eventId": "ID!", "changed": "[String!]!", "at": "DateTime!"}
LATER = ("UNAVAILABLE", "INTERNAL_SERVER_ERROR")  # codes of errors that another try may not meet


class Unanswered(Refused):
    """The query of an endpoint has no answer now."""


async def body(call: Call, endpoint: WebhookEndpoint, heard: Heard) -> bytes:
    """The message as JSON, in the form of standardwebhooks.com. Raises Unanswered."""
    event = heard.event
    at = _text(event.at)
    if endpoint.query is None:
        data: Any = {
            "eventId": str(event.id), "cursor": heard.cursor, "resource": event.resource, "recordId": heard.record_id,
            "changed": heard.changed, "actor": event.actor, "at": at,
        }  # fmt: skip
        return encoded(event.name, at, {"data": data})
    given = {"id": heard.record_id, "name": event.name, "eventId": str(event.id), "changed": heard.changed, "at": at}
    answer = await ask(call, endpoint.query, given)
    errors = answer.get("errors", [])
    if "data" not in answer or any(one["extensions"]["code"] in LATER for one in errors):
        raise Unanswered(f"its query has no answer: {errors[0]['message']}")
    return encoded(event.name, at, answer)


def encoded(name: str, at: str, content: Mapping[str, Any]) -> bytes:
    """The envelope: what happened, when, and what is told of it."""
    message = {"type": name, "timestamp": at, **content}
    try:
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which only JSON's own escapes can carry
        return json.dumps(message, separators=(",", ":")).encode()


def now_text() -> str:
    """This moment, as the envelope has it."""
    return _text(datetime.datetime.now(datetime.UTC))


def _text(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
