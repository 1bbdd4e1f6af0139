"""Which variables matter to what is selected below the root fields of an operation."""

from collections.abc import Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)


def used_below(operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> frozenset[str]:
    """The names of all variables but those that occur in the arguments of root fields alone."""
    return frozenset(_root(operation.selection_set, fragments, set()))


def _root(selection: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], seen: set[str]) -> Iterator[str]:
    for node in selection.selections:
        yield from _names(node.directives, fragments, seen)
        if isinstance(node, FieldNode):
            yield from _names(node.selection_set, fragments, seen)
        else:
            yield from _root(_spread(node, fragments), fragments, seen)


def _spread(node: SelectionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> SelectionSetNode:
    return fragments[node.name.value].selection_set if isinstance(node, FragmentSpreadNode) else node.selection_set  # type: ignore[attr-defined]  # an inline fragment


def _names(node: object, fragments: Mapping[str, FragmentDefinitionNode], seen: set[str]) -> Iterator[str]:
    """The names of variables in a node, and in the fragments that are spread there."""
    if isinstance(node, VariableNode):
        yield node.name.value
    elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
        seen.add(node.name.value)
        yield from _names(fragments[node.name.value].selection_set, fragments, seen)
    elif isinstance(node, list | tuple):
        for one in node:
            yield from _names(one, fragments, seen)
    if isinstance(node, Node):
        for name in node.keys:
            if name != "loc":
                yield from _names(getattr(node, name, None), fragments, seen)
