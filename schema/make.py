"""Making strawberry types from descriptions: the small tools of the generator."""

import re
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

UNREAD = StrawberryAnnotation(object)


class Book(dict[str, Any]):
    """The types of one schema by name; annotations that are text are looked up here, so types may point in circles."""

    def __init__(self) -> None:
        super().__init__(typing=typing)  # for annotations that are text
        self._annotations: dict[Any, StrawberryAnnotation] = {}

    def field(self, name: str, kind: Any, description: str, resolver: Any = None) -> StrawberryField:
        """A field of an output type; without a resolver it is the attribute of its name."""
        annotation = self._annotation(kind)
        if resolver is None:
            return StrawberryField(python_name=name, type_annotation=annotation, description=description)
        return StrawberryField(
            python_name=name, type_annotation=annotation, description=description, base_resolver=StrawberryResolver(resolver)
        )

    def member(
        self,
        name: str,
        kind: Any,
        description: str,
        *,
        required: bool = False,
        graphql_name: str | None = None,
        default: Any = strawberry.UNSET,
    ) -> StrawberryField:
        """A field of an input type; one that is not required may be left out."""
        annotation = self._annotation(kind if required else optional(kind))
        given: dict[str, Any] = {} if required else {"default": default}
        return StrawberryField(python_name=name, graphql_name=graphql_name, type_annotation=annotation, description=description, **given)

    def add(
        self, name: str, fields: Sequence[StrawberryField], description: str, *, is_input: bool = False, bases: tuple[type, ...] = ()
    ) -> type:
        """A type of this name, made once."""
        if name not in self:
            kinds = {one: one.type_annotation for one in fields}
            body: dict[str, Any] = {str(one.python_name): one for one in fields}
            # Strawberry would read the annotations here, some of which name types to come, and forget where they are looked up.
            unread = dict.fromkeys(body, UNREAD)
            self[name] = strawberry.type(type(name, bases, {"__annotations__": unread, **body}), description=description, is_input=is_input)
            for one, kind in kinds.items():
                one.type_annotation = kind
        return self[name]

    def _annotation(self, kind: Any) -> StrawberryAnnotation:
        """The annotation of a kind, one for all fields: strawberry keeps what it finds out about it."""
        if kind not in self._annotations:
            self._annotations[kind] = StrawberryAnnotation(kind, namespace=self)
        return self._annotations[kind]

    def enum(self, name: str, values: Mapping[str, str], description: str) -> type:
        """An enum of these values, each with its description; the Python values are the keys."""
        if name not in self:
            made: Any = Enum(name, {value.upper(): value for value in values})
            self[name] = described(made, description, {value.upper(): meaning for value, meaning in values.items()})
        return self[name]


def optional(kind: Any) -> Any:
    """The kind, or null."""
    return f"typing.Optional[{kind}]" if isinstance(kind, str) else kind | None


def many(kind: Any) -> Any:
    """A list of the kind, without nulls."""
    return f"list[{kind}]" if isinstance(kind, str) else list[kind]


def described(kind: type[Enum], description: str | None = None, meanings: Mapping[str, str] | None = None) -> Any:
    """A Python enum as a GraphQL enum. Values are described by `meanings`, or by lines `NAME: meaning` of its docstring."""
    definition = getattr(kind, "__strawberry_definition__", None) or strawberry.enum(kind).__strawberry_definition__  # type: ignore[attr-defined]  # strawberry put it there
    if definition.description is None:  # strawberry makes enums of its own accord, where a plugin names one of the core's
        text = kind.__doc__ or ""
        found = meanings or dict(re.findall(r"^\s*([A-Z_]+): (.+)$", text, flags=re.MULTILINE))
        definition.description = description or text.strip().splitlines()[0]
        for value in definition.values:
            value.description = found.get(value.name, f"{value.name.replace('_', ' ').capitalize()}.")
    return kind


def camel(name: str) -> str:
    """`first_name` as `firstName`."""
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)


def pascal(name: str) -> str:
    """`first_name` as `FirstName`."""
    return "".join(part.title() for part in name.split("_"))
