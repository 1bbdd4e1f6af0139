"""JSON as SQLite writes it: as text, by its own function where that knows all there is to know of a value."""

from collections.abc import Sequence
from itertools import groupby

from schema.readpath.dialect import Pairs, json_name, quoted

MOST = 50  # pairs in one call, which takes no more than 127 arguments, and in one chain of ||, whose depth is limited


class Plain(str):
    """The JSON of a value, as text, that json_object makes of the value itself: a text, a whole number, or null."""

    value: str

    def __new__(cls, text: str, value: str) -> "Plain":
        made = super().__new__(cls, text)
        made.value = value
        return made


def written(pairs: Pairs) -> str:
    """The text of an object. Runs of plain values are written in one go; what is JSON already is put between them as text."""
    if not pairs:
        return "'{}'"
    runs = [list(some) for plain, same in groupby(pairs, lambda pair: isinstance(pair[1], Plain)) for some in _runs(list(same), plain)]
    if len(runs) == 1 and isinstance(runs[0][0][1], Plain):
        return _called(runs[0])
    parts: list[str] = []
    for run in runs:
        if len(run) == 1:
            (name, value), before = run[0], "," if parts else "{"
            parts.append(f"{quoted(f'{before}{json_name(name)}:')} || {value}")
        elif parts:
            parts.append(f"',' || trim({_called(run)}, '{{}}')")
        else:
            parts.append(f"rtrim({_called(run)}, '}}')")
    groups = [" || ".join(parts[start : start + MOST]) for start in range(0, len(parts), MOST)]
    inner = groups[0] if len(groups) == 1 else " || ".join(f"({group})" for group in groups)
    return f"({inner} || '}}')"


def _runs(same: list[tuple[str, str]], plain: bool) -> Sequence[list[tuple[str, str]]]:
    size = MOST if plain else 1
    return [same[start : start + size] for start in range(0, len(same), size)]


def _called(run: Sequence[tuple[str, str]]) -> str:
    """The object of plain values. No brace is lost when its own are trimmed: what stands beside them is a quote, a digit or a letter."""
    arguments = ", ".join(f"{quoted(name)}, {value.value if isinstance(value, Plain) else value}" for name, value in run)
    return f"json_object({arguments})"
