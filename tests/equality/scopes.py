"""Which response keys a selection has taken, so that what is selected twice can be merged."""

from dataclasses import dataclass, field, replace

from graphql import GraphQLList, GraphQLNonNull, GraphQLOutputType, get_named_type, is_leaf_type


@dataclass
class Entry:
    """A field under a response key: whose it is, what it is with its arguments, the form of its values, and what is below."""

    parent: str
    field: str
    form: str
    below: "Scope"
    head: str = ""
    kind: GraphQLOutputType | None = None


@dataclass
class Scope:
    """The response keys of one object."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)

    def takes(self, other: "Scope") -> bool:
        """Whether all entries of another one fit beside those that are here."""
        return all(_fit(mine, its) for key, some in other.entries.items() for its in some for mine in self.entries.get(key, ()))

    def take(self, other: "Scope") -> None:
        """Add the entries of another one. They are copied: a fragment is spread in several places, and each may be added to."""
        for key, some in other.entries.items():
            here = self.entries.setdefault(key, [])
            here += [replace(one, below=one.below.copy()) for one in some if one not in here]

    def copy(self) -> "Scope":
        """The same entries, for another place."""
        copied = Scope()
        copied.take(self)
        return copied


def form(kind: GraphQLOutputType) -> str:
    """The form of a type: its lists and what cannot be null, and the name of a leaf."""
    if isinstance(kind, GraphQLNonNull):
        return f"{form(kind.of_type)}!"
    if isinstance(kind, GraphQLList):
        return f"[{form(kind.of_type)}]"
    return str(kind) if is_leaf_type(get_named_type(kind)) else "*"


def _fit(one: Entry, other: Entry) -> bool:
    apart = one.parent != other.parent and "Node" not in (one.parent, other.parent)
    return one.form == other.form and (apart or one.field == other.field) and one.below.takes(other.below)
