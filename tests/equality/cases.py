"""How many random cases there are, and what is done with each."""

import os
import random
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schema.operations.answers import Answer
from tests.equality.chance import Chance
from tests.equality.laboratory import ROLES, Laboratory
from tests.equality.operations import THEMES, Operation, operation
from tests.equality.roads import executed, fault, same, served
from tests.equality.smaller import smallest

# As in the profile of hypothesis: the same examples in every run, unless EQUALITY_CASES asks for so many others, of both roads in all.
MANY = int(os.environ.get("EQUALITY_CASES", "0"))
USUALLY = "payvand"
SEED = os.environ.get("EQUALITY_SEED", secrets.token_hex(4) if MANY else USUALLY)
USUAL = 16
REACHED = 32  # of those that are looked at for what they reach
SERVED = 8  # one of so many goes over HTTP too


@dataclass(frozen=True)
class Asked:
    """A random operation, and the answers to it."""

    operation: Operation
    answers: Sequence[Answer]


async def asked(laboratory: Laboratory, theme: str, role: str, *, compared: bool = True) -> AsyncIterator[Asked]:
    """The cases of a theme and a role: the first that fails is made smaller and told, unless they are only to be `compared` elsewhere."""
    usual = USUAL if compared else REACHED
    for index in range(-(-MANY // (len(THEMES) * len(ROLES))) if MANY and compared else usual):
        seed = f"{SEED if compared else USUALLY}-{theme}-{role}-{index}"
        made = operation(Chance(random.Random(seed)), laboratory.engine.schema._schema, laboratory.pools, theme)
        if not compared:
            yield Asked(made, await executed(laboratory, made.document, made.variables, role, made.name))
            continue
        try:
            answers = await same(laboratory, made.document, made.variables, role, made.name)
            if index % SERVED == 0:
                await served(laboratory, made.document, made.variables[0], role, made.name)
        except AssertionError as first:
            raise AssertionError(await _told(laboratory, made, role, seed, str(first))) from None
        yield Asked(made, answers)


async def _told(laboratory: Laboratory, made: Operation, role: str, seed: str, first: str) -> str:
    """What went wrong, for the smallest operation with which the like does."""
    last = first

    async def fails(document: str, variables: Sequence[Mapping[str, Any]]) -> bool:
        nonlocal last
        try:
            await same(laboratory, document, variables, role, made.name)
        except AssertionError as error:
            if fault(str(error)) == fault(first):
                last = str(error)
                return True
        return False

    await smallest(made.document, made.variables, fails)
    return f"{last}\n\nThis is the smallest of {seed}: EQUALITY_SEED={SEED}" + (f" EQUALITY_CASES={MANY}" if MANY else "")
