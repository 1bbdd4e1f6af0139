"""An operation on both roads: asked twice, and again with other variables, so that what a plan remembers is found out."""

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from graphql import GraphQLError

from core.errors import Refused
from schema.errors import Unprocessable, entries
from schema.operations.answers import Answer
from schema.transport.parameters import Parameters
from tests.equality.comparing import Difference, difference, read
from tests.equality.laboratory import Laboratory

GIVEN_UP = "resolvers answer"


async def same(
    laboratory: Laboratory, document: str, variables: Sequence[Mapping[str, Any]] = ({},), role: str = "admin", name: str | None = None
) -> list[Answer]:
    """The answers to a document with each set of variables, when both roads lead to them; else the test fails.

    The first set is asked twice, the last is followed by the first: a plan that is kept must not keep a value.
    """
    executed: list[Answer] = []
    for place, given in enumerate([*variables[:1], *variables, *(variables[:1] if len(variables) > 1 else ())]):
        parameters = Parameters(document, given, name)
        try:
            laboratory.engine.prepare(parameters)
        except (GraphQLError, Unprocessable, Refused):
            continue
        interpreted = await _answer(laboratory, "interpret", parameters, role)
        if interpreted is None:
            continue
        with _stumbling() as stumbles:
            answer = await _answer(laboratory, "execute", parameters, role)
        when = f"time {place + 1}"
        assert not stumbles, told(parameters, role, when, "\n".join(stumbles))
        assert answer is not None, told(parameters, role, when, "the executed one was cancelled")
        _compared(interpreted, answer, parameters, role, when)
        executed.append(answer)
    return executed


async def served(laboratory: Laboratory, document: str, variables: Mapping[str, Any], role: str, name: str | None = None) -> None:
    """Fail unless what HTTP serves is what the engine says, to the byte where nothing went wrong."""
    parameters = Parameters(document, variables, name)
    try:
        answer = await laboratory.execute(parameters, role)
    except (GraphQLError, Unprocessable, Refused):
        return
    asker = await laboratory.asker(role)
    body = json.dumps({"query": document, "variables": dict(variables), "operationName": name})
    response = await asker.client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    if b'"errors"' not in response.content:
        assert response.content == answer.encoded()
    found = difference(read(answer.encoded()), read(response.content))
    assert found is None, told(parameters, role, "HTTP", found)


def fault(message: str) -> str:
    """What kind of fault a message of `same` tells of: the last line of what was raised, or that the answers differ."""
    head = message.partition("\n\n")[0].rstrip().splitlines()
    return head[-1].partition(":")[0] if GIVEN_UP in message else "the answers differ"


def told(parameters: Parameters, role: str, when: str, found: Difference | str) -> str:
    """What was asked, by whom, and where the answers differ."""
    variables = json.dumps(dict(parameters.variables), ensure_ascii=True, indent=1)
    return f"the roads differ ({when}, role {role})\n{found}\n\n{parameters.query}\n\nvariables: {variables}"


async def _answer(laboratory: Laboratory, road: str, parameters: Parameters, role: str) -> Answer | None:
    """The answer on one road; what it raises is an answer too, in the words that a client would read. None when it was cancelled."""
    try:
        return await getattr(laboratory, road)(parameters, role)
    except (GraphQLError, Unprocessable, Refused) as error:
        return Answer({"raised": type(error).__name__, "errors": entries(error, "the request")}, executed=False)
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        return None


@contextmanager
def _stumbling() -> Iterator[list[str]]:
    """What the compiled road says in the log while it is taken: it gave up on what it should have known how to do."""
    told: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(f"{record.getMessage()}\n{self.format(record)[-1_500:]}")

    handler, log = Handler(logging.WARNING), logging.getLogger("schema.readpath")
    log.addHandler(handler)
    try:
        yield told
    finally:
        log.removeHandler(handler)


def _compared(interpreted: Answer, executed: Answer, parameters: Parameters, role: str, when: str) -> None:
    found: Difference | str | None = difference(read(interpreted.encoded()), read(executed.encoded()))
    if found is None and interpreted.executed != executed.executed:
        found = f"executed: {interpreted.executed} and {executed.executed}"
    if found is not None:
        raise AssertionError(told(parameters, role, when, found))
