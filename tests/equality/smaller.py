"""Smaller documents: what an operation can do without and still show the same fault is taken out of it, piece by piece."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    REMOVE,
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

Sets = Sequence[Mapping[str, Any]]
Fails = Callable[[str, Sets], Awaitable[bool]]

MOST_TRIES = 400
PIECES = (FieldNode, FragmentSpreadNode, InlineFragmentNode, ArgumentNode, DirectiveNode, ObjectFieldNode)


async def smallest(document: str, variables: Sets, fails: Fails) -> tuple[str, Sets]:
    """The smallest operation and sets of variables that `fails` still says yes to, as far as so many tries lead."""
    tries = 0

    async def still(text: str, sets: Sets) -> bool:
        nonlocal tries
        tries += 1
        return tries <= MOST_TRIES and await fails(text, sets)

    for one in variables:
        if len(variables) > 1 and await still(document, [one]):
            variables = [one]
            break
    found = True
    while found and tries <= MOST_TRIES:
        found = False
        for piece in _pieces(parse(document)):
            candidate = _without(document, piece)
            needed = [{name: value for name, value in one.items() if f"${name}" in candidate} for one in variables]
            if candidate != document and await still(candidate, needed):
                document, variables, found = candidate, needed, True
                break
    return document, variables


def _pieces(document: DocumentNode) -> Iterator[int]:
    """The places of all that can be taken out, the largest first."""
    sizes: dict[int, int] = {}

    class Sizes(Visitor):
        def enter(self, node: Node, *_: Any) -> None:
            if isinstance(node, PIECES) and node.loc:
                sizes[len(sizes)] = node.loc.end - node.loc.start

    visit(document, Sizes())
    return iter(sorted(sizes, key=lambda place: -sizes[place]))


def _without(document: str, piece: int) -> str:
    """The document without its piece of this place, and without what nobody needs then."""

    class Without(Visitor):
        place = -1

        def enter(self, node: Node, *_: Any) -> Any:
            if isinstance(node, PIECES):
                self.place += 1
                if self.place == piece:
                    return REMOVE
            return None

    made = _tidy(visit(parse(document, no_location=True), Without()))
    return document if any(not one.selections for one in _all(made, SelectionSetNode)) else print_ast(made)


def _tidy(document: DocumentNode) -> DocumentNode:
    for _ in range(20):  # a fragment that is gone may have been the last to need another
        spread = {one.name.value for one in _all(document, FragmentSpreadNode)}
        kept = [one for one in document.definitions if not isinstance(one, FragmentDefinitionNode) or one.name.value in spread]
        if len(kept) == len(document.definitions):
            break
        document = DocumentNode(definitions=tuple(kept))
    used = {
        one.name.value
        for part in document.definitions
        for whole in ((part.selection_set, *(part.directives or ())) if isinstance(part, OperationDefinitionNode) else (part,))
        for one in _all(whole, VariableNode)
    }

    class Tidy(Visitor):
        def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> Any:
            return None if node.variable.name.value in used else REMOVE

    return visit(document, Tidy())


def _all(node: Any, kind: type[Any]) -> list[Any]:
    found: list[Any] = []

    class Finder(Visitor):
        def enter(self, one: Node, *_: Any) -> None:
            if isinstance(one, kind):
                found.append(one)

    visit(node, Finder())
    return found
