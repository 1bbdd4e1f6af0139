"""The resource that a word of the command line means."""

from core.crm import CRM
from core.resources import CREATE, Resource
from core.text import fold
from core.transfer.problems import Unusable


def resource_named(crm: CRM, word: str) -> Resource:
    """The resource of that name, in the singular or plural, in any spelling. Raises Unusable."""
    wanted = _plain(word)
    for resource in crm.resources:
        if wanted in (_plain(resource.key), _plain(resource.plural)):
            return resource
    raise Unusable(f"there is no resource '{word}'; there are {', '.join(sorted(resource.key for resource in crm.resources))}")


def importable(crm: CRM, resource: Resource) -> Resource:
    """The resource, when rows of it can be made. Raises Unusable."""
    if resource.parent and CREATE not in resource.verbs:
        whole = crm.resource(resource.parent.model)
        raise Unusable(f"{resource.name} is part of {whole.name}; give it in the columns of a {whole.name}")
    if CREATE not in resource.verbs:
        raise Unusable(f"{resource.name} is made by the house itself and cannot be imported")
    return resource


def _plain(word: str) -> str:
    return fold(word).replace("_", "").replace("-", "").replace(" ", "")
