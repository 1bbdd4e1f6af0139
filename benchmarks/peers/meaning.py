"""The same words for the same answer, whichever server gave it."""

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Totals = dict[str, tuple[int, dict[str, int]]]


def plain(value: Any, names: Mapping[str, str], name: str = "") -> Any:
    """Rows without pages around them, names in snake case, ids and times and amounts in one form. `names` renames fields."""
    if isinstance(value, dict):
        if "nodes" in value:
            return plain(value["nodes"], names)
        renamed = {names.get(field, _snake(field)): one for field, one in value.items()}
        return {field: plain(one, names, field) for field, one in renamed.items()}
    if isinstance(value, list):
        return [plain(one, names, name) for one in value]
    if value is None:
        return None
    if name == "id" or name.endswith("_id"):
        return key(value)
    if name.endswith("_at"):
        return moment(value)
    return int(value) if name == "amount" else value


def key(text: str) -> str:
    """The UUID of a record in any kind of id."""
    return text.rpartition("_")[2]


def moment(text: str) -> datetime.datetime:
    """A time in UTC to the millisecond, which is all that some servers tell."""
    time = datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def totals(rows: Iterable[Mapping[str, Any]]) -> Totals:
    """Count and sums of each stage, from rows by stage and currency."""
    counts: dict[str, int] = defaultdict(int)
    sums: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        counts[row["stage_id"]] += int(row["count"])
        if row["amount"] is not None:
            sums[row["stage_id"]][row["currency"]] = int(row["amount"])
    return {stage: (count, sums[stage]) for stage, count in counts.items()}


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
