"""Plans that are kept: found again by the operation, the shape of its variables, and the answers to the questions of the plan."""

import json
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, GraphQLSchema, OperationDefinitionNode, OperationType

from core.crm import Call
from core.database.readers import Parts
from schema.readpath.scopes import Hole
from schema.readpath.statement import Bind, Question, answered
from schema.readpath.used import used_below
from schema.readpath.variables import Signature, Unfit, Variables

MOST_OPERATIONS = 500
MOST_PLANS = 100  # of one operation


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The fragments of a document, by name."""
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


@dataclass(frozen=True)
class Part:
    """A root field: a constant, or a column of the statement with the holes in it, or neither where its resolver answers.

    Of a spread object `fields` are the keys, as JSON, of the columns from there on.
    """

    key: str
    nodes: tuple[FieldNode, ...]
    constant: bytes | None = None
    column: int | None = None
    holes: tuple[Hole, ...] = ()
    fields: tuple[bytes, ...] = ()

    def value(self, found: Parts) -> bytes:
        """The JSON of a root field that is a constant or read by the statement, holes and all."""
        if self.column is None:
            assert self.constant is not None
            return self.constant
        if self.fields:
            return b"{%s}" % b",".join(head + _bytes(found[self.column + place]) for place, head in enumerate(self.fields))
        return _bytes(found[self.column])

    @cached_property
    def head(self) -> bytes:
        """The key as it stands in JSON before its value."""
        return json.dumps(self.key).encode() + b":"


@dataclass(frozen=True)
class Plan:
    """How an operation is answered: the statement, if any, what is bound to it, and the root fields in their order."""

    parts: tuple[Part, ...]
    sql: str
    binds: tuple[Bind, ...]
    checks: tuple[Bind, ...]
    brief: bool
    steady: bool = False
    fresh: str = ""  # of what a mutation shows: the statement that finds it in the rows that are just inserted, if there is one

    @cached_property
    def compiled(self) -> tuple[str, ...]:
        """The keys of the root fields that the statement answers."""
        return tuple(part.key for part in self.parts if part.column is not None)

    @cached_property
    def plain(self) -> bool:
        """Whether the answer is the columns and constants, put together, and nothing is added to them."""
        return not self.slow and not any(part.holes for part in self.parts)

    @cached_property
    def slow(self) -> bool:
        """Whether there are root fields that their resolvers answer."""
        return any(part.column is None and part.constant is None for part in self.parts)


def _bytes(text: bytes | str | int | None) -> bytes:
    return text if isinstance(text, bytes) else b"null" if text is None else str(text).encode()


@dataclass
class _Branch:
    """A question and what follows from each answer, or a plan at the end of all questions."""

    question: Question | None = None
    answers: dict[Hashable, "_Branch"] = field(default_factory=dict)
    plan: Plan | None = None


@dataclass
class Known:
    """An operation, its variables, and its plans."""

    operation: OperationDefinitionNode
    signature: Signature | None
    branches: dict[Hashable, _Branch] = field(default_factory=dict)
    roots: dict[Hashable, Any] = field(default_factory=dict)  # of a mutation, by the shape of its variables
    plans: int = 0

    def give_up(self, shape: Hashable, call: Call, variables: Variables) -> None:
        """Leave such requests to their resolvers from now on; others of the operation may be of another depth, and keep their plans."""
        branch = self._branch(shape, call, variables)
        if branch is not None and branch.plan is not None:
            branch.plan = Plan(tuple(Part(part.key, part.nodes) for part in branch.plan.parts), "", (), (), False)

    def find(self, shape: Hashable, call: Call, variables: Variables) -> Plan | None:
        """The plan for such a request, if it is known."""
        branch = self._branch(shape, call, variables)
        return branch.plan if branch else None

    def _branch(self, shape: Hashable, call: Call, variables: Variables) -> _Branch | None:
        branch = self.branches.get(shape)
        while branch is not None and branch.question is not None:
            branch = branch.answers.get(answered(branch.question, call, variables))
        return branch

    def keep(self, shape: Hashable, questions: Sequence[tuple[Question, Any]], plan: Plan) -> None:
        """Keep a plan. Too many of one operation are forgotten at once: some value that ever changes is a part of their shape."""
        if self.plans >= MOST_PLANS:
            self.branches.clear()
            self.plans = 0
        branch = self.branches.setdefault(shape, _Branch())
        for question, answer in questions:
            # The first plan said which question comes here; it follows from the answers before it, and so is the same for all.
            branch.question = branch.question or question
            branch = branch.answers.setdefault(answer, _Branch())
        branch.plan = plan
        self.plans += 1


class Operations:
    """The operations that were planned, the latest ones."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._known: OrderedDict[int, Known] = OrderedDict()

    def of(self, operation: OperationDefinitionNode, document: DocumentNode) -> Known:
        """What is known of an operation of this document, which is told from others by its identity."""
        known = self._known.get(id(operation))
        if known is not None:
            self._known.move_to_end(id(operation))
            return known
        # What a mutation is given shapes no statement; what it shows does.
        fragments = fragments_of(document) if operation.operation is OperationType.MUTATION else None
        try:
            signature = Signature(self._schema, operation, None if fragments is None else used_below(operation, fragments))
        except Unfit:
            signature = None
        known = self._known[id(operation)] = Known(operation, signature)
        if len(self._known) > MOST_OPERATIONS:
            self._known.popitem(last=False)
        return known
