"""From a text to an operation that may be executed; documents that were found good are kept."""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    ValidationContext,
    parse,
    specified_rules,
    validate,
    value_from_ast_untyped,
)
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from core.errors import Forbidden, Refused
from core.settings import Settings
from schema.errors import Unprocessable
from schema.operations.limits import TooComplex, check_cost, check_operations, check_shape, check_text, check_variables
from schema.operations.shapes import Shape, Shapes

ERRORS = 8
COMPARISONS = 50_000
KEPT_DOCUMENTS = 1_000
KEPT_CHARACTERS = 1_048_576
LONGEST_KEPT = 65_536


@dataclass(frozen=True)
class Prepared:
    """An operation that is valid and within the limits, with what it may cost."""

    document: DocumentNode
    operation: OperationDefinitionNode
    cost: int

    @property
    def kind(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.operation.operation


@dataclass(frozen=True)
class _Known:
    """A document that was found valid, and the shapes of those of its operations that were asked for."""

    ast: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    measure: Shapes
    shapes: dict[str | None, Shape] = field(default_factory=dict)
    prepared: dict[str | None, Prepared] = field(default_factory=dict)  # of what costs the same whatever the variables are


class Documents:
    """The documents of one schema: read once, then known by their text. Bounded in number and in size.

    Where some are `listed`, no other is read.
    """

    def __init__(self, schema: GraphQLSchema, settings: Settings, listed: Collection[str] | None = None) -> None:
        self._schema = schema
        self._limits = settings.limits
        self._listed = None if listed is None else frozenset(listed)
        self._open = settings.server.introspection
        self._rules = (*_RULES, _OverlappingFields, MaybeNullValidationRule, OneOfInputValidationRule)
        if not self._open:
            self._rules = (*self._rules, NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, _Known] = OrderedDict()
        self._characters = 0

    def prepare(self, text: str, operation_name: str | None, variables: Mapping[str, Any]) -> Prepared:
        """The operation that a request asks for. Raises GraphQLSyntaxError, Unprocessable, TooComplex, Forbidden and Refused."""
        check_variables(variables)
        known = self._kept.get(text)
        fresh = known is None
        if known is None:
            known = self._read(text)
        else:
            self._kept.move_to_end(text)
            if operation_name in known.prepared:
                return known.prepared[operation_name]
        operation = _chosen(known, operation_name)
        shape = self._shape(known, operation)
        if fresh:
            self._check(known.ast)
            self._keep(text, known)
        cost = shape.cost
        if not isinstance(cost, int):
            return Prepared(known.ast, operation, check_cost(cost, {**_defaults(operation), **variables}, self._limits))
        known.prepared[operation_name] = Prepared(known.ast, operation, check_cost(cost, variables, self._limits))
        return known.prepared[operation_name]

    def _read(self, text: str) -> _Known:
        if self._listed is not None and text not in self._listed:
            raise Forbidden("this document is not on the safelist of this server, which executes no others")
        check_text(text, self._limits)
        ast = parse(text, max_lexical_tokens=self._limits.tokens, max_comments=self._limits.tokens)
        operations = {one.name.value if one.name else None: one for one in ast.definitions if isinstance(one, OperationDefinitionNode)}
        check_operations(sum(isinstance(one, OperationDefinitionNode) for one in ast.definitions))
        fragments = {one.name.value: one for one in ast.definitions if isinstance(one, FragmentDefinitionNode)}
        return _Known(ast, operations, Shapes(self._schema, self._limits, fragments))

    def _shape(self, known: _Known, operation: OperationDefinitionNode) -> Shape:
        name = operation.name.value if operation.name else None
        if name not in known.shapes:
            shape = known.measure.of(operation)
            check_shape(shape, self._limits)
            known.shapes[name] = shape
        return known.shapes[name]

    def _check(self, ast: DocumentNode) -> None:
        errors = validate(self._schema, ast, self._rules, max_errors=ERRORS, hide_suggestions=not self._open)
        if errors and isinstance(errors[-1], ValidationAbortedError) and len(errors) <= ERRORS:
            raise TooComplex("the document repeats the same fields too often, or nests its fragments too deeply; merge what is repeated")
        if errors:
            raise Unprocessable(errors, "GRAPHQL_VALIDATION_FAILED")

    def _keep(self, text: str, known: _Known) -> None:
        if len(text) > LONGEST_KEPT:
            return
        self._kept[text] = known
        self._characters += len(text)
        while len(self._kept) > KEPT_DOCUMENTS or self._characters > KEPT_CHARACTERS:
            oldest, _ = self._kept.popitem(last=False)
            self._characters -= len(oldest)


class _OverlappingFields(OverlappingFieldsCanBeMergedRule):
    """The rule that compares fields of one name, with a budget of tenths of a second where the library's is seconds."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = COMPARISONS


_RULES = tuple(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule)


def _chosen(known: _Known, name: str | None) -> OperationDefinitionNode:
    if not known.operations:
        raise Refused("the document has no operation")
    if name:
        if name not in known.operations:
            raise Refused("the document has no operation of the name that operationName gives")
        return known.operations[name]
    if len(known.operations) > 1:
        raise Refused("the document has several operations: say in operationName which one to execute")
    return next(iter(known.operations.values()))


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        one.variable.name.value: value_from_ast_untyped(one.default_value)
        for one in operation.variable_definitions or ()
        if one.default_value
    }
