"""The documents that a house executes when it executes no others: read from the manifest that front-end tools write.

Two forms are known: `{"id": "document", ...}`, as Relay's compiler and GraphQL Code Generator write it, and the manifest of Apollo's
tools, `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": ..., "body": ...}]}`.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import GraphQLSyntaxError, parse

from core.errors import StartError
from core.settings import Settings
from schema.operations.persisted import LONGEST_ID

APOLLO = "apollo-persisted-query-manifest"
_SHA256 = re.compile("[0-9a-f]{64}")


def safelist(settings: Settings) -> dict[str, str] | None:
    """The documents of [graphql] safelist by their ids; None when every document is executed. Raises StartError."""
    if not settings.graphql.safelist:
        return None
    path = settings.folder / settings.graphql.safelist
    try:
        return _read(path, settings.limits.tokens)
    except ValueError as error:
        raise StartError(f"{settings.path.name} [graphql] safelist: {path.name} {error}") from None


def _read(path: Path, tokens: int) -> dict[str, str]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError as error:  # of JSON, or of UTF-8
        raise ValueError(f"is not valid JSON: {error}") from None
    documents: dict[str, str] = {}
    for name, text in _entries(found):
        if documents.setdefault(name, text) != text:
            raise ValueError(f"has two documents of the id '{name}'")
        if _SHA256.fullmatch(name) and hashlib.sha256(text.encode()).hexdigest() != name:
            raise ValueError(f"has a document whose SHA-256 is not its id '{name}'; write the manifest anew")
        _check(name, text, tokens)
    if not documents:
        raise ValueError("lists no document, so that nothing could be asked")
    return documents


def _entries(found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, dict) and isinstance(found.get("operations"), list):
        if (found.get("format", APOLLO), found.get("version", 1)) != (APOLLO, 1):
            raise ValueError(f"is of another format than {APOLLO}, version 1")
        pairs = [(one.get("id"), one.get("body")) if isinstance(one, dict) else (None, None) for one in found["operations"]]
    elif isinstance(found, dict):
        pairs = list(found.items())
    else:
        raise ValueError("must be a JSON object: of documents by their SHA-256, or with a list of operations")
    for place, (name, text) in enumerate(pairs, 1):
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID:
            raise ValueError(f"has no id of at most {LONGEST_ID} characters in entry {place}")
        if not isinstance(text, str):
            raise ValueError(f"has no document as a text under '{name}'")
        yield name, text


def _check(name: str, text: str, tokens: int) -> None:
    try:
        parse(text, max_lexical_tokens=tokens)
    except GraphQLSyntaxError as error:
        raise ValueError(f"has a document that is no GraphQL under '{name}': {error.message}") from None
    except RecursionError:
        raise ValueError(f"has a document that is nested too deeply under '{name}'") from None
