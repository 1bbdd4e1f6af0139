"""Two bodies, compared as a client reads them: values and their kinds, the order of keys, and what the errors say."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

OURS = ("requestId", "incident")  # differ from one request to the next


@dataclass(frozen=True)
class Difference:
    """The first place at which two answers differ, and what each has there."""

    path: str
    left: Any
    right: Any

    def __str__(self) -> str:
        return f"at {self.path or 'the top'}\n  interpreted: {shown(self.left)}\n  executed:    {shown(self.right)}"


def read(body: bytes) -> dict[str, Any]:
    """A body of JSON. A key that comes twice in an object fails the test; requests and incidents lose their ids."""
    found = json.loads(body, object_pairs_hook=_object)
    for error in found.get("errors", ()):
        for name in OURS:
            if error.get("extensions", {}).pop(name, None) is not None:
                error["extensions"][name] = "..."
    return found


def difference(left: dict[str, Any], right: dict[str, Any]) -> Difference | None:
    """Where two bodies differ; None where they do not. Errors may come in any order.

    Where a null spreads to what holds it, there are several errors to tell of, and which of them are told is left to chance:
    the two must have one in common, in whatever row.
    """
    bodies = [{**body, "errors": []} if "errors" in body else body for body in (left, right)]
    found = next(_differences(bodies[0], bodies[1], ""), None)
    if found is not None:
        return found
    told = [_placed(body) for body in (left, right)]
    for place in {**told[0], **told[1]}:
        mine, its = (one.get(place, []) for one in told)
        apart = _differences(mine, its, f"the errors of {place}")
        if mine != its and not (place.endswith("…") and any(_anywhere(one) in map(_anywhere, its) for one in mine)):
            return next(apart, Difference(f"the errors of {place}", mine, its))
    return None


def _anywhere(error: dict[str, Any]) -> dict[str, Any]:
    """An error without its places in lists: which row fails first is left to chance as well."""
    return {**error, "path": ["*" if isinstance(step, int) else step for step in error.get("path", ())]}


def _placed(body: dict[str, Any]) -> dict[str, list[Any]]:
    """The errors of a body by the place of the null that they cause; it ends in … where that is not the place of the error itself."""
    found: dict[str, list[Any]] = {}
    for error in _sorted(body.get("errors", [])):
        value, path = body.get("data"), list(error.get("path", ()))
        nulled = next((place for place in range(len(path)) if _at(value, path[:place]) is None), None)
        name = ".".join(map(str, path if nulled is None else path[:nulled])) + ("" if nulled is None else "…")
        found.setdefault(name, []).append(error)
    return found


def _at(value: Any, path: list[Any]) -> Any:
    for step in path:
        value = value[step] if value is not None else None
    return value


def _differences(left: Any, right: Any, path: str) -> Iterator[Difference]:
    if isinstance(left, dict) and isinstance(right, dict):
        for name in left:
            if name in right:
                yield from _differences(left[name], right[name], f"{path}.{name}".lstrip("."))
        if list(left) != list(right):
            yield Difference(f"the keys of {path or 'the top'}", list(left), list(right))
    elif isinstance(left, list) and isinstance(right, list):
        for index, (one, other) in enumerate(zip(left, right, strict=False)):
            yield from _differences(one, other, f"{path}[{index}]")
        if len(left) != len(right):
            yield Difference(f"the length of {path}", len(left), len(right))
    elif _kind(left) != _kind(right) or left != right:
        yield Difference(path, left, right)


def _kind(value: Any) -> str:
    """The kind of a JSON value: 1 and 1.0 are the same number, 1 and true are not the same."""
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _sorted(errors: list[Any]) -> list[Any]:
    return sorted(errors, key=lambda error: json.dumps([error.get("path"), error], sort_keys=True))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    assert len(made) == len(pairs), f"a key comes twice among {[name for name, _ in pairs]}"
    return made


def shown(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 2_000 else f"{text[:2_000]}…"
