"""An operation on both roads: asked twice, and again with other variables, so that what a plan remembers is found out."""

import asyncio
import contextlib
import json
import logging
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from core.errors import Refused
from schema.errors import Unprocessable, entries
from schema.operations.answers import Answer
from schema.transport.parameters import Parameters
from tests.equality.comparing import Difference, difference, read, shown
from tests.equality.laboratory import Laboratory

GIVEN_UP = "resolvers answer"
PATIENCE = 4


async def same(
    laboratory: Laboratory, document: str, variables: Sequence[Mapping[str, Any]] = ({},), role: str = "admin", name: str | None = None
) -> list[Answer]:
    """The answers to a document with each set of variables, when both roads lead to them; else the test fails.

    The first set is asked twice, the last is followed by the first: a plan that is kept must not keep a value.
    """
    answers: list[Answer] = []
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
        for _ in range(PATIENCE):  # of several errors that spread the same null, the resolvers tell one by chance
            if not _by_chance(interpreted, answer):
                break
            interpreted = await _answer(laboratory, "interpret", parameters, role) or interpreted
        _compared(interpreted, answer, parameters, role, when)
        answers.append(answer)
    return answers


async def executed(
    laboratory: Laboratory, document: str, variables: Sequence[Mapping[str, Any]], role: str, name: str | None = None
) -> list[Answer]:
    """The answers on the road that is taken where it can be, whatever the other one leads to."""
    answers: list[Answer] = []
    for given in variables:
        with contextlib.suppress(GraphQLError, Unprocessable, Refused):
            answers.append(await laboratory.execute(Parameters(document, given, name), role))
    return answers


async def served(laboratory: Laboratory, document: str, variables: Mapping[str, Any], role: str, name: str | None = None) -> None:
    """Fail unless what HTTP serves is what the engine says, to the byte where nothing went wrong."""
    parameters = Parameters(document, variables, name)
    try:
        answer = await laboratory.execute(parameters, role)
    except (GraphQLError, Unprocessable, Refused, asyncio.CancelledError):
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
    except Exception as error:  # what a client would read of as a fault of the server, with where it came from
        lines = "".join(traceback.format_exception(error))[-1_500:]
        raise AssertionError(told(parameters, role, road, f"{road} failed, neither statements nor {GIVEN_UP}\n{lines}")) from None


@contextlib.contextmanager
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


def _by_chance(interpreted: Answer, answer: Answer) -> bool:
    found = difference(read(interpreted.encoded()), read(answer.encoded()))
    return found is not None and found.path.startswith("the errors of ") and "…" in found.path


def _compared(interpreted: Answer, executed: Answer, parameters: Parameters, role: str, when: str) -> None:
    bodies = [read(one.encoded()) for one in (interpreted, executed)]
    found: Difference | str | None = difference(*bodies)
    if found is not None and not found.path.startswith("the errors") and any("errors" in body for body in bodies):
        found = f"{found}\n  errors: {' and '.join(shown(body.get('errors')) for body in bodies)}"
    if found is None and interpreted.executed != executed.executed:
        found = f"executed: {interpreted.executed} and {executed.executed}"
    if found is not None:
        raise AssertionError(told(parameters, role, when, found))
