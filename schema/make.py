"""Making strawberry types from descriptions: the small tools of the generator."""

import dataclasses
import re
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver


class Made:
    """What the types of the generator are: values by name, and for those that are left out the defaults of the class."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)


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
            given = {str(one.python_name): one.default for one in fields if one.default is not dataclasses.MISSING}
            made: Any = type(name, (Made, *bases), given)
            for one in fields:
                one.origin = one.origin or made
            # What strawberry.type would come to, too, after it has made a dataclass: half of the time that a schema takes.
            made.__strawberry_definition__ = StrawberryObjectDefinition(
                name=name,
                description=description,
                is_input=is_input,
                is_interface=False,
                interfaces=[base.__strawberry_definition__ for base in bases],  # type: ignore[attr-defined]  # bases are interfaces
                extend=False,
                directives=(),
                origin=made,
                is_type_of=None,
                resolve_type=None,
                fields=list(fields),
            )
            self[name] = made
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
        definition.description = description or next(iter(text.strip().splitlines()), f"{kind.__name__}.")
        for value in definition.values:
            value.description = found.get(value.name, f"{value.name.replace('_', ' ').capitalize()}.")
    return kind


def pascal(name: str) -> str:
    """`first_name` as `FirstName`."""
    return "".join(part.title() for part in name.split("_"))
