"""What is selected: fields by their response keys, with fragments spread and @skip and @include decided."""

from collections.abc import Iterable, Mapping

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
)

from schema.readpath.variables import Unfit, Variables

Selected = dict[str, list[FieldNode]]


class Selections:
    """Collects the fields of one operation for variables of one shape."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], variables: Variables) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables

    def root(self, kind: GraphQLObjectType, selection: SelectionSetNode) -> Selected:
        """The root fields of an operation."""
        found: Selected = {}
        self._collect(kind, selection, found, set())
        return found

    def below(self, kind: GraphQLObjectType, nodes: Iterable[FieldNode]) -> Selected:
        """The fields below a field of that type, which may have been selected several times."""
        found: Selected = {}
        seen: set[str] = set()
        for node in nodes:
            if node.selection_set:
                self._collect(kind, node.selection_set, found, seen)
        return found

    def _collect(self, kind: GraphQLObjectType, selection: SelectionSetNode, found: Selected, seen: set[str]) -> None:
        for node in selection.selections:
            if not self._included(node.directives or ()):
                continue
            if isinstance(node, FieldNode):
                found.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._applies(node.type_condition.name.value, kind):
                    self._collect(kind, node.selection_set, found, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = self._fragments[node.name.value]
                if self._applies(fragment.type_condition.name.value, kind):
                    self._collect(kind, fragment.selection_set, found, seen)

    def _applies(self, condition: str, kind: GraphQLObjectType) -> bool:
        if condition == kind.name:
            return True
        other = self._schema.get_type(condition)
        return is_abstract_type(other) and self._schema.is_sub_type(other, kind)

    def _included(self, directives: Iterable[DirectiveNode]) -> bool:
        included = True
        for one in directives:  # all of them, for a condition without a value is an error beside whatever other one
            name = one.name.value
            if name not in ("skip", "include"):
                raise Unfit(f"@{name}")
            included = (self._condition(one) != (name == "skip")) and included
        return included

    def _condition(self, directive: DirectiveNode) -> bool:
        value = next(one.value for one in directive.arguments or () if one.name.value == "if")
        if not isinstance(value, VariableNode):
            return bool(getattr(value, "value", False))
        if self._variables.get(value.name.value) is None:
            raise Unfit("a condition without a value")
        return bool(self._variables[value.name.value])
