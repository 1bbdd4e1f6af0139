"""The fields for coming in, and for knowing who one is: keys, passwords, the viewer and its permissions."""

from copy import copy

from strawberry.types.base import get_object_definition
from strawberry.types.field import StrawberryField

from core.crm import CRM
from core.plugins import BUILT_IN
from schema.access.keys import KeyMutations
from schema.access.passwords import PasswordMutations
from schema.access.viewer import ViewerQueries
from schema.guard import guarded


def queries() -> list[StrawberryField]:
    """Fields of the root type Query; whoever is known may ask them."""
    return [copy(field) for field in get_object_definition(ViewerQueries, strict=True).fields]


def mutations(crm: CRM) -> list[StrawberryField]:
    """Fields of the root type Mutation. What has no permission is for everyone about itself."""
    fields = [field for kind in (KeyMutations, PasswordMutations) for field in get_object_definition(kind, strict=True).fields]
    return [guarded(crm, BUILT_IN[0], "Mutation", field) if _permission(field) else copy(field) for field in fields]


def _permission(field: StrawberryField) -> str | None:
    return getattr(field.base_resolver and field.base_resolver.wrapped_func, "permission", None)
