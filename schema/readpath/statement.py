"""A statement while it is planned: its parameters, and the questions on whose answers its text depends."""

from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass, field
from typing import Any

from tortoise.exceptions import BaseORMException

from core.crm import Call
from core.errors import Refused
from core.resources import Resource
from schema.readpath.arguments import Given
from schema.readpath.dialect import Dialect
from schema.readpath.variables import Unfit, Variables

Bind = Callable[[Call, Variables], Any]
Question = Callable[[Call, Variables], Hashable]


# The tests of a filter on the rows of an alias. Rules have need of it, and filters of rules.
Meaning = Callable[["Statement", Resource, str, Given], list[str]]

REFUSED = object()


class _Every:
    def __contains__(self, column: object) -> bool:
        return True


EVERY: Container[str] = _Every()  # of rows that are found by the key of another row: what else is asked of them is asked of few


def answered(question: Question, call: Call, variables: Variables) -> Hashable:
    """The answer of this request to a question; that it refuses is an answer too."""
    try:
        return question(call, variables)
    except (Refused, Unfit, BaseORMException):
        return REFUSED


@dataclass
class Statement:
    """What one request taught about a document. Another request whose answers are the same runs the same SQL.

    Parameters are bound anew for each request, and so every value that a client or a rule gives is one; the text
    holds names of tables and columns, response keys, and numbers that are checked to lie within the limits.
    """

    dialect: Dialect
    call: Call
    variables: Variables
    binds: list[Bind] = field(default_factory=list)
    questions: list[tuple[Question, Hashable]] = field(default_factory=list)
    checks: list[Bind] = field(default_factory=list)
    meaning: Meaning | None = None
    brief: bool = True  # whether all rows are found by keys
    steady: bool = True  # whether the database goes about it alike for all values that are bound
    led: dict[str, Container[str]] = field(default_factory=dict)  # of an alias, the columns whose values say nothing of its plan
    ruled: bool = True  # not while the filter of a role is written, which means rows whether the actor may see them or not
    _aliases: int = 0

    def alias(self) -> str:
        """A name for a table that nothing else in the statement has."""
        self._aliases += 1
        return f"t{self._aliases}"

    def bind(self, bind: Bind, kind: str, *, many: bool = False, steady: bool = False) -> str:
        """The place of a parameter; of one that is `steady` the value says nothing of how many rows will be found."""
        self.binds.append(bind)
        self.steady = self.steady and steady
        return self.dialect.place(len(self.binds), kind, many=many)

    def ask(self, question: Question) -> Any:
        """The answer to a question, on which the text of the statement may depend from now on. Raises Unfit when it is refused."""
        answer = answered(question, self.call, self.variables)
        self.questions.append((question, answer))
        if answer is REFUSED:
            raise Unfit("refused")
        return answer

    def check(self, check: Bind) -> None:
        """Let something that may refuse the request be asked each time."""
        check(self.call, self.variables)
        self.checks.append(check)
