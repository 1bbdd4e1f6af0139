"""GraphQL asked from within: a query that this process answers for an actor, as it would answer a client."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from core.crm import Call

NOTHING: Mapping[str, Any] = {}


class Answering(Protocol):
    """What answers GraphQL in a house; there is one, made when somebody first asks."""

    async def ask(self, call: "Call", document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """See `ask`."""
        ...

    def check(self, document: str, given: Mapping[str, str], path: str) -> None:
        """See `check_query`."""
        ...


async def ask(call: "Call", document: str, variables: Mapping[str, Any] = NOTHING) -> dict[str, Any]:
    """What a query answers for the actor of the call, as a client would read it: `{"data": ..., "errors": [...]}`.

    Without `data` nothing was executed, for the reason that `errors` gives. The limits of the settings hold, the rates of clients do
    not. Mutations and subscriptions are refused: what a plugin writes it writes itself.
    """
    return await call.crm.answering.ask(call, document, variables)


def check_query(call: "Call", document: str, given: Mapping[str, str], path: str = "query") -> None:
    """Raise Invalid under `path` unless `ask` could execute this document today: one query, valid, and within the limits.

    given: the variables that it may declare, with their types: `{"id": "ID!"}`.
    """
    call.crm.answering.check(document, given, path)
