"""Documents that clients ask for by their hash, and send only when this process does not know it: Apollo's automatic persisted queries.

See https://www.apollographql.com/docs/apollo-server/performance/apq for the protocol. With a safelist its documents are known from
the start, under the ids of its manifest, and no others are ever learned.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.errors import Forbidden, Refused
from schema.transport.parameters import PERSISTED, Parameters

KEPT = 1_000
KEPT_CHARACTERS = 1_048_576
LONGEST_KEPT = 65_536
LONGEST_ID = 255


class Unknown(Refused):
    """The hash alone is not enough: the client sends the document along."""

    code = "PERSISTED_QUERY_NOT_FOUND"


class Persisted:
    """The documents of one process by their SHA-256, the latest ones; or those of the safelist by their ids."""

    def __init__(self, safelist: Mapping[str, str] | None = None) -> None:
        self._safelist = safelist
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._characters = 0

    def resolved(self, parameters: Parameters) -> Parameters:
        """The parameters with the document that they mean. Raises Unknown, Forbidden, and Refused for what is no hash of theirs."""
        given = parameters.extensions.get(PERSISTED)
        if given is None:
            return parameters
        name = _id(given)
        if self._safelist is not None:
            return self._listed(self._safelist, name, parameters)
        if not parameters.query:
            if name not in self._kept:
                raise Unknown("PersistedQueryNotFound")  # clients of the protocol look for this very word
            self._kept.move_to_end(name)
            return replace(parameters, query=self._kept[name])
        if hashlib.sha256(parameters.query.encode("utf-8", "surrogatepass")).hexdigest() != name:
            raise _wrong("is not the SHA-256 of the query")
        self._keep(name, parameters.query)
        return parameters

    def _listed(self, safelist: Mapping[str, str], name: str, parameters: Parameters) -> Parameters:
        if name not in safelist:
            raise Forbidden("no document of the safelist has this hash")
        if parameters.query and parameters.query != safelist[name]:
            raise _wrong("belongs to another query of the safelist")
        return replace(parameters, query=safelist[name])

    def _keep(self, name: str, text: str) -> None:
        if name in self._kept or len(text) > LONGEST_KEPT:
            return
        self._kept[name] = text
        self._characters += len(text)
        while len(self._kept) > KEPT or self._characters > KEPT_CHARACTERS:
            _, oldest = self._kept.popitem(last=False)
            self._characters -= len(oldest)


def _id(given: Any) -> str:
    if not isinstance(given, dict):
        raise Refused(f"extensions.{PERSISTED} must be an object")
    if given.get("version") != 1:
        raise Refused(f"extensions.{PERSISTED}.version must be 1, the only one that there is")
    name = given.get("sha256Hash")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID:
        raise _wrong("must be a short text")
    return name


def _wrong(why: str) -> Refused:
    return Refused(f"extensions.{PERSISTED}.sha256Hash {why}")
