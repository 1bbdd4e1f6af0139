"""A mutation that came with an Idempotency-Key happens once, however often it is sent, and always has the same answer.

The claim on the key, the effects of all root fields and the answer are one transaction: whatever ends the process, all of it is
there or nothing is. What is not worth keeping is undone to the last row, so that the same key may be tried again.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, SelectionNode

from core.claims import Claim, Claims
from core.crm import Call
from core.errors import Refused
from core.events import Whole, whole
from core.permissions import Actor
from schema.operations.answers import Answer
from schema.operations.documents import Prepared
from schema.transport.parameters import Parameters

# What is in these requests could be guessed by their fingerprint, which lies in the database for a day.
SECRETS = frozenset({"passwordChange", "userPasswordSet"})
FAILURES = ("INTERNAL_SERVER_ERROR", "UNAVAILABLE")

Execute = Callable[[Prepared, Parameters, Call], Awaitable[Answer]]


class _Undone(Exception):
    """Ends a transaction of which nothing is to stay but its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Once:
    """Executes mutations once for each key."""

    def __init__(self, execute: Execute, claims: Claims) -> None:
        self._execute = execute
        self._claims = claims

    async def answer(self, key: str, prepared: Prepared, parameters: Parameters, call: Call) -> Answer:
        """The answer to a mutation, or the first one to the same. Raises Mismatch, Conflict, and what execution raises."""
        names = _names(prepared)
        if secret := sorted(SECRETS & names):
            raise Refused(f"{secret[0]} takes no Idempotency-Key: a password could be guessed by what is kept of the request")
        claim = Claim(_client(call.actor), _hash(" ".join(sorted(names))), key, _fingerprint(parameters))
        try:
            async with self._claims.turn(claim), whole(call) as parts:
                first = await self._claims.take(claim)
                if first is not None:
                    return Answer(text=first.encode(), replayed=True)
                answer = _unless_undone(await self._execute(prepared, parameters, call), parts)
                await self._claims.keep(claim, _without(call.secrets, answer.encoded().decode()))
                return answer
        except _Undone as undone:
            return undone.answer


def _unless_undone(answer: Answer, parts: Whole) -> Answer:
    """The answer as it is kept. Raises _Undone for one that is not: something failed, or all was refused."""
    errors = answer.body.get("errors", ())
    if any(one["extensions"]["code"] in FAILURES for one in errors):
        raise _Undone(Answer({**answer.body, "data": None}))  # of the root fields that went well nothing is left either
    answered = sum(root is not None for root in (answer.body["data"] or {}).values())
    if not parts.done and parts.undone >= answered:
        raise _Undone(answer)
    return replace(answer, text=answer.encoded())


def _without(secrets: Iterable[str], text: str) -> str:
    """The answer with null for what is shown once: of a key only its hash is kept, here too."""
    for one in secrets:
        text = text.replace(json.dumps(one), "null")
    return text


def _client(actor: Actor) -> str:
    if actor.key_id:
        return f"key {actor.key_id}"
    return f"user {actor.user_id}" if actor.user_id else f"actor {_hash(actor.name)}"


def _names(prepared: Prepared) -> set[str]:
    """The root fields: hashed together they fit the column, however many they are."""
    fragments = {one.name.value: one for one in prepared.document.definitions if isinstance(one, FragmentDefinitionNode)}
    names: set[str] = set()
    spread: set[str] = set()
    waiting: list[SelectionNode] = [*prepared.operation.selection_set.selections]
    while waiting:
        one: Any = waiting.pop()
        if isinstance(one, FieldNode):
            names.add(one.name.value)
            continue
        if isinstance(one, FragmentSpreadNode):
            if one.name.value in spread:
                continue
            spread.add(one.name.value)
            one = fragments[one.name.value]
        waiting += one.selection_set.selections
    return names


def _fingerprint(parameters: Parameters) -> str:
    return _hash(json.dumps([parameters.query, parameters.operation_name, parameters.variables], sort_keys=True))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
