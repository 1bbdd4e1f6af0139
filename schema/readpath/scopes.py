"""Where in a statement one is: the row at hand, and what of the planner those see who plan a part of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from graphql import FieldNode, GraphQLObjectType

from core.crm import CRM
from core.resources import Resource, ToMany
from schema.readpath.selection import Selections
from schema.readpath.statement import Statement

EACH = "*"  # in a path: every item of a list
KEY = "#"  # the key of a record that Python will add something to; no response key looks like this

Path = tuple[str, ...]


@dataclass(frozen=True)
class Scope:
    """A row in the statement. `known` when it is one that the actor may see, `deleted` when it may be a deleted one."""

    resource: Resource
    alias: str
    known: bool = True
    deleted: bool = False


@dataclass(frozen=True)
class Hole:
    """A field that Python fills in: `path` leads from the value of the root field to the objects that have it."""

    path: Path
    key: str
    kind: GraphQLObjectType
    nodes: tuple[FieldNode, ...]
    resource: Resource


@dataclass(frozen=True)
class Spread:
    """A root object whose fields are columns of the answer: the database need not copy a long list into an object."""

    pairs: Sequence[tuple[str, str]]
    source: str


class Plans(Protocol):
    """The planner, as those see it who plan pages and groups."""

    crm: CRM
    made: Statement
    selections: Selections
    holes: list[Hole]

    def object(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode], scope: Scope, path: Path) -> str:
        """The JSON of a record."""
        ...

    def money(self, kind: Any, nodes: Sequence[FieldNode], amount: str, currency: str) -> str:
        """The JSON of an amount of money, of JSON for its two parts."""
        ...

    def behind(self, back: ToMany, scope: Scope, there: str, *, deleted: bool = False) -> list[str]:
        """Tests for the rows of a way back that the actor may see."""
        ...
